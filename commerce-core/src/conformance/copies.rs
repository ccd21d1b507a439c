//! What becomes of copies besides their use: an operator takes them back, or their time runs out.

use std::sync::Arc;
use std::time::Duration;

use super::world::sound;
use super::{World, basket, operator, split};
use crate::command::{ExpireIssuedCoupon, RevokeCoupon};
use crate::coupon::{IssuedCoupon, IssuedCouponStatus, Revocation};
use crate::ids::{CouponId, CustomerId, IssuedCouponId, VariantId};
use crate::order::Order;
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::Note;
use crate::time::{Timestamp, Window};

impl World {
    /// Staff take a copy back.
    pub(super) async fn try_revoke(&self, copy: IssuedCouponId) -> Result<Arc<IssuedCoupon>, Rejection> {
        let reason = Some(Note::new("sold on").expect("a note"));
        self.try_run(&operator(), RevokeCoupon { issued_coupon_id: copy, reason }).await
    }
}

fn not_available(issued_coupon: IssuedCouponId, status: IssuedCouponStatus) -> Rejection {
    Rejection::CouponNotAvailable { issued_coupon, status }
}

/// An order of one unit, to be paid later.
async fn hold(
    world: &World,
    customer: CustomerId,
    variant: VariantId,
    copy: IssuedCouponId,
) -> Result<Arc<Order>, Rejection> {
    let mut wanted = basket(&[(variant, 1)]);
    wanted.coupons.push(copy);
    world.try_place(customer, wanted).await
}

pub(super) async fn a_revoked_copy_is_gone_for_good(world: World) {
    let (coupon, customer) = (world.coupon(|_| ()).await, world.customer().await);
    let variant = world.variant(5_000, 9).await;
    let copy = world.issue(coupon, customer).await;
    let order = hold(&world, customer, variant, copy).await.expect("an order");
    let heard = world.try_revoke(copy).await.err();
    assert_eq!(
        heard,
        Some(not_available(copy, IssuedCouponStatus::Held)),
        "a revocation of a copy in an order's hands"
    );

    world.cancel(&order).await;
    let revoked = world.try_revoke(copy).await.expect("the copy is available again");
    let reason = Some(Note::new("sold on").expect("a note"));
    let revocation = Some(Arc::new(Revocation { actor: operator(), reason, revoked_at: world.now() }));
    let as_it_was = world.copy(copy).await;
    assert_eq!((revoked.status, &revoked.revocation), (IssuedCouponStatus::Revoked, &revocation), "the answer");
    let listed = sound(world.store().issued_coupons(customer, PageRequest::first(10)).await).items;
    assert_eq!((&as_it_was, &listed[0].0), (&*revoked, &*revoked), "the revoked copy, read back and listed");

    let gone = not_available(copy, IssuedCouponStatus::Revoked);
    let heard = (hold(&world, customer, variant, copy).await.err(), world.try_revoke(copy).await.err());
    assert_eq!(heard, (Some(gone.clone()), Some(gone)), "an order with it, and another revocation");
    let heard = world.try_issue(coupon, customer).await.err();
    let claimed = Rejection::CouponAlreadyClaimed { coupon, copies: 1, limit: 1 };
    assert_eq!((heard, world.issued(coupon).await), (Some(claimed), 1), "another claim, and copies that are out");
}

pub(super) async fn use_against_revoke_has_one_winner(world: World) {
    const COPIES: usize = 12;
    let (coupon, variant) = (world.coupon(|_| ()).await, world.variant(5_000, COPIES as u64).await);
    let mut held = 0;
    for customer in world.customers(COPIES, 1).await {
        let copy = world.issue(coupon, customer).await;
        let wish = |world: World, n: usize| async move {
            match n {
                0 | 1 => hold(&world, customer, variant, copy).await.map(|_| IssuedCouponStatus::Held),
                _ => world.try_revoke(copy).await.map(|copy| copy.status),
            }
        };
        let (won, lost) = split(world.race(4, wish).await);
        assert_eq!(won.len(), 1, "of two orders and two revocations of one copy, {} won: {won:?}", won.len());
        assert_eq!(world.copy(copy).await.status, won[0], "the copy, against what the winner was told");
        assert_eq!(lost, vec![not_available(copy, won[0]); 3], "what the losers heard");
        held += u64::from(won[0] == IssuedCouponStatus::Held);
    }
    assert_eq!(world.on_hand(variant).await, COPIES as u64 - held, "units left after {held} orders");
}

/// A campaign that ends then.
async fn ending(world: &World, until: Option<Timestamp>) -> CouponId {
    let window = Window { from: world.now(), until };
    world.coupon(|coupon| (coupon.window, coupon.per_customer_limit) = (window, 9)).await
}

async fn status_of<const N: usize>(world: &World, copies: [IssuedCouponId; N]) -> [IssuedCouponStatus; N] {
    let mut status = [IssuedCouponStatus::Available; N];
    for (status, copy) in status.iter_mut().zip(copies) {
        *status = world.copy(copy).await.status;
    }
    status
}

pub(super) async fn a_sweep_marks_copies_whose_time_is_over(world: World) {
    use IssuedCouponStatus::{Available, Expired, Held, Revoked};
    let (customer, variant) = (world.customer().await, world.variant(5_000, 9).await);
    let beginning = world.now();
    let until = beginning.plus(Duration::from_secs(3_600));
    let (over, later) = (ending(&world, Some(until)).await, until.plus(Duration::from_secs(1)));
    let mut copies = Vec::new();
    for coupon in [over, over, over, ending(&world, Some(later)).await, ending(&world, None).await] {
        copies.push(world.issue(coupon, customer).await);
    }
    let [due, in_hand, back, not_yet, endless] = copies[..] else { panic!("five copies") };
    let order = hold(&world, customer, variant, in_hand).await.expect("an order");
    world.try_revoke(back).await.expect("the copy is available");

    let sweep = async |from| {
        let sweep = sound(world.commerce().expire_copies(from).await);
        assert_eq!(sweep.failed, vec![], "copies that a sweep failed at");
        (sweep.expired, sweep.swept_until)
    };
    world.clock().set(Timestamp::from_micros(until.as_micros() - 1));
    assert_eq!(sweep(beginning).await.0, 0, "copies that a sweep marked a microsecond too early");
    let expire = async |copy| {
        let expire = ExpireIssuedCoupon { issued_coupon_id: copy };
        world.try_run(&Principal::System, expire).await.err()
    };
    let expires_at = Some(until);
    let early = Rejection::CouponNotExpired { issued_coupon: due, expires_at, now: world.now() };
    assert_eq!(expire(due).await, Some(early), "an expiry a microsecond too early");
    world.wait(Duration::from_micros(1));
    let (marked, swept_until) = sweep(beginning).await;
    assert_eq!(marked, 1, "copies that a sweep marked when their time was over");
    assert!(
        swept_until < until,
        "the next sweep is to look at this campaign again, whose last copies may be under way"
    );
    let all = [due, in_hand, back, not_yet, endless];
    let status = status_of(&world, all).await;
    assert_eq!(status, [Expired, Held, Revoked, Available, Available], "the copies after a sweep");
    assert_eq!(expire(in_hand).await, Some(not_available(in_hand, Held)), "an expiry of a copy in an order's hands");

    world.cancel(&order).await;
    world.clock().set(later);
    world.wait(Duration::from_secs(3_600));
    let (marked, swept_until) = sweep(swept_until).await;
    assert_eq!(marked, 1, "copies that the next sweep marked, of a campaign that ended since");
    let status = status_of(&world, all).await;
    assert_eq!(status, [Expired, Expired, Revoked, Expired, Available], "the copies after it");
    let gone = not_available(due, Expired);
    assert_eq!(
        (world.try_revoke(due).await.err(), expire(due).await),
        (Some(gone.clone()), Some(gone)),
        "once expired"
    );
    let left = sound(world.store().ended_coupons(swept_until, PageRequest::first(10)).await).items;
    assert_eq!(left, vec![], "campaigns that the sweep after would look at");
}
