//! Whether the shop made a call: [Standard Webhooks](https://www.standardwebhooks.com), which has libraries for most
//! languages; this is all there is to it.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::HeaderMap;

/// How many seconds a call may be away from now: an old one is somebody else's copy.
const TOLERANCE: u64 = 300;

/// A secret shared with the shop.
pub struct Secret(hmac::Key);

/// Never shows it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads `whsec_…`; none if it is no secret.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        Some(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// Whether one of the signatures is of this secret, and of about now. There are two while the shop changes its secret.
    #[must_use]
    pub fn has_signed(&self, headers: &HeaderMap, body: &[u8], now: u64) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
        let Ok(seconds) = timestamp.parse::<u64>() else { return false };
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let mut signatures = header("webhook-signature").split(' ').filter_map(|part| part.strip_prefix("v1,"));
        let fits = |tag: Vec<u8>| hmac::verify(&self.0, &signed, &tag).is_ok();
        seconds.abs_diff(now) <= TOLERANCE && signatures.any(|text| STANDARD.decode(text).is_ok_and(fits))
    }
}
