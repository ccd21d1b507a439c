//! Orders a second over HTTP, from connections over loopback that are kept alive, each waiting for its answer before it
//! asks again. The load shares the machine with the server, as `wrk` on the same host would.
//!
//! `cargo bench -p commerce-server --all-features` measures all (Kafka is librdkafka's own cluster for tests); `PARTS` picks:
//!
//! - `memory`: the server on the memory store in this process, 64 connections, one-line orders; `of the trivial route`
//!   compares with `GET /health/live` of the same server.
//! - `postgres`: the program itself on a PostgreSQL with durable settings, 256 connections, two-line orders, one process
//!   and two on one database, beside 256 callers of the library in this process on the same database. Loads: `hot` orders
//!   are all about the same two variants, `spread` ones about two of 10,000. `p50` and `p99` are what callers wait, from
//!   asking to the durable answer; `x` is the rate divided by that in process. At the end the books are proved; a single
//!   drift makes the exit code 1.
//!
//! - `gate`: claims of a coupon that has plenty and of one that is gone, without a gate, behind one in process and behind one
//!   in Redis. `x` is the rate divided by that without a gate.
//! - `delivery`: messages a second to each kind of sink, from a backlog, by one relay and by two; how long after its commit an
//!   event is delivered at 1,000 orders a second.
//! - `beside`: orders a second with a relay at work in the same process, divided by those without.
//!
//! Cases take turns in rounds, and a figure is the median over the rounds. `SECONDS=10` sets how long each case of each
//! round runs (3 by default).

mod delivery;
mod gate;
mod load;
mod memory;
#[cfg(feature = "nats")]
#[expect(dead_code, clippy::expect_used, reason = "what the tests need of it, which fail by panicking")]
#[path = "../../tests/servers/nats.rs"]
mod nats;
mod postgres;
mod program;
mod redis;
#[expect(dead_code, clippy::expect_used, reason = "what the tests need of it, which fail by panicking")]
#[path = "../../tests/servers/mod.rs"]
mod servers;
mod shop;
mod sinks;

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
    for part in setting("PARTS", "memory,postgres,gate,delivery,beside").split(',') {
        match part {
            "memory" => memory::run(length).await?,
            "postgres" => drifts += postgres::run(length).await?,
            "gate" => gate::run(length).await?,
            "delivery" => drifts += delivery::run(length).await?,
            "beside" => drifts += delivery::run_beside(length).await?,
            _ => return Err(format!("PARTS: there is no {part:?}").into()),
        }
    }
    Ok(if drifts == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
