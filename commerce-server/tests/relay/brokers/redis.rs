//! Redis Streams.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use commerce_server::sink::redis::{RedisStream, Stream};
use commerce_server::sink::{Outgoing, Sink};
use redis::AsyncCommands;
use redis::streams::StreamRangeReply;
use serde_json::Value;

use super::{Broker, on_broker};
use crate::servers::redis::Redis;

const KEY: &str = "commerce:events";

struct OnRedis(Redis);

impl OnRedis {
    fn sink_of(&self, length: Option<u64>) -> RedisStream {
        let stream = Stream { key: KEY.to_owned(), length, patience: Duration::from_secs(60) };
        RedisStream::new(&self.0.url(), stream).expect("a sink")
    }

    async fn entries(&self) -> Vec<(String, String, String, String)> {
        let range: StreamRangeReply = self.0.connect().await.xrange_all(KEY).await.expect("the stream");
        let field = |entry: &redis::streams::StreamId, name| entry.get::<String>(name).expect("a field");
        let fields = |entry| ["id", "key", "type", "event"].map(|name| field(entry, name)).into();
        range.ids.iter().map(fields).collect()
    }
}

impl Broker for OnRedis {
    async fn start() -> Self {
        Self(Redis::start().await)
    }

    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.sink_of(None))
    }

    async fn events(&self) -> Vec<Value> {
        self.entries().await.iter().map(|entry| serde_json::from_str(&entry.3).expect("JSON")).collect()
    }

    fn stop(&mut self) {
        self.0.stop();
    }

    fn resume(&mut self) {
        self.0.resume();
    }
}

on_broker!(OnRedis);

fn event(id: i64) -> Outgoing {
    let body = Bytes::from(format!("{{\"id\":\"{id}\"}}"));
    Outgoing { id: id.try_into().expect("an id"), key: "42".to_owned(), kind: "order.placed.v1".to_owned(), body }
}

#[tokio::test]
async fn an_entry_names_what_it_is_about() {
    let redis = OnRedis::start().await;
    assert_eq!(redis.sink_of(None).deliver(&[event(7), event(8)]).await, [Ok(()), Ok(())]);
    let entry = |id: &str| (id.into(), "42".into(), "order.placed.v1".into(), format!("{{\"id\":\"{id}\"}}"));
    assert_eq!(redis.entries().await, [entry("7"), entry("8")]);
}

#[tokio::test]
async fn a_stream_of_a_length_keeps_about_as_many() {
    let redis = OnRedis::start().await;
    let sink = redis.sink_of(Some(10));
    for round in 0..10 {
        let events: Vec<Outgoing> = (1..=200).map(|n| event(round * 1_000 + n)).collect();
        assert!(sink.deliver(&events).await.iter().all(Result::is_ok));
    }
    let kept = redis.entries().await.len();
    assert!((10..1_000).contains(&kept), "{kept}");
}

#[tokio::test]
async fn what_redis_refuses_is_not_delivered_and_says_why() {
    let redis = OnRedis::start().await;
    let _: () = redis.0.connect().await.set(KEY, "not a stream").await.expect("a key");
    let words = redis.sink_of(None).deliver(&[event(7), event(8)]).await;
    assert_eq!(words.len(), 2);
    for word in words {
        assert!(word.expect_err("refused").contains("WRONGTYPE"));
    }
}
