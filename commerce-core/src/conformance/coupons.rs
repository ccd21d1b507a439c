//! Coupons: first come first served under races, and by the clock to the microsecond.

use std::time::Duration;

use super::world::sound;
use super::{World, basket, operator, split};
use crate::command::UpdateCoupon;
use crate::coupon::{CouponStatus, IssuedCouponStatus};
use crate::ids::{CouponId, CustomerId, IssuedCouponId};
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::time::{Timestamp, Window};

const MICROSECOND: Duration = Duration::from_micros(1);

pub(super) async fn copies_stop_at_the_cap(world: World) {
    const CUSTOMERS: usize = 48;
    const CAP: u32 = 12;
    let coupon = world.coupon(|coupon| coupon.total_quantity = Some(CAP)).await;
    let customers = world.customers(CUSTOMERS, 1).await;
    let claim = |world: World, n: usize| {
        let customer = customers[n];
        async move { world.try_issue(coupon, customer).await }
    };
    let (won, lost) = split(world.race(CUSTOMERS, claim).await);
    assert_eq!((won.len(), world.issued(coupon).await), (CAP as usize, CAP), "copies answered, and counted");
    let mut held = 0;
    for customer in customers {
        held += sound(world.store().issued_coupons(customer, PageRequest::first(10)).await).items.len();
    }
    assert_eq!(held, CAP as usize, "copies in customers' hands");
    assert_eq!(lost, vec![Rejection::CouponSoldOut { coupon, total: CAP }; CUSTOMERS - CAP as usize], "the losers");
}

pub(super) async fn a_customer_gets_no_more_than_the_limit(world: World) {
    const TASKS: usize = 32;
    let coupon = world.coupon(|coupon| coupon.per_customer_limit = 2).await;
    let customer = world.customer().await;
    let (won, lost) =
        split(world.race(TASKS, |world: World, _| async move { world.try_issue(coupon, customer).await }).await);
    let copies = sound(world.store().issued_coupons(customer, PageRequest::first(100)).await).items;
    let counts = (won.len(), world.issued(coupon).await, copies.len());
    assert_eq!(counts, (2, 2, 2), "copies answered, counted, and in the customer's hands");
    assert_eq!(lost, vec![Rejection::CouponAlreadyClaimed { coupon, copies: 2, limit: 2 }; TASKS - 2], "the losers");
}

pub(super) async fn a_copy_is_used_once(world: World) {
    const ORDERS: usize = 32;
    let variant = world.variant(5_000, 100).await;
    let customer = world.customer_with(1_000_000).await;
    let coupon = world.coupon(|_| ()).await;
    let copy = world.issue(coupon, customer).await;
    let buy = |world: World, _| async move { buy_with(&world, customer, variant, copy).await };
    let (won, lost) = split(world.race(ORDERS, buy).await);
    assert_eq!((won.len(), world.balance(customer).await), (1, 996_000), "orders, and won left after one of 4,000");
    let expected = Rejection::CouponNotAvailable { issued_coupon: copy, status: IssuedCouponStatus::Used };
    assert_eq!(lost, vec![expected; ORDERS - 1], "what the losers heard");
}

async fn buy_with(
    world: &World,
    customer: CustomerId,
    variant: crate::ids::VariantId,
    copy: IssuedCouponId,
) -> Result<(), Rejection> {
    let mut basket = basket(&[(variant, 1)]);
    basket.coupons.push(copy);
    world.try_buy(customer, basket).await.map(drop)
}

pub(super) async fn a_campaign_opens_and_closes_on_the_instant(world: World) {
    let (from, until) = (world.now().plus(Duration::from_secs(60)), world.now().plus(Duration::from_secs(120)));
    let window = Window { from, until: Some(until) };
    let coupon = world.coupon(|coupon| (coupon.window, coupon.total_quantity) = (window, Some(2))).await;
    let just_before = |at: Timestamp| Timestamp::from_micros(at.as_micros() - 1);
    let early = just_before(from);
    let late = just_before(until);
    let not_yet = Some(Rejection::CouponNotStarted { coupon, starts_at: from, now: early });
    let over = Some(Rejection::CouponEnded { coupon, ended_at: until, now: until });
    let sold_out = Some(Rejection::CouponSoldOut { coupon, total: 2 });
    let steps = [
        (early, CouponStatus::Scheduled, not_yet),
        (from, CouponStatus::Active, None),
        (late, CouponStatus::Active, None),
        (late, CouponStatus::SoldOut, sold_out),
        (until, CouponStatus::Expired, over),
    ];
    for (at, status, refusal) in steps {
        world.clock().set(at);
        assert_eq!(status_of(&world, coupon).await, status, "the status at {at}, of a window from {from} to {until}");
        let customer = world.customer().await;
        let heard = world.try_issue(coupon, customer).await.err();
        assert_eq!(heard, refusal, "what a claim at {at} heard");
    }
}

pub(super) async fn a_campaign_is_switched_off_and_on(world: World) {
    let coupon = world.coupon(|_| ()).await;
    let (with_copy, without) = (world.customer_with(10_000).await, world.customer().await);
    let copy = world.issue(coupon, with_copy).await;
    let switch = |active| UpdateCoupon { coupon_id: coupon, expected_version: None, active: Some(active) };
    world.run(&operator(), switch(false)).await;
    assert_eq!(status_of(&world, coupon).await, CouponStatus::Inactive, "the status, switched off");
    let heard = world.try_issue(coupon, without).await;
    assert_eq!(heard, Err(Rejection::CouponInactive { coupon }), "a claim, switched off");
    // Copies already out stay good.
    let variant = world.variant(5_000, 1).await;
    assert_eq!(buy_with(&world, with_copy, variant, copy).await, Ok(()), "an order with a copy that is out");
    world.run(&operator(), switch(true)).await;
    assert!(world.try_issue(coupon, without).await.is_ok(), "a claim, switched on again");
    assert_eq!(world.issued(coupon).await, 2, "copies out");
}

pub(super) async fn a_copy_expires_on_the_instant(world: World) {
    let until = world.now().plus(Duration::from_secs(600));
    let window = Window { from: world.now(), until: Some(until) };
    let coupon = world.coupon(|coupon| coupon.window = window).await;
    let variant = world.variant(5_000, 10).await;
    let (a, b, c) = (world.customer_with(9_000).await, world.customer_with(9_000).await, world.customer().await);
    let (in_time, too_late, given_back) =
        (world.issue(coupon, a).await, world.issue(coupon, b).await, world.issue(coupon, c).await);
    let mut held = basket(&[(variant, 1)]);
    held.coupons.push(given_back);
    let pending = world.place(c, held).await;

    world.clock().set(Timestamp::from_micros(until.as_micros() - 1));
    assert_eq!(buy_with(&world, a, variant, in_time).await, Ok(()), "an order a microsecond before the copy expires");
    world.wait(MICROSECOND);
    let expired = Rejection::CouponExpired { issued_coupon: too_late, expired_at: until, now: until };
    assert_eq!(buy_with(&world, b, variant, too_late).await, Err(expired), "an order at the instant of expiry");
    let status = world.copy(too_late).await.status_at(world.now());
    assert_eq!(status, IssuedCouponStatus::Expired, "the status at the instant of expiry");

    world.cancel(&pending).await;
    let status = world.copy(given_back).await.status_at(world.now());
    assert_eq!(status, IssuedCouponStatus::Expired, "the status of a copy that comes back too late");
}

pub(super) async fn a_pending_order_expires_on_the_instant(world: World) {
    let ttl = world.store().shop().pending_order_ttl;
    let variant = world.variant(1_000, 10).await;
    let customer = world.customer_with(9_000).await;
    let (in_time, too_late) =
        (world.place(customer, basket(&[(variant, 1)])).await, world.place(customer, basket(&[(variant, 1)])).await);
    let until = world.now().plus(ttl);
    assert_eq!(in_time.expires_at, Some(until), "until when an order can be paid");

    world.clock().set(Timestamp::from_micros(until.as_micros() - 1));
    assert!(world.try_pay(&in_time).await.is_ok(), "a payment a microsecond before the end");
    world.wait(MICROSECOND);
    let expired = Rejection::OrderExpired { order: too_late.id, expired_at: until, now: until };
    assert_eq!(world.try_pay(&too_late).await.err(), Some(expired), "a payment at the end");
    world.cancel(&too_late).await;
    assert_eq!(world.on_hand(variant).await, 9, "units left of 10 after one payment");
}

async fn status_of(world: &World, coupon: CouponId) -> CouponStatus {
    let (coupon, issued) = sound(world.store().coupon(coupon).await).expect("the coupon is there");
    coupon.status(issued, sound(world.store().now().await))
}
