//! A follower of the Redis stream that a shop adds its events to.

use std::time::Duration;

use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, Client, RedisError};
use thiserror::Error;

use crate::read_model::{Applied, Event, ReadModel, Refused};

/// How long a read waits for news, and how long after a failure it is tried again.
const WAIT: Duration = Duration::from_secs(1);
/// How many entries a read takes.
const COUNT: usize = 256;

/// Why a follower gave up.
#[derive(Debug, Error)]
pub enum FollowError {
    /// The URL is none.
    #[error("not a Redis URL: {0}")]
    Url(RedisError),
    /// An entry is no event that the model can take.
    #[error("entry {entry}: {refused}")]
    Entry {
        /// Its id in the stream.
        entry: String,
        /// Why.
        refused: Refused,
    },
}

/// Reads the stream from its beginning on, and keeps the model, until `stop` is ready; tells each event. A Redis that is away
/// is waited for.
///
/// A service that keeps its model writes the id of the entry down with it, in one commit, and begins after that one again.
/// What the model holds back is a part of it: the stream does not give that again. Events that are missing, since the shop
/// gave up on them, are waited for without holding up other orders.
pub async fn follow(
    url: &str,
    key: &str,
    model: &mut ReadModel,
    mut tell: impl FnMut(&Event, Applied),
    stop: impl Future<Output = ()>,
) -> Result<(), FollowError> {
    let client = Client::open(url).map_err(FollowError::Url)?;
    let mut last = "0".to_owned();
    let following = async {
        loop {
            let entries = match read(&client, key, &last).await {
                Ok(entries) => entries,
                Err(error) => {
                    eprintln!("{error}; trying again");
                    tokio::time::sleep(WAIT).await;
                    continue;
                }
            };
            for (entry, json) in entries {
                let applied = model.apply(&json);
                let (event, applied) =
                    applied.map_err(|refused| FollowError::Entry { entry: entry.clone(), refused })?;
                tell(&event, applied);
                last = entry;
            }
        }
    };
    tokio::select! {
        ended = following => ended,
        () = stop => Ok(()),
    }
}

/// What comes after an entry: ids and events.
async fn read(client: &Client, key: &str, after: &str) -> Result<Vec<(String, Vec<u8>)>, RedisError> {
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(WAIT * 5));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let wait = usize::try_from(WAIT.as_millis()).unwrap_or(usize::MAX);
    let options = StreamReadOptions::default().block(wait).count(COUNT);
    let reply: Option<StreamReadReply> = connection.xread_options(&[key], &[after], &options).await?;
    let entries = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|stream| stream.ids);
    Ok(entries.map(|entry| (entry.id.clone(), entry.get("event").unwrap_or_default())).collect())
}
