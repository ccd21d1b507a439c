//! What an order costs when the tables are full of them.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::contestant::{Bench, Ours};
use crate::measure::{Figure, Load, Outcome, title};
use crate::{env, ours};

const CALLERS: usize = 256;
/// Callers of the orders that fill the tables.
const CROWD: usize = 1_024;
const SLICE: Duration = Duration::from_secs(10);

/// Measures, fills, measures again; how many drifts there are in the end.
pub(crate) async fn run(bench: &Bench) -> Outcome<usize> {
    let wanted: usize = env("BENCH_GROWTH", "2000000").parse()?;
    let url = bench.database("growth").await?;
    let shop = [Ours::open(&url, env("BENCH_LANES", "1").parse()?, 0).await?];
    let small = figures(bench, &url, &shop).await?;
    let (before, mut filled) = (bytes(&url).await?, 0);
    while filled < wanted {
        let run = ours::measure(&shop, &bench.fixture, Load::Spread, CROWD, SLICE).await?;
        filled += run.figure.count;
        println!("filled with {filled} of {wanted} orders, {:.0}/s", run.figure.per_second);
    }
    let grown = bytes(&url).await? - before;
    let large = figures(bench, &url, &shop).await?;
    let titles = ["small", "large"].map(title).join(" | ");
    println!("{:<6} {:>7} | {titles} | {:>6}", "load", "callers", "cost");
    for ((load, small), (_, large)) in small.iter().zip(&large) {
        let (columns, cost) = ([small, large].map(Figure::columns).join(" | "), small.per_second / large.per_second);
        println!("{:<6} {CALLERS:>7} | {columns} | {cost:>5.2}x", load.name());
    }
    println!("{filled} orders take {grown} bytes: {:.0} each", grown as f64 / filled as f64);
    let drifts = shop[0].reconcile().await?;
    drop(shop);
    bench.forget("growth").await?;
    Ok(drifts)
}

async fn figures(bench: &Bench, url: &str, shop: &[Ours]) -> Outcome<Vec<(Load, Figure)>> {
    let mut figures = Vec::new();
    for load in [Load::Hot, Load::Spread] {
        bench.settle(url).await?;
        figures.push((load, ours::measure(shop, &bench.fixture, load, CALLERS, bench.time).await?.figure));
    }
    Ok(figures)
}

async fn bytes(url: &str) -> Outcome<i64> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar("select pg_database_size(current_database())").fetch_one(&mut connection).await?)
}
