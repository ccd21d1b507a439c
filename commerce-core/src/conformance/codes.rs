//! Codes that are good for one copy: each is claimed once, and counts like any other claim.

use super::world::sound;
use super::{World, operator, split};
use crate::command::{AddCodes, CouponRef, IssueCoupon};
use crate::coupon::{CodeClaim, IssuedCoupon, SingleUseCode};
use crate::ids::{CouponId, CustomerId};
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::CouponCode;

impl World {
    /// Staff add codes to a coupon: `count` that no other of them has.
    pub(super) async fn codes(&self, coupon_id: CouponId, count: u64) -> Vec<CouponCode> {
        let code = |_| CouponCode::new(format!("ONCE-{}", self.number())).expect("a code");
        let codes: Vec<CouponCode> = (0..count).map(code).collect();
        self.run(&operator(), AddCodes { coupon_id, codes: codes.clone() }).await;
        codes
    }

    /// A customer claims by a code.
    async fn try_claim(&self, code: &CouponCode, customer_id: CustomerId) -> Result<IssuedCoupon, Rejection> {
        let claim = IssueCoupon { customer_id, coupon: CouponRef::Code(code.clone()) };
        self.try_run(&Principal::Customer(customer_id), claim).await.map(|copy| IssuedCoupon::clone(&copy))
    }

    /// The codes of a coupon, as they are now.
    async fn codes_now(&self, coupon: CouponId) -> Vec<SingleUseCode> {
        let codes = sound(self.store().codes_of(coupon, PageRequest::first(100)).await).items;
        codes.iter().map(|code| SingleUseCode::clone(code)).collect()
    }
}

pub(super) async fn a_code_is_claimed_once(world: World) {
    const CUSTOMERS: usize = 24;
    let coupon = world.coupon(|_| ()).await;
    let codes = world.codes(coupon, 2).await;
    let (created_at, now) = (world.now(), world.now());
    let customers = world.customers(CUSTOMERS, 1).await;
    let claim = |world: World, n: usize| {
        let (code, customer) = (codes[1].clone(), customers[n]);
        async move { world.try_claim(&code, customer).await }
    };
    let (won, lost) = split(world.race(CUSTOMERS, claim).await);
    assert_eq!((won.len(), world.issued(coupon).await), (1, 1), "claims with one code, and copies that are out");
    let used = Rejection::CouponCodeUsed { coupon_code: codes[1].clone(), claimed_at: now };
    assert_eq!(lost, vec![used; CUSTOMERS - 1], "what the losers heard");
    let (customer_id, issued_coupon_id) = (won[0].customer_id, won[0].id);
    let claims = [None, Some(CodeClaim { customer_id, issued_coupon_id, claimed_at: now })];
    let code =
        |(code, claim): (&CouponCode, _)| SingleUseCode { code: code.clone(), coupon_id: coupon, created_at, claim };
    let mut expected: Vec<_> = codes.iter().zip(claims).map(code).collect();
    expected.sort_unstable_by(|a, b| a.code.cmp(&b.code));
    assert_eq!(world.codes_now(coupon).await, expected, "the codes of the coupon");
    assert_eq!(world.copy(issued_coupon_id).await, won[0], "the copy");
}

pub(super) async fn codes_count_like_other_claims(world: World) {
    let coupon = world.coupon(|coupon| coupon.total_quantity = Some(2)).await;
    let codes = world.codes(coupon, 3).await;
    let (mine, other, late) = (world.customer().await, world.customer().await, world.customer().await);
    world.try_claim(&codes[0], mine).await.expect("a copy");
    let heard = world.try_claim(&codes[1], mine).await.err();
    let claimed = Rejection::CouponAlreadyClaimed { coupon, copies: 1, limit: 1 };
    assert_eq!(heard, Some(claimed), "another code of one who has as many copies as one may have");
    world.issue(coupon, other).await;
    let heard = world.try_claim(&codes[1], late).await.err();
    assert_eq!(heard, Some(Rejection::CouponSoldOut { coupon, total: 2 }), "a code once all copies are out");
    let free = world.codes_now(coupon).await.iter().filter(|code| code.claim.is_none()).count();
    assert_eq!((free, world.issued(coupon).await), (2, 2), "codes that are free, and copies that are out");
}

pub(super) async fn a_campaign_by_code_takes_a_code(world: World) {
    let own = CouponCode::new(format!("OWN-{}", world.number())).expect("a code");
    let coupon = world
        .coupon(|coupon| (coupon.by_code, coupon.code, coupon.total_quantity) = (true, Some(own.clone()), Some(2)))
        .await;
    let codes = world.codes(coupon, 1).await;
    let (mine, other) = (world.customer().await, world.customer().await);
    let heard = world.try_issue(coupon, mine).await.err();
    assert_eq!(heard, Some(Rejection::CouponNeedsCode { coupon }), "a claim without a code");
    assert_eq!(world.issued(coupon).await, 0, "copies that are out after it");
    for (code, customer) in [(&own, mine), (&codes[0], other)] {
        let copy = world.try_claim(code, customer).await.expect("a copy");
        assert_eq!((copy.coupon_id, copy.customer_id), (coupon, customer), "the copy by {code}");
    }
    let late = world.customer().await;
    let heard = (world.try_issue(coupon, late).await.err(), world.try_claim(&own, late).await.err());
    let told = (Rejection::CouponNeedsCode { coupon }, Rejection::CouponSoldOut { coupon, total: 2 });
    assert_eq!(heard, (Some(told.0), Some(told.1)), "claims once all copies are out");
}

pub(super) async fn a_single_use_code_has_one_coupon(world: World) {
    const TASKS: usize = 12;
    let coupons = [world.coupon(|_| ()).await, world.coupon(|_| ()).await];
    let codes: Vec<_> = ["TWICE", "ONCE"].into_iter().map(|code| CouponCode::new(code).expect("a code")).collect();
    let add = |world: World, n: usize| {
        let command = AddCodes { coupon_id: coupons[n % 2], codes: codes.clone() };
        async move { world.try_run(&operator(), command).await }
    };
    let (won, lost) = split(world.race(TASKS, add).await);
    let there = [world.codes_now(coupons[0]).await.len(), world.codes_now(coupons[1]).await.len()];
    assert_eq!((won.len(), there.iter().sum::<usize>()), (1, 2), "requests answered, and codes there");
    let taken = Rejection::CouponCodeTaken { coupon_code: codes[0].clone() };
    assert_eq!(lost, vec![taken; TASKS - 1], "what the losers heard");
}
