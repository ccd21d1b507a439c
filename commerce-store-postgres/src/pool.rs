//! Connections: how sessions are set up, and the pools that reads share.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

use crate::config::Config;
use crate::error::Failure;

/// Session settings of every connection.
fn session(config: &Config) -> PgConnectOptions {
    let deadline = config.deadline.as_millis().to_string();
    // Nothing keeps a transaction open without working on it; one that does is the trace of a bug.
    config
        .database
        .clone()
        .application_name("commerce")
        .statement_cache_capacity(256)
        .disable_statement_logging()
        .options([
            ("statement_timeout", deadline.as_str()),
            ("lock_timeout", deadline.as_str()),
            ("idle_in_transaction_session_timeout", "10000"),
            ("timezone", "UTC"),
            ("jit", "off"),
        ])
}

/// Session settings of connections that write. Their statements name rows by key, always: the planner is kept from
/// reading whole tables because they were small when it looked. Who waits for a row that somebody keeps hears of it while
/// there is time to do what does not need it.
fn writer_session(config: &Config) -> PgConnectOptions {
    let (patience, deadline) =
        (config.lock_patience().as_millis().to_string(), config.deadline.as_millis().to_string());
    session(config).options([
        ("lock_timeout", patience.as_str()),
        ("idle_in_transaction_session_timeout", deadline.as_str()),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
    ])
}

/// A connection of a writer's own.
pub(crate) async fn connect_writer(config: &Config) -> Result<PgConnection, Failure> {
    let connecting = PgConnection::connect_with(&writer_session(config)).await;
    connecting.map_err(|error| Failure::Lost(format!("cannot connect: {error}")))
}

/// Connections for statements that are whole by themselves.
pub(crate) fn read_pool(config: &Config) -> PgPool {
    options(config, config.read_connections).connect_lazy_with(session(config))
}

/// Connections for steps that write and are whole by themselves. What was done just before the database crashes may be
/// undone, and is done again: a message is delivered at least once. So they wait for no disk, but where they say so. A
/// queue is empty at one moment and holds a hundred thousand at the next: a step is planned when it is taken.
pub(crate) fn step_pool(config: &Config) -> PgPool {
    let settings = [("synchronous_commit", "off"), ("plan_cache_mode", "force_custom_plan")];
    options(config, STEPS).connect_lazy_with(writer_session(config).options(settings))
}

/// How many steps are taken at a time.
const STEPS: u32 = 4;

/// Connections for reads of several statements that must see one moment. Whatever became of the transaction, the
/// next borrower begins outside of one: a rollback that finds one ends it. It follows a begin, for on its own it would have
/// the server log a warning after every read that has ended well.
pub(crate) fn snapshot_pool(config: &Config) -> PgPool {
    options(config, config.read_connections.div_ceil(2))
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.execute("begin; rollback").await?;
                Ok(true)
            })
        })
        .connect_lazy_with(session(config))
}

/// What connections are called that no command and no read goes through.
const NEWS: &str = "commerce-news";

/// The connection that tells others of news. What it says is gone if the database crashes just then, which is no loss; so
/// its commits wait for no disk.
pub(crate) fn notifier_pool(config: &Config) -> PgPool {
    options(config, 1)
        .connect_lazy_with(session(config).application_name(NEWS).options([("synchronous_commit", "off")]))
}

/// The connection that hears of news.
pub(crate) fn listener_pool(config: &Config) -> PgPool {
    options(config, 1).connect_lazy_with(session(config).application_name(NEWS))
}

fn options(config: &Config, connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(config.deadline)
        .idle_timeout(Duration::from_secs(600))
        // A round trip a read; a connection that broke is noticed by the read that meets it, which is tried again.
        .test_before_acquire(false)
}
