//! Webhooks.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Webhooks;
use commerce_core::{StoreError, Webhook, WebhookChange, WebhookName};

use crate::MemoryStore;

#[async_trait]
impl Webhooks for MemoryStore {
    async fn change_webhook(
        &self,
        name: &WebhookName,
        change: &WebhookChange,
    ) -> Result<Option<Arc<Webhook>>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let before = tables.outbox.webhook(name);
        let Some(after) = Webhook::changed(before.map(|webhook| &**webhook), name, change, now) else {
            return Ok(None);
        };
        let after = Arc::new(after);
        tables.outbox.put_webhook(Arc::clone(&after), now);
        Ok(Some(after))
    }

    async fn remove_webhook(&self, name: &WebhookName) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        Ok(tables.outbox.webhook(name).is_some() && tables.outbox.remove(&name.sink()))
    }

    async fn webhook(&self, name: &WebhookName) -> Result<Option<Arc<Webhook>>, StoreError> {
        Ok(self.read()?.outbox.webhook(name).cloned())
    }

    async fn webhooks(&self) -> Result<Vec<Arc<Webhook>>, StoreError> {
        Ok(self.read()?.outbox.webhooks().cloned().collect())
    }
}
