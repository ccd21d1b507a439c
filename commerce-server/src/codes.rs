//! Codes for coupons, made up from the server's secret.

use aws_lc_rs::hmac;
use commerce_core::{Caller, CouponCode, CouponId};

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

    /// `count` codes of 80 bits for what `caller` asks for of a coupon under its key. Of another coupon the key makes others:
    /// it may be used again once it was forgotten, and the codes of then are still there.
    #[must_use]
    pub fn of(&self, caller: &Caller, coupon: CouponId, count: u32) -> Vec<CouponCode> {
        (0..count).filter_map(|number| self.code(caller, coupon, number)).collect()
    }

    fn code(&self, caller: &Caller, coupon: CouponId, number: u32) -> Option<CouponCode> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&number.to_be_bytes());
        // None of them has a blank in it: where one ends and the next begins is part of what is signed.
        context.update(format!("{coupon} {} {}", caller.principal, caller.key).as_bytes());
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
        let [one, other] = [1, 2].map(|id| CouponId::try_from(id).expect("an id"));
        let some = codes.of(&caller("a"), one, 100);
        assert_eq!(some, codes.of(&caller("a"), one, 100));
        let of_others = [codes.of(&caller("b"), one, 100), codes.of(&caller("a"), other, 100)].concat();
        let elsewhere = Codes::new(&[8; 32]).of(&caller("a"), one, 100);
        let all: BTreeSet<_> = some.iter().chain(&of_others).chain(&elsewhere).collect();
        assert_eq!(all.len(), 400);
    }
}
