//! What an order costs when the tables are full of them.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::contestant::{Bench, Ours};
use crate::measure::{Figure, Load, Outcome, median, title};
use crate::{env, ours};

const CALLERS: usize = 256;
/// Callers of the orders that fill the tables.
const CROWD: usize = 1_024;
const SLICE: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

/// Fills a database, and measures there and on small tables; how many drifts there are in the end.
pub(crate) async fn run(bench: &Bench) -> Outcome<usize> {
    let wanted: usize = env("BENCH_GROWTH", "2000000").parse()?;
    let url = bench.database("large").await?;
    let shop = [Ours::open(&url).await?];
    let before = bytes(&url).await?;
    let filled = fill(bench, &shop, wanted).await?;
    let grown = bytes(&url).await? - before;
    println!("{filled} orders take {grown} bytes: {:.0} each", grown as f64 / filled as f64);
    bench.settle(&url).await?;
    println!("measuring {ROUNDS} rounds of {:?} each", bench.time);
    let titles = ["small", "large"].map(title).join(" | ");
    println!("{:<6} {:>7} | {titles} | {:>6}", "load", "callers", "cost");
    for load in [Load::Hot, Load::Spread] {
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            small.push(on_small(bench, load).await?);
            bench.settle(&url).await?;
            large.push(ours::measure(&shop, &bench.fixture, load, CALLERS, bench.time).await?.figure);
        }
        let (Some(small), Some(large)) = (median(small), median(large)) else { continue };
        let (figures, cost) = ([small, large], small.per_second / large.per_second);
        println!("{:<6} {CALLERS:>7} | {} | {cost:>5.2}x", load.name(), figures.map(|f| f.columns()).join(" | "));
    }
    let drifts = shop[0].reconcile().await?;
    drop(shop);
    bench.forget("large").await?;
    Ok(drifts)
}

/// Places orders through the store; how many it became.
pub(crate) async fn fill(bench: &Bench, shop: &[Ours], wanted: usize) -> Outcome<usize> {
    let mut filled = 0;
    while filled < wanted {
        let run = ours::measure(shop, &bench.fixture, Load::Spread, CROWD, SLICE).await?;
        filled += run.figure.count;
        println!("filled with {filled} of {wanted} orders, {:.0}/s", run.figure.per_second);
    }
    Ok(filled)
}

/// On tables that nobody has ordered from yet.
async fn on_small(bench: &Bench, load: Load) -> Outcome<Figure> {
    let url = bench.database("small").await?;
    let shop = [Ours::open(&url).await?];
    let run = ours::measure(&shop, &bench.fixture, load, CALLERS, bench.time).await?;
    drop(shop);
    bench.forget("small").await?;
    Ok(run.figure)
}

async fn bytes(url: &str) -> Outcome<i64> {
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_scalar("select pg_database_size(current_database())").fetch_one(&mut connection).await?)
}
