//! A Redis that writes everything down before it says so, reachable by unix socket alone.

use std::time::{Duration, Instant};

use redis::Client;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use super::program::{Server, log};

pub(crate) struct Redis {
    home: TempDir,
    server: Option<Server>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let mut redis = Self { home: tempfile::tempdir().expect("a directory"), server: None };
        redis.resume();
        redis.connect().await;
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}/socket", self.home.path().display())
    }

    /// Kills it; what it has said that it has, it keeps.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    pub(crate) fn resume(&mut self) {
        let arguments = ["--port", "0", "--unixsocket", "socket", "--appendonly", "yes", "--appendfsync", "always"];
        self.server = Some(Server::start("redis-server", &arguments, self.home.path()));
    }

    /// A connection, once it is ready.
    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).expect("a URL");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return connection,
                Err(error) => assert!(
                    Instant::now() < deadline,
                    "install redis-server; the tests start one of their own: {error}\n{}",
                    log(self.home.path())
                ),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
