//! What has to hold after each step, and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use commerce_core::decide::{basket_keys, decide, quote};
use commerce_core::store::{Carts, Coupons, Customers, Outbox, Sales};
use commerce_core::{
    Aggregate, Audit, Cart, ClaimRequest, Command, Context, CouponFacts, Error, Holder, IssuedCouponStatus, MessageId,
    OrderFacts, OrderStatus, Owner, PageRequest, PlaceOrder, Principal, Rejection, SinkName, StockFacts, Store,
    WalletFacts, reconcile,
};
use commerce_store_memory::MemoryStore;

use super::answer;
use super::world::{Played, World};
use crate::round_trip::survives_json;

/// Everything that a refused command must leave as it was.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapshot {
    stocks: Vec<StockFacts>,
    wallets: Vec<WalletFacts>,
    coupons: Vec<CouponFacts>,
    orders: Vec<OrderFacts>,
    carts: Vec<Option<Arc<Cart>>>,
    backlog: u64,
}

impl Snapshot {
    pub(crate) fn of(store: &MemoryStore) -> Self {
        const MUST: &str = "the store in memory answers";
        let customers = answer(store.customers(PageRequest::first(1_000))).expect(MUST).items;
        let customers: Vec<_> = customers.iter().map(|customer| customer.id).collect();
        Self {
            stocks: answer(store.stock_facts(PageRequest::first(1_000))).expect(MUST),
            wallets: answer(store.wallet_facts(PageRequest::first(1_000))).expect(MUST),
            coupons: answer(store.coupon_facts(PageRequest::first(1_000))).expect(MUST),
            orders: answer(store.order_facts(PageRequest::first(1_000))).expect(MUST),
            carts: customers.iter().map(|id| answer(store.cart(*id)).expect(MUST)).collect(),
            backlog: answer(store.backlog()).expect(MUST),
        }
    }
}

/// After each step.
pub(super) fn step(world: &World, played: &Played, before: &Snapshot, after: &Snapshot) {
    let Played { envelope, answer, decided, earlier } = played;
    match (earlier, answer) {
        (Some((first, outcome)), Ok(receipt)) => {
            assert!(receipt.replayed, "a key was used twice: {envelope:?}");
            assert_eq!((&first.command, outcome), (&envelope.command, &receipt.outcome), "another answer");
        }
        (Some((first, _)), Err(error)) => {
            assert!(matches!(error, Error::Rejected(Rejection::IdempotencyKeyReused { .. })), "{error:?}");
            assert_ne!(first.command, envelope.command, "a replay was refused");
        }
        (None, Ok(receipt)) => {
            assert!(!receipt.replayed, "answered from nowhere: {envelope:?}");
            assert_eq!(Ok(&receipt.outcome), decided.as_ref(), "decided otherwise on loaded records");
            survives_json(&receipt.outcome);
        }
        (None, Err(error)) => {
            assert_eq!(error.rejection(), decided.as_ref().err(), "decided otherwise on loaded records: {error:?}");
            error.rejection().into_iter().for_each(survives_json);
        }
    }
    if earlier.is_some() || answer.is_err() {
        assert_eq!(before, after, "a refusal or a replay left a trace");
    }
    if let Command::PlaceOrder(command) = &envelope.command {
        check_quote(world, command);
    }
}

/// A quote says just what an order would: its price, or the rule that refuses it.
fn check_quote(world: &World, command: &PlaceOrder) {
    let PlaceOrder { customer_id, basket, .. } = command.clone();
    let records = world.loaded(|records| basket_keys(customer_id, &basket, records));
    let context = Context { now: world.now(), ids: world.ids(3), shop: world.store.shop() };
    let quoted = quote(&records, customer_id, &basket, &context);
    let order = PlaceOrder { customer_id, basket, payment: None }.into();
    let placed = decide(&records, &Principal::System, &order, &context);
    match (quoted, placed) {
        (Ok(quote), Ok(decision)) => {
            assert_eq!(quote.refusal, None);
            assert_eq!(decision.changes.orders.iter().map(|order| order.total).collect::<Vec<_>>(), [quote.total]);
        }
        (Ok(quote), Err(rejection)) => assert_eq!(quote.refusal, Some(rejection)),
        (Err(_), Err(_)) => {}
        (Err(rejection), Ok(_)) => unreachable!("{rejection:?} for a quote, and nothing against the order"),
    }
}

/// At the end.
pub(super) fn end(world: &mut World) {
    check_reconciliation(world);
    check_books(world);
    check_copies(world);
    check_carts(world);
    check_sales(world);
    let before = Snapshot::of(&world.store);
    check_replays(world);
    assert_eq!(Snapshot::of(&world.store), before, "a replay left a trace");
    drain_outbox(world);
    check_reconciliation(world);
}

fn check_reconciliation(world: &World) {
    let report = answer(reconcile(&world.store)).expect("the store in memory answers");
    assert_eq!(report.drifts, [], "the books do not add up");
    let looked_at = (report.stocks, report.wallets, report.coupons, report.orders);
    let books = &world.books;
    let there = (books.stock.len(), books.balances.len(), books.coupons.len(), books.orders.len());
    assert_eq!(looked_at, (there.0 as u64, there.1 as u64, there.2 as u64, there.3 as u64));
}

fn check_books(world: &World) {
    let (books, found) = (&world.books, Snapshot::of(&world.store));
    let stock: BTreeMap<_, _> = found.stocks.iter().map(|f| (f.stock.variant_id, f.stock.on_hand.into())).collect();
    assert_eq!(stock, books.stock);
    let balances: BTreeMap<_, _> =
        found.wallets.iter().map(|f| (f.wallet.id, f.wallet.balance.minor().into())).collect();
    assert_eq!(balances, books.balances);
    assert!(books.balances.values().all(|balance| *balance >= 0), "{balances:?}");
    let orders: BTreeMap<_, _> =
        found.orders.iter().map(|f| (f.order.id, (f.order.status, f.events.len() as u64))).collect();
    assert_eq!(orders, books.orders.iter().map(|(id, s)| (*id, (s.status, s.events))).collect());
    for coupon in &found.coupons {
        let nobody = BTreeMap::new();
        let issued = books.issued.get(&coupon.coupon_id).unwrap_or(&nobody);
        let (cap, each) = books.limits[&coupon.coupon_id];
        assert_eq!(u64::from(coupon.issued), issued.values().copied().map(u64::from).sum::<u64>());
        assert!(cap.is_none_or(|cap| coupon.issued <= cap), "{} of {cap:?} copies", coupon.issued);
        assert!(issued.values().all(|copies| *copies <= each), "{issued:?} where {each} are allowed");
    }
}

/// Each cart holds what was put into it and not taken out or ordered.
fn check_carts(world: &World) {
    for customer in &world.books.customers {
        let cart = answer(world.store.cart(*customer)).expect("the store in memory answers");
        assert!(cart.is_some() || world.books.carts.get(customer).is_none_or(|items| items.is_empty()), "{customer}");
        cart.iter().for_each(|cart| world.books.check_cart(cart));
    }
}

/// Each copy stands where the one order that took it does.
fn check_copies(world: &World) {
    let books = &world.books;
    let mut found = BTreeSet::new();
    for customer in &books.customers {
        let page = PageRequest::first(1_000);
        let copies = answer(world.store.issued_coupons(*customer, page)).expect("the store in memory answers");
        for (copy, _) in copies.items {
            found.insert(copy.id);
            assert_eq!((copy.customer_id, copy.order_id), (*customer, books.taken.get(&copy.id).copied()));
            let gone = books.gone.get(&copy.id).map(std::slice::from_ref);
            let expected = match copy.order_id.map(|order| books.orders[&order].status) {
                None if gone.is_some() => gone.unwrap_or_default(),
                None => [IssuedCouponStatus::Available, IssuedCouponStatus::Expired].as_slice(),
                Some(OrderStatus::Pending | OrderStatus::Processing) => &[IssuedCouponStatus::Held],
                Some(_) => &[IssuedCouponStatus::Used],
            };
            assert!(expected.contains(&copy.status), "{copy:?}");
        }
    }
    assert_eq!(found, books.copies.iter().copied().collect());
}

fn check_sales(world: &World) {
    let dates: BTreeSet<_> = world.books.sales.keys().map(|(date, _)| *date).collect();
    let mut found = BTreeMap::new();
    for date in dates {
        for day in answer(world.store.daily_sales(date, None)).expect("the store in memory answers") {
            found.insert((day.date, day.product_id), (day.quantity.into(), day.revenue.minor()));
        }
    }
    assert_eq!(found, world.books.sales);
}

/// Every key answers as it did the first time.
fn check_replays(world: &World) {
    for (envelope, outcome) in world.kept.values() {
        let receipt = answer(world.store.execute(envelope.clone())).expect("what was carried out is remembered");
        assert!(receipt.replayed, "ran again: {envelope:?}");
        assert_eq!(receipt.outcome, *outcome, "another answer to {envelope:?}");
    }
}

/// Delivers every message: one a transition, each once, in sequence per order.
fn drain_outbox(world: &World) {
    const MUST: &str = "the store in memory answers";
    let hold = Duration::from_secs(60);
    // Past every instant that a message could be due at, wherever the clock has been.
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let holder = |who: &str| Holder {
        sink: SinkName::new("books").expect("a sink's name"),
        owner: Owner::new(who).expect("an owner"),
    };
    let (holder, other) = (holder("relay"), holder("other"));
    answer(world.store.register_sink(&holder.sink)).expect(MUST);
    while answer(world.store.distribute(50)).expect(MUST) > 0 {}
    let mut delivered: BTreeMap<_, u64> = BTreeMap::new();
    let mut seen: BTreeSet<MessageId> = BTreeSet::new();
    loop {
        let request = ClaimRequest { holder: holder.clone(), limit: 7, hold };
        let claimed = answer(world.store.claim(request)).expect(MUST);
        if claimed.is_empty() {
            break;
        }
        for claim in claimed {
            let (id, event) = (claim.message.id, claim.message.event);
            assert!(seen.insert(id), "{id:?} was handed out twice");
            let order = match event.aggregate() {
                Aggregate::Order(order) => Some(order),
                Aggregate::Books(_) => None,
            };
            let order = order.expect("about an order");
            let last = delivered.entry(order).or_default();
            *last += 1;
            assert_eq!(event.sequence(), *last, "out of sequence: {event:?}");
            assert_eq!(answer(world.store.acknowledge(&other, &[id])), Ok(0), "acknowledged by another");
            assert_eq!(answer(world.store.acknowledge(&holder, &[id])), Ok(1), "{id:?} was not held");
        }
    }
    assert_eq!(delivered, world.books.orders.iter().map(|(id, standing)| (*id, standing.events)).collect());
    assert_eq!(answer(world.store.backlog()), Ok(0));
}
