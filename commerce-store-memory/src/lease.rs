//! Leases.

use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Lease, LeaseRequest, Leases};
use commerce_core::{LeaseName, Owner, StoreError, Timestamp};

use crate::MemoryStore;

/// A lease that was given at least once; its token is kept when the holder is gone, so that tokens only grow.
#[derive(Debug)]
pub(crate) struct LeaseRow {
    token: FencingToken,
    holder: Option<(Owner, Timestamp)>,
}

impl LeaseRow {
    fn held_by(&self, owner: &Owner, now: Timestamp) -> bool {
        matches!(&self.holder, Some((holder, until)) if holder == owner && now < *until)
    }

    /// Whether the token is the latest that was given.
    pub(crate) fn is_current(&self, token: FencingToken) -> bool {
        self.token == token
    }

    fn is_free(&self, now: Timestamp) -> bool {
        self.holder.as_ref().is_none_or(|(_, until)| now >= *until)
    }
}

#[async_trait]
impl Leases for MemoryStore {
    async fn acquire(&self, request: LeaseRequest) -> Result<Option<Lease>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let LeaseRequest { name, owner, duration } = request;
        let fresh = LeaseRow { token: FencingToken(0), holder: None };
        let row = tables.leases.entry(name.clone()).or_insert(fresh);
        let mine = row.held_by(&owner, now);
        if !mine && !row.is_free(now) {
            return Ok(None);
        }
        if !mine {
            row.token = FencingToken(row.token.0 + 1);
        }
        let expires_at = now.plus(duration);
        row.holder = Some((owner.clone(), expires_at));
        Ok(Some(Lease { name, owner, expires_at, token: row.token }))
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Option<Lease>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let row = tables.leases.get_mut(&lease.name);
        let Some(row) = row.filter(|row| row.token == lease.token && row.held_by(&lease.owner, now)) else {
            return Ok(None);
        };
        let expires_at = now.plus(duration);
        row.holder = Some((lease.owner.clone(), expires_at));
        Ok(Some(Lease { expires_at, ..lease.clone() }))
    }

    async fn release(&self, lease: &Lease) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let row = tables.leases.get_mut(&lease.name);
        let held = row.filter(|row| row.token == lease.token && row.held_by(&lease.owner, now));
        Ok(held.map(|row| row.holder = None).is_some())
    }

    async fn is_current(&self, name: &LeaseName, token: FencingToken) -> Result<bool, StoreError> {
        Ok(self.read()?.leases.get(name).is_some_and(|row| row.is_current(token)))
    }
}
