//! Relays hear of what happens: one that would look again in an hour delivers at once.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::conformance::{World, basket};
use commerce_core::{ManualClock, Shop, Store};
use commerce_server::work::relay::{Relay, Settings};
use commerce_store_postgres::{Config, PostgresStore};

use crate::each::on_every_store;
use crate::receiver::Receiver;
use crate::shop::{AtWork, settings, webhook};
use crate::stores::database;

/// A relay over `store` that hardly ever looks.
async fn drowsy(store: Arc<dyn Store>, receiver: &Receiver) -> AtWork {
    let settings = Settings { poll: Duration::from_secs(3_600), ..settings("drowsy", 100) };
    AtWork::run(Relay::new(store, settings, Arc::default()), &[("books", webhook(receiver))])
}

/// Places orders one by one, each once the one before has arrived.
async fn deliver(world: &World, receiver: &Receiver) {
    let variant = world.variant(1_000, 100).await;
    let customer = world.customer().await;
    for placed in 1..=5 {
        world.place(customer, basket(&[(variant, 1)])).await;
        while receiver.taken().len() < placed {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn a_commit_wakes_a_relay(world: World) {
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let relay = drowsy(Arc::clone(world.commerce().store()), &receiver).await;
    deliver(&world, &receiver).await;
    relay.stop().await;
}

on_every_store!(a_commit_wakes_a_relay);

/// A store on the database's own clock, as a process has it.
async fn process(url: &str, announce: bool) -> Arc<dyn Store> {
    let mut config = Config::new(url, Shop::default()).expect("its URL");
    config.announce = announce;
    Arc::new(PostgresStore::open(config).await.expect("the store"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_wakes_the_relay_of_another_process() {
    let database = database().await;
    let (serving, working) = (process(&database.url, true).await, process(&database.url, false).await);
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let relay = drowsy(working, &receiver).await;
    let clock = Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")));
    deliver(&World::over(serving, clock, Arc::new(())), &receiver).await;
    relay.stop().await;
}
