//! Refunds: every unit once, to the last minor unit, in one commit each.

use std::sync::Arc;
use std::time::Duration;

use super::world::sound;
use super::{World, basket, krw, operator, split};
use crate::command::{Quantity, RefundLineRequest, RefundOrder, ShipOrder, UpdateProduct};
use crate::coupon::{Discount, IssuedCouponStatus, RedemptionStatus};
use crate::event::Event;
use crate::ids::{CustomerId, OrderId};
use crate::inventory::StockReason;
use crate::money::Currency;
use crate::order::{OrderChange, OrderStatus};
use crate::refund::{RefundDestination, RefundStatus};
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::Note;
use crate::time::Window;
use crate::wallet::{WalletEntry, WalletEntryKind, WalletId};

/// Three units at 1,000 won and two at 333, with 100 won off: 3,566 won in all. The shares of the discount are 82 and
/// 18, so that the lines cost 2,918 and 648.
async fn bought(world: &World, customer: CustomerId) -> Arc<crate::order::Order> {
    let (dear, cheap) = (world.variant(1_000, 10).await, world.variant(333, 10).await);
    let coupon = world.coupon(|coupon| coupon.discount = Discount::Amount(krw(100))).await;
    let mut wanted = basket(&[(dear, 3), (cheap, 2)]);
    wanted.coupons.push(world.issue(coupon, customer).await);
    world.buy(customer, wanted).await
}

async fn latest_entry(world: &World, customer_id: CustomerId) -> Option<WalletEntry> {
    let wallet = WalletId { customer_id, currency: Currency::KRW };
    sound(world.store().wallet_entries(wallet, PageRequest::first(1)).await).items.pop()
}

/// Units and won of today's sales.
pub(super) async fn sold(world: &World) -> (i64, i128) {
    let today = world.now().date_in(world.store().shop().time_zone);
    let sales = sound(world.store().daily_sales(today, None).await);
    (sales.iter().map(|sold| sold.quantity).sum(), sales.iter().map(|sold| sold.revenue.minor()).sum())
}

pub(super) async fn a_refund_is_written_whole(world: World) {
    let customer = world.customer_with(10_000).await;
    let order = bought(&world, customer).await;
    let variant = order.lines[0].variant_id;
    assert_eq!(sold(&world).await, (5, 3_566), "units and won sold on the day of the order");
    world.wait(Duration::from_secs(86_400));
    let reason = Note::new("arrived broken").ok();
    let one = |restock| RefundOrder {
        order_id: order.id,
        lines: Some(vec![RefundLineRequest { position: 1, quantity: Quantity::ONE }]),
        restock,
        destination: Some(RefundDestination::Wallet),
        reason: reason.clone(),
    };
    let kept = world.run(&operator(), one(false)).await;
    assert_eq!((kept.total, kept.status), (krw(972), RefundStatus::Succeeded), "the first third of 2,918 won");
    assert_eq!(world.on_hand(variant).await, 7, "units on hand without restocking");
    let refund = world.run(&operator(), one(true)).await;

    let store = world.store();
    assert_eq!(sound(store.refunds(order.id).await), vec![kept, Arc::clone(&refund)], "the refunds, read back");
    assert_eq!(refund.total, krw(973), "the second third of 2,918 won");
    let entry = latest_entry(&world, customer).await.map(|e| (e.amount, e.kind, e.order_id, e.memo));
    assert_eq!(entry, Some((krw(973), WalletEntryKind::Refund, Some(order.id), reason)), "the wallet entry");
    assert_eq!(world.balance(customer).await, 10_000 - 3_566 + 972 + 973, "won in the wallet");
    let entries = sound(store.stock_entries(variant, PageRequest::first(1)).await).items;
    let returned = entries.first().map(|e| (e.delta, e.reason, e.order_id, e.on_hand_after));
    assert_eq!(returned, Some((1, StockReason::Refund, Some(order.id), 8)), "the stock entry");
    assert_eq!(sold(&world).await, (-2, -1_945), "units and won on the day of the refunds");

    let now = world.order(order.id).await;
    assert_eq!((now.status, now.version), (OrderStatus::Paid, 3), "the order, refunded in part");
    let payment = sound(store.payment(order.id).await).map(|payment| payment.amount);
    assert_eq!(payment, Some(order.total), "the payment");
    let history = sound(store.history(order.id).await);
    assert_eq!(history.len(), 3, "events in the history");
    assert_eq!(history[2].change, OrderChange::Refunded { refund }, "the last of them");
    assert_eq!(history[2].type_name(), "order.partially_refunded", "what it is called");
    let mut told = Vec::new();
    for _ in 0..3 {
        let claimed = super::outbox::claim(&world, "relay", 10).await;
        for message in claimed {
            super::outbox::acknowledge(&world, "relay", message.message.id).await;
            told.push(message.message.event);
        }
    }
    let expected: Vec<_> = history.into_iter().map(Event::Order).collect();
    assert_eq!(told, expected, "the messages");
}

pub(super) async fn a_full_refund_gives_the_coupon_back(world: World) {
    let until = world.now().plus(Duration::from_secs(600));
    let window = Window { from: world.now(), until: Some(until) };
    let (endless, ending) = (world.coupon(|_| ()).await, world.coupon(|coupon| coupon.window = window).await);
    let variant = world.variant(3_000, 10).await;
    let customer = world.customer_with(50_000).await;
    let mut orders = Vec::new();
    for coupon in [endless, ending] {
        let copy = world.issue(coupon, customer).await;
        let mut wanted = basket(&[(variant, 2)]);
        wanted.coupons.push(copy);
        orders.push((world.buy(customer, wanted).await, copy));
    }
    world.clock().set(until);
    for ((order, copy), expected) in orders.iter().zip([IssuedCouponStatus::Available, IssuedCouponStatus::Expired]) {
        world.refund(order.id, Some(&[(1, 1)])).await;
        assert_eq!(world.copy(*copy).await.status, IssuedCouponStatus::Used, "a copy, its order refunded in part");
        let rest = world.refund(order.id, None).await;
        assert_eq!((rest.lines[0].quantity, rest.total), (1, krw(2_500)), "the rest of an order of 5,000 won");
        assert_eq!(world.copy(*copy).await.status_at(world.now()), expected, "a copy, its order refunded in full");
        let now = world.order(order.id).await;
        assert_eq!((now.status, now.version), (OrderStatus::Refunded, 3), "the order, refunded in full");
        let facts = sound(world.store().order_facts(PageRequest::first(10)).await);
        let facts = facts.iter().find(|facts| facts.order.id == order.id).expect("the order is there");
        let redeemed: Vec<_> = facts.redemptions.iter().map(|redemption| redemption.status).collect();
        assert_eq!(redeemed, vec![RedemptionStatus::Released], "the redemption");
    }
    assert_eq!((world.on_hand(variant).await, world.balance(customer).await), (10, 50_000), "units and won afterwards");
}

pub(super) async fn refunds_never_exceed_the_payment(world: World) {
    const TASKS: usize = 48;
    let customer = world.customer_with(10_000).await;
    let order = bought(&world, customer).await;
    // Five units in all: of the first line three, of the second two, one or two at a time.
    let give_back = |world: World, n: usize| {
        let order = order.id;
        async move {
            match n % 4 {
                0 | 1 => world.try_refund(order, Some(&[(1, 1)])).await,
                2 => world.try_refund(order, Some(&[(2, 1)])).await,
                _ => world.try_refund(order, Some(&[(1, 1), (2, 1)])).await,
            }
        }
    };
    let (won, lost) = split(world.race(TASKS, give_back).await);
    let units: u32 = won.iter().flat_map(|refund| &refund.lines).map(|line| line.quantity).sum();
    let total: i64 = won.iter().map(|refund| refund.total.minor()).sum();
    assert_eq!((units, total), (5, 3_566), "units and won given back, of 5 units for 3,566 won");
    assert_eq!(world.balance(customer).await, 10_000, "won in the wallet afterwards");
    for line in order.lines.iter() {
        assert_eq!(world.on_hand(line.variant_id).await, 10, "units on hand afterwards, of 10");
    }
    assert_eq!(world.order(order.id).await.status, OrderStatus::Refunded, "the order afterwards");
    for rejection in lost {
        let heard = matches!(
            rejection,
            Rejection::RefundTooLarge { requested: 1, refundable: 0, .. }
                | Rejection::InvalidTransition { from: OrderStatus::Refunded, .. }
        );
        assert!(heard, "a loser heard {rejection:?}");
    }
}

pub(super) async fn one_full_refund_wins(world: World) {
    const TASKS: usize = 32;
    let customer = world.customer_with(10_000).await;
    let order = bought(&world, customer).await;
    let id = order.id;
    let (won, lost) = split(world.race(TASKS, |world: World, _| async move { world.try_refund(id, None).await }).await);
    assert_eq!((won.len(), world.balance(customer).await), (1, 10_000), "refunds, and won in the wallet of 10,000");
    let (from, to) = (OrderStatus::Refunded, OrderStatus::Refunded);
    assert_eq!(lost, vec![Rejection::InvalidTransition { order: id, from, to }; TASKS - 1], "what the losers heard");
}

pub(super) async fn ship_against_refund(world: World) {
    const ORDERS: usize = 16;
    let variant = world.variant(1_000, ORDERS as u64).await;
    let customer = world.customer_with(1_000 * 16).await;
    for _ in 0..ORDERS {
        let order_id: OrderId = world.buy(customer, basket(&[(variant, 1)])).await.id;
        let step = |world: World, n: usize| async move {
            match n {
                0 | 1 => world.try_run(&operator(), ShipOrder { order_id }).await.map(drop),
                _ => world.try_refund(order_id, None).await.map(drop),
            }
        };
        let results = world.race(4, step).await;
        let shipped = results[..2].iter().filter(|result| result.is_ok()).count();
        let refunded = results[2..].iter().filter(|result| result.is_ok()).count();
        let path: Vec<_> = sound(world.store().history(order_id).await).iter().map(|event| event.to).collect();
        let expected: &[OrderStatus] = match shipped {
            0 => &[OrderStatus::Paid, OrderStatus::Refunded],
            _ => &[OrderStatus::Paid, OrderStatus::Shipped, OrderStatus::Refunded],
        };
        assert!(shipped <= 1 && refunded == 1, "shipments and refunds of an order: {shipped} and {refunded}");
        assert_eq!(path, expected, "the history, after {shipped} shipments");
    }
    assert_eq!(world.balance(customer).await, 16_000, "won in the wallet afterwards, of 16,000");
    assert_eq!(world.on_hand(variant).await, ORDERS as u64, "units on hand afterwards");
}

pub(super) async fn price_changes_do_not_touch_orders(world: World) {
    let customer = world.customer_with(10_000).await;
    let order = bought(&world, customer).await;
    let product_id = order.lines[0].product_id;
    let (base_price, name) = (Some(krw(9_000)), crate::text::Name::new("Dearer").ok());
    let update = UpdateProduct { product_id, expected_version: None, name, base_price, status: None };
    world.run(&operator(), update).await;
    assert_eq!(world.order(order.id).await, order, "the order after a change of its product");
    let refund = world.refund(order.id, None).await;
    assert_eq!(refund.total, krw(3_566), "won given back of 3,566 paid");
    assert_eq!(world.order(order.id).await.lines, order.lines, "its lines after the refund");
}
