//! Orders and coupon issues a second on PostgreSQL with durable settings, beside what else one could do:
//!
//! (a) the transaction an ORM would run, statement by statement, with `select … for update`;
//! (b) one PL/pgSQL function per order, one round trip;
//! (c) the floor: COPY of the same rows into the same tables, in transactions of 256 orders.
//!
//! `cargo bench -p commerce-store-postgres` prints the table. `BENCH_SECONDS` sets how long each figure is measured
//! (3 by default), `BENCH_CALLERS` the numbers of callers (`1,64,256,1024`), `BENCH_LANES` ours (`1`), `BENCH_LOADS`
//! what is bought (`hot,spread,coupon`). `BENCH_ONLY=ours` leaves the others out, for a profiler.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

mod floor;
mod function;
mod ours;
mod shop;
mod statements;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce_store_postgres::{Config, PostgresStore, migrate};
use commerce_store_postgres_testkit::{Cluster, Settings, admin};

use crate::shop::Fixture;

/// Which variants orders are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// The same two in every order.
    Hot,
    /// Ten thousand.
    Spread,
    /// No order: copies of one coupon.
    Coupon,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Runs `callers` tasks for `time`, each doing one thing after another.
pub(crate) async fn measure<F, W>(callers: usize, time: Duration, one: W) -> Figure
where
    F: Future<Output = ()> + Send + 'static,
    W: Fn() -> F + Clone + Send + 'static,
{
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let one = one.clone();
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < time {
                let begun = Instant::now();
                one().await;
                latencies.push(begun.elapsed());
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let elapsed = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Figure { per_second: latencies.len() as f64 / elapsed, p50: at(0.5), p99: at(0.99) }
}

fn env(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn fresh(cluster: &Cluster, name: &str) -> String {
    admin(cluster.url("postgres"), format!("create database {name}")).await.unwrap();
    let url = cluster.url(name);
    migrate(&url).await.unwrap();
    url
}

async fn store(url: &str) -> Arc<PostgresStore> {
    let mut config = Config::new(url, commerce_core::Shop::default()).unwrap();
    config.lanes = env("BENCH_LANES", "1").parse().unwrap();
    Arc::new(PostgresStore::open(config).await.unwrap())
}

/// Every figure begins right after one, so that none pays for what another left.
async fn checkpoint(url: &str) {
    admin(url.to_owned(), "checkpoint".to_owned()).await.unwrap();
}

fn main() {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let time = Duration::from_secs_f64(env("BENCH_SECONDS", "3").parse().unwrap());
    let callers: Vec<usize> = env("BENCH_CALLERS", "1,64,256,1024").split(',').map(|n| n.parse().unwrap()).collect();
    let cluster = Cluster::start(Settings::durable()).unwrap();
    println!(
        "{:<8} {:>7} | {:>9} {:>9} {:>9} | {:>9} {:>9} | ours: {:>8} {:>8}",
        "load", "callers", "ours/s", "(a)/s", "(b)/s", "x (a)", "x (b)", "p50", "p99"
    );
    let url = fresh(&cluster, "bench").await;
    let store = store(&url).await;
    let fixture = Arc::new(Fixture::make(&store).await);
    function::install(&url).await;
    // A server that has run for a while writes into log files that it has; a new one would make them as it goes.
    ours::measure(&store, &fixture, Load::Hot, 256, time.max(Duration::from_secs(3))).await;
    checkpoint(&url).await;
    let mut best = 0.0_f64;
    let (loads, alone) = (env("BENCH_LOADS", "hot,spread,coupon"), env("BENCH_ONLY", "") == "ours");
    for load in [Load::Hot, Load::Spread, Load::Coupon] {
        let name = format!("{load:?}").to_lowercase();
        if !loads.split(',').any(|wanted| wanted == name) {
            continue;
        }
        for &callers in &callers {
            checkpoint(&url).await;
            if alone {
                let ours = ours::measure(&store, &fixture, load, callers, time).await;
                println!("{name:<8} {callers:>7} | {:>9.0} | {:>9.2?} {:>9.2?}", ours.per_second, ours.p50, ours.p99);
                continue;
            }
            let ours = ours::measure(&store, &fixture, load, callers, time).await;
            checkpoint(&url).await;
            let a = statements::measure(&url, &fixture, load, callers, time).await;
            checkpoint(&url).await;
            let b = function::measure(&url, &fixture, load, callers, time).await;
            if load != Load::Coupon {
                best = best.max(ours.per_second);
            }
            println!(
                "{:<8} {callers:>7} | {:>9.0} {:>9.0} {:>9.0} | {:>8.1}x {:>8.1}x | {:>14.2?} {:>8.2?}",
                name,
                ours.per_second,
                a.per_second,
                b.per_second,
                ours.per_second / a.per_second,
                ours.per_second / b.per_second,
                ours.p50,
                ours.p99,
            );
        }
    }
    println!("{:?}", store.stats());
    if alone {
        return;
    }
    let report = commerce_core::reconcile(&*store).await.unwrap();
    println!("reconciliation of what ours and the baselines wrote: {} drifts", report.drifts.len());
    let floor = floor::measure(&url, &fixture, time).await;
    println!("floor by COPY: {floor:.0} orders/s; our best is {:.2} of it", best / floor);
}
