//! The sweep in the background: unpaid orders end soon after their time is over.

use std::future::Future;
use std::time::Duration;

use commerce_core::{Commerce, StoreError};

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

/// Sweeps at once and every `interval` after, until `stop` is ready. A sweep under way is finished first. Any number
/// of processes may do so on one store.
pub async fn run(commerce: &Commerce, interval: Duration, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        match sweep(commerce).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "orders whose time to be paid was over"),
            Err(error) => tracing::warn!(%error, "the orders whose time is over could not be read"),
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}
