//! Where the benchmark has events delivered to.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commerce_server::gateway::signature::WebhookSecret;
use commerce_server::sink::redis::{RedisStream, Stream};
use commerce_server::sink::webhook::{Endpoint, Webhook};
use commerce_server::sink::{Outgoing, Sink, Word};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::load::Outcome;
#[cfg(feature = "nats")]
use crate::nats::Nats;
use crate::servers::redis::Redis;

/// Far longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes everything at once: what the relay itself can do.
pub(crate) struct Nowhere;

#[async_trait]
impl Sink for Nowhere {
    fn at_once(&self) -> usize {
        256
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        vec![Ok(()); events.len()]
    }
}

/// Sinks, and what must live as long as they do.
pub(crate) struct Sinks {
    pub(crate) all: Vec<(&'static str, Arc<dyn Sink>)>,
    _redis: Redis,
    #[cfg(feature = "nats")]
    _nats: Nats,
    #[cfg(feature = "kafka")]
    _kafka: rdkafka::mocking::MockCluster<'static, rdkafka::producer::DefaultProducerContext>,
}

impl Sinks {
    /// One of each kind that this build has.
    pub(crate) async fn start() -> Outcome<Self> {
        let mut all: Vec<(&'static str, Arc<dyn Sink>)> =
            vec![("nowhere", Arc::new(Nowhere)), ("webhook", webhook().await?)];
        let redis = Redis::start().await;
        let stream = Stream { key: "events".to_owned(), length: Some(100_000), patience: PATIENCE };
        all.push(("redis", Arc::new(RedisStream::new(&redis.url(), stream)?)));
        #[cfg(feature = "nats")]
        let nats = {
            use commerce_server::sink::nats::{JetStream, Subjects};
            let nats = Nats::start().await;
            let (prefix, stream) = ("shop".to_owned(), Some("EVENTS".to_owned()));
            let subjects = Subjects { prefix, stream, patience: PATIENCE };
            all.push(("nats", Arc::new(JetStream::new(nats.url(), subjects).await?)));
            nats
        };
        #[cfg(feature = "kafka")]
        let kafka = {
            use commerce_server::sink::kafka::{Kafka, Topic};
            let kafka = rdkafka::mocking::MockCluster::new(1)?;
            kafka.create_topic("events", 4, 1)?;
            let topic = Topic { brokers: kafka.bootstrap_servers(), name: "events".to_owned(), patience: PATIENCE };
            all.push(("kafka", Arc::new(Kafka::new(topic, [])?)));
            kafka
        };
        Ok(Self {
            all,
            _redis: redis,
            #[cfg(feature = "nats")]
            _nats: nats,
            #[cfg(feature = "kafka")]
            _kafka: kafka,
        })
    }
}

/// A webhook to a receiver in this process.
async fn webhook() -> Outcome<Arc<dyn Sink>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/events", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = |request: hyper::Request<hyper::body::Incoming>| async move {
                drop(request.into_body().collect().await);
                Ok::<_, Infallible>(hyper::Response::new(Full::new(bytes::Bytes::new())))
            };
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(socket), service_fn(answer)));
        }
    });
    let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").ok_or("no secret")?;
    let endpoint = Endpoint { url: url.parse()?, secrets: vec![secret], patience: PATIENCE, allow_private: true };
    Ok(Arc::new(Webhook::new(endpoint)?))
}
