//! Delivery of events from PostgreSQL: how many a second, how late, and at what cost to orders.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use commerce_core::{Commerce, NodeId, Shop, SinkName, Store, TimeZone, Timestamp};
use commerce_server::sink::{Outgoing, Sink, Word};
use commerce_server::work::relay::{Backoff, Relay, Settings};
use commerce_store_postgres::{Config, PostgresStore, migrate};
use commerce_store_postgres_testkit::{Cluster, Settings as Durability, admin};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::load::{Client, Figure, Outcome, measure, median};
use crate::shop::{Embedded, Market};
use crate::sinks::{Nowhere, Sinks};

const CALLERS: usize = 256;
const ROUNDS: usize = 3;
/// Orders a second while lag is measured.
const PACE: u32 = 1_000;

/// A sink, and a watch on what it delivers.
struct Watched {
    inner: Arc<dyn Sink>,
    delivered: AtomicUsize,
    /// From the instant in the event to the word of the sink.
    lags: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Sink for Watched {
    fn at_once(&self) -> usize {
        self.inner.at_once()
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        let words = self.inner.deliver(events).await;
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let lag = |event: &Outgoing| {
            let event: serde_json::Value = serde_json::from_slice(&event.body).ok()?;
            let at: Timestamp = event["time"].as_str()?.parse().ok()?;
            now.checked_sub(Duration::from_micros(u64::try_from(at.as_micros()).ok()?))
        };
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).extend(events.iter().filter_map(lag));
        self.delivered.fetch_add(words.iter().filter(|word| word.is_ok()).count(), Ordering::Relaxed);
        words
    }
}

struct Bench {
    url: String,
    store: Arc<dyn Store>,
    commerce: Commerce,
    market: Arc<Market>,
    length: Duration,
    _cluster: Cluster,
}

/// Messages to each kind of sink. Prints the table; how many drifts the books have in the end.
pub(crate) async fn run(length: Duration) -> Outcome<usize> {
    let bench = Bench::start(length).await?;
    let kept = Sinks::start().await?;
    println!("delivery from PostgreSQL; `nowhere` takes everything at once");
    println!("{:<9} {:>12} {:>12} {:>10} {:>10}", "sink", "one relay/s", "two relays/s", "lag p50", "lag p99");
    for (name, sink) in &kept.all {
        let (one, two) = (bench.throughput(sink, 1).await?, bench.throughput(sink, 2).await?);
        let (p50, p99) = bench.lag(sink).await?;
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!("{name:<9} {one:>12.0} {two:>12.0} {:>10} {:>10}", milliseconds(p50), milliseconds(p99));
    }
    bench.drifts().await
}

/// Orders without a relay and beside one at work.
pub(crate) async fn run_beside(length: Duration) -> Outcome<usize> {
    let bench = Bench::start(length).await?;
    let nowhere = Arc::new(Nowhere) as Arc<dyn Sink>;
    let (mut without, mut with, mut delivered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(bench.orders(None).await?.0);
        let (orders, messages) = bench.orders(Some(&nowhere)).await?;
        with.push(orders);
        delivered.push(messages);
    }
    delivered.sort_by(f64::total_cmp);
    let (without, with) = (median(without).per_second, median(with).per_second);
    println!(
        "orders a second, {CALLERS} callers, spread: {without:.0} without a relay, {with:.0} beside one that delivers \
         {:.0} messages a second meanwhile: {:.2}",
        delivered[delivered.len() / 2],
        with / without
    );
    bench.drifts().await
}

impl Bench {
    async fn start(length: Duration) -> Outcome<Self> {
        let cluster = Cluster::start(Durability::durable())?;
        admin(cluster.url("postgres"), "create database shop".to_owned()).await?;
        let url = cluster.url("shop");
        migrate(&url).await?;
        let shop = Shop { time_zone: TimeZone::UTC, ..Shop::default() };
        let store: Arc<dyn Store> = Arc::new(PostgresStore::open(Config::new(&url, shop)?).await?);
        let commerce = Commerce::new(Arc::clone(&store), NodeId::default());
        let market = Arc::new(Market::make(&commerce, CALLERS).await?);
        Ok(Self { url, store, commerce, market, length, _cluster: cluster })
    }

    async fn drifts(&self) -> Outcome<usize> {
        Ok(commerce_core::reconcile(&*self.store).await?.drifts.len())
    }

    /// Has relays deliver to the sink while `work` is done, and then what is left; how long that took in all, and the watch.
    async fn delivering<T>(
        &self,
        sink: &Arc<dyn Sink>,
        relays: usize,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<(T, Duration, Arc<Watched>)> {
        let watched =
            Arc::new(Watched { inner: Arc::clone(sink), delivered: AtomicUsize::new(0), lags: Mutex::default() });
        let began = Instant::now();
        let (mut stops, mut tasks) = (Vec::new(), JoinSet::new());
        for number in 0..relays {
            let settings = Settings {
                owner: format!("relay-{number}").parse()?,
                source: "/bench".to_owned(),
                batch: 256,
                hold: Duration::from_secs(120),
                poll: Duration::from_millis(200),
                attempts: 1_000,
                backoff: Backoff { first: Duration::from_secs(1), most: Duration::from_secs(1) },
            };
            let relay = Relay::new(Arc::clone(&self.store), settings, Arc::default());
            let (stop, stopped) = oneshot::channel::<()>();
            let named = vec![(SinkName::new("bench")?, Arc::clone(&watched) as Arc<dyn Sink>)];
            tasks.spawn(async move { relay.run(named, async { drop(stopped.await) }).await });
            stops.push(stop);
        }
        let done = work.await?;
        while self.waiting().await? > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let took = began.elapsed();
        drop(stops);
        tasks.join_all().await;
        Ok((done, took, watched))
    }

    async fn waiting(&self) -> Outcome<u64> {
        let sinks = self.store.sinks().await?;
        Ok(self.store.backlog().await? + sinks.iter().map(|sink| sink.backlog).sum::<u64>())
    }

    /// Messages a second from a backlog that orders have left.
    async fn throughput(&self, sink: &Arc<dyn Sink>, relays: usize) -> Outcome<f64> {
        measure(self.callers(), self.length).await?;
        self.settle().await?;
        let (_, took, watched) = self.delivering(sink, relays, async { Ok(()) }).await?;
        Ok(watched.delivered.load(Ordering::Relaxed) as f64 / took.as_secs_f64())
    }

    /// How late events are delivered at a steady pace of orders.
    async fn lag(&self, sink: &Arc<dyn Sink>) -> Outcome<(Duration, Duration)> {
        self.settle().await?;
        let paced = async {
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / PACE);
            let (began, mut orders, mut callers) = (Instant::now(), JoinSet::new(), self.callers());
            while began.elapsed() < self.length {
                ticks.tick().await;
                // Whoever is free; at this pace somebody always is.
                let Some(mut caller) = callers.pop() else {
                    callers.extend(orders.join_next().await.ok_or("nobody is there")??);
                    continue;
                };
                orders.spawn(async move { caller.ask().await.map(|()| caller).ok() });
                while let Some(ended) = orders.try_join_next() {
                    callers.extend(ended?);
                }
            }
            orders.join_all().await;
            Ok(())
        };
        let ((), _, watched) = self.delivering(sink, 1, paced).await?;
        let mut lags = std::mem::take(&mut *watched.lags.lock().unwrap_or_else(PoisonError::into_inner));
        lags.sort_unstable();
        let at = |share: f64| lags.get((lags.len().saturating_sub(1) as f64 * share) as usize).copied();
        Ok((at(0.5).ok_or("nothing was delivered")?, at(0.99).ok_or("nothing was delivered")?))
    }

    /// Orders a second, with a relay at work if a sink is given, and what it delivers a second meanwhile.
    async fn orders(&self, sink: Option<&Arc<dyn Sink>>) -> Outcome<(Figure, f64)> {
        self.settle().await?;
        let orders = measure(self.callers(), self.length);
        let Some(sink) = sink else { return Ok((orders.await?, 0.0)) };
        let waited = async {
            let figure = orders.await?;
            Ok((figure, self.waiting().await?))
        };
        let ((figure, left), _, watched) = self.delivering(sink, 1, waited).await?;
        let in_time = (watched.delivered.load(Ordering::Relaxed) as f64 - left as f64) / self.length.as_secs_f64();
        Ok((figure, in_time))
    }

    fn callers(&self) -> Vec<Embedded> {
        let client = |&customer_id| {
            let (market, commerce) = (Arc::clone(&self.market), self.commerce.clone());
            Embedded { market, commerce, customer_id, hot: false }
        };
        self.market.customers.iter().map(client).collect()
    }

    async fn settle(&self) -> Outcome<()> {
        admin(self.url.clone(), "vacuum analyze".to_owned()).await?;
        Ok(admin(self.url.clone(), "checkpoint".to_owned()).await?)
    }
}
