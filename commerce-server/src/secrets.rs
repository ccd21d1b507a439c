//! Signing secrets for webhooks, made up from the server's secret.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use commerce_core::{Caller, SigningSecret, TextError, WebhookName};

/// Makes secrets that nobody guesses who does not have the server's, and always the same one for the same request: a retry
/// is shown what was made before, and makes nothing new.
#[derive(Debug)]
pub struct Secrets(hmac::Key);

/// What a secret is made for: a key used for both is not the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A webhook that is new.
    Put,
    /// One whose secret is replaced.
    Rotate,
}

impl Secrets {
    /// Secrets under a key derived from `secret`, so that nothing else that is signed with it tells of them.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"commerce-server webhook secrets v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// A secret of 256 bits for what `caller` asks for of a webhook under its key.
    ///
    /// # Errors
    /// [`TextError`] if it could not be written down; it always can.
    pub fn of(&self, caller: &Caller, name: &WebhookName, purpose: Purpose) -> Result<SigningSecret, TextError> {
        // None of them has a blank in it: where one ends and the next begins is part of what is signed.
        let request = format!("{purpose:?} {name} {} {}", caller.principal, caller.key);
        let tag = hmac::sign(&self.0, request.as_bytes());
        SigningSecret::new(format!("whsec_{}", STANDARD.encode(tag)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use commerce_core::{IdempotencyKey, Principal};

    use super::*;
    use crate::gateway::signature::WebhookSecret;

    #[test]
    fn a_secret_is_the_same_for_the_same_request_and_for_no_other() {
        let made = |server: u8, key: &str, name: &str, purpose| {
            let caller = Caller::new(Principal::System, IdempotencyKey::new(key).expect("a key"));
            let secret = Secrets::new(&[server; 32]).of(&caller, &name.parse().expect("a name"), purpose);
            secret.expect("a secret").reveal().to_owned()
        };
        let first = made(7, "a", "books", Purpose::Put);
        assert_eq!(first, made(7, "a", "books", Purpose::Put));
        assert!(WebhookSecret::parse(&first).is_some(), "{first}");
        let others = [
            made(8, "a", "books", Purpose::Put),
            made(7, "b", "books", Purpose::Put),
            made(7, "a", "mail", Purpose::Put),
            made(7, "a", "books", Purpose::Rotate),
            first,
        ];
        assert_eq!(others.into_iter().collect::<BTreeSet<_>>().len(), 5);
    }
}
