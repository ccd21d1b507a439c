//! The sweep: takes up every charge and every refund that nobody has looked after.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{StreamExt, iter};

use super::{PaymentError, Payments};
use crate::ids::{ChargeId, RefundId};
use crate::refund::{Refund, RefundStatus};
use crate::store::{PageRequest, StoreError};
use crate::time::Timestamp;

/// How many conversations with the gateway a sweep has at a time: one that hangs holds the others up the less.
const AT_A_TIME: usize = 32;

/// What a sweep looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// A charge.
    Charge(ChargeId),
    /// A refund through the gateway.
    Refund(RefundId),
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Charge(id) => write!(f, "charge {id}"),
            Self::Refund(id) => write!(f, "refund {id}"),
        }
    }
}

/// What a sweep could not settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// What.
    pub what: Open,
    /// Why not.
    pub why: PaymentError,
}

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Charges and refunds looked after.
    pub looked_after: u64,
    /// Of these, those that need no more looking after.
    pub settled: u64,
    /// Those that it failed for. One that fails keeps no other from its turn.
    pub unsettled: Vec<Unsettled>,
}

impl Swept {
    fn count(&mut self, (what, came_to): (Open, Result<bool, PaymentError>)) {
        self.looked_after += 1;
        match came_to {
            Ok(settled) => self.settled += u64::from(settled),
            Err(why) => self.unsettled.push(Unsettled { what, why }),
        }
    }
}

impl Payments {
    /// Looks after every open charge and every pending refund that has not changed for `quiet`: asks the gateway,
    /// settles, gives back, a bounded number of them at a time. Several sweeps at the same time do no harm.
    pub async fn sweep(&self, quiet: Duration) -> Result<Swept, StoreError> {
        let now = self.store().now().await?.as_micros();
        let before = Timestamp::from_micros(now - i64::try_from(quiet.as_micros()).unwrap_or(now) + 1);
        let mut swept = Swept::default();
        self.sweep_charges(before, &mut swept).await?;
        self.sweep_refunds(before, &mut swept).await?;
        Ok(swept)
    }

    async fn sweep_charges(&self, before: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store().open_charges(before, PageRequest { after, limit: 100 }).await?;
            let mut each = iter(page.items).map(|charge| self.look_after(charge.id)).buffer_unordered(AT_A_TIME);
            while let Some(came_to) = each.next().await {
                swept.count(came_to);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn sweep_refunds(&self, before: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store().pending_refunds(before, PageRequest { after, limit: 100 }).await?;
            let mut each = iter(page.items).map(|refund| self.look_after_refund(refund)).buffer_unordered(AT_A_TIME);
            while let Some(came_to) = each.next().await {
                swept.count(came_to);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// One charge, and whether it needs no more looking after.
    async fn look_after(&self, id: ChargeId) -> (Open, Result<bool, PaymentError>) {
        (Open::Charge(id), self.advance(id).await.map(|charge| !charge.status.is_open()))
    }

    /// One refund, and whether it needs no more looking after.
    async fn look_after_refund(&self, refund: Arc<Refund>) -> (Open, Result<bool, PaymentError>) {
        let came_to = self.advance_refund(refund.order_id, refund.id).await;
        (Open::Refund(refund.id), came_to.map(|refund| refund.status != RefundStatus::Pending))
    }
}
