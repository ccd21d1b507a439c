//! A shop on each store. What kind of shop, and when, each suite says.

mod database;

use std::sync::Arc;

use commerce_core::conformance::World;
use commerce_core::{Clock, ManualClock, Shop};
use commerce_store_memory::MemoryStore;
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit::Database;

pub(crate) use database::database;

pub(crate) fn memory(shop: Shop, clock: Arc<ManualClock>) -> World {
    let store = MemoryStore::with_clock(shop, Arc::clone(&clock) as Arc<dyn Clock>);
    World::over(Arc::new(store), clock, Arc::new(()))
}

pub(crate) async fn postgres(database: Database, shop: Shop, clock: Arc<ManualClock>) -> World {
    let config = Config::new(&database.url, shop).expect("its URL");
    let config = config.with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    World::over(Arc::new(PostgresStore::open(config).await.expect("the store")), clock, Arc::new(database))
}
