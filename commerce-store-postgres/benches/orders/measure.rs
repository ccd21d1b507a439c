//! Many callers for a while, and what they came to.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// A benchmark that cannot run says why, and stops.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What callers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Orders of the same two variants.
    Hot,
    /// Orders of two out of ten thousand.
    Spread,
    /// No order: copies of one coupon.
    Coupon,
    /// Orders of two out of ten thousand, paid by card: placed, begun, captured, each a commit of its own.
    Card,
    /// The same paid from a wallet, and the whole of it given back: two commits.
    Refund,
    /// No order: one more unit of one of two variants in a customer's cart.
    Cart,
}

impl Load {
    pub(crate) const ALL: [Self; 6] = [Self::Hot, Self::Spread, Self::Coupon, Self::Card, Self::Refund, Self::Cart];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Spread => "spread",
            Self::Coupon => "coupon",
            Self::Card => "card",
            Self::Refund => "refund",
            Self::Cart => "cart",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) count: usize,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// The columns of who does not take part.
pub(crate) fn absent() -> String {
    format!("{:>9} {:>9} {:>9}", "-", "-", "-")
}

/// The title of a figure's columns.
pub(crate) fn title(who: &str) -> String {
    format!("{:>9} {:>9} {:>9}", format!("{who}/s"), "p50", "p99")
}

impl Figure {
    /// The columns: a second, half of the callers waited at most, 99 of 100 waited at most.
    pub(crate) fn columns(&self) -> String {
        let milliseconds = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        format!("{:>9.0} {:>9} {:>9}", self.per_second, milliseconds(self.p50), milliseconds(self.p99))
    }
}

/// The one in the middle by rate, if there is any.
pub(crate) fn median(mut figures: Vec<Figure>) -> Option<Figure> {
    figures.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    figures.get(figures.len() / 2).copied()
}

/// Runs `callers` tasks for `time`, each doing one thing after another; `one` is told which caller asks.
pub(crate) async fn measure<F, W>(callers: usize, time: Duration, one: W) -> Outcome<Figure>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
    W: Fn(usize) -> F + Clone + Send + 'static,
{
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let one = one.clone();
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < time {
                let begun = Instant::now();
                one(caller).await?;
                latencies.push(begun.elapsed());
            }
            Outcome::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        latencies.extend(ended??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Ok(Figure { count: latencies.len(), per_second: latencies.len() as f64 / elapsed, p50: at(0.5), p99: at(0.99) })
}
