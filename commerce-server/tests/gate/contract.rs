//! The whole suite of the store contract, behind a gate that looks each time.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::conformance::{Harness, Opened};
use commerce_core::{ManualClock, Shop, Store};
use commerce_server::gate::{Doorway, Word};
use commerce_store_memory::MemoryStore;

use crate::shop::Always;

struct Gated;

#[async_trait]
impl Harness for Gated {
    async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(shop, clock));
        Opened::new(Arc::clone(&store)).behind(Doorway::new(store, Arc::new(Always(Word::Doubtful))))
    }
}

commerce_core::store_conformance!(Gated);
