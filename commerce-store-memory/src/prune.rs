//! Pruning: keys, and what waits for a sink in vain; what is delivered is forgotten as soon as it is.

use async_trait::async_trait;
use commerce_core::store::Pruning;
use commerce_core::{StoreError, Timestamp};

use crate::MemoryStore;
use crate::tables::Tables;

#[async_trait]
impl Pruning for MemoryStore {
    async fn prune_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        // What is counted of an aggregate's messages is as old as its last one.
        Ok(self.write()?.outbox.forget_waiting(before, limit))
    }

    async fn prune_keys(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(self.write()?.prune_keys(before, limit))
    }
}

impl Tables {
    /// Commands' keys and those of changes of webhooks, the oldest first.
    fn prune_keys(&mut self, before: Timestamp, limit: u32) -> u64 {
        let mut left = limit;
        loop {
            let oldest = self.webhook_keys.oldest().filter(|oldest| *oldest < before);
            let forgotten = self.keys.prune(oldest.unwrap_or(before), left);
            left = left.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
            if left == 0 || oldest.is_none() {
                return u64::from(limit - left);
            }
            self.webhook_keys.forget_oldest();
            left -= 1;
        }
    }
}
