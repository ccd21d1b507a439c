//! Pruning: what is over is forgotten, and nothing else.

use std::time::Duration;

use super::outbox::{HOLD, cancelled_orders, holder};
use super::world::sound;
use super::{World, krw, operator};
use crate::command::{Deposit, RegisterCustomer};
use crate::event::{ClaimRequest, ClaimedMessage, DeadLetterFilter};
use crate::ids::{CustomerId, MessageId};
use crate::reconcile::reconcile;
use crate::store::{Envelope, PageRequest};
use crate::text::{Name, Username};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

async fn claim(world: &World, sink: &str) -> Vec<ClaimedMessage> {
    let holder = holder(sink, "relay");
    sound(world.store().claim(ClaimRequest { holder, limit: 100, hold: HOLD }).await)
}

/// Delivers all that can be claimed for a sink, in turn; the ids.
async fn deliver(world: &World, sink: &str) -> Vec<MessageId> {
    let mut delivered = Vec::new();
    loop {
        let ids: Vec<MessageId> = claim(world, sink).await.iter().map(|claimed| claimed.message.id).collect();
        if ids.is_empty() {
            return delivered;
        }
        let done = sound(world.store().acknowledge(&holder(sink, "relay"), &ids).await);
        assert_eq!(done, ids.len() as u64, "delivered to {sink}");
        delivered.extend(ids);
    }
}

pub(super) async fn what_a_sink_awaits_is_not_pruned(world: World) {
    let store = world.store();
    for sink in ["books", "mail"] {
        assert!(sound(store.register_sink(&holder(sink, "relay").sink).await), "registering {sink}");
    }
    let orders = cancelled_orders(&world, 3).await;
    assert_eq!(sound(store.distribute(100).await), 6, "distributed");
    assert_eq!(deliver(&world, "books").await.len(), 6, "delivered to the first sink");
    let heads = claim(&world, "mail").await;
    assert_eq!(heads.len(), 3, "heads of the second sink");
    assert!(sound(store.bury(&holder("mail", "relay"), heads[0].message.id, "gone").await), "buried");
    let delivered = sound(store.acknowledge(&holder("mail", "relay"), &[heads[1].message.id]).await);
    assert_eq!(delivered, 1, "delivered to the second sink");
    world.wait(WEEK);
    let late = cancelled_orders(&world, 1).await;

    while sound(store.prune_messages(world.now(), 2).await) > 0 {}
    assert_eq!(sound(store.prune_messages(world.now(), 2).await), 0, "records to be pruned, once all were");
    assert_eq!(sound(store.backlog().await), 2, "messages that wait to be distributed, after pruning");
    let standing: Vec<_> = sound(store.sinks().await).iter().map(|sink| (sink.backlog, sink.dead_letters)).collect();
    assert_eq!(standing, vec![(0, 0), (4, 1)], "backlogs and dead letters of two sinks, after pruning");
    let facts = sound(store.order_facts(PageRequest::first(10)).await);
    let standing: Vec<_> = facts.iter().map(|facts| (facts.undelivered.len(), facts.delivered)).collect();
    assert_eq!(standing, vec![(0, 2), (0, 2), (0, 2), (2, 0)], "messages of {orders:?} and {late:?}, after pruning");

    assert_eq!(sound(store.replay(&DeadLetterFilter::default(), 10).await), 1, "replayed after pruning");
    sound(store.distribute(100).await);
    assert_eq!(deliver(&world, "mail").await.len(), 5 + 2, "delivered to the second sink, after pruning");
    assert_eq!(deliver(&world, "books").await.len(), 2, "delivered to the first sink, after pruning");
}

pub(super) async fn what_no_sink_asks_for_is_forgotten_in_time(world: World) {
    let store = world.store();
    let old = cancelled_orders(&world, 2).await;
    let instant = world.now().plus(Duration::from_secs(1));
    world.clock().set(instant);
    let new = cancelled_orders(&world, 1).await;
    world.wait(WEEK);
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(sound(store.prune_messages(instant, 3).await));
    }
    assert_eq!(counts, vec![3, 1, 0], "messages forgotten of four that no sink has asked for, three at most");
    assert_eq!(sound(store.backlog().await), 2, "messages that wait, once the old ones are forgotten");
    let facts = sound(store.order_facts(PageRequest::first(10)).await);
    let standing: Vec<_> = facts.iter().map(|facts| (facts.undelivered.len(), facts.delivered)).collect();
    assert_eq!(standing, vec![(0, 2), (0, 2), (2, 0)], "messages of {old:?} and {new:?}, once they are forgotten");
    assert_eq!(sound(reconcile(store).await).drifts, vec![], "the books, once messages are forgotten");

    // From the moment on that somebody asks for them they wait for as long as it takes.
    assert!(sound(store.register_sink(&holder("books", "relay").sink).await), "registering the first sink");
    assert_eq!(sound(store.prune_messages(world.now(), 10).await), 0, "messages forgotten that the first sink gets");
    assert_eq!(sound(store.distribute(100).await), 2, "distributed to the first sink");
    assert_eq!(sound(store.prune_messages(world.now(), 10).await), 0, "messages forgotten that the first sink has");
    assert_eq!(deliver(&world, "books").await.len(), 2, "delivered to the first sink");
}

/// Registers a customer with 10 won: two keys; and how the money was asked for.
async fn deposit(world: &World, name: &str) -> (CustomerId, Envelope) {
    let username = Username::new(name).expect("a username");
    let register = RegisterCustomer { username, name: Name::new(name).expect("a name"), customer_id: None };
    let customer = world.run(&operator(), register).await;
    let command = Deposit { customer_id: customer.id, amount: krw(10), memo: None };
    let envelope = world.envelope(&operator(), command);
    world.send(world.again(&envelope)).await;
    (customer.id, envelope)
}

pub(super) async fn old_keys_are_forgotten_and_no_others(world: World) {
    let store = world.store();
    let (old, asked_long_ago) = deposit(&world, "kim").await;
    let instant = world.now().plus(Duration::from_secs(1));
    world.clock().set(instant);
    let (new, asked) = deposit(&world, "lee").await;
    world.wait(WEEK);
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(sound(store.prune_keys(instant, 1).await));
    }
    assert_eq!(counts, vec![1, 1, 0], "keys forgotten of two that are old, one at most");
    let receipt = world.send(world.again(&asked)).await;
    assert!(receipt.replayed, "a key that was used at the instant is known");
    let receipt = world.send(world.again(&asked_long_ago)).await;
    assert!(!receipt.replayed, "a key that was used before the instant is free");
    let receipt = world.send(world.again(&asked_long_ago)).await;
    assert!(receipt.replayed, "a key that was used again is known again");
    for (customer, won) in [(old, 20), (new, 10)] {
        let wallets = sound(store.wallets(customer).await);
        assert_eq!(wallets.first().map(|wallet| wallet.balance), Some(krw(won)), "the wallet of customer {customer}");
    }
    assert_eq!(sound(store.prune_keys(instant, 100).await), 0, "keys forgotten of those that are new");
}
