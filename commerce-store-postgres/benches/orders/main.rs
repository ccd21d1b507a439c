//! Orders and coupon issues a second on PostgreSQL with durable settings, beside what else one could do.
//!
//! `cargo bench -p commerce-store-postgres` starts a cluster and runs every mode but the last two; `BENCH_MODES` picks:
//!
//! - `table`: **ours** beside **(a)** the transaction an ORM would run, statement by statement with
//!   `select … for update`, and **(b)** one PL/pgSQL function per order, one round trip. Each has a database of its own
//!   with the same schema and the same shop in it. They are measured in turns, so that all meet the same machine, each
//!   figure as often as `BENCH_ROUNDS` says (3): the table has the medians. `x (a)` and `x (b)` are ours a second divided
//!   by theirs.
//! - `floor`: COPY of the same rows into the same tables with the same constraints, in transactions of as many orders as
//!   ours has callers; `of it` is ours divided by the floor. COPY looks nothing up, locks nothing and answers nobody.
//! - `lanes`: ours with 1, 2 and 4 writer lanes.
//! - `instances`: ours as one store, and as two stores that share the database and the callers.
//! - `growth`: only if named, or if `BENCH_GROWTH` is set. Fills a database with as many orders as `BENCH_GROWTH` says
//!   (2,000,000) through the store itself, then measures ours there (`large`) and on a new database (`small`) in turns,
//!   so that both meet the same machine; medians over the rounds. `cost` is small a second divided by large a second,
//!   to be at most 1.5. Bytes are of the whole database, indexes included.
//!
//! - `rollup`: only if named. Fills one day with as many order lines as `BENCH_ROLLUP` says (1,000,000) through the store
//!   itself, then tells its sales anew, ours beside the one SQL statement that does the same by hand, in turns; medians of
//!   five rounds, in seconds and order lines a second, once with what is booked `right` and once with every product's
//!   sales `wrong`. `x` is ours divided by theirs, to be at most 1.5.
//!
//! Loads: `hot` orders are all about the same two variants, `spread` ones about two of 10,000; `coupon` issues copies
//! of one coupon, `card` orders are placed, begun and captured by card, three commits each, `refund` ones are paid from
//! a wallet and given back whole, two commits, and `cart` puts one more unit into a cart. The last three have no (b), and
//! only `cart` has an (a). An order is of two lines, paid by one of 10,000 wallets. `p50` and `p99` are what callers wait, from
//! asking to the durable answer; the baselines' callers share 150 connections at most. `batch` is commands in a
//! transaction, on average. `again` counts transactions that were run again because another was in the way.
//!
//! After every mode the books of what ours wrote are proved; a single drift makes the exit code 1.
//!
//! `BENCH_SECONDS` sets how long each figure is measured (3 by default), `BENCH_CALLERS` the callers of the table
//! (`1,64,256,1024`), `BENCH_LOADS` its loads (all), `BENCH_LANES` our writer lanes (the store's default; `lanes` and
//! `instances` have their own).
//! `BENCH_ONLY=ours` leaves the table's baselines out, for a profiler.

mod contestant;
mod floor;
mod function;
mod growth;
mod measure;
mod ours;
mod rivals;
mod roll_up;
mod shop;
mod statements;
mod table;

use std::process::ExitCode;

use crate::contestant::Bench;
use crate::measure::Outcome;

/// A setting of the environment.
pub(crate) fn env(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    let usual = "table,floor,lanes,instances";
    let grown = format!("{usual},growth");
    let usual = if std::env::var_os("BENCH_GROWTH").is_some() { &grown } else { usual };
    let modes = env("BENCH_MODES", usual);
    let bench = Bench::start().await?;
    let mut drifts = 0;
    for mode in modes.split(',') {
        println!("\n{mode}");
        drifts += match mode {
            "table" => table::run(&bench).await?,
            "floor" => floor::run(&bench).await?,
            "lanes" => rivals::lanes(&bench).await?,
            "instances" => rivals::instances(&bench).await?,
            "growth" => growth::run(&bench).await?,
            "rollup" => roll_up::run(&bench).await?,
            _ => return Err(format!("BENCH_MODES: there is no mode {mode:?}").into()),
        };
    }
    Ok(if drifts == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
