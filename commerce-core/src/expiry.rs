//! The sweeps: unpaid orders whose time is over end, and copies of coupons whose time is over are marked so.

use std::time::Duration;

use futures_util::stream::{StreamExt, iter};

use crate::command::{ExpireIssuedCoupon, ExpireOrder};
use crate::commerce::{Caller, Commerce};
use crate::coupon::{IssuedCoupon, IssuedCouponStatus};
use crate::ids::{CouponId, IssuedCouponId, OrderId};
use crate::principal::Principal;
use crate::store::{Error, PageRequest, StoreError};
use crate::text::IdempotencyKey;
use crate::time::Timestamp;

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

/// More than a claim takes from its decision to its commit: the copies of a campaign that ended less than this ago may
/// not all be there yet. A sweep that began at an instant has done with the campaigns that ended so long before it.
pub const SETTLING: Duration = Duration::from_secs(60);

/// What a [sweep](Commerce::expire_copies) of copies came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredCopies {
    /// How many copies it marked as expired.
    pub expired: u64,
    /// Copies that the store could not be asked about: the sweep ended with their campaign.
    pub failed: Vec<(IssuedCouponId, StoreError)>,
    /// Where the next sweep may begin: nothing is left to do for campaigns that ended before.
    pub swept_until: Timestamp,
}

impl Commerce {
    /// Marks the available copies of coupons whose window ended at `from` or later as expired, campaign by campaign.
    /// Fails if they cannot be read; `from` is then still where to begin.
    ///
    /// It looks at every copy of such a campaign, and hands on in its answer where the next sweep need not look again.
    /// Any number of sweeps may run at the same time, in any number of processes. Nothing hangs on when they do: a copy
    /// whose time is over cannot be used, and one that comes back later from its order is marked as it does.
    pub async fn expire_copies(&self, from: Timestamp) -> Result<ExpiredCopies, StoreError> {
        let settled = self.store().now().await?.minus(SETTLING);
        let mut sweep = ExpiredCopies { expired: 0, failed: Vec::new(), swept_until: settled.max(from) };
        let mut page = PageRequest::first(PageRequest::<CouponId>::MAX_LIMIT);
        loop {
            let ended = self.store().ended_coupons(from, page).await?;
            for (ended_at, coupon) in ended.items {
                self.expire_copies_of(coupon, &mut sweep).await?;
                if !sweep.failed.is_empty() {
                    sweep.swept_until = ended_at.min(sweep.swept_until);
                    return Ok(sweep);
                }
            }
            let Some(next) = ended.next else { return Ok(sweep) };
            page.after = Some(next);
        }
    }

    async fn expire_copies_of(&self, coupon: CouponId, sweep: &mut ExpiredCopies) -> Result<(), StoreError> {
        let mut page = PageRequest::first(PageRequest::<IssuedCouponId>::MAX_LIMIT);
        loop {
            let copies = self.store().copies_of(coupon, page).await?;
            let available = |copy: &IssuedCoupon| copy.status == IssuedCouponStatus::Available;
            let due = copies.items.into_iter().filter(available).map(|copy| self.expire_copy(copy.id));
            let mut answers = iter(due).buffer_unordered(AT_A_TIME);
            while let Some((copy, answer)) = answers.next().await {
                match answer {
                    Ok(replayed) => sweep.expired += u64::from(!replayed),
                    // Somebody used it in time, or took it back.
                    Err(Error::Rejected(_)) => {}
                    Err(Error::Store(error)) => sweep.failed.push((copy, error)),
                }
            }
            let Some(next) = copies.next.filter(|_| sweep.failed.is_empty()) else { return Ok(()) };
            page.after = Some(next);
        }
    }

    /// Marks one copy; whether another sweep already had.
    async fn expire_copy(&self, issued_coupon_id: IssuedCouponId) -> (IssuedCouponId, Result<bool, Error>) {
        let caller = Caller::new(Principal::System, IdempotencyKey::of_copy(issued_coupon_id));
        let answer = self.expire_issued_coupon(caller, ExpireIssuedCoupon { issued_coupon_id }).await;
        (issued_coupon_id, answer.map(|receipt| receipt.replayed))
    }
}
