//! All of a decision, or nothing of it.

use std::time::Duration;

use super::world::sound;
use super::{World, basket, krw};
use crate::coupon::{IssuedCouponStatus, RedemptionStatus};
use crate::event::Event;
use crate::inventory::StockReason;
use crate::money::Currency;
use crate::order::OrderStatus;
use crate::payment::PaymentStatus;
use crate::store::PageRequest;
use crate::wallet::{WalletEntryKind, WalletId};

pub(super) async fn an_order_is_written_whole(world: World) {
    let (variant, other) = (world.variant(3_000, 10).await, world.variant(500, 10).await);
    let customer = world.customer_with(50_000).await;
    let coupon = world.coupon(|_| ()).await;
    let mut wanted = basket(&[(variant, 2), (other, 1), (variant, 1)]);
    wanted.coupons.push(world.issue(coupon, customer).await);
    let copy = wanted.coupons[0];
    let order = world.buy(customer, wanted).await;
    let store = world.store();

    assert_eq!((order.status, order.total), (OrderStatus::Paid, krw(8_500)), "3 × 3,000 + 500 − 1,000");
    assert_eq!(sound(store.order(order.id).await).as_ref(), Some(&order), "the order, read back");
    let payment = sound(store.payment(order.id).await).map(|p| (p.amount, p.status));
    assert_eq!(payment, Some((krw(8_500), PaymentStatus::Succeeded)), "the payment");
    let history = sound(store.history(order.id).await);
    assert_eq!(history.len(), 1, "events in the history");
    assert_eq!(history[0].order, order, "the order as the event tells it");

    let taken = |entries: Vec<crate::StockEntry>| entries.first().map(|e| (e.delta, e.reason, e.order_id));
    for (variant, units) in [(variant, 3), (other, 1)] {
        let entries = sound(store.stock_entries(variant, PageRequest::first(10)).await).items;
        assert_eq!(entries.len(), 2, "rows in the stock ledger");
        assert_eq!(taken(entries), Some((-units, StockReason::Order, Some(order.id))), "the last of them");
        assert_eq!(world.on_hand(variant).await, 10 - units.unsigned_abs(), "units left");
    }
    let wallet = WalletId { customer_id: customer, currency: Currency::KRW };
    let entries = sound(store.wallet_entries(wallet, PageRequest::first(10)).await).items;
    let spent = entries.first().map(|e| (e.amount, e.kind, e.order_id, e.balance_after));
    assert_eq!(spent, Some((krw(-8_500), WalletEntryKind::Payment, Some(order.id), krw(41_500))), "the wallet entry");
    assert_eq!(world.balance(customer).await, 41_500, "won left");

    let used = world.copy(copy).await;
    assert_eq!((used.status, used.order_id), (IssuedCouponStatus::Used, Some(order.id)), "the copy");
    let facts = sound(store.order_facts(PageRequest::first(10)).await);
    let redeemed: Vec<_> = facts[0].redemptions.iter().map(|r| (r.issued_coupon_id, r.status, r.discount)).collect();
    assert_eq!(redeemed, vec![(copy, RedemptionStatus::Used, krw(1_000))], "the redemption");

    let message = super::outbox::claim(&world, "relay", 10).await;
    let told: Vec<_> = message.into_iter().map(|claimed| claimed.message.event).collect();
    assert_eq!(told, vec![Event::Order(history[0].clone())], "the message");
    let today = world.now().date_in(store.shop().time_zone);
    let sales = sound(store.daily_sales(today, None).await);
    let sold: i128 = sales.iter().map(|sold| sold.revenue.minor()).sum();
    let units: i64 = sales.iter().map(|sold| sold.quantity).sum();
    assert_eq!((units, sold), (4, 8_500), "units and won in the sales of the day");
}

pub(super) async fn a_cancel_gives_everything_back(world: World) {
    let variant = world.variant(3_000, 10).await;
    let customer = world.customer_with(50_000).await;
    let coupon = world.coupon(|_| ()).await;
    let copy = world.issue(coupon, customer).await;
    let mut wanted = basket(&[(variant, 2), (variant, 1)]);
    wanted.coupons.push(copy);
    let order = world.place(customer, wanted.clone()).await;
    let held = (world.on_hand(variant).await, world.copy(copy).await.status, world.balance(customer).await);
    assert_eq!(held, (7, IssuedCouponStatus::Held, 50_000), "units, copy and won while the order waits");

    world.wait(Duration::from_secs(60));
    let cancelled = world.cancel(&order).await;
    assert_eq!((cancelled.status, cancelled.version), (OrderStatus::Cancelled, 2), "the order");
    let free = (world.on_hand(variant).await, world.copy(copy).await.status, world.balance(customer).await);
    assert_eq!(free, (10, IssuedCouponStatus::Available, 50_000), "units, copy and won afterwards");
    let entries = sound(world.store().stock_entries(variant, PageRequest::first(1)).await).items;
    let returned = entries.first().map(|e| (e.delta, e.reason, e.order_id, e.created_at));
    assert_eq!(returned, Some((3, StockReason::Cancel, Some(order.id), world.now())), "the last stock entry");
    // What came back can be used again.
    let again = world.buy(customer, wanted).await;
    let used = world.copy(copy).await;
    assert_eq!((used.status, used.order_id), (IssuedCouponStatus::Used, Some(again.id)), "the copy, used again");
}

pub(super) async fn a_later_payment_is_written_whole(world: World) {
    let variant = world.variant(3_000, 10).await;
    let customer = world.customer_with(50_000).await;
    let coupon = world.coupon(|_| ()).await;
    let copy = world.issue(coupon, customer).await;
    let mut wanted = basket(&[(variant, 2)]);
    wanted.coupons.push(copy);
    let order = world.place(customer, wanted).await;
    assert_eq!(sound(world.store().payment(order.id).await), None, "the payment of an order that waits");
    world.wait(Duration::from_secs(60));
    let paid = world.pay(&order).await;

    assert_eq!(sound(world.store().order(order.id).await).as_ref(), Some(&paid), "the order, read back");
    let payment = sound(world.store().payment(order.id).await).map(|p| (Some(p.id), p.amount));
    let named = paid.payment.map(|payment| payment.payment_id);
    assert_eq!(payment, Some((named, krw(5_000))), "the payment");
    let state = (world.on_hand(variant).await, world.copy(copy).await.status, world.balance(customer).await);
    assert_eq!(state, (8, IssuedCouponStatus::Used, 45_000), "units, copy and won");
    let steps: Vec<_> =
        sound(world.store().history(order.id).await).iter().map(|event| (event.from, event.to, event.at)).collect();
    let (pending, now) = (OrderStatus::Pending, world.now());
    let expected = vec![(None, pending, order.placed_at), (Some(pending), OrderStatus::Paid, now)];
    assert_eq!(steps, expected, "the history");
}
