//! What breaks around the store: connections at the commit, callers who leave, the server itself. After each, the
//! client's own record of what it was told is held against the database.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use commerce_core::conformance::{World, krw, operator};
use commerce_core::store::{Store, Wallets};
use commerce_core::{Deposit, Envelope, Error, ManualClock, Outcome, Shop, StoreError, reconcile};
use commerce_store_postgres::{Config, PostgresStore, migrate};
use commerce_store_postgres_testkit::{Cluster, Settings, admin};
use sqlx::{Connection, PgConnection};

use crate::harness::{database, open};
use crate::proxy::{Cut, Proxy};

fn world(store: &Arc<PostgresStore>) -> World {
    let clock = Arc::new(ManualClock::new("2026-11-21T09:30:00Z".parse().unwrap()));
    World::over(Arc::clone(store) as Arc<dyn Store>, clock, Arc::new(()))
}

/// A cluster that keeps its word, with a migrated database.
async fn durable() -> Arc<Cluster> {
    let cluster = Arc::new(Cluster::start(Settings::durable()).unwrap());
    admin(cluster.url("postgres"), "create database shop".to_owned()).await.unwrap();
    migrate(&cluster.url("shop")).await.unwrap();
    cluster
}

/// Asks until there is an answer that is not "ask again".
async fn insist(store: &PostgresStore, envelope: &Envelope) -> Outcome {
    loop {
        match store.execute(envelope.clone()).await {
            Ok(receipt) => return receipt.outcome,
            Err(Error::Store(StoreError::Unavailable { .. } | StoreError::Unknown { .. })) => {
                tokio::task::yield_now().await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_is_cut_is_resolved_by_its_key() {
    let cluster = durable().await;
    let proxy = Proxy::start(cluster.socket()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/shop", proxy.port);
    let store = Arc::new(PostgresStore::open(Config::new(&url, Shop::default()).unwrap()).await.unwrap());
    let world = world(&store);
    let customer_id = world.customer().await;
    let rounds = 40;
    for round in 1..=rounds {
        let cut = if round % 2 == 0 { Cut::Before } else { Cut::After };
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(7), memo: None });
        proxy.arm(cut);
        let outcome = match store.execute(envelope.clone()).await {
            Ok(receipt) => receipt.outcome,
            Err(Error::Store(StoreError::Unknown { .. })) => insist(&store, &envelope).await,
            other => panic!("{cut:?} gave {other:?}"),
        };
        assert_eq!(proxy.cuts(), round);
        let again = store.execute(envelope).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.outcome, outcome);
    }
    let wallet = store.wallets(customer_id).await.unwrap()[0];
    assert_eq!((wallet.balance, wallet.version), (krw(7 * 40), 40));
    assert_eq!(store.stats().in_doubt, 40);
    assert_eq!(reconcile(&*store).await.unwrap().drifts, []);
}

/// Polls a future a number of times and drops it.
fn poll_and_drop(future: impl Future, times: usize) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_who_leaves_leaves_nothing_half_done() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let customer_id = world.customer().await;
    let mut sent = 0;
    for polls in (0..200).map(|i| i % 40) {
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(1), memo: None });
        poll_and_drop(store.execute(envelope.clone()), polls);
        poll_and_drop(store.wallets(customer_id), polls);
        poll_and_drop(store.order_facts_of_all(), polls);
        insist(&store, &envelope).await;
        sent += 1;
    }
    let wallet = store.wallets(customer_id).await.unwrap()[0];
    assert_eq!((wallet.balance, wallet.version), (krw(sent), u64::try_from(sent).unwrap()));
    assert_eq!(reconcile(&*store).await.unwrap().drifts, []);
    // What callers left behind ends by itself; a connection that is stuck in a transaction never would.
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    loop {
        let stuck: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and state like '%transaction%'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        if stuck == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// The audit's read of several statements, by a name of its own here.
trait Facts {
    fn order_facts_of_all(&self) -> impl Future;
}

impl Facts for Arc<PostgresStore> {
    fn order_facts_of_all(&self) -> impl Future {
        use commerce_core::Audit;
        self.order_facts(commerce_core::PageRequest::first(10))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_survives_the_servers_death_and_nothing_is_doubled() {
    let cluster = durable().await;
    let store =
        Arc::new(PostgresStore::open(Config::new(&cluster.url("shop"), Shop::default()).unwrap()).await.unwrap());
    let world = world(&store);
    let mut customers = Vec::new();
    for _ in 0..8 {
        customers.push(world.customer().await);
    }
    let per_customer = 60;
    let acknowledged = Arc::new(tokio::sync::Semaphore::new(0));
    let mut callers = Vec::new();
    for customer_id in customers.iter().copied() {
        let (store, world, acknowledged) = (Arc::clone(&store), world.clone(), Arc::clone(&acknowledged));
        let envelopes: Vec<Envelope> = (0..per_customer)
            .map(|_| world.envelope(&operator(), Deposit { customer_id, amount: krw(3), memo: None }))
            .collect();
        callers.push(tokio::spawn(async move {
            let mut told = Vec::new();
            for envelope in envelopes {
                let outcome = insist(&store, &envelope).await;
                acknowledged.add_permits(1);
                told.push((envelope, outcome));
            }
            told
        }));
    }
    for _ in 0..3 {
        // In the midst of the work, wherever it happens to be.
        acknowledged.acquire_many(120).await.unwrap().forget();
        let cluster = Arc::clone(&cluster);
        let killed = tokio::task::spawn_blocking(move || cluster.kill().and_then(|()| cluster.resume()));
        killed.await.unwrap().unwrap();
    }
    for caller in callers {
        for (envelope, outcome) in caller.await.unwrap() {
            let again = store.execute(envelope).await.unwrap();
            assert!(again.replayed);
            assert_eq!(again.outcome, outcome);
        }
    }
    for customer in customers {
        let wallet = store.wallets(customer).await.unwrap()[0];
        assert_eq!((wallet.balance, wallet.version), (krw(3 * per_customer), u64::try_from(per_customer).unwrap()));
    }
    assert_eq!(reconcile(&*store).await.unwrap().drifts, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_away_is_unavailable_and_comes_back_by_itself() {
    let cluster = durable().await;
    let store =
        Arc::new(PostgresStore::open(Config::new(&cluster.url("shop"), Shop::default()).unwrap()).await.unwrap());
    let world = world(&store);
    let customer_id = world.customer().await;
    cluster.kill().unwrap();
    let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(5), memo: None });
    let refused = store.execute(envelope.clone()).await;
    assert!(matches!(refused, Err(Error::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    assert!(matches!(store.wallets(customer_id).await, Err(StoreError::Unavailable { .. })));
    cluster.resume().unwrap();
    insist(&store, &envelope).await;
    let wallet = store.wallets(customer_id).await.unwrap()[0];
    assert_eq!((wallet.balance, wallet.version), (krw(5), 1));
}

/// A command that the database refuses, whatever is tried, fails alone: those that were in its batch are answered.
#[tokio::test]
async fn a_poisoned_command_fails_alone() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let customers = world.customers(3, 100).await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("alter table wallet_entries add constraint unlucky check (amount <> 13)")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for (customer_id, amount) in customers.iter().copied().zip([12, 13, 14]) {
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(amount), memo: None });
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move { store.execute(envelope).await }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    match &answers[1] {
        Err(Error::Store(StoreError::Corrupt { what })) => assert!(what.contains("unlucky"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.stats().split, 1);
    assert_eq!(reconcile(&*store).await.unwrap().drifts, []);
}
