//! NATS JetStream: a message an event, whose id JetStream leaves out when it sees it again.

use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{Context, stream};
use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::OnceCell;

use super::{CONTENT_TYPE, Outgoing, Sink, Word, causes};

/// How many messages are published without waiting for each other.
const AT_ONCE: usize = 256;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

/// Which subjects get events, and how.
#[derive(Debug, Clone)]
pub struct Subjects {
    /// What they begin with; a dot and the type of the event follow.
    pub prefix: String,
    /// The stream to make for them if there is none of the name; one must be there if none.
    pub stream: Option<String>,
    /// How long the server may take over an answer.
    pub patience: Duration,
}

/// Publishes events to JetStream. One is delivered when a stream has said that it keeps it. The message's id is the event's,
/// so that a stream leaves out what comes twice within its window for duplicates.
#[derive(Debug)]
pub struct JetStream {
    context: Context,
    subjects: Subjects,
    /// Whether the stream is there, as far as this process has seen.
    ready: OnceCell<()>,
}

impl JetStream {
    /// Connects in the background, and again whenever the connection is lost.
    ///
    /// # Errors
    /// The URL is none of NATS's.
    pub async fn new(url: &str, subjects: Subjects) -> Result<Self, String> {
        let options = ConnectOptions::new()
            .name("commerce")
            .retry_on_initial_connect()
            .connection_timeout(CONNECT)
            .request_timeout(Some(subjects.patience));
        let client = options.connect(url).await.map_err(causes)?;
        let context = ContextBuilder::new().timeout(subjects.patience).ack_timeout(subjects.patience).build(client);
        Ok(Self { context, subjects, ready: OnceCell::new() })
    }

    /// Sees to it that the stream is there. What it is to keep, and for how long, an operator may change at any time.
    async fn stream(&self) -> Result<(), String> {
        let Some(name) = &self.subjects.stream else { return Ok(()) };
        let config = stream::Config {
            name: name.clone(),
            subjects: vec![format!("{}.>", self.subjects.prefix)],
            ..stream::Config::default()
        };
        let made = async || self.context.get_or_create_stream(config).await.map(drop).map_err(causes);
        self.ready.get_or_try_init(made).await?;
        Ok(())
    }

    async fn publish(&self, event: &Outgoing) -> Word {
        let message = PublishMessage::build()
            .message_id(event.id.to_string())
            .header("Content-Type", CONTENT_TYPE)
            .payload(event.body.clone());
        let subject = format!("{}.{}", self.subjects.prefix, event.kind);
        let kept = self.context.send_publish(subject, message).await.map_err(causes)?;
        kept.await.map(drop).map_err(causes)
    }
}

#[async_trait]
impl Sink for JetStream {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        if let Err(error) = self.stream().await {
            return vec![Err(error); events.len()];
        }
        join_all(events.iter().map(|event| self.publish(event))).await
    }
}
