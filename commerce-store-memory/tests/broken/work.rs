//! The broken store's outbox, webhooks and leases: the memory store's, but for the fault.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Lease, LeaseRequest, Leases, Outbox, Pruning, Webhooks};
use commerce_core::{
    ChangedWebhook, ClaimRequest, ClaimedMessage, DeadLetter, DeadLetterFilter, DeadLetterKey, Error, Holder, KeyScope,
    LeaseName, MessageId, Page, PageRequest, Receipt, SinkName, SinkStatus, Store, StoreError, Timestamp, Webhook,
    WebhookName, WebhookRequest,
};

use crate::fault::Fault;
use crate::store::{Broken, FOR_EVER, locked};

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl Outbox for Broken {
    async fn register_sink(&self, sink: &SinkName) -> Answer<bool> {
        self.inner.register_sink(sink).await
    }

    async fn remove_sink(&self, sink: &SinkName) -> Answer<bool> {
        if self.is(Fault::KeepsRemovedSinks) {
            return Ok(self.inner.sinks().await?.iter().any(|status| status.name == *sink));
        }
        self.inner.remove_sink(sink).await
    }

    async fn sinks(&self) -> Answer<Vec<SinkStatus>> {
        self.inner.sinks().await
    }

    async fn distribute(&self, limit: u32) -> Answer<u64> {
        if self.is(Fault::DropsWhatNobodyWants) && self.inner.sinks().await?.is_empty() {
            let nobody = "nobody".parse().expect("a name");
            self.inner.register_sink(&nobody).await?;
            self.inner.distribute(limit).await?;
            self.inner.remove_sink(&nobody).await?;
        }
        self.inner.distribute(limit).await
    }

    async fn news(&self, heard: u64) -> Answer<u64> {
        if self.is(Fault::KeepsNewsToItself) {
            std::future::pending::<()>().await;
        }
        self.inner.news(heard).await
    }

    async fn backlog(&self) -> Answer<u64> {
        self.inner.backlog().await
    }

    async fn claim(&self, mut request: ClaimRequest) -> Answer<Vec<ClaimedMessage>> {
        let (limit, until) = (request.limit as usize, Store::now(&*self.inner).await?.plus(request.hold));
        match self.fault {
            Fault::NeverEndsClaims => request.hold = FOR_EVER,
            Fault::IgnoresClaimLimits => request.limit = u32::MAX,
            _ => {}
        }
        let mut claimed = self.inner.claim(request).await?;
        match self.fault {
            Fault::NeverEndsClaims => claimed.iter_mut().for_each(|claimed| claimed.claimed_until = until),
            Fault::SharesClaims => {
                let mut held = locked(&self.claimed);
                // Twice at most, so that claimers come to an end.
                let again: Vec<_> = held.drain(..).take(limit - claimed.len()).collect();
                held.extend(claimed.iter().cloned());
                claimed.extend(again);
            }
            Fault::DoublesMessages | Fault::IgnoresSequence => {
                let mut extra = locked(&self.extra);
                let count = extra.len().min(limit - claimed.len());
                let message = |message| ClaimedMessage { message, attempts: 0, claimed_until: until };
                claimed.extend(extra.drain(..count).map(message));
            }
            _ => {}
        }
        Ok(claimed)
    }

    async fn acknowledge(&self, holder: &Holder, messages: &[MessageId]) -> Answer<u64> {
        let done = self.inner.acknowledge(holder, messages).await?;
        if self.is(Fault::SharesProgress) {
            for SinkStatus { name, .. } in self.inner.sinks().await? {
                self.inner.acknowledge(&Holder { sink: name, owner: holder.owner.clone() }, messages).await?;
            }
        }
        Ok(if self.is(Fault::DoublesMessages) { messages.len() as u64 } else { done })
    }

    async fn hand_back(&self, holder: &Holder, messages: &[MessageId]) -> Answer<u64> {
        if !self.is(Fault::CountsHandBacks) {
            return self.inner.hand_back(holder, messages).await;
        }
        let mut released = 0;
        for message in messages {
            released += u64::from(self.inner.retry(holder, *message, "handed back", Duration::ZERO).await?);
        }
        Ok(released)
    }

    async fn retry(&self, holder: &Holder, message: MessageId, error: &str, delay: Duration) -> Answer<bool> {
        let delay = if self.is(Fault::RetriesAtOnce) { Duration::ZERO } else { delay };
        self.inner.retry(holder, message, error, delay).await
    }

    async fn bury(&self, holder: &Holder, message: MessageId, error: &str) -> Answer<bool> {
        if self.is(Fault::BuriesNowhere) {
            return Ok(self.inner.acknowledge(holder, &[message]).await? == 1);
        }
        self.inner.bury(holder, message, error).await
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: PageRequest<DeadLetterKey>,
    ) -> Answer<Page<DeadLetter, DeadLetterKey>> {
        let found = self.inner.dead_letters(&self.looks_at(filter), self.asks(page.clone())).await?;
        Ok(self.answers(page, found, |key| key.message.get(), DeadLetter::key))
    }

    async fn replay(&self, filter: &DeadLetterFilter, limit: u32) -> Answer<u64> {
        if self.is(Fault::ReplaysNowhere) {
            return self.inner.discard(filter, limit).await;
        }
        self.inner.replay(&self.looks_at(filter), limit).await
    }

    async fn discard(&self, filter: &DeadLetterFilter, limit: u32) -> Answer<u64> {
        self.inner.discard(&self.looks_at(filter), limit).await
    }
}

#[async_trait]
impl Webhooks for Broken {
    async fn change_webhook(&self, request: &WebhookRequest) -> Result<Option<Receipt<ChangedWebhook>>, Error> {
        let mut request = request.clone();
        if self.is(Fault::ForgetsWebhookKeys) {
            let count = self.webhook_changes.fetch_add(1, Ordering::Relaxed);
            request.caller.key = request.caller.key.part(count).expect("a short key");
        }
        self.inner.change_webhook(&request).await
    }

    async fn remove_webhook(&self, name: &WebhookName) -> Answer<bool> {
        if self.is(Fault::KeepsRemovedWebhooks) {
            return Ok(self.inner.webhook(name).await?.is_some());
        }
        self.inner.remove_webhook(name).await
    }

    async fn webhook(&self, name: &WebhookName) -> Answer<Option<Arc<Webhook>>> {
        Ok(self.inner.webhook(name).await?.map(|webhook| self.remembers(webhook)))
    }

    async fn webhooks(&self) -> Answer<Vec<Arc<Webhook>>> {
        self.inner.webhooks().await
    }
}

impl Broken {
    fn remembers(&self, mut webhook: Arc<Webhook>) -> Arc<Webhook> {
        if self.is(Fault::ForgetsOldSecrets) {
            Arc::make_mut(&mut webhook).retiring.clear();
        }
        webhook
    }
}

#[async_trait]
impl Pruning for Broken {
    async fn prune_messages(&self, before: Timestamp, limit: u32) -> Answer<u64> {
        if self.is(Fault::PrunesWhatWaits) {
            for SinkStatus { name, .. } in self.inner.sinks().await? {
                let holder = Holder { sink: name, owner: "pruner".parse().expect("an owner") };
                let claimed = self.inner.claim(ClaimRequest { holder: holder.clone(), limit, hold: FOR_EVER }).await?;
                let ids: Vec<MessageId> = claimed.iter().map(|claimed| claimed.message.id).collect();
                self.inner.acknowledge(&holder, &ids).await?;
            }
        }
        if self.is(Fault::KeepsWhatNobodyWants) && self.inner.sinks().await?.is_empty() {
            return Ok(0);
        }
        self.inner.prune_messages(before, limit).await
    }

    /// The keys of commands are the wrapper's own; those of webhooks are not.
    async fn prune_keys(&self, before: Timestamp, limit: u32) -> Answer<u64> {
        let pruned = self.prune_commands(before, limit);
        Ok(u64::from(pruned) + self.inner.prune_keys(before, limit - pruned).await?)
    }
}

impl Broken {
    fn prune_commands(&self, before: Timestamp, limit: u32) -> u32 {
        let mut keys = locked(&self.keys);
        let any = self.is(Fault::PrunesAnyKey);
        let old = keys.iter().filter(|(_, record)| any || record.created_at < before);
        let scopes: Vec<KeyScope> = old.map(|(scope, _)| scope.clone()).take(limit as usize).collect();
        scopes.iter().for_each(|scope| drop(keys.remove(scope)));
        u32::try_from(scopes.len()).unwrap_or(limit)
    }

    fn looks_at(&self, filter: &DeadLetterFilter) -> DeadLetterFilter {
        if self.is(Fault::IgnoresFilters) { DeadLetterFilter::default() } else { filter.clone() }
    }
}

#[async_trait]
impl Leases for Broken {
    async fn acquire(&self, mut request: LeaseRequest) -> Answer<Option<Lease>> {
        let now = Store::now(&*self.inner).await?;
        let asked = request.clone();
        let expires_at = now.plus(request.duration);
        if self.is(Fault::NeverEndsLeases) {
            request.duration = FOR_EVER;
        }
        let mut lease = self.inner.acquire(request).await?;
        match self.fault {
            Fault::NeverEndsLeases => lease.iter_mut().for_each(|lease| lease.expires_at = expires_at),
            Fault::OneTokenForAll => lease.iter_mut().for_each(|lease| lease.token = FencingToken(1)),
            Fault::SharesLeases => {
                let LeaseRequest { name, owner, .. } = asked;
                lease = lease.or(Some(Lease { name, owner, expires_at, token: FencingToken(1) }));
            }
            _ => {}
        }
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Answer<Option<Lease>> {
        let renewed = self.inner.renew(lease, duration).await?;
        Ok(if self.is(Fault::RenewsAnything) { renewed.or(Some(lease.clone())) } else { renewed })
    }

    async fn release(&self, lease: &Lease) -> Answer<bool> {
        self.inner.release(lease).await
    }

    async fn is_current(&self, name: &LeaseName, token: FencingToken) -> Answer<bool> {
        self.inner.is_current(name, token).await
    }
}
