//! What becomes of an order besides its payment: it expires, it is shipped, it is delivered.

use std::sync::Arc;
use std::time::Duration;

use super::world::sound;
use super::{World, basket, operator, split};
use crate::command::{DeliverOrder, ExpireOrder, ShipOrder};
use crate::coupon::IssuedCouponStatus;
use crate::ids::{IssuedCouponId, OrderId, VariantId};
use crate::inventory::StockReason;
use crate::order::{CancelCause, Order, OrderChange, OrderStatus};
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::time::Timestamp;

async fn due(world: &World, limit: u32) -> Vec<OrderId> {
    sound(world.store().due_orders(limit).await)
}

/// A pending order of two units with a coupon, and its copy.
async fn held(world: &World, variant: VariantId) -> (Arc<Order>, IssuedCouponId) {
    let customer = world.customer_with(10_000).await;
    let coupon = world.coupon(|_| ()).await;
    let copy = world.issue(coupon, customer).await;
    let mut wanted = basket(&[(variant, 2)]);
    wanted.coupons.push(copy);
    (world.place(customer, wanted).await, copy)
}

pub(super) async fn a_sweep_ends_what_is_due(world: World) {
    let variant = world.variant(3_000, 100).await;
    let customer = world.customer_with(100_000).await;
    let (first, copy) = held(&world, variant).await;
    let paid = world.buy(customer, basket(&[(variant, 1)])).await;
    let cancelled = world.place(customer, basket(&[(variant, 1)])).await;
    let paid_later = world.place(customer, basket(&[(variant, 1)])).await;
    world.cancel(&cancelled).await;
    world.pay(&paid_later).await;
    world.wait(Duration::from_secs(1));
    let mut later = Vec::new();
    for _ in 0..3 {
        later.push(world.place(customer, basket(&[(variant, 1)])).await);
    }
    let until = first.expires_at.expect("a pending order expires");

    world.clock().set(Timestamp::from_micros(until.as_micros() - 1));
    assert_eq!(due(&world, 10).await, vec![], "due a microsecond before the first order's end");
    let heard = world.try_run(&Principal::System, ExpireOrder { order_id: first.id }).await.err();
    let not_yet = Rejection::OrderNotExpired { order: first.id, expires_at: until, now: world.now() };
    assert_eq!(heard, Some(not_yet), "an expiry a microsecond too early");
    world.wait(Duration::from_micros(1));
    assert_eq!(due(&world, 10).await, vec![first.id], "due at the first order's end");
    world.wait(Duration::from_secs(1));
    let all: Vec<OrderId> = std::iter::once(&first).chain(&later).map(|order| order.id).collect();
    assert_eq!(due(&world, 10).await, all, "due a second later, the longest overdue first");
    assert_eq!(due(&world, 2).await, all[..2], "the first two of them");

    let sweep = sound(world.commerce().expire_orders(2).await);
    assert_eq!((sweep.expired.len(), sweep.found()), (2, 2), "orders that a sweep of two ended, and found");
    assert_eq!(due(&world, 10).await, all[2..], "due after it");
    given_back(&world, &first, copy, variant).await;
    for (order, status) in [(&paid, OrderStatus::Paid), (&cancelled, OrderStatus::Cancelled)] {
        assert_eq!(world.order(order.id).await.status, status, "an order that was not pending");
    }
    let sweep = sound(world.commerce().expire_orders(10).await);
    assert_eq!((sweep.expired.len(), sweep.found()), (2, 2), "orders that the next sweep ended, and found");
    assert_eq!(world.on_hand(variant).await, 98, "units left of 100 after two of one each were paid");
}

async fn given_back(world: &World, order: &Order, copy: IssuedCouponId, variant: VariantId) {
    let now = world.order(order.id).await;
    assert_eq!((now.status, now.expires_at), (OrderStatus::Cancelled, None), "the expired order");
    assert_eq!(world.copy(copy).await.status, IssuedCouponStatus::Available, "its copy");
    let entries = sound(world.store().stock_entries(variant, PageRequest::first(100)).await).items;
    let returned = entries.iter().find(|entry| entry.order_id == Some(order.id)).map(|e| (e.delta, e.reason));
    assert_eq!(returned, Some((2, StockReason::Cancel)), "the last stock entry of it");
    let history = sound(world.store().history(order.id).await);
    let last = history.last().map(|event| (event.actor.clone(), event.change.clone()));
    let expired = OrderChange::Cancelled { cause: CancelCause::Expired, reason: None };
    assert_eq!(last, Some((Principal::System, expired)), "the last event in its history");
}

pub(super) async fn racing_sweeps_end_an_order_once(world: World) {
    const ORDERS: usize = 12;
    const SWEEPS: usize = 4;
    let variant = world.variant(1_000, 100).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(held(&world, variant).await.0);
    }
    world.wait(world.store().shop().pending_order_ttl);
    // The first sweeps, then cancellations of every order.
    let end = |world: World, n: usize| {
        let order = n.checked_sub(SWEEPS).map(|n| Arc::clone(&orders[n]));
        async move {
            match order {
                None => sound(world.commerce().expire_orders(100).await).expired.len(),
                Some(order) => usize::from(world.try_cancel(&order).await.is_ok()),
            }
        }
    };
    let ended: usize = world.race(SWEEPS + ORDERS, end).await.into_iter().sum();
    let left = (world.on_hand(variant).await, due(&world, 100).await.len());
    assert_eq!((ended, left), (ORDERS, (100, 0)), "orders ended by sweeps and customers, units on hand, orders due");
    for order in orders {
        assert_eq!(sound(world.store().history(order.id).await).len(), 2, "events in a history");
        let copy = world.copy(order.coupons[0].issued_coupon_id).await;
        assert_eq!(copy.status, IssuedCouponStatus::Available, "a copy");
    }
}

pub(super) async fn pay_against_expire_has_one_winner(world: World) {
    const ORDERS: usize = 16;
    let variant = world.variant(1_000, ORDERS as u64).await;
    let mut paid = 0;
    for customer in world.customers(ORDERS, 1_000).await {
        let order = world.place(customer, basket(&[(variant, 1)])).await;
        // The time runs out while they are at it.
        let until = order.expires_at.expect("a pending order expires");
        world.clock().set(Timestamp::from_micros(until.as_micros() - 1));
        let wish = |world: World, n: usize| {
            let order = Arc::clone(&order);
            async move {
                if n < 2 {
                    return world.try_pay(&order).await;
                }
                world.clock().set(until);
                world.try_run(&Principal::System, ExpireOrder { order_id: order.id }).await
            }
        };
        let (won, _) = split(world.race(4, wish).await);
        assert_eq!(won.len(), 1, "of two payments and two expiries of one order, {} won: {won:?}", won.len());
        let now = world.order(order.id).await;
        assert_eq!(*now, *won[0], "the order is as the winner was told");
        let balance = if now.status == OrderStatus::Paid { 0 } else { 1_000 };
        assert_eq!(world.balance(order.customer_id).await, balance, "won left when {:?} won", now.status);
        paid += u64::from(now.status == OrderStatus::Paid);
    }
    assert_eq!(world.on_hand(variant).await, ORDERS as u64 - paid, "units left after {paid} payments");
}

pub(super) async fn an_order_is_shipped_and_delivered_once(world: World) {
    const TASKS: usize = 24;
    let variant = world.variant(1_000, 1).await;
    let customer = world.customer_with(1_000).await;
    let order_id = world.buy(customer, basket(&[(variant, 1)])).await.id;
    let heard = world.try_run(&operator(), DeliverOrder { order_id }).await.err();
    let early = Rejection::InvalidTransition { order: order_id, from: OrderStatus::Paid, to: OrderStatus::Delivered };
    assert_eq!(heard, Some(early), "a delivery before the shipment");
    for to in [OrderStatus::Shipped, OrderStatus::Delivered] {
        let step = |world: World, _| async move {
            match to {
                OrderStatus::Shipped => world.try_run(&operator(), ShipOrder { order_id }).await,
                _ => world.try_run(&operator(), DeliverOrder { order_id }).await,
            }
        };
        let (won, lost) = split(world.race(TASKS, step).await);
        assert_eq!((won.len(), won[0].status), (1, to), "steps of one order to {to:?}, of {TASKS} at once");
        let late = Rejection::InvalidTransition { order: order_id, from: to, to };
        assert_eq!(lost, vec![late; TASKS - 1], "what the losers heard");
    }
    let path: Vec<_> = sound(world.store().history(order_id).await).iter().map(|event| event.type_name()).collect();
    assert_eq!(path, vec!["order.paid", "order.shipped", "order.delivered"], "the history");
}
