//! A database that is away: `Unavailable` meanwhile, and everything as before when it is back, by itself.

use std::sync::Arc;

use commerce_core::conformance::{World, krw, operator};
use commerce_core::store::Wallets;
use commerce_core::{Audit, CustomerId, Deposit, Envelope, Error, PageRequest, Store, StoreError};
use commerce_store_postgres::PostgresStore;

use crate::harness::{Backstage, assert_sound, durable, insist, open_at, proxied, world};

fn deposit(world: &World, customer_id: CustomerId, won: i64) -> Envelope {
    world.envelope(&operator(), Deposit { customer_id, amount: krw(won), memo: None })
}

/// Uses every connection that the store may have, at once.
async fn crowd(store: &Arc<PostgresStore>, world: &World, customer: CustomerId, done: bool) {
    let mut tasks = Vec::new();
    for n in 0..60 {
        let (store, envelope) = (Arc::clone(store), deposit(world, customer, 1));
        tasks.push(tokio::spawn(async move {
            match n % 2 {
                0 => store.execute(envelope).await.map(|_| ()).map_err(|error| match error {
                    Error::Store(error) => error,
                    Error::Rejected(reason) => panic!("{reason:?}"),
                }),
                _ => match store.order_facts(PageRequest::first(1)).await {
                    Ok(_) => store.wallets(customer).await.map(|_| ()),
                    Err(error) => Err(error),
                },
            }
        }));
    }
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => assert!(done),
            Err(StoreError::Unavailable { .. }) => assert!(!done),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// The first request after the database's return is answered: nothing waits for a timer, and a connection that died
/// meanwhile costs nobody an error. Afterwards there are as many connections as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_comes_back_serves_the_first_request_and_no_connection_leaks() {
    let (database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |_| {}).await;
    let world = world(&store);
    let customer = world.customer_with(1).await;
    let mut backstage = Backstage::at(&database.url).await;
    let lanes_and_pools = 2 + 8 + 4;
    for round in 0..5 {
        crowd(&store, &world, customer, true).await;
        assert!(backstage.sessions("true").await <= lanes_and_pools);
        // Cut while idle, and back at once: nobody noticed yet.
        proxy.sever();
        assert!(store.wallets(customer).await.is_ok(), "round {round}");
        assert!(store.order_facts(PageRequest::first(1)).await.is_ok(), "round {round}");
        assert!(store.execute(deposit(&world, customer, 1)).await.is_ok(), "round {round}");
        // Away for a while, noticed by many.
        proxy.go_away();
        crowd(&store, &world, customer, false).await;
        backstage.until_sessions("true", 0).await;
        assert_eq!(proxy.connections(), 0);
        proxy.heal();
        assert!(store.execute(deposit(&world, customer, 1)).await.is_ok(), "round {round}");
        assert!(store.wallets(customer).await.is_ok(), "round {round}");
    }
    assert_eq!(world.balance(customer).await, 1 + 5 * (30 + 2));
    backstage.until_quiet().await;
    assert!(backstage.sessions("true").await <= lanes_and_pools);
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_killed_is_unavailable_and_comes_back_by_itself() {
    let (cluster, url) = durable().await;
    let store = open_at(&url, |_| {}).await;
    let world = world(&store);
    let customer = world.customer_with(1).await;
    cluster.kill().unwrap();
    let envelope = deposit(&world, customer, 5);
    let refused = store.execute(envelope.clone()).await;
    assert!(matches!(refused, Err(Error::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    assert!(matches!(store.wallets(customer).await, Err(StoreError::Unavailable { .. })));
    cluster.resume().unwrap();
    insist(&store, &envelope).await.unwrap();
    assert_eq!(world.balance(customer).await, 6);
    assert_sound(&store).await;
}
