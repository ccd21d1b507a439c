//! A [`Store`] on PostgreSQL: durable, exact with any number of instances on one database, and fast because it
//! carries out many commands in one transaction.
//!
//! Commands queue up at a *lane*. The lane takes whatever waits, locks and loads every record that any of the
//! commands may touch, decides them in memory one after another, writes the net result with a few statements,
//! commits once, and answers. Nobody waits for a timer: a batch is whatever arrived during the last one.
//!
//! What keeps it exact, from the outside in: the rows that decisions rely on stay locked until the commit; a row
//! that appears in between is met by a unique constraint and the batch decided again; and every rule is repeated
//! in a named constraint of the schema (`migrations/`).
//!
//! ```no_run
//! use std::sync::Arc;
//! use commerce_core::{Commerce, NodeId, Shop};
//! use commerce_store_postgres::{Config, PostgresStore, migrate};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "postgres://shop@localhost/shop";
//! migrate(url).await?;
//! let store = PostgresStore::open(Config::new(url, Shop::default())?).await?;
//! let shop = Commerce::new(Arc::new(store), NodeId::default());
//! # Ok(())
//! # }
//! ```

mod audit;
mod config;
mod embed;
mod error;
mod jobs;
mod keys;
mod lease;
mod load;
mod migrate;
mod news;
mod outbox;
mod plans;
mod pool;
mod prune;
mod read;
mod roll_up;
mod row;
mod webhooks;
mod write;
mod writer;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commerce_core::store::Envelope;
use commerce_core::{Error, KeyScope, Keys, Receipt, Shop, Store, StoreError, Timestamp, WorkingSet};
use sqlx::PgPool;
use sqlx::pool::PoolConnection;
use tokio::time::Instant;

pub use config::Config;
pub use migrate::{SchemaError, migrate, schema_fingerprint, schema_version};
pub use writer::Stats;

use crate::error::Failure;
use crate::news::News;
use crate::writer::Writer;

/// The store. Share it in an [`Arc`]; open it within a tokio runtime, which its lanes run on.
pub struct PostgresStore {
    config: Arc<Config>,
    writer: Writer,
    news: Arc<News>,
    reads: PgPool,
    steps: PgPool,
    snapshots: PgPool,
}

impl PostgresStore {
    /// Opens the store, after a look at the schema's version.
    pub async fn open(config: Config) -> Result<Self, SchemaError> {
        let store = Self::open_unchecked(config);
        let mut connection = store.reads.acquire().await?;
        migrate::check(&mut connection).await?;
        drop(connection);
        Ok(store)
    }

    /// Opens the store without looking at the database: for a program that is to start while its database is away.
    #[must_use]
    pub fn open_unchecked(config: Config) -> Self {
        let config = Arc::new(config);
        let (reads, snapshots) = (pool::read_pool(&config), pool::snapshot_pool(&config));
        let steps = pool::step_pool(&config);
        let (news, bell) = News::start(&config);
        Self { writer: Writer::start(&config, &bell), news, reads, steps, snapshots, config }
    }

    /// Whether the database answers, and has the schema of this version.
    pub async fn check(&self) -> Result<(), SchemaError> {
        let mut connection = self.reads.acquire().await?;
        migrate::check(&mut connection).await
    }

    /// What the writer lanes have done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }

    /// The time to compare with in statements: none takes the database's clock.
    fn statement_time(&self) -> Option<DateTime<Utc>> {
        self.config.clock.as_ref().map(|clock| clock.now().to_utc())
    }

    /// Runs a read that is whole by itself.
    async fn run<T: Send + 'static, F: Trying<T>>(
        &self,
        read: impl Fn(PgPool) -> F + Send + 'static,
    ) -> Result<T, StoreError> {
        detached((self.config.deadline, unavailable), alive(self.reads.clone(), read)).await
    }

    /// Runs a write that is whole by itself, for whoever waits until it is durable.
    async fn run_for_good<T: Send + 'static, F: Trying<T>>(
        &self,
        write: impl Fn(Connection) -> F + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        self.write_on(&self.reads, write).await
    }

    /// The same on connections of its own pool: for steps of the outbox and of pruning, which name rows by key, and keep no
    /// read waiting. While a crowd waits for answers, a step is followed by a rest: what there is to be told can be told a
    /// little later.
    async fn step<T: Send + 'static, F: Trying<T>>(
        &self,
        write: impl Fn(Connection) -> F + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let done = self.write_on(&self.steps, write).await;
        if self.writer.is_crowded() {
            tokio::time::sleep(began.elapsed().saturating_mul(REST).min(LONGEST_REST)).await;
        }
        done
    }

    /// Runs a write on connections of `pool`. What became of a try whose answer did not come nobody knows, however those
    /// after it failed.
    async fn write_on<T: Send + 'static, F: Trying<T>>(
        &self,
        pool: &PgPool,
        write: impl Fn(Connection) -> F + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let (write, is_unanswered) = (Arc::new(write), Arc::new(AtomicBool::new(false)));
        let unanswered = Arc::clone(&is_unanswered);
        let once = move |pool: PgPool| {
            let (write, unanswered) = (Arc::clone(&write), Arc::clone(&unanswered));
            async move {
                let connection = pool.acquire().await?;
                let before = unanswered.swap(true, Ordering::Relaxed);
                let told = write(connection).await;
                if !matches!(told, Err(StoreErrorOr::Lost(_))) {
                    unanswered.store(before, Ordering::Relaxed);
                }
                told
            }
        };
        let told = detached((self.config.deadline, unavailable), alive(pool.clone(), once)).await;
        told.map_err(|error| match error {
            StoreError::Unavailable { reason } if is_unanswered.load(Ordering::Relaxed) => {
                StoreError::Unknown { reason }
            }
            other => other,
        })
    }

    /// Runs several statements on one connection that sees one moment, in a task of its own.
    async fn snapshot<T: Send + 'static, F: Trying<T>>(
        &self,
        work: impl FnOnce(Transaction) -> F + Send + 'static,
    ) -> Result<T, StoreError> {
        self.snapshot_within(self.config.deadline, work).await
    }

    /// The same for work with a deadline of its own, which has to set its statements' likewise.
    async fn snapshot_within<T: Send + 'static, F: Trying<T>>(
        &self,
        deadline: Duration,
        work: impl FnOnce(Transaction) -> F + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = self.snapshots.clone();
        let worked = async move { work(begun(pool, "begin isolation level repeatable read read only").await?).await };
        detached((deadline, unavailable), worked).await
    }
}

/// How long a rest is, by how long the step took.
const REST: u32 = 4;
/// However long it took: a message that waits for its claim is to wait no longer than it has to.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// A connection of a pool.
type Connection = PoolConnection<sqlx::Postgres>;

/// A transaction on one.
type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

/// Statements under way in a transaction.
type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreErrorOr>> + Send + 'c>>;

/// How long a commit may take before nobody knows what became of it.
const COMMIT: Duration = Duration::from_secs(30);

/// Transactions that write, beside those of the lanes.
impl PostgresStore {
    /// Runs several statements in one transaction, in a task of its own. Each sees what is committed when it begins.
    async fn transaction<T, W>(&self, deadline: Duration, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut sqlx::PgConnection) -> Work<'c, T> + Send + 'static,
    {
        let pool = self.snapshots.clone();
        detached((deadline.saturating_add(2 * COMMIT), unknown), async move {
            let worked = async {
                let mut transaction = begun(pool, "begin isolation level read committed").await?;
                let done = work(&mut transaction).await?;
                Ok::<_, StoreErrorOr>((transaction, done))
            };
            let late = |_| StoreErrorOr::from(Failure::late(deadline));
            let (transaction, done) = tokio::time::timeout(deadline, worked).await.map_err(late)??;
            let unknown = |reason: String| StoreError::Unknown { reason };
            match tokio::time::timeout(COMMIT, transaction.commit()).await {
                Ok(Ok(())) => Ok(done),
                Ok(Err(error)) => Err(unknown(error.to_string()).into()),
                Err(_) => Err(unknown(format!("no answer to a commit within {COMMIT:?}")).into()),
            }
        })
        .await
    }
}

/// What is tried on a connection.
trait Trying<T>: Future<Output = Result<T, StoreErrorOr>> + Send + 'static {}

impl<T, F: Future<Output = Result<T, StoreErrorOr>> + Send + 'static> Trying<T> for F {}

/// Tries until a connection is alive. Any of the pool's may have died since it was used last, so one more try than there are
/// of them meets a living one if there can be one.
async fn alive<T, F: Trying<T>>(pool: PgPool, once: impl Fn(PgPool) -> F) -> Result<T, StoreErrorOr> {
    for _ in 0..pool.options().get_max_connections() {
        match once(pool.clone()).await {
            Err(StoreErrorOr::Lost(_)) => {}
            other => return other,
        }
    }
    once(pool).await
}

/// A transaction on a connection that is alive, if there is one.
async fn begun(pool: PgPool, how: &'static str) -> Result<Transaction, StoreErrorOr> {
    alive(pool, move |pool| async move { Ok(pool.begin_with(how).await?) }).await
}

/// What a try fails with, before it is known whether there is another.
#[derive(Debug)]
enum StoreErrorOr {
    /// The connection was dead.
    Lost(StoreError),
    /// Everything else.
    Final(StoreError),
}

impl From<sqlx::Error> for StoreErrorOr {
    fn from(error: sqlx::Error) -> Self {
        Failure::from(error).into()
    }
}

impl From<Failure> for StoreErrorOr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(_) => Self::Lost(failure.into_error()),
            other => Self::Final(other.into_error()),
        }
    }
}

impl From<StoreError> for StoreErrorOr {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

/// What who waits for so long is told.
type Late = fn(Duration) -> StoreError;

/// Of what changes nothing.
fn unavailable(deadline: Duration) -> StoreError {
    Failure::late(deadline).into_error()
}

/// Of what may have happened.
fn unknown(deadline: Duration) -> StoreError {
    StoreError::Unknown { reason: Failure::late(deadline).to_string() }
}

/// Does the work in a task of its own: whoever drops the future leaves no connection in the middle of something.
async fn detached<T: Send + 'static>(
    (deadline, late): (Duration, Late),
    work: impl Trying<T>,
) -> Result<T, StoreError> {
    let task = tokio::spawn(tokio::time::timeout(deadline, work));
    let ended = task.await.map_err(|_| StoreError::Unavailable { reason: "the work on it failed".to_owned() })?;
    match ended {
        Err(_) => Err(late(deadline)),
        Ok(Err(StoreErrorOr::Lost(error) | StoreErrorOr::Final(error))) => Err(error),
        Ok(Ok(value)) => Ok(value),
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn execute(&self, envelope: Envelope) -> Result<Receipt, Error> {
        self.writer.execute(envelope).await
    }

    async fn load(&self, keys: &Keys) -> Result<WorkingSet, StoreError> {
        let keys = keys.clone();
        self.snapshot(move |mut transaction| async move {
            let found = load::fetch(&mut transaction, &keys, &keys::Scopes::default(), load::Mode::Read).await?;
            transaction.rollback().await?;
            let mut records = WorkingSet::default();
            records.apply(&found.records);
            Ok(records)
        })
        .await
    }

    async fn used(&self, scopes: &[KeyScope]) -> Result<Vec<bool>, StoreError> {
        let scopes = Arc::new(keys::Scopes::of(scopes.iter()));
        self.run(move |pool| {
            let scopes = Arc::clone(&scopes);
            async move {
                let query = sqlx::query_scalar(keys::USED).bind(&scopes.principals);
                Ok(query.bind(&scopes.operations).bind(&scopes.keys).fetch_all(&pool).await?)
            }
        })
        .await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        match &self.config.clock {
            Some(clock) => Ok(clock.now()),
            None => {
                self.run(|pool| async move {
                    let now: DateTime<Utc> = sqlx::query_scalar(NOW).fetch_one(&pool).await?;
                    Ok(now.into())
                })
                .await
            }
        }
    }

    fn shop(&self) -> &Shop {
        &self.config.shop
    }
}

const NOW: &str = "select clock_timestamp()";

/// Names the store; its contents are for reads to show.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("shop", &self.config.shop).finish_non_exhaustive()
    }
}

/// Every statement that the store runs, for the tests that prepare and explain them. Not a part of the interface.
#[doc(hidden)]
#[must_use]
pub fn statements() -> Vec<&'static str> {
    let own = [
        &[NOW, keys::USED],
        lease::STATEMENTS,
        jobs::STATEMENTS,
        outbox::STATEMENTS,
        news::STATEMENTS,
        prune::STATEMENTS,
        roll_up::STATEMENTS,
        webhooks::STATEMENTS,
    ];
    let own = own.concat();
    [own, audit::statements(), load::statements(), write::statements(), read::statements()].concat()
}
