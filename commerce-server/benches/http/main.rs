//! Orders a second over HTTP, from connections over loopback that are kept alive, each waiting for its answer before it
//! asks again. The load shares the machine with the server, as `wrk` on the same host would.
//!
//! `cargo bench -p commerce-server` measures both stores; `STORES` picks:
//!
//! - `memory`: the server on the memory store in this process, 64 connections, one-line orders; `of the trivial route`
//!   compares with `GET /health/live` of the same server.
//! - `postgres`: the program itself on a PostgreSQL with durable settings, 256 connections, two-line orders, one process
//!   and two on one database, beside 256 callers of the library in this process on the same database. Loads: `hot` orders
//!   are all about the same two variants, `spread` ones about two of 10,000. `p50` and `p99` are what callers wait, from
//!   asking to the durable answer; `x` is the rate divided by that in process. At the end the books are proved; a single
//!   drift makes the exit code 1.
//!
//! Cases take turns in rounds, and a figure is the median over the rounds. `SECONDS=10` sets how long each case of each
//! round runs (3 by default).

mod load;
mod memory;
mod postgres;
mod program;
mod shop;

use std::process::ExitCode;
use std::time::Duration;

use crate::load::Outcome;

/// The allocator of the server's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What tokens are signed with, here and by the servers.
pub(crate) const SECRET: &str = "a secret for the benchmark alone, nowhere else";

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let length = Duration::from_secs(setting("SECONDS", "3").parse()?);
    let mut drifts = 0;
    for store in setting("STORES", "memory,postgres").split(',') {
        match store {
            "memory" => memory::run(length).await?,
            "postgres" => drifts += postgres::run(length).await?,
            _ => return Err(format!("STORES: there is no store {store:?}").into()),
        }
    }
    Ok(if drifts == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
