//! Codes for coupons, made up from the server's secret.

use aws_lc_rs::hmac;
use commerce_core::{Caller, CouponCode};

/// Makes codes that nobody guesses who does not have the secret, and always the same ones for the same request: a retry
/// asks for what was asked for before.
#[derive(Debug)]
pub struct Codes(hmac::Key);

impl Codes {
    /// Codes under a key derived from `secret`, so that nothing else that is signed with it tells of them.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"commerce-server coupon codes v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// `count` codes of 80 bits for what `caller` asks for under its key.
    #[must_use]
    pub fn of(&self, caller: &Caller, count: u32) -> Vec<CouponCode> {
        (0..count).filter_map(|number| self.code(caller, number)).collect()
    }

    fn code(&self, caller: &Caller, number: u32) -> Option<CouponCode> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&number.to_be_bytes());
        // Neither has a blank in it: where one ends and the other begins is part of what is signed.
        context.update(format!("{} {}", caller.principal, caller.key).as_bytes());
        let tag = context.sign();
        Some(CouponCode::of_bits(*tag.as_ref().first_chunk()?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use commerce_core::{IdempotencyKey, Principal};

    use super::*;

    #[test]
    fn codes_are_the_same_for_the_same_request_and_for_no_other() {
        let codes = Codes::new(&[7; 32]);
        let caller = |key: &str| Caller::new(Principal::System, IdempotencyKey::new(key).expect("a key"));
        let some = codes.of(&caller("a"), 100);
        assert_eq!(some, codes.of(&caller("a"), 100));
        let others = [codes.of(&caller("b"), 100), Codes::new(&[8; 32]).of(&caller("a"), 100)].concat();
        let all: BTreeSet<_> = some.iter().chain(&others).collect();
        assert_eq!(all.len(), 300);
    }
}
