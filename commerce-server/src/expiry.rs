//! The sweeps: unpaid orders end when their time is over, and copies of coupons are marked so.

use commerce_core::{Commerce, StoreError, Timestamp};

/// How many orders one round of a sweep ends.
const ROUND: u32 = 1_000;

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many it ended or marked.
    pub done: u64,
    /// What the store failed at, each with its reason: left to the next sweep.
    pub failed: Vec<String>,
}

/// Ends every order whose time to be paid is over, round by round. Orders that the store fails at are left to the next
/// sweep. Any number of sweeps may go on at once, in any number of processes.
pub async fn sweep(commerce: &Commerce) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    loop {
        let round = commerce.expire_orders(ROUND).await?;
        swept.done += round.expired.len() as u64;
        swept.failed.extend(round.failed.iter().map(|(order, error)| format!("order {order}: {error}")));
        // Fewer than asked for were the last; failures come back, and would come back at once.
        if round.found() < ROUND as usize || !round.failed.is_empty() {
            return Ok(swept);
        }
    }
}

/// Marks the copies of campaigns that ended at `from` or later as expired, and says where the next sweep may begin. Copies
/// that the store fails at are left to that.
pub async fn sweep_copies(commerce: &Commerce, from: Timestamp) -> Result<(Swept, Timestamp), StoreError> {
    let sweep = commerce.expire_copies(from).await?;
    let failed = sweep.failed.iter().map(|(copy, error)| format!("copy {copy}: {error}")).collect();
    Ok((Swept { done: sweep.expired, failed }, sweep.swept_until))
}
