//! Shops on each store, and tallies that lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use commerce_core::conformance::World;
use commerce_core::{Clock, ManualClock, Shop};
use commerce_server::gate::{Tally, Thing, Wish, Word};
use commerce_store_memory::MemoryStore;
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit as testkit;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")))
}

pub(crate) fn memory() -> World {
    let clock = clock();
    let store = MemoryStore::with_clock(Shop::default(), Arc::clone(&clock) as Arc<dyn Clock>);
    World::over(Arc::new(store), clock, Arc::new(()))
}

pub(crate) async fn postgres() -> World {
    let (world, _) = postgres_at().await;
    world
}

/// The shop and the URL of its database.
pub(crate) async fn postgres_at() -> (World, String) {
    let migrate = |url: String| async move {
        commerce_store_postgres::migrate(&url).await.map_err(|error| testkit::Error::Server(error.to_string()))
    };
    let schema = commerce_store_postgres::schema_fingerprint();
    let database = testkit::fresh_database(&schema, migrate).await.expect("a PostgreSQL of the tests' own");
    let (clock, url) = (clock(), database.url.clone());
    let config = Config::new(&url, Shop::default()).expect("its URL");
    let config = config.with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let store = PostgresStore::open(config).await.expect("the store");
    (World::over(Arc::new(store), clock, Arc::new(database)), url)
}

/// Says the same of everything.
pub(crate) struct Always(pub(crate) Word);

#[async_trait]
impl Tally for Always {
    async fn ask(&self, _: &[Wish]) -> Word {
        self.0
    }
    async fn gone(&self, _: Thing) {}
    async fn lost(&self, _: &[Wish]) {}
    async fn forget(&self, _: &[Wish]) {}
}

/// Says now this, now that.
#[derive(Default)]
pub(crate) struct Chance(AtomicU64);

#[async_trait]
impl Tally for Chance {
    async fn ask(&self, _: &[Wish]) -> Word {
        let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61;
        [Word::Open, Word::Counted, Word::Doubtful][usize::try_from(number).expect("small") % 3]
    }
    async fn gone(&self, _: Thing) {}
    async fn lost(&self, _: &[Wish]) {}
    async fn forget(&self, _: &[Wish]) {}
}
