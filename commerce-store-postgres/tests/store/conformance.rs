//! The store keeps the contract: the suite that every store passes, unchanged.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::conformance::{Harness, Opened};
use commerce_core::{ManualClock, Shop};
use commerce_store_postgres::PostgresStore;

struct Postgres;

#[async_trait]
impl Harness for Postgres {
    async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened {
        let mut config = crate::harness::config(&crate::harness::database().await).with_clock(clock);
        config.shop = shop;
        Opened::new(Arc::new(PostgresStore::open(config).await.unwrap()))
    }
}

commerce_core::store_conformance!(Postgres);
