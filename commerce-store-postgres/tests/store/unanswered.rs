//! Writes outside the lanes whose answers are lost: who asked is not told that nothing happened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commerce_core::conformance::basket;
use commerce_core::store::Outbox;
use commerce_core::{ClaimRequest, Holder, Shop, StoreError};
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit::Fate;

use crate::harness::{Backstage, open_at, proxied, world};

/// What the server is told to execute.
const EXECUTE: u8 = b'E';

fn is_unknown<T>(told: &Result<T, StoreError>) -> bool {
    matches!(told, Err(StoreError::Unknown { .. }))
}

fn is_unavailable<T>(told: &Result<T, StoreError>) -> bool {
    matches!(told, Err(StoreError::Unavailable { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_lost_on_every_connection_is_unknown_and_a_read_is_unavailable() {
    let (_database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| config.announce = false).await;
    proxy.follow(|message| if message.kind == EXECUTE { Fate::Cut } else { Fate::Pass });
    let told = store.register_sink(&"books".parse().unwrap()).await;
    assert!(is_unknown(&told), "{told:?}");
    let told = store.distribute(1).await;
    assert!(is_unknown(&told), "{told:?}");
    let told = store.sinks().await;
    assert!(is_unavailable(&told), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_no_connection_took_has_not_happened() {
    let (_database, proxy) = proxied().await;
    let store = PostgresStore::open_unchecked(Config::new(proxy.url(), Shop::default()).unwrap());
    proxy.go_away();
    let told = store.register_sink(&"books".parse().unwrap()).await;
    assert!(is_unavailable(&told), "{told:?}");
}

/// The server says that it has not done what it was asked. That was the second try, and nobody knows of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_speak_for_the_try_before_it() {
    let (database, proxy) = proxied().await;
    let quiet = |config: &mut Config| (config.announce, config.deadline) = (false, Duration::from_secs(8));
    let store = open_at(proxy.url(), quiet).await;
    let world = world(&store);
    let (customer, variant) = (world.customer_with(10).await, world.variant(10, 1).await);
    world.try_buy(customer, basket(&[(variant, 1)])).await.unwrap();
    let holder = Holder { sink: "books".parse().unwrap(), owner: "relay".parse().unwrap() };
    store.register_sink(&holder.sink).await.unwrap();
    store.distribute(10).await.unwrap();
    let claim = ClaimRequest { holder: holder.clone(), limit: 1, hold: Duration::from_secs(3_600) };
    let held = [store.claim(claim).await.unwrap()[0].message.id];
    let mut other = Backstage::at(&database.url).await;
    other.run("begin; select 1 from deliveries for update").await;
    let told = store.acknowledge(&holder, &held).await;
    assert!(is_unavailable(&told), "{told:?}");
    let is_cut = AtomicBool::new(false);
    proxy.follow(move |message| match message.kind {
        EXECUTE if !is_cut.swap(true, Ordering::SeqCst) => Fate::Cut,
        _ => Fate::Pass,
    });
    let told = store.acknowledge(&holder, &held).await;
    assert!(is_unknown(&told), "{told:?}");
    other.run("rollback").await;
    assert_eq!(store.acknowledge(&holder, &held).await, Ok(1));
}
