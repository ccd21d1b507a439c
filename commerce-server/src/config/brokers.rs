//! Settings of the message brokers that events are delivered to. They are there whatever was built in, so that a program
//! without a broker's client can say what it lacks.

use clap::Args;
use reqwest::Url;

use super::seconds;

/// Where events go besides webhooks and standard output.
#[derive(Debug, Clone, Args)]
pub struct Brokers {
    /// The Redis whose stream gets events, as redis://user:password@host:port/database; none if absent.
    #[arg(long, env = "COMMERCE_SINK_REDIS_URL", hide_env_values = true, value_parser = redis_url, global = true)]
    pub sink_redis_url: Option<BrokerUrl>,
    /// The key of the Redis stream that events are added to.
    #[arg(long, env = "COMMERCE_SINK_REDIS_STREAM", default_value = "commerce:events", value_parser = name, global = true)]
    pub sink_redis_stream: String,
    /// About how many entries the Redis stream keeps; all of them if absent.
    #[arg(long, env = "COMMERCE_SINK_REDIS_LENGTH", value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub sink_redis_length: Option<u64>,
    /// The NATS server whose JetStream gets events, as nats://user:password@host:port; none if absent.
    #[arg(long, env = "COMMERCE_SINK_NATS_URL", hide_env_values = true, value_parser = nats_url, global = true)]
    pub sink_nats_url: Option<BrokerUrl>,
    /// What the subjects of NATS begin with; the type of the event follows, as in `commerce.order.paid.v1`.
    #[arg(long, env = "COMMERCE_SINK_NATS_SUBJECT", default_value = "commerce", value_parser = subject, global = true)]
    pub sink_nats_subject: String,
    /// The JetStream stream to make for those subjects if there is none of the name; one must be there if absent.
    #[arg(long, env = "COMMERCE_SINK_NATS_STREAM", value_parser = stream, global = true)]
    pub sink_nats_stream: Option<String>,
    /// The Kafka brokers to begin with, as host:port, apart by commas; none if absent.
    #[arg(long, env = "COMMERCE_SINK_KAFKA_BROKERS", value_parser = name, global = true)]
    pub sink_kafka_brokers: Option<String>,
    /// The Kafka topic that gets events; the order's id is their key.
    #[arg(long, env = "COMMERCE_SINK_KAFKA_TOPIC", default_value = "commerce.events", value_parser = topic, global = true)]
    pub sink_kafka_topic: String,
    /// More properties of librdkafka, as name=value, apart by commas.
    #[arg(long, env = "COMMERCE_SINK_KAFKA_PROPERTIES", hide_env_values = true, value_parser = property, value_delimiter = ',', global = true)]
    pub sink_kafka_properties: Vec<Property>,
    /// How long a broker may take over an answer, or whoever reads standard output over making room in the pipe, in seconds.
    #[arg(long, env = "COMMERCE_SINK_BROKER_TIMEOUT", default_value_t = 10, value_parser = seconds(300), global = true)]
    pub sink_broker_timeout: u64,
}

/// Where a broker is. It may hold a password, so it is never shown, not even by `Debug`.
#[derive(Clone)]
pub struct BrokerUrl(String);

impl BrokerUrl {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrokerUrl(…)")
    }
}

/// A property of a client library. Its value may be a password, so it is never shown.
#[derive(Clone)]
pub struct Property {
    /// What it is called.
    pub name: String,
    /// What it is set to.
    pub value: String,
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.name)
    }
}

fn broker_url(text: &str, scheme: &str) -> Result<BrokerUrl, String> {
    let wrong = || format!("write {scheme}://host:port; put what encrypts in front of a broker elsewhere");
    let url = Url::parse(text).ok().filter(|url| url.scheme() == scheme && url.has_host()).ok_or_else(wrong)?;
    Ok(BrokerUrl(url.to_string()))
}

pub(super) fn redis_url(text: &str) -> Result<BrokerUrl, String> {
    broker_url(text, "redis")
}

fn nats_url(text: &str) -> Result<BrokerUrl, String> {
    broker_url(text, "nats")
}

fn graphic(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn name(text: &str) -> Result<String, String> {
    graphic(text, 255).then(|| text.to_owned()).ok_or_else(|| "write 1 to 255 characters without blanks".to_owned())
}

fn subject(text: &str) -> Result<String, String> {
    let fits = graphic(text, 200) && text.split('.').all(|token| !token.is_empty() && !token.contains(['*', '>']));
    fits.then(|| text.to_owned())
        .ok_or_else(|| "write names without blanks, * and >, apart by dots, like shop.events".to_owned())
}

fn stream(text: &str) -> Result<String, String> {
    let fits = graphic(text, 200) && !text.contains(['.', '*', '>', '/', '\\']);
    fits.then(|| text.to_owned()).ok_or_else(|| "write a name without blanks, dots, *, > and slashes".to_owned())
}

fn topic(text: &str) -> Result<String, String> {
    let fits = graphic(text, 249)
        && !matches!(text, "." | "..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    fits.then(|| text.to_owned()).ok_or_else(|| "write 1 to 249 letters, digits, dots, dashes and lines".to_owned())
}

fn property(text: &str) -> Result<Property, String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("write name=value")?;
    Ok(Property { name: name.to_owned(), value: value.to_owned() })
}
