//! A proxy between a client and the server that understands the frontend's messages: it cuts connections at a chosen
//! message, and it plants bugs, by saying something else than the client did.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::postgres::PgConnectOptions;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Error;
use crate::link::{Link, Stream};

/// A message on its way from the client to the server.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What kind of message, as the protocol names it; 0 for the one that opens a connection.
    pub kind: u8,
    /// The statement's text, of simple queries and of statements to be prepared; else empty.
    pub statement: &'a str,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It reaches the server.
    Pass,
    /// Both ends are cut before it reaches the server.
    Cut,
    /// It reaches the server, and is answered; nobody hears of it, both ends are cut. For simple queries.
    CutAnswer,
    /// Nothing passes any more, in either direction, and nobody is told: a network that swallows everything.
    Stall,
    /// This statement reaches the server in the place of the client's.
    Say(String),
    /// The client hears this SQLSTATE, and the server is told to roll back. For simple queries.
    Refuse(&'static str),
    /// The client hears of success at once. The server is told when this connection speaks again, or when another speaks
    /// in a transaction that it began to write in (by a plain `begin`), for it may wait for this one; or never if nobody
    /// does. For simple queries.
    Promise,
}

/// Decides what becomes of each message.
type Rule = Arc<dyn Fn(Message<'_>) -> Fate + Send + Sync>;

/// Where the server is.
#[derive(Debug, Clone)]
enum Upstream {
    Socket(PathBuf),
    Address(String, u16),
}

/// The proxy. Dropping it cuts every connection.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    rule: RwLock<Rule>,
    away: AtomicBool,
    open: AtomicUsize,
    severed: watch::Sender<u64>,
    /// Told of what is said in transactions that write.
    stirred: watch::Sender<()>,
}

impl Proxy {
    /// A proxy in front of the server of the database at `url`.
    pub async fn start(url: &str) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::Program(format!("proxy: {error}"));
        let upstream = upstream(url)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let shared = Arc::new(Shared {
            rule: RwLock::new(Arc::new(|_| Fate::Pass)),
            away: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            severed: watch::channel(0).0,
            stirred: watch::channel(()).0,
        });
        let accepting = tokio::spawn(accept(listener, upstream, Arc::clone(&shared)));
        Ok(Self { url: through(url, port)?, shared, accepting })
    }

    /// The URL of the same database, through the proxy.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on messages fare as `rule` says, on connections that are open already too.
    pub fn follow(&self, rule: impl Fn(Message<'_>) -> Fate + Send + Sync + 'static) {
        *self.shared.rule.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rule);
    }

    /// Cuts every connection.
    pub fn sever(&self) {
        self.shared.severed.send_modify(|times| *times += 1);
    }

    /// Cuts every connection, and cuts new ones too, until [`heal`](Self::heal).
    pub fn go_away(&self) {
        self.shared.away.store(true, Ordering::SeqCst);
        self.sever();
    }

    /// Lets new connections through again.
    pub fn heal(&self) {
        self.shared.away.store(false, Ordering::SeqCst);
    }

    /// How many connections are open through the proxy.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.sever();
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

impl Shared {
    fn rule(&self) -> Rule {
        Arc::clone(&self.rule.read().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(listener: TcpListener, upstream: Upstream, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut severed = shared.severed.subscribe();
        if shared.away.load(Ordering::SeqCst) {
            continue;
        }
        let (upstream, shared) = (upstream.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(server) = connect(&upstream).await else { return };
            shared.open.fetch_add(1, Ordering::SeqCst);
            let decide = |message: Message<'_>| shared.rule()(message);
            tokio::select! {
                // However a conversation ends, both ends learn of it by the end of their connections.
                _ = Link::new(client, server, shared.stirred.clone()).converse(decide) => {}
                _ = severed.changed() => {}
            }
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn connect(upstream: &Upstream) -> std::io::Result<Box<dyn Stream>> {
    Ok(match upstream {
        Upstream::Socket(path) => Box::new(UnixStream::connect(path).await?),
        Upstream::Address(host, port) => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
    })
}

fn upstream(url: &str) -> Result<Upstream, Error> {
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| Error::Server(error.to_string()))?;
    let (host, port) = (options.get_host().to_owned(), options.get_port());
    let file = |directory: &Path| Upstream::Socket(directory.join(format!(".s.PGSQL.{port}")));
    Ok(match options.get_socket() {
        Some(directory) => file(directory),
        None if host.starts_with('/') => file(Path::new(&host)),
        None => Upstream::Address(host, port),
    })
}

/// The URL with another host. What is said stays readable: the connection is not encrypted.
fn through(url: &str, port: u16) -> Result<String, Error> {
    let parts = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let (authority, path) = parts.ok_or_else(|| Error::Server("the URL names no database".to_owned()))?;
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let database = path.split('?').next().unwrap_or_default();
    Ok(format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable"))
}
