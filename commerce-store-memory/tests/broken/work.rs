//! The broken store's outbox and leases: the memory store's, but for the fault.

use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Lease, LeaseRequest, Leases, Outbox};
use commerce_core::{
    ClaimRequest, ClaimedMessage, DeadLetter, DeadLetterFilter, DeadLetterKey, Holder, LeaseName, MessageId, Page,
    PageRequest, SinkName, SinkStatus, Store, StoreError,
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

impl Broken {
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
