//! The read models end with exactly the store's orders, whatever comes twice.

#![expect(clippy::expect_used, reason = "tests fail by panicking, in their helpers too")]

#[cfg(feature = "redis")]
#[path = "../../commerce-server/tests/servers/mod.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod servers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use commerce_core::conformance::{World, basket};
use commerce_core::{Clock, ManualClock, PageRequest, Shop};
use commerce_examples::read_model::{Applied, ReadModel, Refused};
use commerce_examples::webhook::{Receiver, Secret, serve};
use commerce_server::gateway::signature::WebhookSecret;
use commerce_server::sink::Sink;
use commerce_server::sink::webhook::{Endpoint, Webhook};
use commerce_server::wire;
use commerce_server::work::relay::{Backoff, Relay, Settings};
use commerce_store_memory::MemoryStore;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn shop() -> World {
    let clock = Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")));
    let store = MemoryStore::with_clock(Shop::default(), Arc::clone(&clock) as Arc<dyn Clock>);
    let world = World::over(Arc::new(store), clock, Arc::new(()));
    let variant = world.variant(1_000, 50).await;
    for customer in world.customers(20, 10_000).await {
        let order = world.place(customer, basket(&[(variant, 2)])).await;
        world.pay(&order).await;
        let other = world.place(customer, basket(&[(variant, 1)])).await;
        if customer.get() % 2 == 0 {
            world.cancel(&other).await;
        }
        if world.on_hand(variant).await < 3 {
            break;
        }
    }
    world
}

async fn orders(world: &World) -> BTreeMap<String, Value> {
    let facts = world.store().order_facts(PageRequest::first(1_000)).await.expect("the orders");
    let shown = |order: &commerce_core::Order| {
        (order.id.to_string(), serde_json::to_value(wire::order::Order::from(order)).expect("JSON"))
    };
    facts.iter().map(|facts| shown(&facts.order)).collect()
}

/// Delivers everything to the sink.
async fn deliver(world: &World, sink: Arc<dyn Sink>) {
    let settings = Settings {
        owner: "test".parse().expect("an owner"),
        source: "/shop".to_owned(),
        batch: 16,
        hold: Duration::from_secs(3_600),
        poll: Duration::from_millis(1),
        attempts: 10,
        backoff: Backoff { first: Duration::from_millis(1), most: Duration::from_millis(1) },
    };
    let relay = Relay::new(Arc::clone(world.commerce().store()), settings, Arc::default());
    let name = "model".parse().expect("a name");
    let delivered = async {
        loop {
            let sinks = world.store().sinks().await.expect("sinks");
            let waiting = world.store().backlog().await.expect("a count");
            if sinks.first().is_some_and(|sink| sink.backlog + waiting == 0) {
                return;
            }
            world.wait(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    relay.run(vec![(name, sink)], delivered).await;
}

fn known(model: &ReadModel) -> BTreeMap<String, Value> {
    model.orders().iter().map(|(id, known)| (id.clone(), known.order.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_keeps_the_stores_orders() {
    let world = shop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/events", listener.local_addr().expect("an address"));
    let receiver = Receiver::new(Secret::parse(SECRET).expect("a secret"));
    let service = tokio::spawn(serve(listener, Arc::clone(&receiver), std::future::pending()));
    let endpoint = |secret: &str| Endpoint {
        url: url.parse().expect("a URL"),
        secrets: vec![WebhookSecret::parse(secret).expect("a secret")],
        patience: Duration::from_secs(60),
        allow_private: true,
    };
    deliver(&world, Arc::new(Webhook::new(endpoint(SECRET)).expect("an endpoint"))).await;
    let expected = orders(&world).await;
    assert_eq!(known(&receiver.model()), expected);
    assert!(receiver.model().orders().len() > 20);
    service.abort();
}

#[test]
fn what_was_seen_is_left_out_and_what_is_missing_is_waited_for() {
    let event = |sequence: u64| {
        let data = json!({ "sequence": sequence, "order": { "status": sequence } });
        json!({ "id": sequence.to_string(), "type": "order.paid.v1", "subject": "7", "data": data }).to_string()
    };
    let mut model = ReadModel::default();
    // Each with the place of the order's last one, and how many wait, after it.
    for (sequence, expected) in [
        (1, (Applied::New, 1, 0)),
        (1, (Applied::Seen, 1, 0)),
        (2, (Applied::New, 2, 0)),
        (1, (Applied::Seen, 2, 0)),
        (4, (Applied::Held, 2, 1)),
        (7, (Applied::Held, 2, 2)),
        (5, (Applied::Held, 2, 3)),
        (4, (Applied::Held, 2, 3)),
        (3, (Applied::New, 5, 1)),
        (4, (Applied::Seen, 5, 1)),
        (6, (Applied::New, 7, 0)),
    ] {
        let (_, applied) = model.apply(event(sequence).as_bytes()).expect("an event");
        let held = model.held().get("7").map_or(0, BTreeMap::len);
        assert_eq!((applied, model.orders()["7"].sequence, held), expected, "event {sequence}");
    }
    assert!(model.held().is_empty());
    let books = json!({ "id": "8", "type": "books.drifted.v1", "subject": "8", "data": { "count": 1 } }).to_string();
    assert!(matches!(model.apply(books.as_bytes()), Ok((_, Applied::Other))));
    assert!(matches!(model.apply(b"{}"), Err(Refused::Unreadable(_))));
    assert_eq!(model.orders()["7"].order["status"], 7);
}

#[cfg(feature = "redis")]
mod redis {
    use std::cell::Cell;

    use commerce_examples::redis_stream::follow;
    use commerce_server::sink::redis::{RedisStream, Stream};
    use tokio::sync::Notify;

    use super::*;
    use crate::servers;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_follower_of_redis_keeps_the_stores_orders() {
        let redis = servers::redis::Redis::start().await;
        let world = shop().await;
        let stream = || Stream { key: "commerce:events".to_owned(), length: None, patience: Duration::from_secs(60) };
        let sink = Arc::new(RedisStream::new(&redis.url(), stream()).expect("a sink"));
        deliver(&world, sink).await;
        let facts = world.store().order_facts(PageRequest::first(1_000)).await.expect("the orders");
        let transitions: usize = facts.iter().map(|facts| facts.events.len()).sum();

        let (mut model, count, done) = (ReadModel::default(), Cell::new(0), Notify::new());
        let tell = |_: &_, _| {
            count.set(count.get() + 1);
            if count.get() == transitions {
                done.notify_one();
            }
        };
        follow(&redis.url(), "commerce:events", &mut model, tell, done.notified()).await.expect("events");
        assert_eq!(known(&model), orders(&world).await);
    }
}
