//! Pruning: only keys, for what is delivered is forgotten as soon as it is.

use async_trait::async_trait;
use commerce_core::store::Pruning;
use commerce_core::{StoreError, Timestamp};

use crate::MemoryStore;

#[async_trait]
impl Pruning for MemoryStore {
    async fn prune_messages(&self, _: Timestamp, _: u32) -> Result<u64, StoreError> {
        // What is counted of an aggregate's messages is as old as its last one.
        Ok(0)
    }

    async fn prune_keys(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(self.write()?.keys.prune(before, limit))
    }
}
