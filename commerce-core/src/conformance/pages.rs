//! Every list, page by page, while others write: nothing twice, nothing skipped.

use std::fmt::Debug;
use std::ops::AsyncFn;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::outbox::{SINK, bury, claim, holder};
use super::world::sound;
use super::{World, basket};
use crate::event::{DeadLetterFilter, DeadLetterKey};
use crate::ids::{CustomerId, MessageId, OrderId, VariantId};
use crate::money::Currency;
use crate::order::OrderStatus;
use crate::store::{CodeFacts, Page, PageRequest};
use crate::time::Window;
use crate::wallet::WalletId;

/// How many items a list has before its pages are walked.
pub(super) const ITEMS: usize = 10;
/// How many items a page has.
const LIMIT: u32 = 3;

/// Which way a list goes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    NewestFirst,
    Ascending,
    /// The store's own.
    Any,
}

/// Walks a list by pages of [`LIMIT`] and writes while each page is read, and after it. Checks that every item
/// of `before` comes exactly once, and that the keys go one way.
pub(super) async fn walk<K: Clone + Ord + Debug, W>(
    what: &str,
    order: Order,
    before: &[K],
    page: impl AsyncFn(PageRequest<K>) -> Page<K, K>,
    write: impl AsyncFn() -> W,
) {
    let mut seen: Vec<K> = Vec::new();
    let mut request = PageRequest::first(LIMIT);
    // An ascending list grows where the walk is going: the writers stop, so that it has an end.
    for pages in 0.. {
        let busy = async || if pages < ITEMS.div_ceil(LIMIT as usize) { Some(write().await) } else { None };
        let (page, _) = tokio::join!(page(request.clone()), busy());
        assert!(page.items.len() <= LIMIT as usize, "{what}: {} items on a page of {LIMIT}", page.items.len());
        seen.extend(page.items.iter().cloned());
        let Some(next) = page.next else { break };
        assert_eq!(page.items.last(), Some(&next), "{what}: the next page starts after the last item of this one");
        request.after = Some(next);
        busy().await;
        assert!(seen.len() < 20 * ITEMS, "{what}: no end after {} items", seen.len());
    }
    let in_order = |pair: &[K]| match order {
        Order::NewestFirst => pair[0] > pair[1],
        Order::Ascending | Order::Any => pair[0] < pair[1],
    };
    if order == Order::Any {
        seen.sort_unstable();
    }
    assert!(seen.windows(2).all(in_order), "{what}: the keys come twice or out of order: {seen:?}");
    let skipped: Vec<_> = before.iter().filter(|key| !seen.contains(key)).collect();
    assert!(skipped.is_empty(), "{what}: skipped {skipped:?} of {before:?}; saw {seen:?}");
}

pub(super) async fn customers_of_the_shop(world: World) {
    let customers = world.customers(ITEMS, 1).await;
    let page = async |request| sound(world.store().customers(request).await).map(|customer| customer.id);
    let write = async || world.customer().await;
    walk("customers", Order::NewestFirst, &customers, page, write).await;
}

pub(super) async fn coupons_and_copies(world: World) {
    let customer = world.customer().await;
    let (mut coupons, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..ITEMS {
        let coupon = world.coupon(|_| ()).await;
        coupons.push(coupon);
        copies.push(world.issue(coupon, customer).await);
    }
    let page = async |request| sound(world.store().coupons(request).await).map(|(coupon, _)| coupon.id);
    let write = async || world.coupon(|_| ()).await;
    walk("coupons", Order::NewestFirst, &coupons, page, write).await;

    let page = async |request| {
        let page = sound(world.store().issued_coupons(customer, request).await);
        page.map(|(copy, coupon)| {
            assert_eq!(copy.coupon_id, coupon.id, "a copy and the campaign that it comes with");
            copy.id
        })
    };
    let write = async || {
        let coupon = world.coupon(|_| ()).await;
        let (other, _) = (world.customer().await, world.issue(coupon, customer).await);
        world.issue(coupon, other).await;
    };
    walk("a customer's copies", Order::NewestFirst, &copies, page, write).await;
}

pub(super) async fn copies_of_a_coupon(world: World) {
    let (coupon, other) = (world.coupon(|_| ()).await, world.coupon(|_| ()).await);
    let claim = async || {
        let customer = world.customer().await;
        world.issue(other, customer).await;
        (customer, world.issue(coupon, customer).await)
    };
    let mut copies = Vec::new();
    for _ in 0..ITEMS {
        copies.push(claim().await);
    }
    let page = async |request| {
        sound(world.store().copies_of(coupon, request).await).map(|copy| {
            assert_eq!(copy.coupon_id, coupon, "whose campaign it is");
            (copy.customer_id, copy.id)
        })
    };
    walk("the copies of a coupon", Order::Any, &copies, page, async || claim().await).await;

    let from = world.now();
    let ending = async |seconds| {
        let until = from.plus(Duration::from_secs(seconds));
        (until, world.coupon(|coupon| coupon.window = Window { from, until: Some(until) }).await)
    };
    let mut ended = Vec::new();
    for n in 0..ITEMS as u64 {
        // Two end at a time.
        ended.push(ending(5 + n / 2).await);
    }
    let before = ending(4).await;
    world.wait(Duration::from_secs(60));
    let page = async |request| sound(world.store().ended_coupons(ended[0].0, request).await);
    walk("campaigns that are over", Order::Ascending, &ended, page, async || ending(90).await).await;
    let all = sound(world.store().ended_coupons(from, PageRequest::first(100)).await).items;
    assert_eq!(all, [&[before], &ended[..]].concat(), "campaigns that are over, by their end");
}

pub(super) async fn codes_of_a_coupon(world: World) {
    let (coupon, other) = (world.coupon(|_| ()).await, world.coupon(|_| ()).await);
    let codes = world.codes(coupon, ITEMS as u64).await;
    let add = async || (world.codes(coupon, 1).await, world.codes(other, 1).await);
    let mut seen = Vec::new();
    let mut request = PageRequest::first(LIMIT);
    while seen.len() < 10 * ITEMS {
        let (page, _) = tokio::join!(world.store().codes_of(coupon, request.clone()), add());
        let page = sound(page);
        assert!(page.items.len() <= LIMIT as usize, "codes: {} items on a page of {LIMIT}", page.items.len());
        seen.extend(page.items.iter().map(|code| code.code.clone()));
        let Some(next) = page.next.filter(|_| !codes.iter().all(|code| seen.contains(code))) else { break };
        request.after = Some(next);
    }
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "codes: twice or out of order: {seen:?}");
    assert!(codes.iter().all(|code| seen.contains(code)), "codes: skipped some of {codes:?}; saw {seen:?}");
}

async fn orders_of(world: &World, customer: CustomerId, variant: VariantId) -> Vec<OrderId> {
    let mut orders = Vec::new();
    for _ in 0..ITEMS {
        orders.push(world.place(customer, basket(&[(variant, 1)])).await.id);
    }
    orders
}

pub(super) async fn orders_of_a_customer(world: World) {
    let (customer, other) = (world.customer().await, world.customer().await);
    let variant = world.variant(1, 1_000).await;
    let orders = orders_of(&world, customer, variant).await;
    let page = async |request| {
        sound(world.store().orders(customer, None, request).await).map(|order| {
            assert_eq!(order.customer_id, customer, "whose order it is");
            order.id
        })
    };
    let write = async || {
        world.place(other, basket(&[(variant, 1)])).await;
        world.place(customer, basket(&[(variant, 1)])).await;
    };
    walk("a customer's orders", Order::NewestFirst, &orders, page, write).await;
}

pub(super) async fn top_ups_of_a_customer(world: World) {
    let (customer, other) = (world.customer().await, world.customer().await);
    let mut top_ups = Vec::new();
    for _ in 0..ITEMS {
        top_ups.push(world.top_up(customer, 1_000).await.id);
    }
    let page = async |request| {
        sound(world.store().top_ups(customer, request).await).map(|top_up| {
            assert_eq!(top_up.customer_id, customer, "whose top-up it is");
            top_up.id
        })
    };
    let write = async || (world.top_up(other, 1_000).await, world.top_up(customer, 1_000).await);
    walk("a customer's top-ups", Order::NewestFirst, &top_ups, page, write).await;
}

pub(super) async fn orders_of_one_status(world: World) {
    let customer = world.customer().await;
    let variant = world.variant(1, 1_000).await;
    let orders = orders_of(&world, customer, variant).await;
    let pending = Some(OrderStatus::Pending);
    let page = async |request| {
        sound(world.store().orders(customer, pending, request).await).map(|order| {
            assert_eq!(order.status, OrderStatus::Pending, "the status of an order on a page of pending ones");
            order.id
        })
    };
    let gone = AtomicUsize::new(0);
    let write = async || {
        let n = gone.fetch_add(1, Relaxed);
        if n % 2 == 1 && n / 2 < 3 {
            let order = world.order(orders[ITEMS - 1 - n / 2]).await;
            world.cancel(&order).await;
        }
    };
    walk("a customer's pending orders", Order::NewestFirst, &orders, page, write).await;
}

pub(super) async fn ledgers(world: World) {
    let customer = world.customer_with(1_000_000).await;
    let variant = world.variant(1, 1_000).await;
    for _ in 1..ITEMS {
        world.buy(customer, basket(&[(variant, 1)])).await;
    }
    let before: Vec<u64> = (1..=ITEMS as u64).collect();
    let page = async |request| sound(world.store().stock_entries(variant, request).await).map(|entry| entry.sequence);
    let write = async || world.buy(customer, basket(&[(variant, 1)])).await;
    walk("a stock ledger", Order::NewestFirst, &before, page, write).await;

    let wallet = WalletId { customer_id: customer, currency: Currency::KRW };
    let page = async |request| sound(world.store().wallet_entries(wallet, request).await).map(|entry| entry.sequence);
    let write = async || world.buy(customer, basket(&[(variant, 1)])).await;
    walk("a wallet's ledger", Order::NewestFirst, &before, page, write).await;
}

pub(super) async fn dead_letters(world: World) {
    let customer = world.customer().await;
    let variant = world.variant(1, 1_000).await;
    let bury_one = async || {
        world.place(customer, basket(&[(variant, 1)])).await;
        let id = claim(&world, "relay", 1).await[0].message.id;
        assert!(bury(&world, "relay", id).await, "the holder buries the message");
        id
    };
    let mut letters = Vec::new();
    for _ in 0..ITEMS {
        letters.push(bury_one().await);
    }
    let (sink, any) = (holder(SINK, "relay").sink, DeadLetterFilter::default());
    let page = async |PageRequest { after, limit }: PageRequest<MessageId>| {
        let after = after.map(|message| DeadLetterKey { message, sink: sink.clone() });
        let page = sound(world.store().dead_letters(&any, PageRequest { after, limit }).await);
        Page {
            next: page.next.as_ref().map(|key| key.message),
            items: page.items.iter().map(|letter| letter.message.id).collect(),
        }
    };
    walk("dead letters", Order::NewestFirst, &letters, page, async || bury_one().await).await;
}

pub(super) async fn facts_for_audits(world: World) {
    let variant = world.variant(1, 1_000).await;
    let grow = async || {
        let customer = world.customer_with(100).await;
        let coupon = world.coupon(|_| ()).await;
        let code = world.codes(coupon, 1).await.remove(0);
        let order = world.buy(customer, basket(&[(variant, 1)])).await.id;
        let wallet = WalletId { customer_id: customer, currency: Currency::KRW };
        let top_up = world.top_up(customer, 5).await.id;
        (wallet, (coupon, code), order, world.variant(1, 1).await, top_up)
    };
    let (mut wallets, mut coupons, mut orders, mut variants) = (Vec::new(), Vec::new(), Vec::new(), vec![variant]);
    let (mut codes, mut top_ups) = (Vec::new(), Vec::new());
    for _ in 0..ITEMS {
        let (wallet, (coupon, code), order, variant, top_up) = grow().await;
        codes.push((coupon, code));
        wallets.push(wallet);
        coupons.push(coupon);
        orders.push(order);
        variants.push(variant);
        top_ups.push(top_up);
    }
    // These pages come without a `next`: the end is a page that is not full.
    let page = async |request| keys(sound(world.store().stock_facts(request).await), |facts| facts.stock.variant_id);
    walk("facts of stocks", Order::Ascending, &variants, page, async || grow().await).await;
    let page = async |request| keys(sound(world.store().wallet_facts(request).await), |facts| facts.wallet.id);
    walk("facts of wallets", Order::Ascending, &wallets, page, async || grow().await).await;
    let page = async |request| keys(sound(world.store().coupon_facts(request).await), |facts| facts.coupon_id);
    walk("facts of coupons", Order::Ascending, &coupons, page, async || grow().await).await;
    let code = |facts: &CodeFacts| (facts.code.coupon_id, facts.code.code.clone());
    let page = async |request| keys(sound(world.store().code_facts(request).await), code);
    walk("facts of codes", Order::Ascending, &codes, page, async || grow().await).await;
    let page = async |request| keys(sound(world.store().order_facts(request).await), |facts| facts.order.id);
    walk("facts of orders", Order::Ascending, &orders, page, async || grow().await).await;
    let page = async |request| keys(sound(world.store().top_up_facts(request).await), |facts| facts.top_up.id);
    walk("facts of top-ups", Order::Ascending, &top_ups, page, async || grow().await).await;
    let page = async |request| keys(sound(world.store().named_orders(request).await), |named| named.order_id);
    walk("orders that are named", Order::Ascending, &orders, page, async || grow().await).await;
    facts_within_aggregates(&world, variant, &wallets, async || grow().await).await;
}

/// Those that are more than one to an aggregate.
async fn facts_within_aggregates<W>(
    world: &World,
    variant: VariantId,
    wallets: &[WalletId],
    grow: impl AsyncFn() -> W,
) {
    let rows = |what: &[WalletId]| what.iter().flat_map(|wallet| [(*wallet, 1), (*wallet, 2)]).collect::<Vec<_>>();
    let page = async |request| keys(sound(world.store().wallet_ledger(request).await), |row| (row.of, row.sequence));
    walk("the wallet ledger", Order::Ascending, &rows(wallets), page, async || grow().await).await;
    let sold: Vec<_> = (1..=ITEMS as u64).map(|sequence| (variant, sequence)).collect();
    let page = async |request| keys(sound(world.store().stock_ledger(request).await), |row| (row.of, row.sequence));
    walk("the stock ledger", Order::Ascending, &sold, page, async || grow().await).await;
    let customers: Vec<CustomerId> = wallets.iter().map(|wallet| wallet.customer_id).collect();
    let page = async |request| keys(sound(world.store().holder_facts(request).await), |facts| facts.customer_id);
    walk("facts of customers", Order::Ascending, &customers, page, async || grow().await).await;
    let mut days = Vec::new();
    for day in ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"] {
        world.set_clock(&format!("{day}T16:00:00Z"));
        let customer = world.customer_with(100).await;
        for won in [1, 2] {
            let listing = world.product(won, &[5]).await;
            world.buy(customer, basket(&[(listing.variants[0].variant.id, 1)])).await;
            days.push((day.parse().expect("a date"), listing.product.id));
        }
    }
    let page = async |request| keys(sound(world.store().sales_facts(request).await), |day| (day.date, day.product_id));
    walk("booked sales", Order::Ascending, &days, page, async || grow().await).await;
}

fn keys<T, K: Clone>(facts: Vec<T>, key: impl Fn(&T) -> K) -> Page<K, K> {
    let items: Vec<K> = facts.iter().map(key).collect();
    let next = if items.len() == LIMIT as usize { items.last().cloned() } else { None };
    Page { items, next }
}

pub(super) async fn the_bounds_of_pages(world: World) {
    let customers = world.customers(3, 1).await;
    let ids = async |after, limit| {
        let page = sound(world.store().customers(PageRequest { after, limit }).await);
        (page.items.iter().map(|customer| customer.id).collect::<Vec<_>>(), page.next)
    };
    let [a, b, c] = [customers[0], customers[1], customers[2]];
    assert_eq!(ids(None, 0).await, (vec![c], Some(c)), "a page of 0 is a page of 1");
    assert_eq!(ids(None, 2).await, (vec![c, b], Some(b)), "a full page, with more to follow");
    assert_eq!(ids(None, 3).await, (vec![c, b, a], None), "a full page, with nothing to follow");
    assert_eq!(ids(Some(c), u32::MAX).await, (vec![b, a], None), "a page of more than there can be");
    assert_eq!(ids(Some(a), 2).await, (vec![], None), "what follows the last item");
    let beyond = CustomerId::try_from(i64::MAX).expect("an id");
    assert_eq!(ids(Some(beyond), 1).await, (vec![c], Some(c)), "what follows a key that is not there");
}
