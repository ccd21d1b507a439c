//! Kafka: a record an event, whose key is the order, so that all of an order is in one partition.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::{CONTENT_TYPE, Outgoing, Sink, Word};

/// How many records are on their way at a time.
const AT_ONCE: usize = 256;

/// Which topic gets events, and how.
#[derive(Debug, Clone)]
pub struct Topic {
    /// The brokers to begin with, as `host:port`, apart by commas.
    pub brokers: String,
    /// Its name.
    pub name: String,
    /// How long the brokers may take over an answer.
    pub patience: Duration,
}

/// Sends events to a topic. One is delivered when all replicas in sync have it; the producer is idempotent, so that its own
/// attempts at one record add it once. What the relay tries again is a record of its own: consumers leave out an `id`
/// that they have seen.
pub struct Kafka {
    config: ClientConfig,
    producer: RwLock<FutureProducer>,
    topic: Topic,
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kafka").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Connects in the background, and again whenever a connection is lost. `properties` are more of librdkafka's.
    ///
    /// # Errors
    /// librdkafka knows no such property, or not such a value.
    pub fn new(topic: Topic, properties: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut config = ClientConfig::new();
        // A round of the relay waits for all of its records: there is nobody to wait with them for more.
        config.set("client.id", "commerce").set("linger.ms", "0");
        config.extend(properties);
        config
            .set("bootstrap.servers", &topic.brokers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", topic.patience.as_millis().to_string());
        let producer = config.create().map_err(|error| error.to_string())?;
        Ok(Self { config, producer: RwLock::new(producer), topic })
    }

    fn producer(&self) -> FutureProducer {
        self.producer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(&self, producer: &FutureProducer, event: &Outgoing) -> Word {
        let content_type = Header { key: "content-type", value: Some(CONTENT_TYPE) };
        let record = FutureRecord::to(&self.topic.name)
            .key(&event.key)
            .payload(&*event.body)
            .headers(OwnedHeaders::new().insert(content_type));
        producer.send(record, self.topic.patience).await.map(drop).map_err(|(error, _)| error.to_string())
    }

    /// A producer whose idempotence could not be kept sends nothing ever again: another one takes its place.
    fn replace(&self, failed: &FutureProducer) -> KafkaResult<()> {
        if let Some((code, error)) = failed.client().fatal_error() {
            tracing::warn!(%code, error, "a Kafka producer came to its end");
            *self.producer.write().unwrap_or_else(PoisonError::into_inner) = self.config.create()?;
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for Kafka {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        let producer = self.producer();
        let words = join_all(events.iter().map(|event| self.send(&producer, event))).await;
        if words.iter().any(Result::is_err)
            && let Err(error) = self.replace(&producer)
        {
            tracing::error!(%error, "there is no Kafka producer to go on with");
        }
        words
    }
}
