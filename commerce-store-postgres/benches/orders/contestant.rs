//! The cluster, and a database of its own in it for each contestant.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Commerce, NodeId, Report};
use commerce_store_postgres::{Config, PostgresStore, Stats, migrate};
use commerce_store_postgres_testkit::{Cluster, Settings, admin};

use crate::measure::{Load, Outcome};
use crate::shop::Fixture;
use crate::{env, function, ours};

const TEMPLATE: &str = "shop";

pub(crate) struct Bench {
    cluster: Cluster,
    /// What is in every contestant's database.
    pub(crate) fixture: Arc<Fixture>,
    /// How long each figure is measured.
    pub(crate) time: Duration,
}

impl Bench {
    pub(crate) async fn start() -> Outcome<Self> {
        let time = Duration::from_secs_f64(env("BENCH_SECONDS", "3").parse()?);
        let cluster = Cluster::start(Settings::durable())?;
        let server = cluster.url("postgres");
        admin(server, format!("create database {TEMPLATE}")).await?;
        let url = cluster.url(TEMPLATE);
        migrate(&url).await?;
        function::install(&url).await?;
        let shop = Ours::open(&url).await?;
        let fixture = Arc::new(Fixture::make(&shop.commerce).await?);
        drop(shop);
        let bench = Self { cluster, fixture, time };
        // A server that has run for a while writes into log files that it has; a new one would make them as it goes.
        let warm = bench.database("warm").await?;
        let shop = [Ours::open(&warm).await?];
        ours::measure(&shop, &bench.fixture, Load::Hot, 256, Duration::from_secs(3)).await?;
        drop(shop);
        bench.forget("warm").await?;
        Ok(bench)
    }

    /// A new database with the shop in it.
    pub(crate) async fn database(&self, name: &str) -> Outcome<String> {
        let create = format!("create database {name} template {TEMPLATE}");
        admin(self.cluster.url("postgres"), create).await?;
        let url = self.cluster.url(name);
        self.settle(&url).await?;
        Ok(url)
    }

    /// Every figure begins after this, so that none pays for what the one before it left.
    pub(crate) async fn settle(&self, url: &str) -> Outcome<()> {
        admin(url.to_owned(), "vacuum analyze".to_owned()).await?;
        Ok(admin(url.to_owned(), "checkpoint".to_owned()).await?)
    }

    /// Removes a database: what nobody needs, nothing cleans up in the background.
    pub(crate) async fn forget(&self, name: &str) -> Outcome<()> {
        let remove = format!("drop database {name} with (force)");
        Ok(admin(self.cluster.url("postgres"), remove).await?)
    }
}

/// An instance of our store, as an embedder has it.
pub(crate) struct Ours {
    pub(crate) commerce: Commerce,
    store: Arc<PostgresStore>,
    config: Config,
}

impl Ours {
    /// Opens an instance with as many lanes as `BENCH_LANES` says, or as the store has by itself.
    pub(crate) async fn open(url: &str) -> Outcome<Self> {
        let mut config = config(url)?;
        if let Ok(lanes) = std::env::var("BENCH_LANES") {
            config.lanes = lanes.parse()?;
        }
        Self::start(config, 0).await
    }

    /// Opens an instance with so many lanes.
    pub(crate) async fn with_lanes(url: &str, lanes: usize) -> Outcome<Self> {
        let mut config = config(url)?;
        config.lanes = lanes;
        Self::start(config, 0).await
    }

    /// Opens one of several instances on a database: each has its own node.
    pub(crate) async fn node(url: &str, node: u16) -> Outcome<Self> {
        Self::start(config(url)?, node).await
    }

    async fn start(config: Config, node: u16) -> Outcome<Self> {
        let store = Arc::new(PostgresStore::open(config.clone()).await?);
        let node = NodeId::new(node).ok_or("there are not so many nodes")?;
        Ok(Self { commerce: Commerce::new(store.clone(), node), store, config })
    }

    pub(crate) fn stats(&self) -> Stats {
        self.store.stats()
    }

    /// Proves the books of the whole database; how many drifts there are.
    pub(crate) async fn reconcile(&self) -> Outcome<usize> {
        // A wallet with thousands of entries takes longer to add up than a shopper would wait.
        let mut patient = self.config.clone();
        patient.deadline = Duration::from_secs(600);
        let report = commerce_core::reconcile(&PostgresStore::open(patient).await?).await?;
        let Report { stocks, wallets, coupons, orders, drifts, .. } = report;
        let count = drifts.len();
        println!("reconciled {stocks} stocks, {wallets} wallets, {coupons} coupons, {orders} orders: {count} drifts");
        for drift in drifts.iter().take(10) {
            println!("  {drift:?}");
        }
        Ok(count)
    }
}

fn config(url: &str) -> Outcome<Config> {
    Ok(Config::new(url, commerce_core::Shop::default())?)
}
