//! Everything that can be read, against the model.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use commerce_core::{
    ClaimRequest, CouponFacts, Holder, IssuedCouponStatus, MessageId, OrderFacts, OrderStatus, PageRequest,
    PaymentStatus, PopularQuery, RedemptionStatus, RefundStatus, StockFacts, Store, Timestamp, WalletFacts, reconcile,
    replay,
};

use crate::support::model::{CopyState, Model};
use crate::support::model_cards::For;
use crate::support::model_orders::{Order, Refunded, day};

/// More than any sequence makes.
const ALL: u32 = 1_000;

/// Compares ledgers, counters, copies, orders, histories, messages and sales, and reconciles.
pub(crate) async fn everything(store: &dyn Store, model: &Model, now: Timestamp) {
    let stocks = store.stock_facts(PageRequest::first(ALL)).await.expect("a read");
    assert_eq!(stocks.len(), model.variants.len());
    stocks.iter().for_each(|facts| stock(facts, model));
    let wallets = store.wallet_facts(PageRequest::first(ALL)).await.expect("a read");
    assert_eq!(wallets.len(), model.wallets.len());
    wallets.iter().for_each(|facts| wallet(facts, model));
    let coupons = store.coupon_facts(PageRequest::first(ALL)).await.expect("a read");
    assert_eq!(coupons.len(), model.coupons.len());
    coupons.iter().for_each(|facts| coupon(facts, model));
    let orders = store.order_facts(PageRequest::first(ALL)).await.expect("a read");
    assert_eq!(orders.len(), model.orders.len());
    for facts in &orders {
        order(facts, &model.orders[&facts.order.id.get()]);
        assert_eq!(store.history(facts.order.id).await.expect("a read"), facts.events);
    }
    due(store, model, now).await;
    copies(store, model).await;
    codes(store, model).await;
    cards(store, model).await;
    carts(store, model).await;
    sales(store, model, now).await;

    let report = reconcile(store).await.expect("a report");
    assert_eq!(report.drifts, [], "nothing drifts");
    let counted = (report.stocks, report.wallets, report.coupons, report.orders);
    let expected = (model.variants.len(), model.wallets.len(), model.coupons.len(), model.orders.len());
    assert_eq!(counted, (expected.0 as u64, expected.1 as u64, expected.2 as u64, expected.3 as u64));
    let steps: usize = model.orders.values().map(|order| order.path.len()).sum();
    assert_eq!(store.backlog().await.expect("a read"), steps as u64, "one message a transition");
}

fn stock(facts: &StockFacts, model: &Model) {
    let id = facts.stock.variant_id.get();
    let ledger = &model.variants[&id].ledger;
    let on_hand = u64::try_from(model.on_hand(id)).expect("never negative");
    assert_eq!((facts.stock.on_hand, facts.last_on_hand), (on_hand, ledger.last().map(|_| on_hand)), "variant {id}");
    assert_eq!((facts.stock.version, facts.entries), (ledger.len() as u64, ledger.len() as u64), "variant {id}");
}

fn wallet(facts: &WalletFacts, model: &Model) {
    let key = (facts.wallet.id.customer_id.get(), facts.wallet.id.currency.code().to_owned());
    let (balance, entries) = (model.balance(&key), model.wallets[&key].len() as u64);
    assert!(balance >= 0, "{key:?}");
    let last = facts.last_balance.map(commerce_core::Money::minor);
    assert_eq!((facts.wallet.balance.minor(), last), (balance, Some(balance)), "{key:?}");
    assert_eq!((facts.wallet.version, facts.entries), (entries, entries), "{key:?}");
}

fn coupon(facts: &CouponFacts, model: &Model) {
    let id = facts.coupon_id.get();
    let copies = model.copies_of(id).count() as u64;
    assert_eq!((u64::from(facts.issued), facts.copies), (copies, copies), "coupon {id}");
    let cap = model.coupons[&id].terms.total_quantity;
    assert_eq!(facts.total_quantity, cap);
    assert!(cap.is_none_or(|cap| copies <= u64::from(cap)), "coupon {id}: {copies} of {cap:?}");
}

fn order(facts: &OrderFacts, model: &Order) {
    let (order, id) = (&*facts.order, facts.order.id);
    let path: Vec<OrderStatus> = facts.events.iter().map(|event| event.to).collect();
    assert_eq!(
        (&path, order.status, replay(&facts.events)),
        (&model.path, model.status(), Some(model.status())),
        "{id}"
    );
    assert!(facts.events.last().is_some_and(|event| event.order == facts.order), "{id}: the last event has the order");
    let sequences: Vec<u64> = (1..=path.len() as u64).collect();
    assert_eq!((&facts.undelivered, facts.delivered), (&sequences, 0), "{id}");
    assert!(facts.events.iter().map(|event| event.sequence).eq(sequences), "{id}");

    let discount = model.copies.iter().map(|(_, off)| off).sum::<i64>();
    let amounts = (order.subtotal.minor(), order.discount.minor(), order.total.minor());
    assert_eq!(amounts, (model.subtotal, discount, model.total), "{id}");
    assert_eq!((order.customer_id.get(), order.currency().code()), (model.customer, model.currency.as_str()), "{id}");
    let of_line = |line: &commerce_core::OrderLine| {
        let (subtotal, share) = (line.subtotal.minor(), line.discount.minor());
        let unit = (line.unit_price.minor(), line.priced_by);
        (line.variant_id.get(), line.product_id.get(), i64::from(line.quantity), unit, subtotal, share)
    };
    let expected = model.lines.iter();
    let expected = expected.map(|line| (line.variant, line.product, line.units, line.unit, line.subtotal, line.share));
    assert!(order.lines.iter().map(of_line).eq(expected), "{id}: {:?} is not {:?}", order.lines, model.lines);

    let back = |refund: &commerce_core::Refund| {
        let line = |line: &commerce_core::RefundLine| (line.position, i64::from(line.quantity), line.amount.minor());
        Refunded {
            id: refund.id.get(),
            lines: refund.lines.iter().map(line).collect(),
            destination: refund.destination,
            status: refund.status,
            restock: refund.restock,
        }
    };
    assert_eq!(facts.refunds.iter().map(|refund| back(refund)).collect::<Vec<_>>(), model.refunds, "{id}");
    let payment = facts.payment.as_ref().map(|payment| {
        let succeeded = payment.status == PaymentStatus::Succeeded;
        (payment.amount.minor(), payment.attempts, payment.method, succeeded)
    });
    let paid = !matches!(model.status(), OrderStatus::Pending | OrderStatus::Processing | OrderStatus::Cancelled);
    assert_eq!(payment, model.tried.map(|method| (model.total, model.attempts, method, paid)), "{id}");
    let waits = matches!(model.status(), OrderStatus::Pending | OrderStatus::Processing);
    let expires = waits.then_some(model.expires);
    assert_eq!(order.expires_at.map(Timestamp::as_micros), expires, "{id}");
    let redemption = match model.status() {
        OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered => RedemptionStatus::Used,
        OrderStatus::Cancelled | OrderStatus::Refunded => RedemptionStatus::Released,
        _ => RedemptionStatus::Held,
    };
    let redeemed = facts.redemptions.iter().map(|r| (r.issued_coupon_id.get(), r.discount.minor(), r.status));
    let applied = order.coupons.iter().map(|c| (c.issued_coupon_id.get(), c.discount.minor()));
    assert!(applied.eq(model.copies.iter().copied()), "{id}: {:?}", order.coupons);
    let mut copies = model.copies.clone();
    copies.sort_unstable();
    assert!(
        redeemed.eq(copies.into_iter().map(|(copy, off)| (copy, off, redemption))),
        "{id}: {:?}",
        facts.redemptions
    );
}

/// What waits for a payment that can no longer come, the longest overdue first.
async fn due(store: &dyn Store, model: &Model, now: Timestamp) {
    let waiting = model.orders.iter().filter(|(_, order)| order.status() == OrderStatus::Pending);
    let mut due: Vec<_> = waiting.map(|(id, order)| (order.expires, *id)).collect();
    due.retain(|(expires, _)| *expires <= now.as_micros());
    due.sort_unstable();
    let read = store.due_orders(ALL).await.expect("a read");
    assert!(read.iter().map(|id| id.get()).eq(due.iter().map(|(_, id)| *id)), "{read:?} are due, expected {due:?}");
}

async fn codes(store: &dyn Store, model: &Model) {
    for id in model.coupons.keys() {
        let coupon = (*id).try_into().expect("an id");
        let page = store.codes_of(coupon, PageRequest::first(ALL)).await.expect("a read");
        let found = page.items.iter().map(|code| (code.code.as_str(), code.claim.is_some()));
        let theirs = model.codes.iter().filter(|(_, (of, _))| of == id);
        assert!(found.eq(theirs.map(|(code, (_, used))| (code.as_str(), *used))), "{id}: {:?}", page.items);
    }
}

async fn copies(store: &dyn Store, model: &Model) {
    for customer in model.customers.keys() {
        let customer = (*customer).try_into().expect("an id");
        let page = store.issued_coupons(customer, PageRequest::first(ALL)).await.expect("a read");
        let found: BTreeMap<i64, _> = page.items.iter().map(|(copy, _)| (copy.id.get(), copy)).collect();
        let theirs = model.copies.iter().filter(|(_, copy)| copy.customer == customer.get());
        assert!(found.keys().eq(theirs.clone().map(|(id, _)| id)), "{customer}");
        for (id, copy) in theirs {
            let (status, order) = match copy.state {
                CopyState::Available => (IssuedCouponStatus::Available, None),
                CopyState::Held(order) => (IssuedCouponStatus::Held, Some(order)),
                CopyState::Used(order) => (IssuedCouponStatus::Used, Some(order)),
                CopyState::Expired => (IssuedCouponStatus::Expired, None),
                CopyState::Revoked => (IssuedCouponStatus::Revoked, None),
            };
            let (found, expires) = (found[id], found[id].expires_at.map(Timestamp::as_micros));
            assert_eq!((found.status, found.order_id.map(|o| o.get()), expires), (status, order, copy.expires), "{id}");
        }
    }
}

async fn cards(store: &dyn Store, model: &Model) {
    let mut open = Vec::new();
    for (id, expected) in &model.cards.charges {
        let charge = store.charge((*id).try_into().expect("an id")).await.expect("a read").expect("the charge");
        assert_eq!(charge.status, expected.status, "charge {id}");
        if let For::Order(order) = expected.purpose {
            let theirs = store.charges_of(order.try_into().expect("an id")).await.expect("a read");
            assert!(theirs.iter().any(|charge| charge.id.get() == *id), "charge {id} of order {order}");
        }
        open.extend(charge.status.is_open().then_some(*id));
    }
    let (all, ever) = (PageRequest::first(ALL), Timestamp::from_micros(i64::MAX));
    let found = store.open_charges(ever, all).await.expect("a read").items;
    assert!(found.iter().map(|charge| charge.id.get()).eq(open.iter().copied()), "open charges: {found:?}");
    let refunds = model.orders.values().flat_map(|order| &order.refunds);
    let pending = refunds.filter(|refund| refund.status == RefundStatus::Pending).map(|refund| refund.id);
    let found = store.pending_refunds(ever, PageRequest::first(ALL)).await.expect("a read").items;
    let expected: BTreeSet<i64> = pending.collect();
    assert!(found.iter().map(|refund| refund.id.get()).eq(expected), "pending refunds: {found:?}");
    for customer in model.customers.keys() {
        let page = store.top_ups((*customer).try_into().expect("an id"), PageRequest::first(ALL)).await;
        let found = page.expect("a read").items;
        let theirs = model.cards.top_ups.iter().rev().filter(|(_, top_up)| top_up.customer == *customer);
        let found = found.iter().map(|top_up| (top_up.id.get(), top_up.status));
        assert!(found.eq(theirs.map(|(id, top_up)| (*id, top_up.status))), "the top-ups of {customer}");
    }
}

async fn carts(store: &dyn Store, model: &Model) {
    for customer in model.customers.keys() {
        let found = store.cart((*customer).try_into().expect("an id")).await.expect("a read");
        let (found, expected) = (found.as_deref(), model.carts.get(customer));
        assert_eq!(found.is_some(), expected.is_some(), "{customer}");
        if let (Some(found), Some(expected)) = (found, expected) {
            expected.assert_is(found);
        }
    }
}

async fn sales(store: &dyn Store, model: &Model, now: Timestamp) {
    let today = day(now.as_micros());
    let mut popular: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for ((date, product), (units, revenue)) in &model.sales {
        let noon = Timestamp::from_micros(date * 86_400_000_000);
        let read = store.daily_sales(noon.date_in(commerce_core::TimeZone::UTC), None).await.expect("a read");
        let found = read.iter().find(|sold| sold.product_id.get() == *product);
        assert_eq!(
            found.map(|sold| (sold.quantity, sold.revenue.minor())),
            Some((*units, i128::from(*revenue))),
            "{date} {product}"
        );
        if (today - 3..=today).contains(date) {
            let sum = popular.entry(*product).or_default();
            *sum = (sum.0 + units, sum.1 + revenue);
        }
    }
    // What came back altogether is not popular.
    let mut ranked: Vec<_> = popular
        .into_iter()
        .filter(|(_, (units, _))| *units > 0)
        .map(|(product, (units, revenue))| (i128::from(units), i128::from(revenue), product))
        .collect();
    ranked.sort_by_key(|(units, revenue, product)| (Reverse(*units), Reverse(*revenue), *product));
    ranked.truncate(5);
    let read = store.popular(PopularQuery::default()).await.expect("a read");
    let read: Vec<_> =
        read.iter().map(|(p, _)| (i128::from(p.quantity), p.revenue.minor(), p.product_id.get())).collect();
    assert_eq!(read, ranked, "what is popular");
}

/// Delivers the whole outbox: each order's messages come in sequence, and are its history.
pub(crate) async fn drained(store: &dyn Store, model: &Model) {
    let holder = Holder { sink: "books".parse().expect("a name"), owner: "relay".parse().expect("an owner") };
    assert!(store.register_sink(&holder.sink).await.expect("an answer"));
    let waiting = store.backlog().await.expect("a read");
    assert_eq!(store.distribute(u32::MAX).await.expect("an answer"), waiting);
    let mut arrived: BTreeMap<i64, Vec<commerce_core::Event>> = BTreeMap::new();
    let mut ids: Vec<MessageId> = Vec::new();
    while store.sinks().await.expect("a read")[0].backlog > 0 {
        let request = ClaimRequest { holder: holder.clone(), limit: 3, hold: Duration::from_secs(60) };
        let claimed = store.claim(request).await.expect("a claim");
        assert!(!claimed.is_empty(), "what waits can be claimed");
        for claim in claimed {
            assert_eq!(store.acknowledge(&holder, &[claim.message.id]).await.expect("an answer"), 1);
            ids.push(claim.message.id);
            let commerce_core::Event::Order(event) = &claim.message.event else { panic!("{claim:?}") };
            arrived.entry(event.order_id().get()).or_default().push(claim.message.event);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), arrived.values().map(Vec::len).sum::<usize>(), "every message has its own id");
    assert!(arrived.keys().eq(model.orders.keys()));
    for (order, events) in arrived {
        let history = store.history(order.try_into().expect("an id")).await.expect("a read");
        assert!(events.into_iter().eq(history.into_iter().map(commerce_core::Event::Order)), "order {order}");
    }
    assert_eq!(reconcile(store).await.expect("a report").drifts, []);
}
