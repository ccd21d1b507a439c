//! Rows that somebody else keeps locked, connections that are dead without a word, and who has to wait for them.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use commerce_core::conformance::{World, basket, krw, operator};
use commerce_core::{
    CustomerId, Deposit, Envelope, Error, PaymentMethod, PlaceOrder, Principal, RegisterCustomer, Store, StoreError,
    UpdateProduct,
};
use commerce_store_postgres::PostgresStore;
use commerce_store_postgres_testkit::Fate;
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::harness::{Backstage, assert_sound, database, insist, open_at, proxied, world};

fn deposit(world: &World, customer_id: CustomerId) -> Envelope {
    world.envelope(&operator(), Deposit { customer_id, amount: krw(1), memo: None })
}

fn is_unavailable<T>(told: &Result<T, Error>) -> bool {
    matches!(told, Err(Error::Store(StoreError::Unavailable { .. })))
}

/// Somebody keeps one customer's wallet. Who is in a batch with that customer is served all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_row_that_is_kept_locked_fails_those_who_need_it_alone() {
    let database = database().await;
    let store = open_at(&database.url, |config| (config.lanes, config.deadline) = (1, Duration::from_secs(8))).await;
    let world = world(&store);
    let mut customers = Vec::new();
    for _ in 0..40 {
        customers.push(world.customer_with(10).await);
    }
    let kept = customers[17];
    let mut other = Backstage::at(&database.url).await;
    other.run(&format!("begin; select 1 from wallets where customer_id = {} for update", kept.get())).await;
    let wanted: Vec<CustomerId> = customers.iter().copied().chain([kept]).collect();
    let envelopes: Vec<Envelope> = wanted.iter().map(|customer| deposit(&world, *customer)).collect();
    // The lane is taken until all of them wait for it.
    let before = customers[0];
    let mut others = Backstage::at(&database.url).await;
    others.run(&format!("begin; select 1 from wallets where customer_id = {} for update", before.get())).await;
    let first = tokio::spawn({
        let (store, envelope) = (Arc::clone(&store), deposit(&world, before));
        async move { store.execute(envelope).await.map(drop) }
    });
    others.until_blocked(1).await;
    let batches = store.stats().batches;
    let mut told = pin!(join_all(envelopes.iter().map(|envelope| store.execute(envelope.clone()))));
    assert!(told.as_mut().now_or_never().is_none());
    others.run("rollback").await;
    let told = told.await;
    first.await.unwrap().unwrap();
    for (customer, told) in wanted.iter().zip(&told) {
        assert_eq!(is_unavailable(told), *customer == kept, "{told:?}");
    }
    // They were one batch, and it was not taken apart into one transaction each.
    let stats = store.stats();
    assert!(stats.split == 1 && stats.batches - batches < 20, "{stats:?}");
    other.run("rollback").await;
    for (envelope, told) in envelopes.iter().zip(told) {
        let again = store.execute(envelope.clone()).await.unwrap();
        assert_eq!(again.replayed, told.is_ok());
    }
    assert_eq!(world.balance(kept).await, 10 + 2);
    assert_sound(&store).await;
}

/// Two processes sell one thing as fast as they can. An operator changes its price all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_two_processes_sell_can_be_repriced() {
    let database = database().await;
    let stores = [open_at(&database.url, |_| {}).await, open_at(&database.url, |_| {}).await];
    let world = world(&stores[0]);
    let listing = world.product(1, &[1_000_000]).await;
    let (product, variant) = (listing.product.id, listing.variants[0].variant.id);
    let mut customers = Vec::new();
    for _ in 0..32 {
        customers.push(world.customer_with(1_000_000).await);
    }
    let (sold, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let crowd: Vec<_> = (0..64)
        .map(|n| {
            let (world, store, customer) = (world.clone(), Arc::clone(&stores[n % 2]), customers[n / 2]);
            let (sold, done) = (Arc::clone(&sold), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    let order = PlaceOrder {
                        customer_id: customer,
                        basket: basket(&[(variant, 1)]),
                        payment: Some(PaymentMethod::Wallet),
                    };
                    let envelope = world.envelope(&Principal::Customer(customer), order);
                    insist(&store, &envelope).await.unwrap();
                    sold.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    while sold.load(Ordering::SeqCst) < 200 {
        tokio::task::yield_now().await;
    }
    let mut told = Vec::new();
    for price in 2..5 {
        let change = UpdateProduct {
            product_id: product,
            expected_version: None,
            name: None,
            base_price: Some(krw(price)),
            status: None,
        };
        told.push(stores[1].execute(world.envelope(&operator(), change)).await.map(|_| ()));
    }
    done.store(true, Ordering::SeqCst);
    for seller in crowd {
        seller.await.unwrap();
    }
    assert_eq!(told, [Ok(()), Ok(()), Ok(())]);
    assert_sound(&stores[0]).await;
}

/// Two processes register the same customers, each beginning at the other's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_names_in_another_order_wait_in_one_direction() {
    let database = database().await;
    let stores = [open_at(&database.url, |_| {}).await, open_at(&database.url, |_| {}).await];
    let world = world(&stores[0]);
    for round in 0..30 {
        let register = |store: &Arc<PostgresStore>, n: usize| {
            let (username, name) = (format!("r{round}-{n}").parse().unwrap(), "Somebody".parse().unwrap());
            let envelope = world.envelope(&operator(), RegisterCustomer { customer_id: None, username, name });
            let store = Arc::clone(store);
            async move { store.execute(envelope).await.is_ok() }
        };
        let there = join_all((0..40).map(|n| register(&stores[0], n)));
        let back = join_all((0..40).rev().map(|n| register(&stores[1], n)));
        let (there, back) = tokio::join!(there, back);
        let registered = there.iter().zip(back.iter().rev()).filter(|(one, other)| *one ^ *other).count();
        assert_eq!(registered, 40, "round {round}: each of them once");
    }
    let contended: u64 = stores.iter().map(|store| store.stats().contended).sum();
    assert_eq!(contended, 0, "deadlocks");
}

/// A server that only reads now, and connections that died without a word: another connection is made in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_of_no_more_use_is_replaced_in_time() {
    let (database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| (config.lanes, config.deadline) = (1, Duration::from_secs(6))).await;
    let world = world(&store);
    let customer = world.customer_with(1).await;
    for fate in [Fate::Refuse("25006"), Fate::Refuse("26000"), Fate::Stall] {
        let met = AtomicUsize::new(0);
        let once = fate.clone();
        proxy.follow(move |message| match message.statement {
            "begin" if met.fetch_add(1, Ordering::SeqCst) == 0 => once.clone(),
            _ => Fate::Pass,
        });
        let told = store.execute(deposit(&world, customer)).await;
        assert!(told.is_ok(), "{fate:?}: {told:?}");
    }
    assert_eq!(world.balance(customer).await, 1 + 3);
    Backstage::at(&database.url).await.until_quiet().await;
    assert_sound(&store).await;
}

/// A lane that is stuck for longer than anybody waits for a turn: who waited hears so, and what was withdrawn is not done
/// afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_waits_too_long_for_a_turn_hears_so_and_nothing_happens() {
    let (_database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| (config.lanes, config.deadline) = (1, Duration::from_secs(2))).await;
    let world = world(&store);
    let (customer, stranger) = (world.customer_with(1).await, world.customer_with(1).await);
    // Its commit is on its way for ever, and so is every try to find out what became of it.
    let is_stuck = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&is_stuck);
    proxy.follow(move |message| {
        if message.statement != "commit" {
            return Fate::Pass;
        }
        tell.store(true, Ordering::SeqCst);
        Fate::Stall
    });
    let (first, behind) = (deposit(&world, customer), deposit(&world, stranger));
    let stuck = tokio::spawn({
        let (store, first) = (Arc::clone(&store), first.clone());
        async move { store.execute(first).await }
    });
    while !is_stuck.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    let told = store.execute(behind.clone()).await;
    assert!(is_unavailable(&told), "{told:?}");
    drop(stuck.await.unwrap());
    proxy.follow(|_| Fate::Pass);
    insist(&store, &first).await.unwrap();
    assert_eq!((world.balance(customer).await, world.balance(stranger).await), (2, 1));
    assert!(!insist(&store, &behind).await.unwrap().replayed, "what was withdrawn had not been done");
    assert_sound(&store).await;
}
