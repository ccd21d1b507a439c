//! A change of a webhook on its way to a store, and what a store keeps of it.

use serde::{Deserialize, Serialize};

use super::{SigningSecret, Webhook, WebhookChange};
use crate::commerce::Caller;
use crate::idempotency::Fingerprint;
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::Receipt;
use crate::text::{IdempotencyKey, WebhookName, WebhookUrl};
use crate::time::Timestamp;

/// A change of a webhook on its way to a store: once per key, as a command is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// Who asks, and the name of this attempt.
    pub caller: Caller,
    /// Which webhook.
    pub name: WebhookName,
    /// What is to become of it.
    pub change: WebhookChange,
}

/// Where the key of such a request is unique, as [`KeyScope`](crate::KeyScope) is for commands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookScope {
    /// The key the client chose.
    pub key: IdempotencyKey,
    /// Who asked.
    pub principal: Principal,
    /// For what: [`WebhookChange::operation`], which no command's operation is called.
    pub operation: &'static str,
}

/// A webhook as it was at some time, but for what it signs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookState {
    /// Its name.
    pub name: WebhookName,
    /// Where calls went.
    pub url: WebhookUrl,
    /// Whether calls were made.
    pub enabled: bool,
    /// Until when secrets that had been replaced signed, latest first.
    pub retiring_until: Vec<Timestamp>,
    /// How often it had been changed, and one.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it had been changed last.
    pub updated_at: Timestamp,
}

impl From<&Webhook> for WebhookState {
    fn from(webhook: &Webhook) -> Self {
        Self {
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            enabled: webhook.enabled,
            retiring_until: webhook.retiring.iter().map(|retiring| retiring.until).collect(),
            version: webhook.version,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedWebhook {
    /// The webhook as the change left it: of then, when it is asked again.
    pub webhook: WebhookState,
    /// The secret that the request brought, if that is what calls are signed with **now**. None if the webhook kept its own,
    /// or if it has been given another or been removed since.
    pub secret: Option<SigningSecret>,
}

/// What a store keeps of a change: written in the change's commit, never without it. No secret is in it, so that one that
/// was replaced is nowhere but where it still signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// What the request was.
    pub fingerprint: Fingerprint,
    /// What came of it.
    pub outcome: WebhookState,
    /// When.
    pub created_at: Timestamp,
}

/// What makes two requests the same. The secret is left out: it is made up for the request, and may be made up anew.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Asked<'a> {
    Put { name: &'a WebhookName, url: &'a WebhookUrl, enabled: bool },
    Rotate { name: &'a WebhookName, overlap_micros: u128 },
}

impl WebhookRequest {
    /// Where the request's key is unique.
    #[must_use]
    pub fn scope(&self) -> WebhookScope {
        let Caller { principal, key } = self.caller.clone();
        WebhookScope { key, principal, operation: self.change.operation() }
    }

    /// What the request is, its secret aside.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let name = &self.name;
        Fingerprint::over(&match &self.change {
            WebhookChange::Put { url, enabled, .. } => Asked::Put { name, url, enabled: *enabled },
            WebhookChange::Rotate { overlap, .. } => Asked::Rotate { name, overlap_micros: overlap.as_micros() },
        })
    }

    /// What becomes of the webhook, as [`Webhook::changed`] says, and what is to be kept of it; none if there is none whose
    /// secret could be replaced, and then nothing is.
    #[must_use]
    pub fn carry_out(&self, before: Option<&Webhook>, now: Timestamp) -> Option<(Webhook, WebhookRecord)> {
        let after = Webhook::changed(before, &self.name, &self.change, now)?;
        let (fingerprint, outcome) = (self.fingerprint(), WebhookState::from(&after));
        Some((after, WebhookRecord { fingerprint, outcome, created_at: now }))
    }

    /// The answer when `record` has just been written, and the webhook is `after`.
    #[must_use]
    pub fn done(&self, record: WebhookRecord, after: &Webhook) -> Receipt<ChangedWebhook> {
        Receipt { outcome: self.answer(record.outcome, Some(after)), replayed: false }
    }

    /// The answer when `record` is known from before, and the webhook is `present` now, if it is there; refused if it is of
    /// another request.
    pub fn replay(
        &self,
        record: WebhookRecord,
        present: Option<&Webhook>,
    ) -> Result<Receipt<ChangedWebhook>, Rejection> {
        if record.fingerprint != self.fingerprint() {
            return Err(Rejection::IdempotencyKeyReused { key: self.caller.key.clone() });
        }
        Ok(Receipt { outcome: self.answer(record.outcome, present), replayed: true })
    }

    fn answer(&self, webhook: WebhookState, present: Option<&Webhook>) -> ChangedWebhook {
        let brought = self.change.secret();
        let signs = present.is_some_and(|present| present.secret == *brought);
        ChangedWebhook { webhook, secret: signs.then(|| brought.clone()) }
    }
}

impl WebhookChange {
    /// The stable text of the kind of change; never renamed.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Put { .. } => "put_webhook",
            Self::Rotate { .. } => "rotate_webhook_secret",
        }
    }

    /// The secret that comes with it.
    #[must_use]
    pub const fn secret(&self) -> &SigningSecret {
        match self {
            Self::Put { secret, .. } | Self::Rotate { secret, .. } => secret,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operation::Operation;

    fn request(key: &str, name: &str, change: WebhookChange) -> WebhookRequest {
        let caller = Caller::new(Principal::System, IdempotencyKey::new(key).expect("a key"));
        WebhookRequest { caller, name: name.parse().expect("a name"), change }
    }

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::new(text).expect("a secret")
    }

    fn put(url: &str, enabled: bool, made: &str) -> WebhookChange {
        WebhookChange::Put { url: url.parse().expect("an address"), enabled, secret: secret(made) }
    }

    fn rotate(to: &str, seconds: u64) -> WebhookChange {
        WebhookChange::Rotate { secret: secret(to), overlap: Duration::from_secs(seconds) }
    }

    /// Golden: what was recorded by an earlier version is to be recognised.
    #[test]
    fn a_request_is_known_by_all_but_its_secret() {
        let of = |name, change| request("k", name, change).fingerprint();
        let put_it = of("books", put("http://a.example/", true, "one"));
        assert_eq!(put_it, of("books", put("http://a.example/", true, "two")));
        let rotated = of("books", rotate("one", 60));
        assert_eq!(rotated, of("books", rotate("two", 60)));
        let others = [
            of("mail", put("http://a.example/", true, "one")),
            of("books", put("http://b.example/", true, "one")),
            of("books", put("http://a.example/", false, "one")),
            of("books", rotate("one", 61)),
            of("mail", rotate("one", 60)),
            rotated,
        ];
        assert!(!others.contains(&put_it) && !others[..5].contains(&rotated), "{others:?}");
        const PUT: &str = "5480de55f585b2bc186a91be21f0a696";
        const ROTATED: &str = "d093726ea27f599bf527b38a8007991e";
        let hex = |print: Fingerprint| print.0.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!((hex(put_it), hex(rotated)), (PUT.to_owned(), ROTATED.to_owned()));
    }

    #[test]
    fn no_command_is_called_like_a_change() {
        for change in [put("http://a.example/", true, "one"), rotate("one", 60)] {
            assert!(Operation::ALL.iter().all(|operation| operation.as_str() != change.operation()));
        }
    }

    #[test]
    fn a_record_holds_no_secret() {
        let (webhook, _) = request("a", "books", put("http://a.example/", true, "hunter1"))
            .carry_out(None, Timestamp::from_millis(0))
            .expect("an endpoint");
        let (_, record) = request("b", "books", rotate("hunter2", 60))
            .carry_out(Some(&webhook), Timestamp::from_millis(1))
            .expect("an endpoint");
        assert_eq!(record.outcome.retiring_until.len(), 1);
        let written = serde_json::to_string(&record.outcome).expect("plain data");
        assert!(!written.contains("hunter"), "{written}");
        assert_eq!(serde_json::from_str::<WebhookState>(&written).expect("the same"), record.outcome);
    }
}
