//! What other systems hear: messages in the outbox, written in the commit that they tell of.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, OrderId};
use crate::order::OrderEvent;
use crate::reconcile::Drift;
use crate::text::{JobName, Owner, SinkName};
use crate::time::Timestamp;

/// What a message is about: messages of one aggregate are delivered in sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// An order.
    Order(OrderId),
    /// Books that did not add up: each report is one message, and alone.
    Books(MessageId),
}

/// What happened, in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A step in an order's life.
    Order(Arc<OrderEvent>),
    /// A reconciliation found books that do not add up.
    Books(Arc<BooksEvent>),
}

/// What a run of a job found not to add up. A run that finds nothing tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksEvent {
    /// The report, and the message that brings it.
    pub id: MessageId,
    /// The job.
    pub job: JobName,
    /// The run's place among those of the job.
    pub run: u64,
    /// When the books were read to the end.
    pub at: Timestamp,
    /// How many drifts were found.
    pub count: u64,
    /// The first of them, [`TOLD`](Self::TOLD) at most.
    pub drifts: Vec<Drift>,
}

impl BooksEvent {
    /// How many drifts are told one by one: a message stays of a size that every sink takes.
    pub const TOLD: usize = 100;
    /// The stable name of the event type.
    pub const TYPE_NAME: &str = "books.drifted";
}

impl Event {
    /// What the event is about.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        match self {
            Self::Order(event) => Aggregate::Order(event.order_id()),
            Self::Books(event) => Aggregate::Books(event.id),
        }
    }

    /// The event's place among those of its aggregate, from 1, without gaps.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Order(event) => event.sequence,
            Self::Books(_) => 1,
        }
    }

    /// The stable name of the event type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Order(event) => event.type_name(),
            Self::Books(_) => BooksEvent::TYPE_NAME,
        }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Order(event) => event.at,
            Self::Books(event) => event.at,
        }
    }
}

/// An event on its way out. Every committed transition, and every run that found drifts, has exactly one; what rolled
/// back has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// Unique in the shop; consumers deduplicate by it.
    pub id: MessageId,
    /// What happened.
    pub event: Event,
}

/// Who holds claims: a relay at work for one sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// Where the messages are to go.
    pub sink: SinkName,
    /// Which relay is at it.
    pub owner: Owner,
}

/// A request for messages to deliver.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Who claims, and for which sink.
    pub holder: Holder,
    /// How many at most.
    pub limit: u32,
    /// How long the claim holds.
    pub hold: Duration,
}

/// A message in the hands of one relay, until its claim runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// The message.
    pub message: OutboxMessage,
    /// How often the message has been handed out for this sink before; a crash of the relay counts.
    pub attempts: u32,
    /// When the claim runs out and others may take the message.
    pub claimed_until: Timestamp,
}

/// Where messages are delivered to, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkStatus {
    /// Its name.
    pub name: SinkName,
    /// When it was registered.
    pub created_at: Timestamp,
    /// How many messages wait for delivery to it, claimed ones included, dead letters not.
    pub backlog: u64,
    /// When the oldest of those happened.
    pub oldest_at: Option<Timestamp>,
    /// How many dead letters it has.
    pub dead_letters: u64,
}

/// A message that was buried after too many attempts at delivering it to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it was to go.
    pub sink: SinkName,
    /// The message.
    pub message: OutboxMessage,
    /// How often delivery was tried.
    pub attempts: u32,
    /// What the last attempt failed with.
    pub last_error: String,
    /// When it was buried.
    pub buried_at: Timestamp,
}

/// Names a dead letter. A list of them goes by message, then by sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterKey {
    /// The message.
    pub message: MessageId,
    /// Where it was to go.
    pub sink: SinkName,
}

impl DeadLetter {
    /// What it is called.
    #[must_use]
    pub fn key(&self) -> DeadLetterKey {
        DeadLetterKey { message: self.message.id, sink: self.sink.clone() }
    }
}

/// Which dead letters: those that fit all that is given, so all of them if nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of this sink.
    pub sink: Option<SinkName>,
    /// Of this message.
    pub message: Option<MessageId>,
    /// About this aggregate.
    pub aggregate: Option<Aggregate>,
    /// Buried before this instant.
    pub buried_before: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Whether the letter is one of them.
    #[must_use]
    pub fn takes(&self, letter: &DeadLetter) -> bool {
        self.sink.as_ref().is_none_or(|sink| *sink == letter.sink)
            && self.message.is_none_or(|message| message == letter.message.id)
            && self.aggregate.is_none_or(|aggregate| aggregate == letter.message.event.aggregate())
            && self.buried_before.is_none_or(|instant| letter.buried_at < instant)
    }
}
