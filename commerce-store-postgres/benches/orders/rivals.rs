//! Ours beside ours: more lanes, more instances.

use crate::contestant::{Bench, Ours};
use crate::measure::{Load, Outcome, title};
use crate::ours;

const CALLERS: usize = 256;

/// One lane beside two and four.
pub(crate) async fn lanes(bench: &Bench) -> Outcome<usize> {
    head("lanes");
    let mut drifts = 0;
    for lanes in [1, 2, 4] {
        let name = format!("lanes_{lanes}");
        let url = bench.database(&name).await?;
        drifts += rows(bench, &url, lanes, vec![Ours::with_lanes(&url, lanes).await?]).await?;
        bench.forget(&name).await?;
    }
    Ok(drifts)
}

/// One store beside two on one database, each with half of the callers.
pub(crate) async fn instances(bench: &Bench) -> Outcome<usize> {
    head("stores");
    let mut drifts = 0;
    for count in [1, 2] {
        let name = format!("instances_{count}");
        let url = bench.database(&name).await?;
        let mut shops = Vec::new();
        for node in 0..count {
            shops.push(Ours::node(&url, node).await?);
        }
        drifts += rows(bench, &url, shops.len(), shops).await?;
        bench.forget(&name).await?;
    }
    Ok(drifts)
}

fn head(what: &str) {
    println!("{what:<6} {:<6} {:>7} | {} | {:>6} {:>6}", "load", "callers", title("ours"), "batch", "again");
}

async fn rows(bench: &Bench, url: &str, what: usize, shops: Vec<Ours>) -> Outcome<usize> {
    for load in [Load::Hot, Load::Spread] {
        bench.settle(url).await?;
        let run = ours::measure(&shops, &bench.fixture, load, CALLERS, bench.time).await?;
        let (columns, batch, again) = (run.figure.columns(), run.batch, run.again);
        println!("{what:<6} {:<6} {CALLERS:>7} | {columns} | {batch:>6.0} {again:>6}", load.name());
    }
    shops[0].reconcile().await
}
