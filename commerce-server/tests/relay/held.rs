//! Transactions of an embedder's own, which are held open while everybody else goes on.

use std::sync::Arc;

use commerce_core::conformance::{World, basket};
use commerce_core::{
    Clock, CustomerId, ManualClock, Order, Outcome, PayOrder, PaymentMethod, PlaceOrder, Principal, Shop, VariantId,
};
use commerce_store_postgres::{Config, PostgresStore};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use crate::receiver::Receiver;
use crate::shop::{AtWork, orders, rush, transitions, until_delivered, webhook};
use crate::stores::database;

struct Held<'c> {
    transaction: Transaction<'c, Postgres>,
    order: Arc<Order>,
}

/// Has placed and paid an order, and not committed it.
async fn hold<'c>(
    store: &PostgresStore,
    world: &World,
    (customer_id, variant): (CustomerId, VariantId),
    connection: &'c mut PgConnection,
) -> Held<'c> {
    let who = Principal::Customer(customer_id);
    let mut transaction = connection.begin().await.expect("a transaction");
    let place = PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment: None };
    let placed = store.execute_in(&mut transaction, world.envelope(&who, place)).await.expect("an order");
    let Outcome::Order(order) = placed.outcome else { panic!("not an order: {placed:?}") };
    let pay = PayOrder { order_id: order.id, method: PaymentMethod::Wallet };
    store.execute_in(&mut transaction, world.envelope(&who, pay)).await.expect("a payment");
    Held { transaction, order }
}

/// Messages of a transaction that is still open are older, by their ids and by the clock, than what is distributed and
/// delivered meanwhile. They arrive all the same once it commits; those of one that rolls back never do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_held_open_is_not_skipped() {
    let database = database().await;
    let clock = Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")));
    let config = Config::new(&database.url, Shop::default()).expect("its URL");
    let config = config.with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let store = Arc::new(PostgresStore::open(config).await.expect("the store"));
    let mut connections = Vec::new();
    for _ in 0..2 {
        connections.push(PgConnection::connect(&database.url).await.expect("a connection"));
    }
    let [first, second] = &mut connections[..] else { panic!("two connections") };
    let world = World::over(Arc::clone(&store) as Arc<_>, clock, Arc::new(()));
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let sinks = [("books", webhook(&receiver))];
    let relays = ["a", "b"].map(|who| AtWork::start(&world, who, 100, &sinks));

    let mut shops = Vec::new();
    for _ in 0..2 {
        shops.push((world.customer_with(1_000).await, world.variant(1_000, 1).await));
    }
    let kept = hold(&store, &world, shops[0], first).await;
    let lost = hold(&store, &world, shops[1], second).await;
    for round in 1..=3 {
        world.wait(std::time::Duration::from_secs(60));
        rush(&world, 8).await;
        until_delivered(&world, &["books"]).await;
        let (taken, committed) = (receiver.taken().len(), transitions(&world).await);
        assert_eq!(taken, committed, "what others committed meanwhile, in round {round}");
    }
    assert_eq!(receiver.read_model(), orders(&world).await);
    let told = |order: &Order| receiver.read_model().get(&order.id.to_string()).map(|order| order["status"].clone());
    assert_eq!((told(&kept.order), told(&lost.order)), (None, None), "what is held open");

    kept.transaction.commit().await.expect("committed");
    lost.transaction.rollback().await.expect("rolled back");
    rush(&world, 8).await;
    until_delivered(&world, &["books"]).await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!((told(&kept.order), told(&lost.order)), (Some("paid".into()), None), "what was held open");
    // A consumer that leaves out what it has seen has the store's orders, each of whose events came in sequence.
    assert_eq!(receiver.read_model(), orders(&world).await);
    let name = kept.order.id.to_string();
    let events = receiver.taken().into_iter().filter(|event| event["subject"] == name.as_str());
    let sequences: Vec<_> = events.map(|event| event["data"]["sequence"].as_u64()).collect();
    assert_eq!(sequences, [Some(1), Some(2)], "the events of the order that was held open");
    assert_eq!(receiver.taken().len(), transitions(&world).await, "each came once");
    assert_eq!(commerce_core::reconcile(world.store()).await.expect("a report").drifts, []);
}
