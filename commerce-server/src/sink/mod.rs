//! Where events are delivered to: one small port, and an implementation for each kind of place.

mod address;
pub mod event;
pub mod stdout;
pub mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use commerce_core::{MessageId, SinkName};

/// An event on its way to a sink.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The message's id: the same at every attempt.
    pub id: MessageId,
    /// The [`CloudEvent`](event::CloudEvent) as JSON, on one line.
    pub body: Bytes,
}

/// What became of one event: it was delivered, or why it was not.
pub type Word = Result<(), String>;

/// A sink and its name in the store.
pub type NamedSink = (SinkName, Arc<dyn Sink>);

/// A place that events are delivered to.
#[async_trait]
pub trait Sink: Send + Sync {
    /// How many events it takes at a time.
    fn at_once(&self) -> usize;

    /// Delivers events, no two of which are about the same order, and gives a word on each, in their order. It ends,
    /// whatever the other side does.
    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word>;
}
