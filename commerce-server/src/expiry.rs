//! The sweeps in the background: unpaid orders end soon after their time is over, and copies of coupons are marked so.

use std::future::Future;
use std::time::Duration;

use commerce_core::{Commerce, StoreError, Timestamp};

/// How many orders one round of a sweep ends.
const ROUND: u32 = 1_000;

/// Ends every order whose time to be paid is over, round by round, and says how many it ended. Orders that the store
/// fails at are left to the next sweep.
pub async fn sweep(commerce: &Commerce) -> Result<usize, StoreError> {
    let mut ended = 0;
    loop {
        let round = commerce.expire_orders(ROUND).await?;
        ended += round.expired.len();
        for (order, error) in &round.failed {
            tracing::warn!(%order, %error, "an order whose time is over could not be ended");
        }
        // Fewer than asked for were the last; failures come back, and would come back at once.
        if round.found() < ROUND as usize || !round.failed.is_empty() {
            return Ok(ended);
        }
    }
}

/// Marks the copies of campaigns that ended at `from` or later as expired, and says how many it marked, and where the
/// next sweep may begin. Copies that the store fails at are left to that.
pub async fn sweep_copies(commerce: &Commerce, from: Timestamp) -> Result<(u64, Timestamp), StoreError> {
    let sweep = commerce.expire_copies(from).await?;
    for (copy, error) in &sweep.failed {
        tracing::warn!(%copy, %error, "a copy of a coupon whose time is over could not be marked");
    }
    Ok((sweep.expired, sweep.swept_until))
}

/// Sweeps at once and every `interval` after, until `stop` is ready. A sweep under way is finished first. Any number
/// of processes may do so on one store. The first sweep looks at the copies of all campaigns that are over.
pub async fn run(commerce: &Commerce, interval: Duration, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let mut from = Timestamp::from_micros(0);
    loop {
        match sweep(commerce).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "orders whose time to be paid was over"),
            Err(error) => tracing::warn!(%error, "the orders whose time is over could not be read"),
        }
        match sweep_copies(commerce, from).await {
            Ok((marked, swept_until)) => {
                from = swept_until;
                if marked > 0 {
                    tracing::info!(marked, "copies of coupons whose time was over");
                }
            }
            Err(error) => tracing::warn!(%error, "the copies whose time is over could not be read"),
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}
