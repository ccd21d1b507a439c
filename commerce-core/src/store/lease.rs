//! Leases: one owner at a time, for a time, with a token that only grows.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::text::{LeaseName, Owner};
use crate::time::Timestamp;

/// Grows with every change of hands of a lease. A write guarded by it refuses a token lower than the highest
/// that it has seen, so that a paused owner cannot write after its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FencingToken(pub u64);

/// A lease that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is about.
    pub name: LeaseName,
    /// Who holds it.
    pub owner: Owner,
    /// Until when, unless renewed.
    pub expires_at: Timestamp,
    /// The token of this holding.
    pub token: FencingToken,
}

/// A request for a lease.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// What it is about.
    pub name: LeaseName,
    /// Who asks.
    pub owner: Owner,
    /// For how long.
    pub duration: Duration,
}

/// Leases by name.
///
/// # Contract
/// A lease has at most one holder at any instant of the store's clock. Acquiring a free or expired lease gives
/// a token greater than every earlier one of that name, also after releases. The holder of a lease may acquire
/// it again: the token stays, the time is extended.
#[async_trait]
pub trait Leases {
    /// Takes the lease, if it is free, expired, or the asker's own; none if somebody else holds it.
    async fn acquire(&self, request: LeaseRequest) -> Result<Option<Lease>, StoreError>;

    /// Extends a lease that is still held under this token; none if it has run out or changed hands.
    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Option<Lease>, StoreError>;

    /// Gives the lease up; `false` if it was not held under this token any more.
    async fn release(&self, lease: &Lease) -> Result<bool, StoreError>;

    /// Whether `token` is the latest that was given for `name`, at this moment. A write that is to be guarded by it looks in
    /// its own commit, as those of [`Jobs`](super::Jobs) do.
    async fn is_current(&self, name: &LeaseName, token: FencingToken) -> Result<bool, StoreError>;
}
