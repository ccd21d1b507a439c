//! NATS JetStream.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, Message, consumer};
use bytes::Bytes;
use commerce_server::sink::nats::{JetStream, Subjects};
use commerce_server::sink::{Outgoing, Sink};
use futures_util::StreamExt;
use serde_json::Value;

use super::{Broker, on_broker};
use crate::nats::Nats;

const STREAM: &str = "COMMERCE";

struct OnNats(Nats);

impl OnNats {
    async fn sink_of(&self, stream: Option<&str>) -> JetStream {
        let subjects = Subjects {
            prefix: "shop".to_owned(),
            stream: stream.map(str::to_owned),
            patience: Duration::from_secs(60),
        };
        JetStream::new(self.0.url(), subjects).await.expect("a sink")
    }

    async fn messages(&self) -> Vec<Message> {
        let client = async_nats::connect(self.0.url()).await.expect("a connection");
        let stream = jetstream::new(client).get_stream(STREAM).await.expect("the stream");
        let count = usize::try_from(stream.cached_info().state.messages).expect("few");
        let consumer = stream.create_consumer(consumer::pull::Config::default()).await.expect("a consumer");
        let messages = consumer.messages().await.expect("messages").take(count);
        messages.map(|message| message.expect("a message")).collect().await
    }
}

impl Broker for OnNats {
    async fn start() -> Self {
        Self(Nats::start().await)
    }

    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.sink_of(Some(STREAM)).await)
    }

    async fn events(&self) -> Vec<Value> {
        self.messages().await.iter().map(|message| serde_json::from_slice(&message.payload).expect("JSON")).collect()
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn resume(&mut self) {
        self.0.resume();
    }
}

on_broker!(OnNats);

fn event(id: i64) -> Outgoing {
    let body = Bytes::from(format!("{{\"id\":\"{id}\"}}"));
    Outgoing { id: id.try_into().expect("an id"), key: "42".to_owned(), kind: "order.placed.v1".to_owned(), body }
}

#[tokio::test]
async fn a_message_that_comes_twice_is_kept_once() {
    let nats = OnNats::start().await;
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
    let nats = OnNats::start().await;
    let words = nats.sink_of(None).await.deliver(&[event(7)]).await;
    let error = words.into_iter().next().expect("a word").expect_err("nobody keeps it");
    assert!(error.contains("stream"), "{error}");
}
