//! NATS JetStream, on a server that keeps its streams in files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Message, consumer};
use bytes::Bytes;
use commerce_server::sink::nats::{JetStream, Subjects};
use commerce_server::sink::{Outgoing, Sink};
use futures_util::StreamExt;
use serde_json::Value;
use tempfile::TempDir;

use super::{Broker, on_broker};
use crate::servers::program::{Server, log};

const STREAM: &str = "COMMERCE";

struct Nats {
    home: TempDir,
    server: Option<Server>,
    url: String,
}

impl Nats {
    /// On a port of its own choice the first time, and on the same one from then on.
    fn spawn(&mut self) {
        let port = self.url.rsplit_once(':').map_or("-1", |(_, port)| port).to_owned();
        let arguments = ["-a", "127.0.0.1", "-p", &port, "-js", "-sd", "store", "--ports_file_dir", "."];
        self.server = Some(Server::start("nats-server", &arguments, self.home.path()));
    }

    /// Where it listens, once it has written that down.
    async fn told(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let files = std::fs::read_dir(self.home.path()).expect("a directory").flatten();
            let ports = files.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "ports"));
            let told = ports.and_then(|path| serde_json::from_slice::<Value>(&std::fs::read(path).ok()?).ok());
            if let Some(url) = told.as_ref().and_then(|told| told["nats"][0].as_str()) {
                return url.to_owned();
            }
            let home = self.home.path();
            assert!(Instant::now() < deadline, "install nats-server; the tests start one of their own\n{}", log(home));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn sink_of(&self, stream: Option<&str>) -> JetStream {
        let subjects = Subjects {
            prefix: "shop".to_owned(),
            stream: stream.map(str::to_owned),
            patience: Duration::from_secs(60),
        };
        JetStream::new(&self.url, subjects).await.expect("a sink")
    }

    async fn messages(&self) -> Vec<Message> {
        let client = async_nats::connect(&self.url).await.expect("a connection");
        let stream = jetstream::new(client).get_stream(STREAM).await.expect("the stream");
        let count = usize::try_from(stream.cached_info().state.messages).expect("few");
        let consumer = stream.create_consumer(consumer::pull::Config::default()).await.expect("a consumer");
        let messages = consumer.messages().await.expect("messages").take(count);
        messages.map(|message| message.expect("a message")).collect().await
    }
}

impl Broker for Nats {
    async fn start() -> Self {
        let mut nats = Self { home: tempfile::tempdir().expect("a directory"), server: None, url: String::new() };
        nats.spawn();
        nats.url = nats.told().await;
        nats
    }

    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.sink_of(Some(STREAM)).await)
    }

    async fn events(&self) -> Vec<Value> {
        self.messages().await.iter().map(|message| serde_json::from_slice(&message.payload).expect("JSON")).collect()
    }

    fn stop(&mut self) {
        self.server = None;
    }

    fn resume(&mut self) {
        self.spawn();
    }
}

on_broker!(Nats);

fn event(id: i64) -> Outgoing {
    let body = Bytes::from(format!("{{\"id\":\"{id}\"}}"));
    Outgoing { id: id.try_into().expect("an id"), key: "42".to_owned(), kind: "order.placed.v1".to_owned(), body }
}

#[tokio::test]
async fn a_message_that_comes_twice_is_kept_once() {
    let nats = Nats::start().await;
    let sink = nats.sink_of(Some(STREAM)).await;
    for _ in 0..2 {
        assert_eq!(sink.deliver(&[event(7), event(8)]).await, [Ok(()), Ok(())]);
    }
    let messages = nats.messages().await;
    let ids: Vec<&str> = messages
        .iter()
        .filter_map(|message| message.headers.as_ref()?.get(async_nats::header::NATS_MESSAGE_ID))
        .map(async_nats::HeaderValue::as_str)
        .collect();
    assert_eq!(ids, ["7", "8"]);
    assert_eq!(messages[0].subject.as_str(), "shop.order.placed.v1");
}

#[tokio::test]
async fn what_no_stream_keeps_is_not_delivered() {
    let nats = Nats::start().await;
    let words = nats.sink_of(None).await.deliver(&[event(7)]).await;
    let error = words.into_iter().next().expect("a word").expect_err("nobody keeps it");
    assert!(error.contains("stream"), "{error}");
}
