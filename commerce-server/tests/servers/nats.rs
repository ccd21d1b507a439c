//! A NATS server whose JetStream keeps its streams in files. Not one of `servers`, as some who have those know no such
//! feature.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::servers::program::{Server, log};

pub(crate) struct Nats {
    home: TempDir,
    server: Option<Server>,
    url: String,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut nats = Self { home, server: None, url: String::new() };
        nats.resume();
        nats.url = nats.told().await;
        nats
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Kills it; what it has said that it has, it keeps.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// On a port of its own choice the first time, and on the same one from then on.
    pub(crate) fn resume(&mut self) {
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
}
