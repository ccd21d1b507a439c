//! A store on a database of its own.

use std::sync::Arc;

use commerce_core::{Clock, Shop};
use commerce_store_postgres::{Config, PostgresStore, migrate, schema_fingerprint};
use commerce_store_postgres_testkit::{Database, Error, fresh_database};

/// A fresh, migrated database.
pub(crate) async fn database() -> Database {
    let migrated = |url: String| async move { migrate(&url).await.map_err(|error| Error::Server(error.to_string())) };
    fresh_database(&schema_fingerprint(), migrated).await.unwrap()
}

/// The settings for `database`, on the database's clock.
pub(crate) fn config(database: &Database) -> Config {
    Config::new(&database.url, Shop::default()).unwrap()
}

/// A store on `database`.
pub(crate) async fn open(database: &Database) -> PostgresStore {
    PostgresStore::open(config(database)).await.unwrap()
}

/// A store on a fresh database, on `clock`.
pub(crate) async fn store_on(shop: Shop, clock: Arc<dyn Clock>) -> PostgresStore {
    let mut config = config(&database().await).with_clock(clock);
    config.shop = shop;
    PostgresStore::open(config).await.unwrap()
}
