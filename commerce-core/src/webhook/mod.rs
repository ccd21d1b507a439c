//! Webhooks: endpoints that operators have events sent to, each a sink of its own.

mod request;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::request::{ChangedWebhook, WebhookRecord, WebhookRequest, WebhookScope, WebhookState};
use crate::text::{TextError, WebhookName, WebhookUrl};
use crate::time::Timestamp;

/// What calls of an endpoint are signed with, as it is written down. Never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SigningSecret(Arc<str>);

impl SigningSecret {
    /// The most characters there can be.
    pub const MAX: usize = 128;

    /// Checks that it is a text that can be written down: 1 to 128 characters of printable ASCII.
    pub fn new(text: impl AsRef<str>) -> Result<Self, TextError> {
        let text = text.as_ref();
        let fits = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into())).ok_or_else(|| TextError {
            what: "a signing secret".to_owned(),
            shape: "printable ASCII without blanks".to_owned(),
            min: 1,
            max: Self::MAX,
            length: text.chars().count(),
        })
    }

    /// The secret itself: to sign with, or to be told to who may know it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SigningSecret {
    type Error = TextError;
    fn try_from(text: String) -> Result<Self, TextError> {
        Self::new(text)
    }
}

impl From<SigningSecret> for String {
    fn from(secret: SigningSecret) -> Self {
        secret.reveal().to_owned()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// A secret that was replaced, and signs beside its successors for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// Until when it signs.
    pub until: Timestamp,
}

/// An endpoint that events are sent to. Its sink is [`WebhookName::sink`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub name: WebhookName,
    /// Where calls go.
    pub url: WebhookUrl,
    /// Whether calls are made; what happens meanwhile waits.
    pub enabled: bool,
    /// What calls are signed with.
    pub secret: SigningSecret,
    /// What they are signed with besides, latest first; at most [`Webhook::MAX_RETIRING`].
    pub retiring: Vec<RetiringSecret>,
    /// Grows by one with every change.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What is to become of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookChange {
    /// It is to be there, like this.
    Put {
        /// Where calls go.
        url: WebhookUrl,
        /// Whether they are made.
        enabled: bool,
        /// What an endpoint that was not there before signs with; one that was keeps its own.
        secret: SigningSecret,
    },
    /// It is to be signed with another secret.
    Rotate {
        /// The new secret.
        secret: SigningSecret,
        /// How long the present one signs beside it.
        overlap: Duration,
    },
}

impl Webhook {
    /// How many replaced secrets sign beside the present one at most: of more the first ones stop.
    pub const MAX_RETIRING: usize = 4;

    /// What becomes of the endpoint of this name by a change at `now`; none if there is none whose secret could be
    /// replaced. What is so already stays as it is: a secret that is in use, or was replaced and still signs, is not made
    /// the present one again, so that asking a second time changes nothing.
    #[must_use]
    pub fn changed(before: Option<&Self>, name: &WebhookName, change: &WebhookChange, now: Timestamp) -> Option<Self> {
        match (before, change) {
            (None, WebhookChange::Rotate { .. }) => None,
            (None, WebhookChange::Put { url, enabled, secret }) => Some(Self {
                name: name.clone(),
                url: url.clone(),
                enabled: *enabled,
                secret: secret.clone(),
                retiring: Vec::new(),
                version: 1,
                created_at: now,
                updated_at: now,
            }),
            (Some(before), WebhookChange::Put { url, enabled, .. }) => {
                let same = before.url == *url && before.enabled == *enabled;
                Some(if same {
                    before.clone()
                } else {
                    Self { url: url.clone(), enabled: *enabled, ..before.touched(now) }
                })
            }
            (Some(before), WebhookChange::Rotate { secret, overlap }) => Some(before.rotated(secret, *overlap, now)),
        }
    }

    fn touched(&self, now: Timestamp) -> Self {
        Self { version: self.version.saturating_add(1), updated_at: now, ..self.clone() }
    }

    fn rotated(&self, secret: &SigningSecret, overlap: Duration, now: Timestamp) -> Self {
        if self.secrets_at(now).any(|known| known == secret) {
            return self.clone();
        }
        let replaced = RetiringSecret { secret: self.secret.clone(), until: now.plus(overlap) };
        let all = std::iter::once(replaced).chain(self.retiring.iter().cloned());
        let retiring = all.filter(|retiring| now < retiring.until).take(Self::MAX_RETIRING).collect();
        Self { secret: secret.clone(), retiring, ..self.touched(now) }
    }

    /// What calls are signed with at `now`: the present secret, then those that it replaces.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &SigningSecret> {
        let retiring = self.retiring.iter().filter(move |retiring| now < retiring.until);
        std::iter::once(&self.secret).chain(retiring.map(|retiring| &retiring.secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn name() -> WebhookName {
        WebhookName::new("books").expect("a name")
    }

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::new(text).expect("a secret")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000 * seconds)
    }

    fn put(url: &str, made: &str) -> WebhookChange {
        WebhookChange::Put { url: url.parse().expect("an address"), enabled: true, secret: secret(made) }
    }

    fn rotate(before: &Webhook, to: &str, overlap: Duration, now: Timestamp) -> Webhook {
        let change = WebhookChange::Rotate { secret: secret(to), overlap };
        Webhook::changed(Some(before), &name(), &change, now).expect("an endpoint")
    }

    fn signing(webhook: &Webhook, now: Timestamp) -> Vec<&str> {
        webhook.secrets_at(now).map(SigningSecret::reveal).collect()
    }

    #[test]
    fn what_is_put_again_stays() {
        let made = Webhook::changed(None, &name(), &put("http://a.example/", "one"), at(1)).expect("an endpoint");
        assert_eq!((made.version, made.secret.reveal(), made.created_at), (1, "one", at(1)));
        let again = Webhook::changed(Some(&made), &name(), &put("http://a.example/", "two"), at(2));
        assert_eq!(again.as_ref(), Some(&made));
        let moved =
            Webhook::changed(Some(&made), &name(), &put("http://b.example/", "two"), at(2)).expect("an endpoint");
        assert_eq!(
            (moved.version, moved.secret.reveal(), moved.created_at, moved.updated_at),
            (2, "one", at(1), at(2))
        );
        assert_eq!(name().sink().as_str(), "webhook-books");
    }

    #[test]
    fn a_replaced_secret_signs_for_as_long_as_it_is_said_to() {
        let made = Webhook::changed(None, &name(), &put("http://a.example/", "one"), at(0)).expect("an endpoint");
        let two = rotate(&made, "two", DAY, at(10));
        let ends = at(10).plus(DAY);
        assert_eq!(signing(&two, at(10)), ["two", "one"]);
        assert_eq!(signing(&two, Timestamp::from_micros(ends.as_micros() - 1)), ["two", "one"]);
        assert_eq!(signing(&two, ends), ["two"]);
        // Asked again, and asked late: nothing that signs comes to the front again.
        assert_eq!(rotate(&two, "two", DAY, at(11)), two);
        assert_eq!(rotate(&two, "one", DAY, at(11)), two);
        let three = rotate(&two, "three", DAY, at(20));
        assert_eq!(signing(&three, at(20)), ["three", "two", "one"]);
        assert_eq!(signing(&rotate(&three, "four", Duration::ZERO, at(30)), at(30)), ["four", "two", "one"]);
        assert_eq!(rotate(&three, "four", DAY, at(10).plus(DAY)).retiring.len(), 2, "what is over is forgotten");
    }

    #[test]
    fn of_too_many_secrets_the_first_ones_stop() {
        let mut webhook = Webhook::changed(None, &name(), &put("http://a.example/", "0"), at(0)).expect("an endpoint");
        for number in 1..=9 {
            webhook = rotate(&webhook, &number.to_string(), DAY, at(number));
        }
        assert_eq!(signing(&webhook, at(9)), ["9", "8", "7", "6", "5"]);
        assert_eq!(webhook.version, 10);
        let nothing = WebhookChange::Rotate { secret: secret("new"), overlap: DAY };
        assert_eq!(Webhook::changed(None, &name(), &nothing, at(0)), None);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let made = Webhook::changed(None, &name(), &put("http://a.example/", "hunter2"), at(0)).expect("an endpoint");
        assert!(!format!("{:?}", rotate(&made, "hunter3", DAY, at(1))).contains("hunter"));
        for wrong in ["", "two words", "é", &"x".repeat(129)] {
            assert!(SigningSecret::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
