//! What has a time, and whose time is over.

use async_trait::async_trait;
use commerce_core::{Commerce, SETTLING, Timestamp};

use super::{Done, Failed, Occasion, Task, counts, unless_failed};
use crate::expiry::{Swept, sweep, sweep_copies};

/// Ends unpaid orders whose time is over.
#[derive(Debug, Clone)]
pub struct OrderExpiry(pub Commerce);

#[async_trait]
impl Task for OrderExpiry {
    async fn run(&self, _: &Occasion) -> Result<Done, Failed> {
        let Swept { done, failed } = sweep(&self.0).await?;
        unless_failed(&failed, "orders could not be ended", counts([("ended", done), ("failed", failed.len() as u64)]))
    }
}

/// Marks copies of coupons whose time is over: those of campaigns that ended since the last run that succeeded.
#[derive(Debug, Clone)]
pub struct CouponExpiry(pub Commerce);

#[async_trait]
impl Task for CouponExpiry {
    async fn run(&self, occasion: &Occasion) -> Result<Done, Failed> {
        let from = occasion.record.succeeded_at.map_or(Timestamp::from_micros(0), |at| at.minus(SETTLING));
        let (Swept { done, failed }, _) = sweep_copies(&self.0, from).await?;
        unless_failed(
            &failed,
            "copies could not be marked",
            counts([("marked", done), ("failed", failed.len() as u64)]),
        )
    }
}
