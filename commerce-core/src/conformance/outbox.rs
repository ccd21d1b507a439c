//! The outbox: every transition told once, in sequence, by one relay at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::world::sound;
use super::{World, basket};
use crate::event::{Aggregate, ClaimRequest, ClaimedMessage, DeadLetterFilter, Event, Holder, OutboxMessage};
use crate::ids::{MessageId, OrderId};
use crate::store::PageRequest;
use crate::text::{Owner, SinkName};
use crate::time::Timestamp;

pub(super) const HOLD: Duration = Duration::from_secs(30);

/// The sink that most cases deliver to.
pub(super) const SINK: &str = "books";

/// `who` at work for a sink.
pub(super) fn holder(sink: &str, who: &str) -> Holder {
    Holder { sink: SinkName::new(sink).expect("a sink's name"), owner: Owner::new(who).expect("an owner") }
}

/// Distributes all that waits, to [`SINK`] at least, and claims for it as `who`, for [`HOLD`].
pub(super) async fn claim(world: &World, who: &str, limit: u32) -> Vec<ClaimedMessage> {
    let holder = holder(SINK, who);
    sound(world.store().register_sink(&holder.sink).await);
    while sound(world.store().distribute(1_000).await) > 0 {}
    sound(world.store().claim(ClaimRequest { holder, limit, hold: HOLD }).await)
}

/// Acknowledges a message that `who` holds.
pub(super) async fn acknowledge(world: &World, who: &str, message: MessageId) -> bool {
    sound(world.store().acknowledge(&holder(SINK, who), &[message]).await) == 1
}

/// Has a message that `who` holds retried.
async fn retry(world: &World, who: &str, message: MessageId, delay: Duration) -> bool {
    sound(world.store().retry(&holder(SINK, who), message, "refused", delay).await)
}

/// Buries a message that `who` holds.
pub(super) async fn bury(world: &World, who: &str, message: MessageId) -> bool {
    sound(world.store().bury(&holder(SINK, who), message, "no such address").await)
}

/// How many messages are not delivered to [`SINK`], those that wait to be distributed included.
async fn backlog(world: &World) -> u64 {
    let sinks = sound(world.store().sinks().await);
    let there = sinks.iter().find(|sink| sink.name.as_str() == SINK).map_or(0, |sink| sink.backlog);
    sound(world.store().backlog().await) + there
}

/// Delivers everything, in the order in which it is handed out.
pub(super) async fn drain(world: &World) -> Vec<OutboxMessage> {
    let mut delivered = Vec::new();
    loop {
        let claimed = claim(world, "drain", 16).await;
        if claimed.is_empty() {
            return delivered;
        }
        for ClaimedMessage { message, .. } in claimed {
            assert!(acknowledge(world, "drain", message.id).await, "acknowledging what was just claimed");
            delivered.push(message);
        }
    }
}

/// The orders that claimed messages are about, and which of their order's each is.
pub(super) fn heads(claimed: &[ClaimedMessage]) -> Vec<(OrderId, u64)> {
    let head = |claimed: &ClaimedMessage| match claimed.message.event.aggregate() {
        Aggregate::Order(order) => Some((order, claimed.message.event.sequence())),
        Aggregate::Books(_) => None,
    };
    claimed.iter().filter_map(head).collect()
}

/// Orders that are placed and cancelled: two messages each.
pub(super) async fn cancelled_orders(world: &World, count: usize) -> Vec<OrderId> {
    let variant = world.variant(1_000, 1_000).await;
    let customer = world.customer().await;
    let mut orders = Vec::new();
    for _ in 0..count {
        let order = world.place(customer, basket(&[(variant, 1)])).await;
        world.cancel(&order).await;
        orders.push(order.id);
        world.wait(Duration::from_secs(1));
    }
    orders
}

pub(super) async fn each_transition_has_one_message(world: World) {
    const TASKS: usize = 32;
    let variant = world.variant(1_000, 24).await;
    let customers = world.customers(TASKS, 1_000).await;
    // Some buy, some place and pay, some place and cancel; some are refused for want of units or of money.
    let live = |world: World, n: usize| {
        let customer = customers[n];
        async move {
            if n.is_multiple_of(4) {
                return world.try_buy(customer, basket(&[(variant, 1)])).await.map(|order| order.id);
            }
            let order = world.try_place(customer, basket(&[(variant, i64::try_from(n % 4).unwrap_or(1))])).await?;
            let _ = world.try_pay(&order).await;
            let _ = world.try_cancel(&order).await;
            Ok(order.id)
        }
    };
    let (orders, _) = super::split(world.race(TASKS, live).await);
    let orders: BTreeSet<OrderId> = orders.into_iter().collect();
    let mut expected = BTreeMap::new();
    for id in &orders {
        let history = sound(world.store().history(*id).await);
        assert!(!history.is_empty(), "order {id} was answered and has no history");
        expected.insert(Aggregate::Order(*id), history.into_iter().map(Event::Order).collect::<Vec<_>>());
    }
    let transitions: usize = expected.values().map(Vec::len).sum();
    assert_eq!(backlog(&world).await, transitions as u64, "messages that wait, against transitions");

    let delivered = drain(&world).await;
    let ids: BTreeSet<MessageId> = delivered.iter().map(|message| message.id).collect();
    assert_eq!((delivered.len(), ids.len()), (transitions, transitions), "messages, and their ids, and transitions");
    let mut told: BTreeMap<Aggregate, Vec<Event>> = BTreeMap::new();
    for message in delivered {
        told.entry(message.event.aggregate()).or_default().push(message.event);
    }
    assert_eq!(told, expected, "the messages of each order in the order of delivery, against its history");
    assert_eq!(backlog(&world).await, 0, "messages that wait once all are delivered");
}

pub(super) async fn a_message_waits_for_its_predecessor(world: World) {
    let orders = cancelled_orders(&world, 2).await;
    let first = claim(&world, "a", 10).await;
    assert_eq!(heads(&first), vec![(orders[0], 1), (orders[1], 1)], "the first claim: the head of each order");
    assert_eq!(heads(&claim(&world, "b", 10).await), vec![], "while the heads are claimed");

    // One head fails and holds its own order back; the other is delivered and lets its successor go.
    let delay = Duration::from_secs(10);
    assert!(retry(&world, "a", first[0].message.id, delay).await);
    assert!(acknowledge(&world, "a", first[1].message.id).await);
    assert_eq!(heads(&claim(&world, "b", 10).await), vec![(orders[1], 2)], "while one head waits to be retried");

    world.wait(delay);
    assert_eq!(heads(&claim(&world, "b", 10).await), vec![(orders[0], 1)], "once the failed head is due again");
}

pub(super) async fn news_come_of_a_commit(world: World) {
    let variant = world.variant(1_000, 10).await;
    let customer = world.customer().await;
    let mut heard = 0;
    for _ in 0..3 {
        let waiting = world.clone();
        let news = tokio::spawn(async move { sound(waiting.store().news(heard).await) });
        world.place(customer, basket(&[(variant, 1)])).await;
        let by_now = news.await.expect("news of an order");
        assert!(by_now > heard, "news heard of: {by_now}, after {heard}");
        heard = by_now;
    }
}

pub(super) async fn a_claim_is_exclusive(world: World) {
    const CLAIMERS: usize = 16;
    const ORDERS: usize = 40;
    let variant = world.variant(1_000, 1_000).await;
    let customer = world.customer().await;
    for _ in 0..ORDERS {
        world.place(customer, basket(&[(variant, 1)])).await;
    }
    let work = |world: World, n: usize| async move {
        let mut claimed = Vec::new();
        loop {
            let batch = claim(&world, &format!("relay-{n}"), 3).await;
            assert!(batch.len() <= 3, "{} messages for a claim of 3", batch.len());
            if batch.is_empty() {
                return claimed;
            }
            claimed.extend(batch.into_iter().map(|claimed| claimed.message.id));
        }
    };
    let claimed: Vec<MessageId> = world.race(CLAIMERS, work).await.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!(
        (claimed.len(), distinct.len()),
        (ORDERS, ORDERS),
        "messages handed out by {CLAIMERS} racing claimers and distinct ones among them, of {ORDERS}"
    );
}

pub(super) async fn a_claim_runs_out_by_the_clock(world: World) {
    cancelled_orders(&world, 1).await;
    let first = claim(&world, "a", 1).await;
    let until = world.now().plus(HOLD);
    let held = (first[0].attempts, first[0].claimed_until);
    assert_eq!(held, (0, until), "attempts before the first claim, and until when it holds");

    world.clock().set(Timestamp::from_micros(until.as_micros() - 1));
    assert_eq!(claim(&world, "b", 1).await, vec![], "a microsecond before the claim runs out");
    world.clock().set(until);
    let id = first[0].message.id;
    assert!(!acknowledge(&world, "a", id).await, "acknowledging under a claim that has run out");
    let second = claim(&world, "b", 1).await;
    assert_eq!(second.first().map(|claimed| (claimed.message.id, claimed.attempts)), Some((id, 1)), "the second claim");

    for who in ["a", "c"] {
        let word = (
            acknowledge(&world, who, id).await,
            retry(&world, who, id, Duration::ZERO).await,
            bury(&world, who, id).await,
        );
        assert_eq!(word, (false, false, false), "what {who}, who does not hold the message, may say of it");
    }
    assert!(acknowledge(&world, "b", id).await, "the holder acknowledges");
    assert!(!acknowledge(&world, "b", id).await, "and cannot do so twice");
    assert_eq!(backlog(&world).await, 1, "messages that wait: the order's second");
}

pub(super) async fn a_retry_comes_back_after_its_delay(world: World) {
    cancelled_orders(&world, 1).await;
    let delay = Duration::from_secs(5);
    for attempt in 0..3 {
        let claimed = claim(&world, "a", 10).await;
        let found: Vec<_> =
            claimed.iter().map(|claimed| (claimed.message.event.sequence(), claimed.attempts)).collect();
        assert_eq!(found, vec![(1, attempt)], "sequence and earlier attempts of what is handed out");
        let id = claimed[0].message.id;
        assert!(retry(&world, "a", id, delay).await, "the holder asks for a retry");
        assert!(!acknowledge(&world, "a", id).await, "and then holds it no more");
        let due = world.now().plus(delay);
        world.clock().set(Timestamp::from_micros(due.as_micros() - 1));
        assert_eq!(claim(&world, "a", 10).await, vec![], "a microsecond before the retry is due");
        world.clock().set(due);
    }
    assert_eq!(backlog(&world).await, 2, "messages that wait");
}

pub(super) async fn a_buried_message_is_in_the_way_of_nothing(world: World) {
    let orders = cancelled_orders(&world, 1).await;
    let id = claim(&world, "a", 10).await[0].message.id;
    assert!(bury(&world, "a", id).await, "the holder buries the message");
    assert!(!bury(&world, "a", id).await, "and cannot do so twice");

    let letters = sound(world.store().dead_letters(&DeadLetterFilter::default(), PageRequest::first(10)).await).items;
    assert_eq!(letters.len(), 1, "dead letters");
    let (letter, now) = (&letters[0], world.now());
    let found = (letter.message.id, letter.attempts, letter.last_error.as_str(), letter.buried_at);
    assert_eq!(found, (id, 1, "no such address", now), "the dead letter's message, attempts, error and time");
    assert_eq!(backlog(&world).await, 1, "messages that wait, the dead one aside");

    let next = claim(&world, "a", 10).await;
    assert_eq!(heads(&next), vec![(orders[0], 2)], "what comes after the buried one");
    world.wait(HOLD * 10);
    let again = claim(&world, "b", 10).await;
    assert_eq!(heads(&again), vec![(orders[0], 2)], "the buried one does not come back");
}

pub(super) async fn the_longest_waiting_goes_first(world: World) {
    let variant = world.variant(1_000, 1_000).await;
    let customer = world.customer().await;
    let mut orders = Vec::new();
    for _ in 0..6 {
        orders.push((world.place(customer, basket(&[(variant, 1)])).await.id, 1));
        world.wait(Duration::from_secs(1));
    }
    assert_eq!(heads(&claim(&world, "a", 4).await), orders[..4], "the first four");
    assert_eq!(heads(&claim(&world, "b", 4).await), orders[4..], "the rest");
}

pub(super) async fn a_message_is_there_when_its_command_is_answered(world: World) {
    const TASKS: usize = 16;
    let variant = world.variant(1_000, 1_000).await;
    let customers = Arc::new(world.customers(TASKS, 1).await);
    let seen = world
        .race(TASKS, |world: World, n: usize| {
            let customers = Arc::clone(&customers);
            async move {
                let order = world.place(customers[n], basket(&[(variant, 1)])).await;
                // By now it is in the outbox, claimed by this task or by another one.
                (order.id, claim(&world, &format!("relay-{n}"), 100).await)
            }
        })
        .await;
    let told: BTreeSet<OrderId> = seen.iter().flat_map(|(_, claimed)| heads(claimed)).map(|(order, _)| order).collect();
    let placed: BTreeSet<OrderId> = seen.iter().map(|(order, _)| *order).collect();
    assert_eq!(told, placed, "orders told of, against orders placed");
}
