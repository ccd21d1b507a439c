//! Where events are delivered to: one small port, and an implementation for each kind of place.

mod address;
pub mod event;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "redis")]
pub mod redis;
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
    /// What it is about: the same for all that must stay in sequence, so that brokers keep it in one place.
    pub key: String,
    /// The type, with its version: `order.paid.v1`.
    pub kind: String,
    /// The [`CloudEvent`](event::CloudEvent) as JSON, on one line.
    pub body: Bytes,
}

/// What the body of an event is.
const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

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

/// An error with its causes, on one line.
pub(crate) fn causes(error: impl std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
