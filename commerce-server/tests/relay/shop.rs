//! A shop on each store, relays at work for it, and how to wait for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use commerce_core::conformance::{World, basket};
use commerce_core::{ManualClock, OrderId, PageRequest, Shop, SinkName, SinkStatus};
use commerce_server::sink::Sink;
use commerce_server::sink::webhook::{Endpoint, Webhook};
use commerce_server::wire;
use commerce_server::work::Managed;
use commerce_server::work::relay::{Backoff, Relay, Settings};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::receiver::{Receiver, secret};
use crate::stores::{self, database};

/// Far longer than anything here takes, on the shop's clock.
pub(crate) const HOLD: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")))
}

pub(crate) fn memory() -> World {
    stores::memory(Shop::default(), clock())
}

pub(crate) async fn postgres() -> World {
    stores::postgres(database().await, Shop::default(), clock()).await
}

pub(crate) fn webhook(receiver: &Receiver) -> Arc<dyn Sink> {
    let endpoint = Endpoint {
        url: receiver.url.parse().expect("a URL"),
        secrets: vec![secret()],
        patience: Duration::from_secs(60),
        allow_private: true,
    };
    Arc::new(Webhook::new(endpoint).expect("an endpoint"))
}

pub(crate) fn named(name: &str) -> SinkName {
    name.parse().expect("a sink's name")
}

/// How relays go about it: they look all the time.
pub(crate) fn settings(who: &str, attempts: u32) -> Settings {
    Settings {
        owner: who.parse().expect("an owner"),
        source: "/shop".to_owned(),
        batch: 10,
        hold: HOLD,
        poll: Duration::from_millis(1),
        attempts,
        backoff: Backoff { first: Duration::from_secs(1), most: Duration::from_secs(8) },
    }
}

/// A relay at work in a task of its own.
pub(crate) struct AtWork {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl AtWork {
    pub(crate) fn start(world: &World, who: &str, attempts: u32, sinks: &[(&str, Arc<dyn Sink>)]) -> Self {
        let relay = Relay::new(Arc::clone(world.commerce().store()), settings(who, attempts), Arc::default());
        Self::run(relay, sinks)
    }

    /// One for the webhooks that operators manage.
    pub(crate) fn managing(world: &World, who: &str) -> Self {
        let (patience, refresh) = (Duration::from_secs(60), Duration::from_millis(1));
        let managed = Managed { patience, allow_private: true, refresh };
        let store = Arc::clone(world.commerce().store());
        Self::run(Relay::managing(store, settings(who, 100), Arc::default(), managed), &[])
    }

    pub(crate) fn run(relay: Arc<Relay>, sinks: &[(&str, Arc<dyn Sink>)]) -> Self {
        let sinks = sinks.iter().map(|(name, sink)| (named(name), Arc::clone(sink))).collect();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move { relay.run(sinks, async { drop(stopped.await) }).await });
        Self { stop, task }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("a relay that stops");
    }

    /// Ends it wherever it is.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.expect_err("killed").is_cancelled());
    }
}

pub(crate) async fn status(world: &World, sink: &str) -> Option<SinkStatus> {
    let sinks = world.store().sinks().await.expect("the sinks");
    sinks.into_iter().find(|status| status.name == named(sink))
}

/// Waits until something holds. The shop's clock goes on meanwhile, so that what is to be tried again is.
pub(crate) async fn until(world: &World, holds: impl AsyncFn() -> bool) {
    while !holds().await {
        world.wait(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until all is delivered to the sinks, dead letters aside.
pub(crate) async fn until_delivered(world: &World, sinks: &[&str]) {
    until(world, async || {
        let mut waiting = world.store().backlog().await.expect("a read");
        for sink in sinks {
            waiting += status(world, sink).await.map_or(1, |status| status.backlog);
        }
        waiting == 0
    })
    .await;
}

/// Orders placed, paid, cancelled and refused by racing customers; their ids.
pub(crate) async fn rush(world: &World, customers: usize) -> Vec<OrderId> {
    let variant = world.variant(1_000, 3 * customers as u64 / 2).await;
    let customers = world.customers(customers, 1_000).await;
    let shop = |world: World, n: usize| {
        let customer = customers[n];
        async move {
            let Ok(order) = world.try_place(customer, basket(&[(variant, 2)])).await else { return None };
            // It costs more than anybody has.
            assert!(world.try_pay(&order).await.is_err());
            let _ = world.try_cancel(&order).await;
            let bought = world.try_buy(customer, basket(&[(variant, 1)])).await;
            drop(bought);
            Some(order.id)
        }
    };
    world.race(customers.len(), shop).await.into_iter().flatten().collect()
}

/// Every order of the store, as the API shows it.
pub(crate) async fn orders(world: &World) -> BTreeMap<String, Value> {
    let facts = world.store().order_facts(PageRequest::first(1_000)).await.expect("the orders");
    let shown = |order: &commerce_core::Order| {
        let shown = serde_json::to_value(wire::order::Order::from(order)).expect("JSON");
        (order.id.to_string(), shown)
    };
    facts.iter().map(|facts| shown(&facts.order)).collect()
}

/// How many transitions the store has committed.
pub(crate) async fn transitions(world: &World) -> usize {
    let facts = world.store().order_facts(PageRequest::first(1_000)).await.expect("the orders");
    facts.iter().map(|facts| facts.events.len()).sum()
}
