//! Webhooks, and the keys of their changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Webhooks;
use commerce_core::{
    ChangedWebhook, Error, Receipt, StoreError, Timestamp, Webhook, WebhookName, WebhookRecord, WebhookRequest,
    WebhookScope,
};

use crate::MemoryStore;

/// The keys under which webhooks were changed: few, for operators are.
#[derive(Debug, Default)]
pub(crate) struct WebhookKeys {
    records: BTreeMap<WebhookScope, WebhookRecord>,
    by_age: BTreeSet<(Timestamp, WebhookScope)>,
}

impl WebhookKeys {
    fn insert(&mut self, scope: WebhookScope, record: WebhookRecord) {
        self.by_age.insert((record.created_at, scope.clone()));
        self.records.insert(scope, record);
    }

    /// When the one that is used longest was.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(used_at, _)| *used_at)
    }

    /// Forgets that one.
    pub(crate) fn forget_oldest(&mut self) {
        if let Some((_, scope)) = self.by_age.pop_first() {
            self.records.remove(&scope);
        }
    }
}

#[async_trait]
impl Webhooks for MemoryStore {
    async fn change_webhook(&self, request: &WebhookRequest) -> Result<Option<Receipt<ChangedWebhook>>, Error> {
        let mut tables = self.write()?;
        let (now, scope) = (self.clock_now(), request.scope());
        let before = tables.outbox.webhook(&request.name).map(|webhook| &**webhook);
        if let Some(record) = tables.webhook_keys.records.get(&scope) {
            return Ok(Some(request.replay(record.clone(), before)?));
        }
        let Some((after, record)) = request.carry_out(before, now) else { return Ok(None) };
        let receipt = request.done(record.clone(), &after);
        tables.commit(|tables| {
            tables.outbox.put_webhook(Arc::new(after), now);
            tables.webhook_keys.insert(scope, record);
        });
        Ok(Some(receipt))
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
