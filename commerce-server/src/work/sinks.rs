//! The sinks that the settings name.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{SinkName, TextError};

use crate::config::Settings;
use crate::sink::stdout::Lines;
use crate::sink::webhook::{Endpoint, EndpointError, Webhook};
use crate::sink::{NamedSink, Sink};

/// Why the settings name a sink that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The webhook cannot be called.
    #[error("COMMERCE_SINK_WEBHOOK_URL (--sink-webhook-url): {0}")]
    Webhook(#[from] EndpointError),
    /// The broker's client does not take what it is told.
    #[error("{setting}: {reason}")]
    Broker {
        /// The settings.
        setting: &'static str,
        /// What it says.
        reason: String,
    },
    /// The program was built without the broker's client.
    #[error("{setting}: this program was built without it; build commerce-server with --features {feature}")]
    NotBuilt {
        /// The setting.
        setting: &'static str,
        /// What builds it in.
        feature: &'static str,
    },
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] TextError),
}

/// The sinks that the settings name, each by the name of its kind.
///
/// # Errors
/// [`SinkError`], which names the setting: an address that is not public, a broker whose client is not built in.
pub async fn sinks(settings: &Settings) -> Result<Vec<NamedSink>, SinkError> {
    let mut sinks: Vec<NamedSink> = Vec::new();
    let mut add = |name: &str, sink: Option<Arc<dyn Sink>>| {
        if let Some(sink) = sink {
            sinks.push((SinkName::new(name)?, sink));
        }
        Ok::<_, TextError>(())
    };
    let patience = Duration::from_secs(settings.brokers.sink_broker_timeout);
    add("stdout", settings.sink_stdout.then(|| Arc::new(Lines::stdout(patience)) as Arc<dyn Sink>))?;
    add("webhook", webhook(settings)?)?;
    add("redis", redis(settings)?)?;
    add("nats", nats(settings).await?)?;
    add("kafka", kafka(settings)?)?;
    Ok(sinks)
}

type Found = Result<Option<Arc<dyn Sink>>, SinkError>;

fn webhook(settings: &Settings) -> Found {
    let Some(url) = &settings.sink_webhook_url else { return Ok(None) };
    let endpoint = Endpoint {
        url: url.clone(),
        secrets: settings.sink_webhook_secret.clone(),
        patience: Duration::from_secs(settings.sink_webhook_timeout),
        allow_private: settings.sink_webhook_private,
    };
    Ok(Some(Arc::new(Webhook::new(endpoint)?)))
}

const REDIS: &str = "COMMERCE_SINK_REDIS_URL (--sink-redis-url)";
const NATS: &str = "COMMERCE_SINK_NATS_URL (--sink-nats-url)";
#[cfg(not(feature = "kafka"))]
const KAFKA: &str = "COMMERCE_SINK_KAFKA_BROKERS (--sink-kafka-brokers)";

#[cfg(feature = "redis")]
fn redis(settings: &Settings) -> Found {
    use crate::sink::redis::{RedisStream, Stream};

    let brokers = &settings.brokers;
    let Some(url) = &brokers.sink_redis_url else { return Ok(None) };
    let stream = Stream {
        key: brokers.sink_redis_stream.clone(),
        length: brokers.sink_redis_length,
        patience: Duration::from_secs(brokers.sink_broker_timeout),
    };
    let sink = RedisStream::new(url.as_str(), stream).map_err(|reason| SinkError::Broker { setting: REDIS, reason })?;
    Ok(Some(Arc::new(sink)))
}

#[cfg(not(feature = "redis"))]
fn redis(settings: &Settings) -> Found {
    absent(settings.brokers.sink_redis_url.is_some(), REDIS, "redis")
}

#[cfg(feature = "nats")]
async fn nats(settings: &Settings) -> Found {
    use crate::sink::nats::{JetStream, Subjects};

    let brokers = &settings.brokers;
    let Some(url) = &brokers.sink_nats_url else { return Ok(None) };
    let subjects = Subjects {
        prefix: brokers.sink_nats_subject.clone(),
        stream: brokers.sink_nats_stream.clone(),
        patience: Duration::from_secs(brokers.sink_broker_timeout),
    };
    let sink = JetStream::new(url.as_str(), subjects).await;
    Ok(Some(Arc::new(sink.map_err(|reason| SinkError::Broker { setting: NATS, reason })?)))
}

#[cfg(not(feature = "nats"))]
async fn nats(settings: &Settings) -> Found {
    absent(settings.brokers.sink_nats_url.is_some(), NATS, "nats")
}

#[cfg(feature = "kafka")]
fn kafka(settings: &Settings) -> Found {
    use crate::sink::kafka::{Kafka, Topic};

    let brokers = &settings.brokers;
    let Some(first) = &brokers.sink_kafka_brokers else { return Ok(None) };
    let topic = Topic {
        brokers: first.clone(),
        name: brokers.sink_kafka_topic.clone(),
        patience: Duration::from_secs(brokers.sink_broker_timeout),
    };
    let properties = brokers.sink_kafka_properties.iter().map(|given| (given.name.clone(), given.value.clone()));
    let setting = "COMMERCE_SINK_KAFKA_PROPERTIES (--sink-kafka-properties), or COMMERCE_SINK_KAFKA_BROKERS";
    let sink = Kafka::new(topic, properties).map_err(|reason| SinkError::Broker { setting, reason })?;
    Ok(Some(Arc::new(sink)))
}

#[cfg(not(feature = "kafka"))]
fn kafka(settings: &Settings) -> Found {
    absent(settings.brokers.sink_kafka_brokers.is_some(), KAFKA, "kafka")
}

#[cfg(not(all(feature = "kafka", feature = "nats", feature = "redis")))]
fn absent(named: bool, setting: &'static str, feature: &'static str) -> Found {
    if named { Err(SinkError::NotBuilt { setting, feature }) } else { Ok(None) }
}
