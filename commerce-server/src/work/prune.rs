//! Pruning: messages that were delivered and idempotency keys are forgotten after a while.

use std::time::Duration;

use commerce_core::{Store, StoreError, Timestamp};

/// How many records one commit forgets.
const STEP: u32 = 1_000;

/// For how long records are kept that nobody asks for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Messages that every sink has: for as long reconciliation can prove that each transition had one. While there is no sink,
    /// those that wait for one.
    pub messages: Duration,
    /// Idempotency keys: longer than any client goes on retrying, for the same key makes a new request then.
    pub keys: Duration,
}

/// How many records were forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Messages.
    pub messages: u64,
    /// Idempotency keys.
    pub keys: u64,
}

/// Forgets everything whose time is over, a step at a time. Any number of processes may do so on one store.
pub async fn sweep(store: &dyn Store, retention: Retention) -> Result<Pruned, StoreError> {
    let (now, mut pruned) = (store.now().await?, Pruned::default());
    loop {
        let step = store.prune_messages(ago(now, retention.messages), STEP).await?;
        pruned.messages += step;
        if step < u64::from(STEP) {
            break;
        }
    }
    loop {
        let step = store.prune_keys(ago(now, retention.keys), STEP).await?;
        pruned.keys += step;
        if step < u64::from(STEP) {
            return Ok(pruned);
        }
    }
}

fn ago(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp::from_micros(now.as_micros().saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)).max(0))
}
