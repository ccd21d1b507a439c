//! Forgetting what nobody asks for any more.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::Store;

use super::{Done, Failed, Occasion, Task, counts};
use crate::work::prune::{Pruned, Retention, sweep};

/// Forgets messages that every sink has, and idempotency keys, whose time is over.
pub struct Pruning {
    /// Where they are.
    pub store: Arc<dyn Store>,
    /// For how long they are kept.
    pub retention: Retention,
}

#[async_trait]
impl Task for Pruning {
    async fn run(&self, _: &Occasion) -> Result<Done, Failed> {
        let Pruned { messages, keys } = sweep(&*self.store, self.retention).await?;
        Ok(counts([("messages", messages), ("keys", keys)]).into())
    }
}
