//! `kill -9` of PostgreSQL under load. What customers were told is held against the database after each.

use std::ops::Range;
use std::sync::Arc;

use commerce_store_postgres_testkit::{Cluster, Fate, Proxy};
use tokio::sync::Semaphore;

use crate::harness::{durable, open_at, world};
use crate::shopping::{Findings, Shopping, Told};

/// How many kills: a handful, unless the environment asks for more.
fn kills() -> usize {
    std::env::var("COMMERCE_TEST_KILLS").map_or(4, |number| number.parse().expect("COMMERCE_TEST_KILLS: a number"))
}

/// Kills PostgreSQL again and again while customers shop: in the midst of their requests, or every other time in the
/// moment after the last answer. What they were told is asked again after each kill.
async fn survive(cluster: &Arc<Cluster>, url: &str, lanes: usize, kills: Range<usize>) -> (Told, Findings) {
    let (customers, turns) = (8, 12);
    let store = open_at(url, |config| config.lanes = lanes).await;
    let shopping = Shopping::open(world(&store), customers).await;
    let (mut told, mut lost) = (Told::new(), 0);
    for kill in kills {
        let answered = Arc::new(Semaphore::new(0));
        let rush = {
            let (shopping, stores, answered) = (shopping.clone(), [Arc::clone(&store)], Arc::clone(&answered));
            tokio::spawn(async move { shopping.rush(&stores, turns, &answered).await })
        };
        let share = if kill % 2 == 0 { 2 } else { 1 };
        answered.acquire_many(u32::try_from(customers * turns / share).unwrap()).await.unwrap().forget();
        let cluster = Arc::clone(cluster);
        tokio::task::spawn_blocking(move || cluster.kill().and_then(|()| cluster.resume())).await.unwrap().unwrap();
        let heard = rush.await.unwrap();
        lost += shopping.ask_again(&store, &heard).await;
        told.extend(heard);
    }
    let mut findings = shopping.compare(&store, &told).await;
    findings.lost += lost;
    (told, findings)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_survives_the_databases_death_and_nothing_is_doubled() {
    let (cluster, url) = durable().await;
    let kills = kills();
    let (told, findings) = survive(&cluster, &url, 2, 0..kills).await;
    println!("{kills} kills, {} requests answered: {findings:?}", told.len());
    assert_eq!(findings, Findings::default());
}

/// The same customers find out a store that acknowledges before it has committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_acknowledgement_before_the_commit_is_found_out() {
    let (cluster, url) = durable().await;
    let proxy = Proxy::start(&url).await.unwrap();
    proxy.follow(|message| if message.statement == "commit" { Fate::Promise } else { Fate::Pass });
    // One lane, or the other would miss what is promised and not there yet before anything is killed. And after the last
    // answer, or customers would go on with an order that is lost.
    let (_, findings) = survive(&cluster, proxy.url(), 1, 1..2).await;
    assert!(findings.lost > 0, "{findings:?}");
}
