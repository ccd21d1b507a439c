//! The program on PostgreSQL, beside the library on the same database.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Commerce, NodeId, Shop};
use commerce_server::auth::{Role, Tokens};
use commerce_store_postgres::{Config, PostgresStore, migrate};
use commerce_store_postgres_testkit::{Cluster, Settings, admin};

use crate::SECRET;
use crate::load::{Connection, Figure, Outcome, measure, median};
use crate::program::Program;
use crate::shop::{Embedded, Market, Remote};

const CALLERS: usize = 256;
const ROUNDS: usize = 3;

struct Bench {
    market: Arc<Market>,
    commerce: Commerce,
    tokens: Tokens,
    url: String,
    length: Duration,
}

/// Prints the table; how many drifts the books have in the end.
pub(crate) async fn run(length: Duration) -> Outcome<usize> {
    let cluster = Cluster::start(Settings::durable())?;
    admin(cluster.url("postgres"), "create database shop".to_owned()).await?;
    let url = cluster.url("shop");
    migrate(&url).await?;
    let store = Arc::new(PostgresStore::open(Config::new(&url, Shop::default())?).await?);
    let commerce = Commerce::new(store.clone(), NodeId::default());
    let market = Arc::new(Market::make(&commerce, CALLERS).await?);
    let programs = [Program::start(&url, 1)?, Program::start(&url, 2)?];
    let bench = Bench { market, commerce, tokens: Tokens::new(SECRET.as_bytes()), url, length };
    // A server that has run for a while writes into log files that it has; a new one would make them as it goes.
    bench.embedded(true).await?;
    bench.remote(&programs, true).await?;
    println!("PostgreSQL: {CALLERS} callers or connections, {ROUNDS} rounds of {length:?} each, medians");
    println!("{:<6} {:<20} {:>9} {:>9} {:>9} {:>6}", "load", "orders", "a second", "p50", "p99", "x");
    for (load, hot) in [("hot", true), ("spread", false)] {
        let (mut embedded, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            embedded.push(bench.embedded(hot).await?);
            one.push(bench.remote(&programs[..1], hot).await?);
            two.push(bench.remote(&programs, hot).await?);
        }
        let base = median(embedded);
        row(load, "in process", base, base);
        row(load, "HTTP, one server", median(one), base);
        row(load, "HTTP, two servers", median(two), base);
    }
    let report = commerce_core::reconcile(&*store).await?;
    println!("reconciliation, {} orders: {} drifts", report.orders, report.drifts.len());
    Ok(report.drifts.len())
}

fn row(load: &str, how: &str, figure: Figure, base: Figure) {
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let (p50, p99) = (milliseconds(figure.p50), milliseconds(figure.p99));
    let ratio = figure.per_second / base.per_second;
    println!("{load:<6} {how:<20} {:>9.0} {p50:>9} {p99:>9} {ratio:>6.2}", figure.per_second);
}

impl Bench {
    /// The library in this process.
    async fn embedded(&self, hot: bool) -> Outcome<Figure> {
        let client = |&customer_id| {
            let (market, commerce) = (Arc::clone(&self.market), self.commerce.clone());
            Embedded { market, commerce, customer_id, hot }
        };
        self.settle().await?;
        measure(self.market.customers.iter().map(client).collect(), self.length).await
    }

    /// Servers, each with its share of the connections.
    async fn remote(&self, programs: &[Program], hot: bool) -> Outcome<Figure> {
        let mut clients = Vec::new();
        for (customer, program) in self.market.customers.iter().zip(programs.iter().cycle()) {
            let connection = Connection::open(program.address).await?;
            let token = self.tokens.mint(Role::Customer, &customer.to_string(), Duration::from_secs(3_600))?;
            clients.push(Remote { market: Arc::clone(&self.market), connection, token, hot });
        }
        self.settle().await?;
        measure(clients, self.length).await
    }

    /// Every figure begins after this, so that none pays for what the one before it left.
    async fn settle(&self) -> Outcome<()> {
        admin(self.url.clone(), "vacuum analyze".to_owned()).await?;
        Ok(admin(self.url.clone(), "checkpoint".to_owned()).await?)
    }
}
