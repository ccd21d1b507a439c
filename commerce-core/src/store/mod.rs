//! The storage contract: what a store must do, and what it must never do.

mod audit;
mod jobs;
mod lease;
mod outbox;
mod page;
mod pruning;
mod reads;
mod webhooks;

use async_trait::async_trait;
use thiserror::Error;

pub use audit::{
    Audit, CodeFacts, CouponFacts, HeldCopy, HeldCount, HolderFacts, LedgerRow, Movement, NamedOrder, OrderFacts,
    StockFacts, TopUpFacts, WalletFacts, WalletPayment,
};
pub use jobs::Jobs;
pub use lease::{FencingToken, Lease, LeaseRequest, Leases};
pub use outbox::Outbox;
pub use page::{Page, PageRequest};
pub use pruning::Pruning;
pub use reads::{
    Carts, Catalog, Charges, CopyPlace, Coupons, Customers, Orders, Sales, Stocks, TopUps, Views, Wallets,
};
pub use webhooks::Webhooks;

use crate::command::Command;
use crate::decide::{Outcome, Shop};
use crate::idempotency::KeyScope;
use crate::ids::IdBlock;
use crate::operation::Operation;
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::text::IdempotencyKey;
use crate::time::Timestamp;
use crate::working_set::{Keys, WorkingSet};

/// A command on its way to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who asks.
    pub principal: Principal,
    /// The client's name for this attempt, unique within principal and operation.
    pub key: IdempotencyKey,
    /// What is asked.
    pub command: Command,
    /// Fresh ids for it; at least [`Command::ids_needed`].
    pub ids: IdBlock,
}

impl Envelope {
    /// Where the envelope's key is unique.
    #[must_use]
    pub fn scope(&self) -> KeyScope {
        KeyScope { key: self.key.clone(), principal: self.principal.clone(), operation: self.operation() }
    }

    /// The kind of command inside.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.command.operation()
    }
}

/// A command was carried out, now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt<T = Outcome> {
    /// What it came to, as it was when it ran.
    pub outcome: T,
    /// Whether it ran before, under the same key, and this is the answer of then.
    pub replayed: bool,
}

/// Why a store could not do what it was asked, the rules aside.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Nothing happened. Asking again later may help.
    #[error("the store is unavailable: {reason}; nothing happened, try again")]
    Unavailable {
        /// What is wrong, for operators.
        reason: String,
    },
    /// The command may or may not have been carried out. Asking again **with the same key** tells.
    #[error("the outcome is unknown: {reason}; ask again with the same key")]
    Unknown {
        /// What is wrong, for operators.
        reason: String,
    },
    /// The store holds something that cannot be: a bug, or a hand in the data. Nothing happened.
    #[error("the store is corrupt: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A rule refused it. Final: nothing changed, and nothing was kept of it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The rejection, if a rule refused.
    #[must_use]
    pub const fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Store(_) => None,
        }
    }
}

/// Where records live, and where commands take effect.
///
/// # Contract
/// The [conformance suite](crate::conformance) holds every store to this; a store that passes it may call
/// itself one.
///
/// ## Atomicity
/// [`execute`](Self::execute) writes **all** of a decision's [`Changes`](crate::Changes), together with the
/// [`KeyRecord`](crate::KeyRecord) of the envelope's key, or nothing at all, even when the process dies or the
/// decision panics. A reader never sees half of a commit.
///
/// ## Serial equivalence
/// Commands take effect as if one after another, in an order that agrees with their answers: a command sent
/// after another's answer sees its effect. Every decision is made by [`decide`](crate::decide::decide) on the
/// records as they are at that point in the order, and on nothing older. No rule lives in a store.
///
/// ## Idempotency
/// Before anything else the key is looked up in its [`KeyScope`]. If it is there, the stored outcome is
/// answered (`replayed`), or [`Rejection::IdempotencyKeyReused`] if the
/// [`Fingerprint`](crate::Fingerprint) differs; the command does not run. Of equal requests that race under
/// one key exactly one runs, and all get its outcome.
///
/// ## Rejections
/// A rejection leaves no trace: no record, no row, no key. The same key may be used again.
///
/// ## Ids
/// A new record never takes the place of another. Of customers, products, variants, coupons, copies, orders,
/// charges and top-ups an id that is taken is refused with [`Rejection::IdTaken`]: `decide` sees it where all records are at hand; a
/// store that loads by [`keys`](crate::keys) adds [`fresh_keys`](crate::decide::fresh_keys), or leaves it to its
/// primary keys and answers the same.
///
/// ## Truth
/// `Ok` means committed, and durable as far as the store is durable at all. [`StoreError::Unavailable`] means
/// that nothing happened. [`StoreError::Unknown`] means that the store cannot tell, and that asking again with
/// the same key will. A dropped future leaves either the whole effect or none.
///
/// ## Time
/// The store reads its clock once per command, at some instant between the call and the answer. Instants of
/// commands that touch the same record do not run backwards further than the clock does.
///
/// ## Events
/// The messages of a commit become claimable with it, never before and never without it (see [`Outbox`]).
#[async_trait]
pub trait Store:
    Catalog
    + Views
    + Stocks
    + Customers
    + Wallets
    + Coupons
    + Carts
    + Orders
    + Charges
    + TopUps
    + Sales
    + Outbox
    + Webhooks
    + Leases
    + Pruning
    + Jobs
    + Audit
    + Send
    + Sync
    + 'static
{
    /// Carries a command out, once per key.
    async fn execute(&self, envelope: Envelope) -> Result<Receipt, Error>;

    /// Reads records as they are, all from one moment, without locking them. Deciding on the result tells what
    /// *would* happen; only [`execute`](Self::execute) makes it so.
    async fn load(&self, keys: &Keys) -> Result<WorkingSet, StoreError>;

    /// Which of the keys are in use: a request under one of them is answered without running.
    async fn used(&self, scopes: &[KeyScope]) -> Result<Vec<bool>, StoreError>;

    /// The store's clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// The shop's settings, which the store hands to every decision.
    fn shop(&self) -> &Shop;
}
