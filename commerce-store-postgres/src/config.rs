//! How the store is set up.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Clock, Shop, StoreError};
use sqlx::postgres::PgConnectOptions;

/// Settings of a [`PostgresStore`](crate::PostgresStore). Start from [`Config::new`] and change what differs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where the database is and who signs in.
    pub database: PgConnectOptions,
    /// The shop's settings.
    pub shop: Shop,
    /// Where the time comes from; none takes the database's, on which several instances agree.
    pub clock: Option<Arc<dyn Clock>>,
    /// How many batches may be under way at once; 2 by default. Each writer lane has a connection. Commands that want
    /// the same records share a lane, so more lanes help where orders are spread and the database has cores to spare.
    pub lanes: usize,
    /// How many commands may wait for a lane; 4,096 by default. More are turned away as unavailable.
    pub queue: usize,
    /// How many commands one transaction takes at most; 512 by default.
    pub batch: usize,
    /// How many connections reads have for themselves; 8 by default.
    pub read_connections: u32,
    /// How long a step may take: the wait for a turn, the work on a batch with all its attempts, its commit; 5 s by default.
    /// So a caller of a database that does not answer hears so after three of them at the latest.
    pub deadline: Duration,
    /// Whether other processes on the database hear of messages as they are committed; `true` by default. Without, they
    /// find them when they look. It takes a connection, and a small transaction every 10 ms at most.
    pub announce: bool,
    /// How often a batch that others were in the way of is tried; 10 by default.
    pub attempts: u32,
}

impl Config {
    /// How long a batch waits for a row that somebody else has locked.
    pub(crate) fn lock_patience(&self) -> Duration {
        (self.deadline / 4).max(Duration::from_millis(1))
    }

    /// How long a part of a batch does, once the whole has waited in vain.
    pub(crate) fn short_patience(&self) -> Duration {
        (self.deadline / 50).max(Duration::from_millis(1))
    }

    /// How long a batch that works ahead waits for one, or for whatever else the database has a lock for: long enough for what
    /// ends by itself, and so short that nobody minds who waits for a row of that batch.
    pub(crate) fn patience_ahead(&self) -> Duration {
        (self.deadline / 500).max(Duration::from_millis(1))
    }

    /// How long it waits for the batch before with rows in its hands: several times as long as a batch takes, and less than a
    /// batch waits for one of those rows.
    pub(crate) fn hold_ahead(&self) -> Duration {
        self.lock_patience() / 2
    }

    /// The defaults, for the database at `url` (`postgres://user:password@host/database`).
    pub fn new(url: &str, shop: Shop) -> Result<Self, StoreError> {
        let unavailable = |error: sqlx::Error| StoreError::Unavailable { reason: format!("database URL: {error}") };
        Ok(Self {
            database: url.parse().map_err(unavailable)?,
            shop,
            clock: None,
            lanes: 2,
            queue: 4_096,
            batch: 512,
            read_connections: 8,
            deadline: Duration::from_secs(5),
            announce: true,
            attempts: 10,
        })
    }

    /// The same on another clock: for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }
}
