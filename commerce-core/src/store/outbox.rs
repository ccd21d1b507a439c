//! The outbox: messages on their way out, at least once, in sequence per aggregate, to any number of sinks.

use std::time::Duration;

use async_trait::async_trait;

use super::{Page, PageRequest, StoreError};
use crate::event::{ClaimRequest, ClaimedMessage, DeadLetter, DeadLetterFilter, DeadLetterKey, Holder, SinkStatus};
use crate::ids::MessageId;
use crate::text::SinkName;

/// Hands messages to relays, and takes their word on what became of them.
///
/// # Contract
/// * A message waits until it is distributed, once, to every sink that is registered then; without one it goes on
///   waiting, for as long as it is [kept](super::Pruning::prune_messages). From there on each sink has its own copy: what
///   becomes of it in one sink changes nothing in another.
/// * A sink's message is claimed by one owner at a time. A claim ends when it is acknowledged, handed back, retried or
///   buried, or when its hold runs out by the store's clock.
/// * Only the earliest undelivered message of an aggregate can be claimed for a sink: a failing head holds its own
///   aggregate back, in that sink, and no other. A buried head stays in the way of nothing. This holds however many
///   distribute and claim at the same time.
/// * Acknowledging, handing back, retrying and burying work only for the holder whose claim still holds; they change
///   nothing for anybody else.
#[async_trait]
pub trait Outbox {
    /// Registers a sink: it gets what is distributed from now on; if it is the only one, that begins with what has waited
    /// for one. `false` if it is there already.
    async fn register_sink(&self, sink: &SinkName) -> Result<bool, StoreError>;

    /// Removes a sink, with what was not delivered to it and its dead letters. `false` if there is none.
    async fn remove_sink(&self, sink: &SinkName) -> Result<bool, StoreError>;

    /// Every sink, by name, and how far it has come.
    async fn sinks(&self) -> Result<Vec<SinkStatus>, StoreError>;

    /// Gives up to `limit` messages that wait to every sink there is, and says how many; none without a sink.
    async fn distribute(&self, limit: u32) -> Result<u64, StoreError>;

    /// Waits until the store has had news of messages that wait to be distributed more often than `heard`, and says how
    /// often by then: begin with 0, and go on with what is answered. Whoever commits a message, and to whatever instance
    /// of the store, is soon heard of in all of them. It is a hint: there may be news of nothing, and some may be missed
    /// (of a process that dies just after its commit, of what was said while a connection was made anew), so look
    /// besides.
    async fn news(&self, heard: u64) -> Result<u64, StoreError>;

    /// How many messages wait to be distributed.
    async fn backlog(&self) -> Result<u64, StoreError>;

    /// Claims up to `request.limit` of a sink's messages that are ready, the longest waiting first.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<ClaimedMessage>, StoreError>;

    /// The messages were delivered; the sink will not be handed them again. Answers how many of them were held.
    async fn acknowledge(&self, holder: &Holder, messages: &[MessageId]) -> Result<u64, StoreError>;

    /// The messages were not tried: they are ready again at once, and their claims do not count as attempts. Answers
    /// how many of them were held.
    async fn hand_back(&self, holder: &Holder, messages: &[MessageId]) -> Result<u64, StoreError>;

    /// Delivery failed with `error`; the message is ready again after `delay`.
    async fn retry(
        &self,
        holder: &Holder,
        message: MessageId,
        error: &str,
        delay: Duration,
    ) -> Result<bool, StoreError>;

    /// Delivery failed with `error` once too often: the message becomes a dead letter of the sink.
    async fn bury(&self, holder: &Holder, message: MessageId, error: &str) -> Result<bool, StoreError>;

    /// Dead letters, greatest key first.
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: PageRequest<DeadLetterKey>,
    ) -> Result<Page<DeadLetter, DeadLetterKey>, StoreError>;

    /// Gives up to `limit` dead letters back to their sinks, least key first, as if never tried; says how many. What
    /// comes after them in their aggregates may have been delivered since: consumers go by the sequence.
    async fn replay(&self, filter: &DeadLetterFilter, limit: u32) -> Result<u64, StoreError>;

    /// Forgets up to `limit` dead letters, least key first, and says how many.
    async fn discard(&self, filter: &DeadLetterFilter, limit: u32) -> Result<u64, StoreError>;
}
