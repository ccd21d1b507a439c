//! A store on a database of its own.

use std::sync::Arc;

use commerce_core::{Clock, ManualClock, Shop, Timestamp};
use commerce_store_postgres::{Config, PostgresStore, migrate, schema_fingerprint};
use commerce_store_postgres_testkit::{Database, Error, fresh_database};

/// A fresh, migrated database.
pub async fn database() -> Database {
    let migrated = |url: String| async move { migrate(&url).await.map_err(|error| Error::Server(error.to_string())) };
    fresh_database(&schema_fingerprint(), migrated).await.unwrap()
}

/// The settings for `database`, on the database's clock.
pub fn config(database: &Database) -> Config {
    Config::new(&database.url, Shop::default()).unwrap()
}

/// A store on a fresh database, on `clock`.
pub async fn store_on(clock: Arc<dyn Clock>) -> PostgresStore {
    let database = database().await;
    PostgresStore::open(config(&database).with_clock(clock)).await.unwrap()
}

/// A clock that stands at some day in 2026.
pub fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-21T09:30:00.123456Z".parse::<Timestamp>().unwrap()))
}
