//! Others in the way: locks, serialization failures, deadlocks, queues that are full.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use commerce_core::conformance::{World, basket, krw, operator};
use commerce_core::store::{Catalog, Orders, Wallets};
use commerce_core::{
    CancelOrder, CancelRequest, CustomerId, Deposit, Envelope, Error, GatewayStatus, OrderStatus, Outcome, PageRequest,
    Principal, ProductQuery, StartCardPayment, Store, StoreError,
};
use commerce_store_postgres::PostgresStore;
use commerce_store_postgres_testkit::Fate;
use futures_util::FutureExt;
use futures_util::future::join;

use crate::harness::{BLOCKED, Backstage, assert_sound, database, insist, open_at, proxied, world};

/// A deadline that a slow machine does not meet by itself.
const PATIENCE: Duration = Duration::from_secs(60);

fn deposit(world: &World, customer_id: CustomerId, won: i64) -> Envelope {
    world.envelope(&operator(), Deposit { customer_id, amount: krw(won), memo: None })
}

fn lock(customer: CustomerId) -> String {
    format!("select 1 from wallets where customer_id = {} for update", customer.get())
}

/// Sends a command on its way, to be waited for later.
fn sent(store: &Arc<PostgresStore>, envelope: Envelope) -> tokio::task::JoinHandle<Result<i64, Error>> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.execute(envelope).await.map(|_| 1) })
}

/// A database that works in snapshots finds two writers of one row, and fails the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_serialization_failure_is_run_again_whole() {
    let database = database().await;
    let mut backstage = Backstage::at(&database.url).await;
    let isolation = "set default_transaction_isolation = 'repeatable read'";
    backstage.run(&format!("alter database {} {isolation}", database.name)).await;
    let store = open_at(&database.url, |config| config.lanes = 1).await;
    let world = world(&store);
    let customers = [world.customer_with(1).await, world.customer_with(1).await];
    let mut other = Backstage::at(&database.url).await;
    other.run(&format!("begin; {}", lock(customers[1]))).await;
    // A batch of one that holds the lane, and two commands that wait behind it.
    let first = sent(&store, deposit(&world, customers[1], 1));
    backstage.until_blocked(1).await;
    let behind = customers.map(|customer| sent(&store, deposit(&world, customer, 5)));
    let touch = format!("update wallets set version = version where customer_id = {}", customers[1].get());
    other.run(&format!("{touch}; commit")).await;
    for task in [first].into_iter().chain(behind) {
        task.await.unwrap().unwrap();
    }
    assert!(store.stats().contended >= 1, "{:?}", store.stats());
    assert_eq!((world.balance(customers[0]).await, world.balance(customers[1]).await), (6, 7));
    assert_sound(&store).await;
}

/// Another program locks rows in another order. The database ends one of the two; it is the store's batch here, and
/// it is run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadlock_with_another_program_is_run_again_whole() {
    let database = database().await;
    let store = open_at(&database.url, |config| config.lanes = 1).await;
    let world = world(&store);
    let mut customers = [world.customer_with(1).await, world.customer_with(1).await];
    customers.sort();
    let (mut backstage, mut gate) = (Backstage::at(&database.url).await, Backstage::at(&database.url).await);
    let mut other = Backstage::at(&database.url).await;
    // Only the store looks for deadlocks, once for each wait, after the default of a second. On a machine so slow
    // that it looked too early it ends by its deadline, and the scene is played again.
    other.run("set deadlock_timeout = '10min'").await;
    let mut rounds = 0;
    while store.stats().contended == 0 {
        rounds += 1;
        assert!(rounds <= 10, "no deadlock in {rounds} rounds");
        gate.run(&format!("begin; {}", lock(customers[0]))).await;
        other.run(&format!("begin; {}", lock(customers[1]))).await;
        // The first holds the lane; those behind it become one batch, which wants both wallets in their order.
        let first = sent(&store, deposit(&world, customers[0], 1));
        backstage.until_blocked(1).await;
        let envelopes = customers.map(|customer| deposit(&world, customer, 5));
        let both = envelopes.clone().map(|envelope| sent(&store, envelope));
        gate.run("commit").await;
        first.await.unwrap().unwrap();
        backstage.until_blocked(1).await;
        other.run(&lock(customers[0])).await;
        other.run("commit").await;
        for (task, envelope) in both.into_iter().zip(envelopes) {
            drop(task.await.unwrap());
            insist(&store, &envelope).await.unwrap();
        }
    }
    assert_sound(&store).await;
    assert_eq!(world.balance(customers[0]).await, 1 + 6 * rounds);
    assert_eq!(world.balance(customers[1]).await, 1 + 5 * rounds);
}

/// A database that always refuses is asked as often as the settings say, and nothing happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_stays_in_the_way_is_unavailable_after_so_many_attempts() {
    let (database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| config.attempts = 5).await;
    let world = world(&store);
    let customer = world.customer_with(1).await;
    for (code, statement) in [("40001", "begin"), ("40P01", "begin"), ("40001", "commit"), ("40P01", "commit")] {
        let (contended, asked) = (store.stats().contended, Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        proxy.follow(move |message| {
            if message.statement != statement {
                return Fate::Pass;
            }
            count.fetch_add(1, Ordering::SeqCst);
            Fate::Refuse(code)
        });
        let envelope = deposit(&world, customer, 5);
        let told = store.execute(envelope.clone()).await;
        assert!(matches!(told, Err(Error::Store(StoreError::Unavailable { .. }))), "{told:?}");
        assert_eq!((asked.load(Ordering::SeqCst), store.stats().contended - contended), (5, 5), "{code} {statement}");
        proxy.follow(|_| Fate::Pass);
        assert_eq!(world.balance(customer).await, 1, "nothing happened");
    }
    // Refused a few times and then no more, it is done once.
    let refusals = AtomicUsize::new(0);
    proxy.follow(move |message| match message.statement {
        "commit" if refusals.fetch_add(1, Ordering::SeqCst) < 3 => Fate::Refuse("40001"),
        _ => Fate::Pass,
    });
    store.execute(deposit(&world, customer, 5)).await.unwrap();
    assert_eq!(world.balance(customer).await, 6);
    Backstage::at(&database.url).await.until_quiet().await;
    assert_sound(&store).await;
}

/// A queue that is full pushes back at once, and what it turned away has not happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_queue_is_unavailable_and_nothing_happens() {
    let database = database().await;
    let store = open_at(&database.url, |config| (config.queue, config.batch, config.deadline) = (4, 1, PATIENCE)).await;
    let world = world(&store);
    let customer = world.customer_with(1).await;
    let (mut backstage, mut other) = (Backstage::at(&database.url).await, Backstage::at(&database.url).await);
    other.run(&format!("begin; {}", lock(customer))).await;
    let first = sent(&store, deposit(&world, customer, 1));
    backstage.until_blocked(1).await;
    let mut tasks = vec![first];
    tasks.extend((0..20).map(|_| sent(&store, deposit(&world, customer, 1))));
    // Those turned away are told at once, though the lane is stuck.
    while tasks.iter().filter(|task| task.is_finished()).count() < 16 {
        tokio::task::yield_now().await;
    }
    assert_eq!(backstage.sessions(BLOCKED).await, 1);
    other.run("commit").await;
    let (mut done, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(won) => done += won,
            Err(Error::Store(StoreError::Unavailable { .. })) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((done, refused, store.stats().refused), (5, 16, 16));
    assert_eq!(world.balance(customer).await, 1 + 5);
    assert_sound(&store).await;
}

/// A writer that waits for somebody else's lock keeps no reader waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_go_on_while_a_writer_is_stuck() {
    let database = database().await;
    let store = open_at(&database.url, |config| (config.lanes, config.deadline) = (2, PATIENCE)).await;
    let world = world(&store);
    let customer = world.customer_with(1_000).await;
    let variant = world.variant(10, 100).await;
    let order = world.buy(customer, basket(&[(variant, 1)])).await.id;
    let (mut backstage, mut other) = (Backstage::at(&database.url).await, Backstage::at(&database.url).await);
    other.run(&format!("begin; {}", lock(customer))).await;
    let stuck: Vec<_> = (0..50).map(|_| sent(&store, deposit(&world, customer, 1))).collect();
    backstage.until_blocked(1).await;
    for _ in 0..40 {
        assert_eq!(store.wallets(customer).await.unwrap()[0].balance, krw(990));
        assert!(store.order(order).await.unwrap().is_some());
        assert_eq!(store.products(&ProductQuery::default(), PageRequest::first(10)).await.unwrap().items.len(), 1);
    }
    assert!(stuck.iter().all(|task| !task.is_finished()));
    other.run("commit").await;
    for task in stuck {
        task.await.unwrap().unwrap();
    }
    assert_sound(&store).await;
}

/// Readers that wait, on every connection that reads have, keep no writer waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_go_on_while_readers_are_stuck() {
    let database = database().await;
    let store = open_at(&database.url, |config| (config.read_connections, config.deadline) = (2, PATIENCE)).await;
    let world = world(&store);
    let customer = world.customer_with(1_000).await;
    let variant = world.variant(10, 100).await;
    let order = world.buy(customer, basket(&[(variant, 1)])).await.id;
    let (mut backstage, mut other) = (Backstage::at(&database.url).await, Backstage::at(&database.url).await);
    other.run("begin; lock table order_coupons in access exclusive mode").await;
    let readers: Vec<_> = (0..10)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.order(order).await })
        })
        .collect();
    backstage.until_blocked(2).await;
    for _ in 0..10 {
        store.execute(deposit(&world, customer, 1)).await.unwrap();
    }
    assert!(readers.iter().all(|task| !task.is_finished()));
    other.run("commit").await;
    for reader in readers {
        assert!(reader.await.unwrap().unwrap().is_some());
    }
    assert_eq!(world.balance(customer).await, 1_000);
    assert_sound(&store).await;
}

/// A card payment begins and is called off in one batch: the payment is a new row, and remembers who asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_payment_begun_and_called_off_in_one_batch_is_written_whole() {
    let database = database().await;
    let store = open_at(&database.url, |config| config.lanes = 1).await;
    let world = world(&store);
    let (before, customer) = (world.customer_with(1).await, world.customer().await);
    let order = world.place(customer, basket(&[(world.variant(1_000, 5).await, 1)])).await;
    let mut other = Backstage::at(&database.url).await;
    other.run(&format!("begin; {}", lock(before))).await;
    let batches = store.stats().batches;
    let first = sent(&store, deposit(&world, before, 1));
    other.until_blocked(1).await;
    let (me, order_id) = (Principal::Customer(customer), order.id);
    let begun = store.execute(world.envelope(&me, StartCardPayment { order_id }));
    let reason = Some("changed my mind".parse().unwrap());
    let asked = store.execute(world.envelope(&me, CancelOrder { order_id, reason: reason.clone() }));
    let mut both = pin!(join(begun, asked));
    assert!(both.as_mut().now_or_never().is_none());
    other.run("rollback").await;
    let (begun, asked) = both.await;
    let Outcome::Charge(charge) = begun.unwrap().outcome else { panic!("a charge") };
    let Outcome::Order(asked) = asked.unwrap().outcome else { panic!("an order") };
    // Two batches with the one that held the lane.
    assert_eq!((asked.status, store.stats().batches - batches), (OrderStatus::Processing, 2));
    first.await.unwrap().unwrap();
    let payment = store.payment(order_id).await.unwrap().unwrap();
    assert_eq!(payment.cancel_request, Some(CancelRequest { requested_by: me, reason }));
    world.settle(&charge, GatewayStatus::Cancelled).await;
    assert_eq!(store.order(order_id).await.unwrap().unwrap().status, OrderStatus::Cancelled);
    assert_sound(&store).await;
}
