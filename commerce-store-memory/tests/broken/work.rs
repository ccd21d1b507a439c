//! The broken store's outbox and leases: the memory store's, but for the fault.

use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Lease, LeaseRequest, Leases, Outbox};
use commerce_core::{
    ClaimRequest, ClaimedMessage, DeadLetter, LeaseName, MessageId, Owner, Page, PageRequest, Store, StoreError,
};

use crate::fault::Fault;
use crate::store::{Broken, FOR_EVER, locked};

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl Outbox for Broken {
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

    async fn acknowledge(&self, owner: &Owner, message: MessageId) -> Answer<bool> {
        let done = self.inner.acknowledge(owner, message).await?;
        Ok(done || self.is(Fault::DoublesMessages))
    }

    async fn retry(&self, owner: &Owner, message: MessageId, error: &str, delay: Duration) -> Answer<bool> {
        let delay = if self.is(Fault::RetriesAtOnce) { Duration::ZERO } else { delay };
        self.inner.retry(owner, message, error, delay).await
    }

    async fn bury(&self, owner: &Owner, message: MessageId, error: &str) -> Answer<bool> {
        if self.is(Fault::BuriesNowhere) {
            return self.inner.acknowledge(owner, message).await;
        }
        self.inner.bury(owner, message, error).await
    }

    async fn dead_letters(&self, page: PageRequest<MessageId>) -> Answer<Page<DeadLetter, MessageId>> {
        let found = self.inner.dead_letters(self.asks(page)).await?;
        Ok(self.answers(page, found, MessageId::get, |letter: &DeadLetter| letter.message.id))
    }

    async fn backlog(&self) -> Answer<u64> {
        self.inner.backlog().await
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
