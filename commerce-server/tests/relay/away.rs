//! The database goes away while a sink is at work.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::conformance::World;
use commerce_core::{Clock, Shop};
use commerce_server::sink::{Outgoing, Sink, Word};
use commerce_server::work::relay::Relay;
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit::Proxy;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Duration, sleep, timeout};

use crate::receiver::Receiver;
use crate::shop::{AtWork, HOLD, clock, rush, settings, transitions, until_delivered, webhook};
use crate::stores::{self, database};

/// Takes the database away, once, when it has delivered.
struct Interrupted {
    inner: Arc<dyn Sink>,
    proxy: Arc<Proxy>,
    /// After how long it is back, if ever.
    back: Option<Duration>,
    gone: Semaphore,
}

#[async_trait]
impl Sink for Interrupted {
    fn at_once(&self) -> usize {
        self.inner.at_once()
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        let words = self.inner.deliver(events).await;
        if self.gone.available_permits() == 0 {
            self.proxy.go_away();
            // Nothing that is said from now on arrives.
            while self.proxy.connections() > 0 {
                yield_now().await;
            }
            self.gone.add_permits(1);
            if let Some(back) = self.back {
                let proxy = Arc::clone(&self.proxy);
                tokio::spawn(async move {
                    sleep(back).await;
                    proxy.heal();
                });
            }
        }
        words
    }
}

/// A shop that owes events, and a relay whose database goes away after its first delivery.
struct Away {
    world: World,
    receiver: Arc<Receiver>,
    sink: Arc<Interrupted>,
    relay: AtWork,
}

impl Away {
    async fn start(back: Option<Duration>) -> Self {
        let (database, clock) = (database().await, clock());
        let proxy = Arc::new(Proxy::start(&database.url).await.expect("a proxy"));
        let config = Config::new(proxy.url(), Shop::default()).expect("its URL");
        let behind = PostgresStore::open(config.with_clock(Arc::clone(&clock) as Arc<dyn Clock>)).await;
        let behind = Arc::new(behind.expect("the store"));
        let world: World = stores::postgres(database, Shop::default(), clock).await;
        rush(&world, 8).await;
        let receiver = Receiver::start(|_, _| Some(200)).await;
        let sink = Arc::new(Interrupted { inner: webhook(&receiver), proxy, back, gone: Semaphore::new(0) });
        let relay = Relay::new(behind, settings("a", 100), Arc::default());
        let relay = AtWork::run(relay, &[("books", Arc::clone(&sink) as Arc<dyn Sink>)]);
        Self { world, receiver, sink, relay }
    }
}

/// What it has delivered by then it tells the store when that is back, instead of delivering it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_is_acknowledged_when_the_database_is_back() {
    let Away { world, receiver, relay, .. } = Away::start(Some(Duration::from_millis(300))).await;
    until_delivered(&world, &["books"]).await;
    relay.stop().await;
    assert_eq!(receiver.taken().len(), transitions(&world).await, "each came once");
}

/// It does not wait for the store once it is told to stop; another relay delivers again what it could not tell of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_stops_though_the_database_is_away() {
    let Away { world, receiver, sink, relay } = Away::start(None).await;
    drop(sink.gone.acquire().await.expect("open"));
    // Its claims hold for a day, and half of that it would go on telling.
    timeout(Duration::from_secs(60), relay.stop()).await.expect("it stops");
    let taken = receiver.taken().len();
    assert!(taken > 0);
    world.wait(HOLD);
    let successor = AtWork::start(&world, "b", 100, &[("books", webhook(&receiver))]);
    until_delivered(&world, &["books"]).await;
    successor.stop().await;
    assert_eq!(receiver.taken().len(), transitions(&world).await + taken);
}
