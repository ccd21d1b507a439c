//! One order, several wishes: exactly one transition wins.

use std::sync::Arc;

use super::world::sound;
use super::{World, basket, split};
use crate::order::{Order, OrderStatus};
use crate::rejection::Rejection;

fn lost_to(status: OrderStatus, wanted: OrderStatus, order: &Order) -> Rejection {
    Rejection::InvalidTransition { order: order.id, from: status, to: wanted }
}

pub(super) async fn one_cancel_wins(world: World) {
    const TASKS: usize = 32;
    let variant = world.variant(1_000, 10).await;
    let customer = world.customer().await;
    let coupon = world.coupon(|_| ()).await;
    let copy = world.issue(coupon, customer).await;
    let mut wanted = basket(&[(variant, 4)]);
    wanted.coupons.push(copy);
    let order = world.place(customer, wanted).await;
    let cancel = |world: World, _| {
        let order = Arc::clone(&order);
        async move { world.try_cancel(&order).await }
    };
    let (won, lost) = split(world.race(TASKS, cancel).await);
    assert_eq!((won.len(), world.on_hand(variant).await), (1, 10), "cancellations, and units on hand of 10");
    for rejection in lost {
        assert_eq!(rejection, lost_to(OrderStatus::Cancelled, OrderStatus::Cancelled, &order), "what a loser heard");
    }
    assert_eq!(sound(world.store().history(order.id).await).len(), 2, "events in the history");
}

pub(super) async fn one_payment_wins(world: World) {
    const TASKS: usize = 32;
    let variant = world.variant(1_000, 10).await;
    let customer = world.customer_with(50_000).await;
    let order = world.place(customer, basket(&[(variant, 1)])).await;
    let pay = |world: World, _| {
        let order = Arc::clone(&order);
        async move { world.try_pay(&order).await }
    };
    let (won, lost) = split(world.race(TASKS, pay).await);
    assert_eq!((won.len(), world.balance(customer).await), (1, 49_000), "payments, and won left of 50,000");
    for rejection in lost {
        assert_eq!(rejection, lost_to(OrderStatus::Paid, OrderStatus::Paid, &order), "what a loser heard");
    }
}

pub(super) async fn pay_against_cancel_has_one_winner(world: World) {
    const ORDERS: usize = 16;
    let variant = world.variant(1_000, ORDERS as u64).await;
    let mut orders = Vec::new();
    for customer in world.customers(ORDERS, 1_000).await {
        orders.push(world.place(customer, basket(&[(variant, 1)])).await);
    }
    let wish = |world: World, n: usize| {
        let order = Arc::clone(&orders[n / 4]);
        async move { if n.is_multiple_of(2) { world.try_pay(&order).await } else { world.try_cancel(&order).await } }
    };
    let mut results = world.race(4 * ORDERS, wish).await.into_iter();
    let mut paid = 0;
    for order in &orders {
        let (won, lost) = split(results.by_ref().take(4).collect());
        assert_eq!(won.len(), 1, "of two payments and two cancellations of one order, {} won: {won:?}", won.len());
        let now = world.order(order.id).await;
        assert_eq!(*now, *won[0], "the order is as the winner was told");
        paid += u64::from(now.status == OrderStatus::Paid);
        let expected_balance = if now.status == OrderStatus::Paid { 0 } else { 1_000 };
        assert_eq!(world.balance(order.customer_id).await, expected_balance, "won left when {:?} won", now.status);
        for rejection in lost {
            let from_winner = matches!(rejection, Rejection::InvalidTransition { from, .. } if from == now.status);
            assert!(from_winner, "{:?} won, and a loser heard {rejection:?}", now.status);
        }
    }
    assert_eq!(world.on_hand(variant).await, ORDERS as u64 - paid, "units left after {paid} payments");
}
