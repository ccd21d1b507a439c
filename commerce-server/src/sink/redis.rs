//! Redis Streams: an entry an event.

use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult};

use super::{Outgoing, Sink, Word, causes};

/// How many entries are added in one round trip.
const AT_ONCE: usize = 256;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

/// Which stream gets events, and how.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its key.
    pub key: String,
    /// About how many entries it keeps; all of them if none.
    pub length: Option<u64>,
    /// How long Redis may take over an answer.
    pub patience: Duration,
}

/// Adds events to a stream, with the fields `id`, `key`, `type` and `event`. Redis has an event when it says so; whether it
/// still has it after a crash is for its own persistence and replication to say. What was added without a word of it is
/// added again: consumers leave out an `id` that they have seen.
pub struct RedisStream {
    connection: ConnectionManager,
    stream: Stream,
}

impl std::fmt::Debug for RedisStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl RedisStream {
    /// Connects with the first events, and again whenever the connection is lost.
    ///
    /// # Errors
    /// The URL is none of Redis's.
    pub fn new(url: &str, stream: Stream) -> Result<Self, String> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(stream.patience))
            // The relay has a patience of its own, and tells of each attempt.
            .set_number_of_retries(0);
        let connection = Client::open(url).and_then(|client| ConnectionManager::new_lazy_with_config(client, config));
        Ok(Self { connection: connection.map_err(causes)?, stream })
    }

    async fn add(&self, events: &[Outgoing]) -> RedisResult<Vec<RedisResult<String>>> {
        let mut pipe = redis::pipe();
        for event in events {
            let add = pipe.cmd("XADD").arg(&self.stream.key);
            if let Some(length) = self.stream.length {
                add.arg("MAXLEN").arg("~").arg(length);
            }
            add.arg("*").arg("id").arg(event.id.to_string()).arg("key").arg(&event.key);
            add.arg("type").arg(&event.kind).arg("event").arg(&*event.body);
        }
        pipe.ignore_errors().query_async(&mut self.connection.clone()).await
    }
}

#[async_trait]
impl Sink for RedisStream {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        match self.add(events).await {
            Ok(added) => added.into_iter().map(|added| added.map(drop).map_err(causes)).collect(),
            Err(error) => vec![Err(causes(error)); events.len()],
        }
    }
}
