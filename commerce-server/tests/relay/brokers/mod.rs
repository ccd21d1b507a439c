//! Events reach message brokers: real Redis and NATS servers of the tests' own, and, as no Kafka broker is to be had from
//! package registries, the cluster of brokers that librdkafka brings for such tests.

#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod redis;

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::conformance::World;
use commerce_server::sink::Sink;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::Mute;
use crate::receiver::read_model;
use crate::shop::{AtWork, HOLD, orders, rush, status, transitions, until, until_delivered};

/// A broker of the tests' own.
pub(crate) trait Broker {
    /// Starts it.
    async fn start() -> Self;

    /// A sink of it.
    async fn sink(&self) -> Arc<dyn Sink>;

    /// The events that it has, as they came.
    async fn events(&self) -> Vec<Value>;

    /// Makes it unreachable, like a crash; what it has, it keeps.
    fn stop(&mut self);

    /// Makes it reachable again.
    fn resume(&mut self);
}

fn ids(events: &[Value]) -> BTreeSet<String> {
    events.iter().map(|event| event["id"].to_string()).collect()
}

/// Two relays race for a broker while customers race for stock: all arrives, in sequence, once, and nothing else.
pub(crate) async fn everything_arrives_in_sequence<B: Broker>(world: World) {
    let broker = B::start().await;
    let sinks = [("broker", broker.sink().await)];
    let relays = ["a", "b"].map(|who| AtWork::start(&world, who, 100, &sinks));
    until(&world, async || status(&world, "broker").await.is_some()).await;
    rush(&world, 24).await;
    until_delivered(&world, &["broker"]).await;
    for relay in relays {
        relay.stop().await;
    }
    let (events, transitions) = (broker.events().await, transitions(&world).await);
    assert!(transitions > 24, "{transitions}");
    assert_eq!((events.len(), ids(&events).len()), (transitions, transitions));
    assert_eq!(read_model(&events), orders(&world).await);
}

/// A relay that dies between sending and marking sends again what it sent, and nothing is lost.
pub(crate) async fn a_relay_that_dies_only_duplicates<B: Broker>(world: World) {
    let broker = B::start().await;
    let mute = Arc::new(Mute(broker.sink().await, Semaphore::new(0)));
    let killed = AtWork::start(&world, "killed", 100, &[("broker", Arc::clone(&mute) as Arc<dyn Sink>)]);
    until(&world, async || status(&world, "broker").await.is_some()).await;
    rush(&world, 12).await;
    drop(mute.1.acquire().await.expect("something was sent"));
    killed.kill().await;
    let sent = broker.events().await.len();
    assert!(sent > 0);

    world.wait(HOLD);
    let successor = AtWork::start(&world, "successor", 100, &[("broker", broker.sink().await)]);
    until_delivered(&world, &["broker"]).await;
    successor.stop().await;
    let (events, transitions) = (broker.events().await, transitions(&world).await);
    assert_eq!(ids(&events).len(), transitions);
    assert!(
        events.len() <= transitions + sent,
        "{} events of {transitions}, {sent} sent by the dead one",
        events.len()
    );
    assert_eq!(read_model(&events), orders(&world).await);
}

/// A broker that is away is waited for, however long, and what happened meanwhile arrives when it is back.
pub(crate) async fn a_broker_that_was_away_gets_everything<B: Broker>(world: World) {
    let mut broker = B::start().await;
    let relay = AtWork::start(&world, "a", 1_000_000, &[("broker", broker.sink().await)]);
    until(&world, async || status(&world, "broker").await.is_some()).await;
    rush(&world, 4).await;
    until_delivered(&world, &["broker"]).await;
    broker.stop();
    rush(&world, 8).await;
    let tried = async || {
        let message = status(&world, "broker").await;
        message.is_some_and(|status| status.backlog > 0) && world.store().backlog().await == Ok(0)
    };
    until(&world, tried).await;
    broker.resume();
    until_delivered(&world, &["broker"]).await;
    relay.stop().await;
    let events = broker.events().await;
    assert_eq!(ids(&events).len(), transitions(&world).await);
    assert_eq!(read_model(&events), orders(&world).await);
}

/// Stamps the tests for a broker; the stores take turns, as what is tried is the broker.
macro_rules! on_broker {
    ($broker:ty) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn everything_arrives_in_sequence() {
            super::everything_arrives_in_sequence::<$broker>(crate::shop::postgres().await).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_relay_that_dies_only_duplicates() {
            super::a_relay_that_dies_only_duplicates::<$broker>(crate::shop::memory()).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_broker_that_was_away_gets_everything() {
            super::a_broker_that_was_away_gets_everything::<$broker>(crate::shop::memory()).await;
        }
    };
}
pub(crate) use on_broker;
