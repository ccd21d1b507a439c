//! Events reach an HTTP receiver: all of them, in sequence per order, whatever fails on the way.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

mod away;
#[cfg(any(feature = "kafka", feature = "nats", feature = "redis"))]
mod brokers;
#[path = "../stores/each.rs"]
mod each;
mod held;
mod managed;
#[cfg(feature = "nats")]
#[path = "../servers/nats.rs"]
mod nats;
mod news;
mod processes;
mod pruning;
mod receiver;
mod schema;
#[cfg(any(feature = "nats", feature = "redis"))]
#[path = "../servers/mod.rs"]
mod servers;
mod shop;
#[path = "../stores/mod.rs"]
mod stores;
#[cfg(feature = "tls")]
mod tls;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::conformance::{World, basket};
use commerce_core::{ClaimRequest, DeadLetterFilter, Holder, PageRequest};
use commerce_server::sink::{Outgoing, Sink, Word};
use tokio::sync::Semaphore;

use crate::each::on_every_store;
use crate::receiver::Receiver;
use crate::shop::{AtWork, HOLD, named, orders, rush, status, transitions, until, until_delivered, webhook};

/// Two relays race for two receivers, one of which fails at every third call, while customers race for stock.
async fn everything_arrives_in_sequence(world: World) {
    let (sound, moody) = (
        Receiver::start(|_, _| Some(204)).await,
        Receiver::start(|n, _| Some(if n.is_multiple_of(3) { 503 } else { 200 })).await,
    );
    let sinks = [("sound", webhook(&sound)), ("moody", webhook(&moody))];
    let relays = ["a", "b"].map(|who| AtWork::start(&world, who, 100, &sinks));
    until(&world, async || status(&world, "moody").await.is_some() && status(&world, "sound").await.is_some()).await;
    let ids = rush(&world, 24).await;
    assert!(!ids.is_empty());
    until_delivered(&world, &["sound", "moody"]).await;
    for relay in relays {
        relay.stop().await;
    }
    let (expected, transitions) = (orders(&world).await, transitions(&world).await);
    assert!(transitions > 24, "{transitions}");
    for receiver in [&sound, &moody] {
        assert_eq!(receiver.read_model(), expected);
        let taken = receiver.taken();
        let ids: BTreeSet<String> = taken.iter().map(|event| event["id"].to_string()).collect();
        // Nothing was refused after it was taken, and no claim ran out: each came once.
        assert_eq!((taken.len(), ids.len()), (transitions, transitions));
    }
    assert!(moody.calls() > transitions, "no call failed");
    assert_eq!(commerce_core::reconcile(world.store()).await.expect("a report").drifts, []);
}

/// Delivers, and then never says so.
struct Mute(Arc<dyn Sink>, Semaphore);

#[async_trait]
impl Sink for Mute {
    fn at_once(&self) -> usize {
        self.0.at_once()
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        self.0.deliver(events).await;
        self.1.add_permits(1);
        std::future::pending().await
    }
}

/// A relay that dies between sending and marking sends again what it sent, and nothing is lost.
async fn a_relay_that_dies_only_duplicates(world: World) {
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let mute = Arc::new(Mute(webhook(&receiver), Semaphore::new(0)));
    let killed = AtWork::start(&world, "killed", 100, &[("books", Arc::clone(&mute) as Arc<dyn Sink>)]);
    until(&world, async || status(&world, "books").await.is_some()).await;
    rush(&world, 12).await;
    drop(mute.1.acquire().await.expect("something was sent"));
    killed.kill().await;
    let sent = receiver.taken().len();
    assert!(sent > 0);

    // Until the claims of the dead one run out, what it held is nobody else's.
    world.wait(HOLD);
    let successor = AtWork::start(&world, "successor", 100, &[("books", webhook(&receiver))]);
    until_delivered(&world, &["books"]).await;
    successor.stop().await;
    let (taken, transitions) = (receiver.taken().len(), transitions(&world).await);
    assert_eq!(taken, transitions + sent, "what was sent by the dead one came twice");
    assert_eq!(receiver.read_model(), orders(&world).await);
}

/// What fails once too often becomes a dead letter, holds nothing back, and is delivered when it is replayed.
async fn what_always_fails_is_given_up(world: World) {
    let mended = Arc::new(AtomicUsize::new(0));
    let variant = world.variant(1_000, 100).await;
    let customer = world.customer().await;
    let hated = world.place(customer, basket(&[(variant, 1)])).await;
    let (name, now_mended) = (hated.id.to_string(), Arc::clone(&mended));
    let receiver = Receiver::start(move |_, event| {
        let fails = event["subject"] == name.as_str() && event["data"]["sequence"] == 1;
        Some(if fails && now_mended.load(Ordering::SeqCst) == 0 { 500 } else { 200 })
    })
    .await;
    world.cancel(&hated).await;
    let other = world.place(customer, basket(&[(variant, 1)])).await;
    let relay = AtWork::start(&world, "a", 4, &[("books", webhook(&receiver))]);
    until_delivered(&world, &["books"]).await;
    let any = DeadLetterFilter::default();
    let letters = world.store().dead_letters(&any, PageRequest::first(10)).await.expect("dead letters").items;
    assert_eq!(letters.len(), 1);
    let told = (letters[0].message.event.sequence(), letters[0].attempts, letters[0].last_error.as_str());
    assert_eq!(told, (1, 4, "answered with status 500 Internal Server Error"));
    let taken: Vec<_> = receiver.taken().iter().map(|event| event["type"].to_string()).collect();
    assert_eq!(
        BTreeSet::from_iter(taken),
        BTreeSet::from(["\"order.cancelled.v1\"", "\"order.placed.v1\""].map(str::to_owned))
    );
    assert_eq!(receiver.calls(), 4 + 2, "attempts at the dead one, and at the others");

    mended.store(1, Ordering::SeqCst);
    assert_eq!(world.store().replay(&any, 10).await, Ok(1));
    until_delivered(&world, &["books"]).await;
    relay.stop().await;
    let subjects: Vec<_> = receiver.taken().iter().map(|event| event["subject"].to_string()).collect();
    assert_eq!(subjects.len(), 3);
    assert!(subjects.contains(&format!("\"{}\"", other.id)));
    assert_eq!(receiver.taken().last().map(|event| event["data"]["sequence"].clone()), Some(1.into()));
}

/// Takes one at a time, and only when it is let.
struct Narrow {
    begun: Semaphore,
    let_go: Semaphore,
}

#[async_trait]
impl Sink for Narrow {
    fn at_once(&self) -> usize {
        1
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        self.begun.add_permits(1);
        self.let_go.acquire().await.expect("open").forget();
        vec![Ok(()); events.len()]
    }
}

/// A relay that is told to stop finishes what it is at and hands the rest of its claims back, as if never made.
async fn a_relay_that_stops_hands_its_claims_back(world: World) {
    let variant = world.variant(1_000, 100).await;
    let customer = world.customer().await;
    for _ in 0..10 {
        world.place(customer, basket(&[(variant, 1)])).await;
    }
    let narrow = Arc::new(Narrow { begun: Semaphore::new(0), let_go: Semaphore::new(0) });
    let relay = AtWork::start(&world, "a", 100, &[("books", Arc::clone(&narrow) as Arc<dyn Sink>)]);
    narrow.begun.acquire().await.expect("open").forget();
    let stopping = tokio::spawn(relay.stop());
    while !stopping.is_finished() {
        // It hears of that before it has an answer to what it is at.
        tokio::time::sleep(Duration::from_millis(50)).await;
        narrow.let_go.add_permits(1);
    }
    let left = status(&world, "books").await.map_or(0, |status| status.backlog);
    assert!(0 < left && left < 10, "{left}");
    let holder = Holder { sink: named("books"), owner: "b".parse().expect("an owner") };
    let claimed = world.store().claim(ClaimRequest { holder, limit: 10, hold: HOLD }).await.expect("a claim");
    let attempts: Vec<u32> = claimed.iter().map(|claimed| claimed.attempts).collect();
    assert_eq!(attempts, vec![0; usize::try_from(left).expect("few")], "attempts at what was handed back");
}

/// A sink that never answers keeps only itself waiting.
async fn a_slow_sink_holds_no_other_back(world: World) {
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let narrow = Arc::new(Narrow { begun: Semaphore::new(0), let_go: Semaphore::new(0) });
    let sinks = [("slow", Arc::clone(&narrow) as Arc<dyn Sink>), ("quick", webhook(&receiver))];
    let relay = AtWork::start(&world, "a", 100, &sinks);
    until(&world, async || status(&world, "slow").await.is_some() && status(&world, "quick").await.is_some()).await;
    rush(&world, 8).await;
    until_delivered(&world, &["quick"]).await;
    assert_eq!(receiver.read_model(), orders(&world).await);
    let waiting = status(&world, "slow").await.map(|status| status.backlog);
    assert_eq!(waiting, Some(transitions(&world).await as u64));
    narrow.let_go.add_permits(1_000);
    until_delivered(&world, &["slow"]).await;
    relay.stop().await;
}

on_every_store!(
    everything_arrives_in_sequence,
    a_relay_that_dies_only_duplicates,
    what_always_fails_is_given_up,
    a_relay_that_stops_hands_its_claims_back,
    a_slow_sink_holds_no_other_back,
);
