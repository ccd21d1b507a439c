//! The store keeps the contract.
#![cfg(not(commerce_loom))]

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::conformance::{Harness, Opened};
use commerce_core::{ManualClock, Shop};
use commerce_store_memory::MemoryStore;

struct Memory;

#[async_trait]
impl Harness for Memory {
    async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened {
        Opened::new(Arc::new(MemoryStore::with_clock(shop, clock)))
    }
}

commerce_core::store_conformance!(Memory);
