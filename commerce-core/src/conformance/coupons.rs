//! Coupons: first come first served under races, and by the clock to the microsecond.

use std::time::Duration;

use super::world::sound;
use super::{World, basket, krw, operator, split};
use crate::command::UpdateCoupon;
use crate::coupon::{CouponScope, CouponStatus, Discount, IssuedCouponStatus, Stacking};
use crate::ids::{CouponId, CustomerId, IssuedCouponId};
use crate::money::Percent;
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

pub(super) async fn coupons_are_taken_off_in_turn(world: World) {
    let (dear, plain) = (world.product(5_000, &[10]).await, world.variant(3_000, 10).await);
    let (customer, variant) = (world.customer_with(20_000).await, dear.variants[0].variant.id);
    let of_dear = || CouponScope::Products([dear.product.id].into());
    let coupons = [
        // Given last first: 500 off everything, a tenth off the dear one, and 1,001 off it before that.
        (CouponScope::Order, 9, Discount::Amount(krw(500))),
        (of_dear(), 0, Discount::Percent { rate: Percent::new(10.into()).expect("a rate"), cap: None }),
        (of_dear(), 1, Discount::Amount(krw(1_001))),
    ];
    let mut copies = Vec::new();
    for (scope, priority, discount) in coupons {
        let terms = (scope.clone(), Stacking::Stackable, priority, discount);
        let coupon = world
            .coupon(|coupon| (coupon.scope, coupon.stacking, coupon.priority, coupon.discount) = terms.clone())
            .await;
        let (read, _) = sound(world.store().coupon(coupon).await).expect("the coupon is there");
        let read = (read.scope.clone(), read.stacking, read.priority, read.discount);
        assert_eq!(read, terms, "the terms of a coupon, read back");
        copies.push(world.issue(coupon, customer).await);
    }
    let mut wanted = basket(&[(variant, 2), (plain, 1)]);
    wanted.coupons.clone_from(&copies);
    let order = world.order(world.buy(customer, wanted).await.id).await;

    copies.reverse();
    let used: Vec<_> = order.coupons.iter().map(|used| (used.issued_coupon_id, used.discount)).collect();
    let expected: Vec<_> = copies.iter().copied().zip([krw(1_001), krw(899), krw(500)]).collect();
    assert_eq!(used, expected, "the coupons of an order, in turn, and what each took off");
    let shares: Vec<_> = order.lines.iter().map(|line| line.discount).collect();
    assert_eq!(shares, [krw(1_001 + 899 + 365), krw(135)], "what the lines bear of 2,400 won");
    assert_eq!((order.total, world.balance(customer).await), (krw(10_600), 9_400), "the total, and what is left");
    for copy in &copies {
        let copy = world.copy(*copy).await;
        let status = (copy.status, copy.order_id);
        assert_eq!(status, (IssuedCouponStatus::Used, Some(order.id)), "a copy, its order paid");
    }

    let mut back = 0;
    for lines in [&[(1, 1)][..], &[(2, 1)], &[(1, 1)]] {
        back += world.refund(order.id, Some(lines)).await.total.minor();
    }
    assert_eq!((back, world.balance(customer).await), (10_600, 20_000), "given back unit by unit, and in the wallet");
    for copy in copies {
        let status = world.copy(copy).await.status;
        assert_eq!(status, IssuedCouponStatus::Available, "one of the copies, their order refunded in full");
    }
}

pub(super) async fn orders_that_share_copies_have_one_winner(world: World) {
    const ORDERS: usize = 30;
    let variant = world.variant(5_000, 100).await;
    let customer = world.customer_with(1_000_000).await;
    let mut copies = Vec::new();
    for _ in 0..3 {
        let coupon = world.coupon(|coupon| coupon.stacking = Stacking::Stackable).await;
        copies.push(world.issue(coupon, customer).await);
    }
    let buy = |world: World, n: usize| {
        // Two of the three, in either order: any two such orders share one.
        let (one, other) = (copies[n % 3], copies[(n + 1 + n / 3 % 2) % 3]);
        async move {
            let mut wanted = basket(&[(variant, 1)]);
            wanted.coupons.extend([one, other]);
            world.try_buy(customer, wanted).await.map(drop)
        }
    };
    let (won, lost) = split(world.race(ORDERS, buy).await);
    let after = (won.len(), world.balance(customer).await, world.on_hand(variant).await);
    assert_eq!(after, (1, 997_000, 99), "orders, won left after one of 3,000, and units left");
    let status = IssuedCouponStatus::Used;
    let heard = |refused: &Rejection| {
        let not_available = |copy| Rejection::CouponNotAvailable { issued_coupon: copy, status };
        copies.iter().any(|copy| *refused == not_available(*copy))
    };
    assert!(lost.iter().all(heard), "what the losers heard: {lost:?}");
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
