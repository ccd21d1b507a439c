//! A throw-away PostgreSQL for tests: started by the tests themselves, gone with them, even after `kill -9`.
//!
//! [`fresh_database`] gives each test a database of its own in one cluster per process, copied from a template
//! that is migrated once. [`Cluster::start`] gives a cluster of one's own, to crash it for instance.
//!
//! With `COMMERCE_TEST_DATABASE_URL` set to a server's URL (its role may create databases), that server is used
//! instead and nothing is started.
//!
//! [`Proxy::start`] stands between a client and its database: it cuts connections at a chosen message, or says
//! something else than the client did, to show that a test notices.

mod cluster;
mod error;
mod link;
mod programs;
mod proxy;

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::Mutex;

pub use cluster::{Cluster, Settings};
pub use error::Error;
pub use proxy::{Fate, Message, Proxy};

/// A database of one's own.
#[derive(Debug, Clone)]
pub struct Database {
    /// Where it is.
    pub url: String,
    /// Its name in the cluster.
    pub name: String,
}

/// The cluster that all tests of this process share; statics are never dropped, so its watchdog cleans up.
static SHARED: OnceLock<Result<Cluster, Error>> = OnceLock::new();
static TEMPLATES: Mutex<Option<HashSet<String>>> = Mutex::const_new(None);
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A new database in the shared cluster, as `migrate` left the template named by `schema` (a hash of the
/// migrations, so that a changed schema makes a new template). `migrate` gets the URL of an empty database and
/// runs once per process.
pub fn fresh_database<'a, F, M>(schema: &'a str, migrate: M) -> Making<'a>
where
    F: Future<Output = Result<(), Error>> + Send + 'a,
    M: FnOnce(String) -> F + Send + 'a,
{
    Box::pin(async move {
        let url_of = shared_server()?;
        let template = format!("tpl_{schema}_{}", std::process::id());
        {
            let mut templates = TEMPLATES.lock().await;
            let known = templates.get_or_insert_default();
            if !known.contains(schema) {
                admin(url_of("postgres"), format!("create database {template}")).await?;
                migrate(url_of(&template)).await?;
                known.insert(schema.to_owned());
            }
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("test_{}_{number}", std::process::id());
            admin(url_of("postgres"), format!("create database {name} template {template}")).await?;
            Ok(Database { url: url_of(&name), name })
        }
    })
}

/// A database in the making.
pub type Making<'a> = Pin<Box<dyn Future<Output = Result<Database, Error>> + Send + 'a>>;

/// From a database's name to its URL.
type UrlOf = Box<dyn Fn(&str) -> String + Send + Sync>;

/// The URL of a database in the shared server, by name.
fn shared_server() -> Result<UrlOf, Error> {
    if let Ok(server) = std::env::var("COMMERCE_TEST_DATABASE_URL") {
        let base = server.rsplit_once('/').map_or(server.as_str(), |(base, _)| base).to_owned();
        return Ok(Box::new(move |name| format!("{base}/{name}")));
    }
    match SHARED.get_or_init(|| Cluster::start(Settings::fast())) {
        Ok(cluster) => Ok(Box::new(|name| cluster.url(name))),
        Err(error) => Err(error.clone()),
    }
}

/// Runs one statement on a connection of its own.
pub async fn admin(url: String, sql: String) -> Result<(), Error> {
    let failed = |error: sqlx::Error| Error::Server(error.to_string());
    let mut connection = PgConnection::connect(&url).await.map_err(failed)?;
    connection.execute(AssertSqlSafe(sql)).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}
