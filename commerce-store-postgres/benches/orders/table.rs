//! Ours beside the baselines.

use crate::contestant::{Bench, Ours};
use crate::env;
use crate::measure::{Figure, Load, Outcome, absent, median, title};
use crate::{function, ours, statements};

/// Prints the table; how many drifts ours left.
pub(crate) async fn run(bench: &Bench) -> Outcome<usize> {
    let callers = env("BENCH_CALLERS", "1,64,256,1024");
    let callers: Vec<usize> = callers.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let loads = env("BENCH_LOADS", "hot,spread,coupon,card,refund,cart");
    let url = bench.database("ours").await?;
    let (url_a, url_b) = (bench.database("statements").await?, bench.database("function").await?);
    let shop = [Ours::open(&url).await?];
    let alone = env("BENCH_ONLY", "") == "ours";
    let rounds: usize = env("BENCH_ROUNDS", "3").parse()?;
    let titles = ["ours", "(a)", "(b)"].map(title);
    println!("{:<6} {:>7} | {} | {:>8} {:>8}", "load", "callers", titles.join(" | "), "x (a)", "x (b)");
    for load in Load::ALL {
        if !loads.split(',').any(|wanted| wanted == load.name()) {
            continue;
        }
        for &callers in &callers {
            let (mut ours, mut a, mut b) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..rounds {
                bench.settle(&url).await?;
                ours.push(ours::measure(&shop, &bench.fixture, load, callers, bench.time).await?.figure);
                if !alone && !matches!(load, Load::Card | Load::Refund) {
                    bench.settle(&url_a).await?;
                    a.push(statements::measure(&url_a, &bench.fixture, load, callers, bench.time).await?);
                }
                if !alone && matches!(load, Load::Hot | Load::Spread | Load::Coupon) {
                    bench.settle(&url_b).await?;
                    b.push(function::measure(&url_b, &bench.fixture, load, callers, bench.time).await?);
                }
            }
            let [ours, theirs @ ..] = [ours, a, b].map(median);
            let times = |theirs: Figure| ours.map(|ours| format!("{:.1}x", ours.per_second / theirs.per_second));
            let [x_a, x_b] = theirs.map(|figure| figure.and_then(times).unwrap_or_else(|| "-".to_owned()));
            let columns =
                [ours, theirs[0], theirs[1]].map(|figure| figure.map_or_else(absent, |figure| figure.columns()));
            println!("{:<6} {callers:>7} | {} | {x_a:>8} {x_b:>8}", load.name(), columns.join(" | "));
        }
    }
    println!("{:?}", shop[0].stats());
    let drifts = shop[0].reconcile().await?;
    drop(shop);
    for name in ["ours", "statements", "function"] {
        bench.forget(name).await?;
    }
    Ok(drifts)
}
