//! A store on a database of its own, and what is asked of the database behind its back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use commerce_core::conformance::World;
use commerce_core::{Envelope, Error, ManualClock, Receipt, Shop, Store, StoreError, reconcile};
use commerce_store_postgres::{Config, PostgresStore, migrate, schema_fingerprint};
use commerce_store_postgres_testkit::{Cluster, Database, Error as Missing, Proxy, Settings, admin, fresh_database};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A fresh, migrated database.
pub(crate) async fn database() -> Database {
    let migrated = |url: String| async move { migrate(&url).await.map_err(|error| Missing::Server(error.to_string())) };
    fresh_database(&schema_fingerprint(), migrated).await.unwrap()
}

/// A cluster that keeps its word, with a migrated database, and where that is.
pub(crate) async fn durable() -> (Arc<Cluster>, String) {
    let cluster = Arc::new(Cluster::start(Settings::durable()).unwrap());
    admin(cluster.url("postgres"), "create database shop".to_owned()).await.unwrap();
    let url = cluster.url("shop");
    migrate(&url).await.unwrap();
    (cluster, url)
}

/// A deadline that a slow machine does not come near by itself, nor to the quarter of it that locks are waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// The settings for `database`, on the database's clock.
pub(crate) fn config(database: &Database) -> Config {
    let mut config = Config::new(&database.url, Shop::default()).unwrap();
    config.deadline = DEADLINE;
    config
}

/// A store on `database`.
pub(crate) async fn open(database: &Database) -> PostgresStore {
    PostgresStore::open(config(database)).await.unwrap()
}

/// A store on the database at `url`, with settings of its own.
pub(crate) async fn open_at(url: &str, edit: impl FnOnce(&mut Config)) -> Arc<PostgresStore> {
    let mut config = Config::new(url, Shop::default()).unwrap();
    config.deadline = DEADLINE;
    edit(&mut config);
    Arc::new(PostgresStore::open(config).await.unwrap())
}

/// A fresh database behind a proxy.
pub(crate) async fn proxied() -> (Database, Proxy) {
    let database = database().await;
    let proxy = Proxy::start(&database.url).await.unwrap();
    (database, proxy)
}

/// Waits until a batch that was begun ahead has given up.
pub(crate) async fn until_misjudged(store: &PostgresStore) {
    while store.stats().misjudged == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A shop in `store`, which reads the database's clock.
pub(crate) fn world(store: &Arc<PostgresStore>) -> World {
    let clock = Arc::new(ManualClock::new("2026-11-21T09:30:00Z".parse().unwrap()));
    World::over(Arc::clone(store) as Arc<dyn Store>, clock, Arc::new(()))
}

/// Asks until there is an answer that is not "ask again".
pub(crate) async fn insist(store: &PostgresStore, envelope: &Envelope) -> Result<Receipt, Error> {
    for _ in 0..20_000 {
        match store.execute(envelope.clone()).await {
            Err(Error::Store(StoreError::Unavailable { .. } | StoreError::Unknown { .. })) => {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            answer => return answer,
        }
    }
    panic!("no answer to {envelope:?}");
}

/// Holds the books against each other.
pub(crate) async fn assert_sound(store: &PostgresStore) {
    let report = reconcile(store).await.unwrap();
    assert_eq!(report.drifts, []);
}

/// Holds back one message of a proxy: the first that comes to it. In a runtime with workers to spare.
#[derive(Debug, Default)]
pub(crate) struct Gate(AtomicU8);

impl Gate {
    const REACHED: u8 = 1;
    const OPEN: u8 = 2;

    /// Whoever comes first waits until the gate is [opened](Self::open), and hears that it was the first; all others pass.
    pub(crate) fn hold_first(&self) -> bool {
        let first = self.0.compare_exchange(0, Self::REACHED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if first {
            // Whatever else this worker was about to do, another one does.
            tokio::task::block_in_place(|| {
                while self.0.load(Ordering::SeqCst) != Self::OPEN {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
        first
    }

    /// Whether anybody has come to it.
    pub(crate) fn is_reached(&self) -> bool {
        self.0.load(Ordering::SeqCst) != 0
    }

    /// Waits until somebody is held.
    pub(crate) async fn reached(&self) {
        while !self.is_reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn open(&self) {
        self.0.store(Self::OPEN, Ordering::SeqCst);
    }
}

/// What happens behind the store's back.
pub(crate) struct Backstage {
    pub(crate) connection: PgConnection,
}

impl Backstage {
    pub(crate) async fn at(url: &str) -> Self {
        Self { connection: PgConnection::connect(url).await.unwrap() }
    }

    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connection).await.unwrap().rows_affected()
    }

    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.connection).await.unwrap()
    }

    /// The store's connections, those of one kind of state if it is given.
    pub(crate) async fn sessions(&mut self, condition: &str) -> i64 {
        let sql = format!(
            "select count(*) from pg_stat_activity where datname = current_database() and \
             application_name = 'commerce' and {condition}"
        );
        self.count(&sql).await
    }

    /// Waits until exactly `count` of the store's connections are as said; it never comes to be if something leaks
    /// or hangs.
    pub(crate) async fn until_sessions(&mut self, condition: &str, count: i64) {
        let mut found = -1;
        for _ in 0..6_000 {
            found = self.sessions(condition).await;
            if found == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{found} connections, not {count}, with {condition}");
    }

    /// Waits until none of the store's connections is in a transaction. One that somebody left there would be ended by
    /// its session's own timeout after a while, and is not waited for that long.
    pub(crate) async fn until_quiet(&mut self) {
        loop {
            let stuck = "state like 'idle in%' and clock_timestamp() - state_change > interval '5 s'";
            assert_eq!(self.sessions(stuck).await, 0, "left in a transaction");
            if self.sessions("state <> 'idle'").await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until two batches have written keys and copies, and stand before their commit or their turn.
    pub(crate) async fn until_two_have_written(&mut self) {
        self.until_sessions(&format!("state = 'idle in transaction' and {WRITTEN}"), 2).await;
    }

    /// Waits until so many of the store's connections wait for locks.
    pub(crate) async fn until_blocked(&mut self, count: i64) {
        self.until_sessions(BLOCKED, count).await;
    }
}

/// A connection that waits for a lock.
pub(crate) const BLOCKED: &str = "wait_event_type = 'Lock'";
/// A batch writes keys and copies, ahead or not, or has written them.
pub(crate) const WRITTEN: &str = "(query like 'with new_copies as%' or query like 'with sales as%')";
