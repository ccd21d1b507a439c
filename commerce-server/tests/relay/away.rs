//! The database goes away while a sink is at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use commerce_core::conformance::World;
use commerce_core::{Clock, Shop};
use commerce_server::sink::{Outgoing, Sink, Word};
use commerce_server::work::relay::Relay;
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit::Proxy;
use tokio::time::{Duration, sleep};

use crate::receiver::Receiver;
use crate::shop::{AtWork, clock, rush, settings, transitions, until_delivered, webhook};
use crate::stores::{self, database};

/// Takes the database away for a while, once, when it has delivered.
struct Interrupted {
    inner: Arc<dyn Sink>,
    proxy: Arc<Proxy>,
    done: AtomicBool,
}

#[async_trait]
impl Sink for Interrupted {
    fn at_once(&self) -> usize {
        self.inner.at_once()
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        let words = self.inner.deliver(events).await;
        if !self.done.swap(true, Ordering::SeqCst) {
            self.proxy.go_away();
            let proxy = Arc::clone(&self.proxy);
            tokio::spawn(async move {
                sleep(Duration::from_millis(300)).await;
                proxy.heal();
            });
        }
        words
    }
}

/// What it has delivered by then it tells the store when that is back, instead of delivering it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_is_acknowledged_when_the_database_is_back() {
    let (database, clock) = (database().await, clock());
    let proxy = Arc::new(Proxy::start(&database.url).await.expect("a proxy"));
    let config = Config::new(proxy.url(), Shop::default()).expect("its URL");
    let behind = PostgresStore::open(config.with_clock(Arc::clone(&clock) as Arc<dyn Clock>)).await;
    let behind = Arc::new(behind.expect("the store"));
    let world: World = stores::postgres(database, Shop::default(), clock).await;
    rush(&world, 8).await;
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let sink = Interrupted { inner: webhook(&receiver), proxy, done: AtomicBool::new(false) };
    let relay = Relay::new(behind, settings("a", 100), Arc::default());
    let relay = AtWork::run(relay, &[("books", Arc::new(sink) as Arc<dyn Sink>)]);
    until_delivered(&world, &["books"]).await;
    relay.stop().await;
    assert_eq!(receiver.taken().len(), transitions(&world).await, "each came once");
}
