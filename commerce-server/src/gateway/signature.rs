//! Signed calls, as [Standard Webhooks](https://www.standardwebhooks.com) has them: HMAC-SHA256 over
//! `id.timestamp.body`, several secrets while one is being replaced, and a timestamp that must be near.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// How far a call's timestamp may be from now, either way.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// What a secret begins with when it is written down.
const PREFIX: &str = "whsec_";
/// The least and the most bytes of a secret, as the standard asks.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The most signatures of one call that are looked at: more than secrets that are ever in use.
const MAX_SIGNATURES: usize = 16;

/// A call that is not, or not now, the gateway's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// A header is missing, given twice, or cannot be read.
    #[error("webhook-id, webhook-timestamp and webhook-signature are needed, each once")]
    Headers,
    /// It was signed too long ago, or lies in the future.
    #[error("the call was signed too long ago, or too far ahead; the clocks of both sides may differ by {} s", TOLERANCE.as_secs())]
    Timestamp,
    /// No secret made any of its signatures.
    #[error("the call is signed with none of the known secrets")]
    Signature,
}

/// A secret shared with the gateway. Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    /// Reads a secret as it is written down: `whsec_` and base64, of 24 to 64 bytes. `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The `webhook-signature` of a call.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &signed(id, timestamp, body))))
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

fn signed(id: &str, timestamp: u64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

/// The headers of a call.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`: the call's name, the same whenever it is repeated.
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more, apart by blanks.
    pub signatures: &'a str,
}

/// Checks calls against the secrets in use: one, or the old and the new while they change.
#[derive(Debug, Clone)]
pub struct Webhooks(Vec<WebhookSecret>);

impl Webhooks {
    /// Calls signed with any of `secrets` are the gateway's.
    #[must_use]
    pub const fn new(secrets: Vec<WebhookSecret>) -> Self {
        Self(secrets)
    }

    /// Whether the call is the gateway's, and near `now` (seconds since 1970). Comparing takes the same time wherever
    /// two signatures differ.
    pub fn verify(&self, headers: Signed<'_>, body: &[u8], now: u64) -> Result<(), SignatureError> {
        if headers.id.is_empty() || headers.id.len() > 256 || !headers.timestamp.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SignatureError::Headers);
        }
        let timestamp: u64 = headers.timestamp.parse().map_err(|_| SignatureError::Headers)?;
        if timestamp.abs_diff(now) > TOLERANCE.as_secs() {
            return Err(SignatureError::Timestamp);
        }
        let message = signed(headers.id, timestamp, body);
        let signatures = headers.signatures.split(' ').take(MAX_SIGNATURES).filter_map(|text| text.strip_prefix("v1,"));
        let ours = |mac: Vec<u8>| self.0.iter().any(|secret| hmac::verify(&secret.0, &message, &mac).is_ok());
        let known = signatures.filter_map(|text| STANDARD.decode(text).ok()).any(ours);
        if known { Ok(()) } else { Err(SignatureError::Signature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_674_087_231;

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::parse(text).expect("a secret")
    }

    fn first() -> WebhookSecret {
        secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    }

    fn headers<'a>(id: &'a str, timestamp: &'a str, signatures: &'a str) -> Signed<'a> {
        Signed { id, timestamp, signatures }
    }

    /// The example of the standard's specification.
    #[test]
    fn the_standards_own_example_is_signed_as_it_says() {
        let body = br#"{"test": 2432232314}"#;
        let signature = first().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_call_is_the_gateways_only_as_it_was_signed() {
        let webhooks = Webhooks::new(vec![first()]);
        let signature = first().sign("msg_1", NOW, b"body");
        let stamp = NOW.to_string();
        assert_eq!(webhooks.verify(headers("msg_1", &stamp, &signature), b"body", NOW), Ok(()));
        let other = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx").sign("msg_1", NOW, b"body");
        let v2 = signature.replace("v1,", "v2,");
        for (id, stamp, signature, body) in [
            ("msg_2", stamp.as_str(), signature.as_str(), b"body".as_slice()),
            ("msg_1", "1674087232", &signature, b"body"),
            ("msg_1", &stamp, &signature, b"bodY"),
            ("msg_1", &stamp, &other, b"body"),
            ("msg_1", &stamp, &v2, b"body"),
            ("msg_1", &stamp, "v1,", b"body"),
            ("msg_1", &stamp, "", b"body"),
            ("msg_1", &stamp, &signature[3..], b"body"),
        ] {
            let refused = webhooks.verify(headers(id, stamp, signature), body, NOW);
            assert_eq!(refused, Err(SignatureError::Signature), "{id} {stamp} {signature}");
        }
        for wrong in ["", "x", "-1", "+1674087231", "1674087231.0", "99999999999999999999"] {
            assert!(webhooks.verify(headers("msg_1", wrong, &signature), b"body", NOW).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_call_is_good_for_a_while() {
        let (webhooks, tolerance) = (Webhooks::new(vec![first()]), TOLERANCE.as_secs());
        let signature = first().sign("msg_1", NOW, b"body");
        let stamp = NOW.to_string();
        for (now, expected) in [
            (NOW - tolerance, Ok(())),
            (NOW + tolerance, Ok(())),
            (NOW - tolerance - 1, Err(SignatureError::Timestamp)),
            (NOW + tolerance + 1, Err(SignatureError::Timestamp)),
        ] {
            assert_eq!(webhooks.verify(headers("msg_1", &stamp, &signature), b"body", now), expected, "{now}");
        }
    }

    #[test]
    fn two_secrets_are_good_while_they_change() {
        let next = secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let stamp = NOW.to_string();
        let both = format!("{} {}", first().sign("m", NOW, b""), next.sign("m", NOW, b""));
        for known in [vec![first()], vec![next.clone()], vec![first(), next]] {
            assert_eq!(Webhooks::new(known).verify(headers("m", &stamp, &both), b"", NOW), Ok(()));
        }
        assert_eq!(Webhooks::new(vec![]).verify(headers("m", &stamp, &both), b"", NOW), Err(SignatureError::Signature));
    }

    #[test]
    fn a_secret_is_written_as_the_standard_says() {
        for wrong in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all, no"]
        {
            assert!(WebhookSecret::parse(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(format!("{:?}", first()), "WebhookSecret(…)");
    }
}
