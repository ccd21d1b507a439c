//! What other systems hear: messages in the outbox, written in the commit that they tell of.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, OrderId};
use crate::order::OrderEvent;
use crate::text::Owner;
use crate::time::Timestamp;

/// What a message is about: messages of one aggregate are delivered in sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// An order.
    Order(OrderId),
}

/// What happened, in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A step in an order's life.
    Order(Arc<OrderEvent>),
}

impl Event {
    /// What the event is about.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        match self {
            Self::Order(event) => Aggregate::Order(event.order_id()),
        }
    }

    /// The event's place among those of its aggregate, from 1, without gaps.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Order(event) => event.sequence,
        }
    }

    /// The stable name of the event type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Order(event) => event.type_name(),
        }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Order(event) => event.at,
        }
    }
}

/// An event on its way out. Every committed transition has exactly one; what rolled back has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// Unique in the shop; consumers deduplicate by it.
    pub id: MessageId,
    /// What happened.
    pub event: Event,
}

/// A message in the hands of one relay, until its claim runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// The message.
    pub message: OutboxMessage,
    /// How often the message has been handed out before; a crash of the relay counts.
    pub attempts: u32,
    /// When the claim runs out and others may take the message.
    pub claimed_until: Timestamp,
}

/// A message that was buried after too many attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message.
    pub message: OutboxMessage,
    /// How often delivery was tried.
    pub attempts: u32,
    /// What the last attempt failed with.
    pub last_error: String,
    /// When it was buried.
    pub buried_at: Timestamp,
}

/// A request for messages to deliver.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Who claims.
    pub owner: Owner,
    /// How many at most.
    pub limit: u32,
    /// How long the claim holds.
    pub hold: Duration,
}
