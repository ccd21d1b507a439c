//! Forgetting what nobody asks for any more.

use async_trait::async_trait;

use super::StoreError;
use crate::time::Timestamp;

/// Forgets old records, a few at a time, so that nobody else waits for it.
///
/// # Contract
/// What is forgotten happened before an instant, and is at most `limit` records a call, the oldest first as far as a
/// store has them by age: ask again until none is left. Any number may do so at the same time. The books add up
/// afterwards as they did before.
#[async_trait]
pub trait Pruning {
    /// Forgets messages that were distributed to the sinks, that no sink waits for any more, and that are no dead letter;
    /// says how many records of them that were. A store that keeps none of what is delivered has none of those to forget.
    ///
    /// While no sink is registered, those that wait to be distributed are forgotten as well: nobody asks for them, and
    /// whoever comes gets what happens from then on. A sink that is registered meanwhile comes before or after: either
    /// all that is left is kept for it, or what was forgotten was so before it came; what it was given it keeps.
    ///
    /// [`OrderFacts::delivered`](super::OrderFacts::delivered) counts all of them: that each transition had its message
    /// can be proven for as long as the message is there, and is taken for granted of what happened before the instant.
    async fn prune_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Forgets idempotency keys that were used before the instant, of commands and of changes of webhooks, and says how
    /// many. The same key makes a new request then: keep keys for longer than any client goes on retrying.
    async fn prune_keys(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
