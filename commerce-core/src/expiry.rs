//! The sweep that ends unpaid orders whose time is over.

use futures_util::stream::{StreamExt, iter};

use crate::command::ExpireOrder;
use crate::commerce::{Caller, Commerce};
use crate::ids::OrderId;
use crate::principal::Principal;
use crate::store::{Error, StoreError};
use crate::text::IdempotencyKey;

/// How many expiries are under way at a time: enough for a store that works in batches to fill one.
const AT_A_TIME: usize = 64;

/// What a [sweep](Commerce::expire_orders) came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The orders that it ended.
    pub expired: Vec<OrderId>,
    /// Orders that somebody else took a step further first: paid in time, cancelled, or ended by another sweep.
    pub overtaken: Vec<OrderId>,
    /// Orders that the store could not be asked about; they stay due, and the next sweep finds them again.
    pub failed: Vec<(OrderId, StoreError)>,
}

impl Expired {
    /// How many orders were found due.
    #[must_use]
    pub fn found(&self) -> usize {
        self.expired.len() + self.overtaken.len() + self.failed.len()
    }
}

impl Commerce {
    /// Ends pending orders whose time to be paid is over, the longest overdue first and at most `limit` of them: each
    /// gives back its stock and coupons in a commit of its own. Fails if the due orders cannot be read; what happens
    /// to a single order is in the answer.
    ///
    /// Any number of sweeps may run at the same time, in any number of processes: every order has one key, so that it
    /// is ended once, and a payment or a cancellation that comes first has won.
    pub async fn expire_orders(&self, limit: u32) -> Result<Expired, StoreError> {
        let due = self.store().due_orders(limit).await?;
        let mut answers = iter(due).map(|order_id| self.expire(order_id)).buffer_unordered(AT_A_TIME);
        let mut sweep = Expired::default();
        while let Some((order_id, answer)) = answers.next().await {
            match answer {
                Ok(false) => sweep.expired.push(order_id),
                Ok(true) | Err(Error::Rejected(_)) => sweep.overtaken.push(order_id),
                Err(Error::Store(error)) => sweep.failed.push((order_id, error)),
            }
        }
        Ok(sweep)
    }

    /// Ends one order; whether another sweep already had.
    async fn expire(&self, order_id: OrderId) -> (OrderId, Result<bool, Error>) {
        let caller = Caller::new(Principal::System, IdempotencyKey::of_order(order_id));
        let answer = self.expire_order(caller, ExpireOrder { order_id }).await;
        (order_id, answer.map(|receipt| receipt.replayed))
    }
}
