//! The outbox: messages on their way out, at least once, in sequence per aggregate.

use std::time::Duration;

use async_trait::async_trait;

use super::{Page, PageRequest, StoreError};
use crate::event::{ClaimRequest, ClaimedMessage, DeadLetter};
use crate::ids::MessageId;
use crate::text::Owner;

/// Hands messages to relays, and takes their word on what became of them.
///
/// # Contract
/// * A message is claimed by one owner at a time. A claim ends when it is acknowledged, retried or buried, or
///   when its hold runs out by the store's clock.
/// * Only the earliest undelivered message of an aggregate can be claimed: a failing head holds its own
///   aggregate back, and no other. A buried head stays in the way of nothing.
/// * Acknowledging, retrying and burying work only for the owner whose claim still holds; they answer `false`,
///   and change nothing, for anybody else.
#[async_trait]
pub trait Outbox {
    /// Claims up to `request.limit` messages that are ready, the longest waiting first.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<ClaimedMessage>, StoreError>;

    /// The message was delivered; it will not be handed out again.
    async fn acknowledge(&self, owner: &Owner, message: MessageId) -> Result<bool, StoreError>;

    /// Delivery failed with `error`; the message is ready again after `delay`.
    async fn retry(&self, owner: &Owner, message: MessageId, error: &str, delay: Duration) -> Result<bool, StoreError>;

    /// Delivery failed with `error` once too often: the message becomes a dead letter.
    async fn bury(&self, owner: &Owner, message: MessageId, error: &str) -> Result<bool, StoreError>;

    /// Dead letters, newest first.
    async fn dead_letters(&self, page: PageRequest<MessageId>) -> Result<Page<DeadLetter, MessageId>, StoreError>;

    /// How many messages wait for delivery, claimed ones included, dead letters not.
    async fn backlog(&self) -> Result<u64, StoreError>;
}
