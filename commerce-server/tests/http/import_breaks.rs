//! Imports that break off and go on, and imports that race for the same goods.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use commerce_core::{Clock, Shop, Store, reconcile};
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit::{Fate, Proxy};
use serde_json::{Value, json};

use crate::database::database;
use crate::harness::{Server, on_every_store};
use crate::imports::{rows, send};

/// More than a few times as many as are on their way at a time.
const PRODUCTS: usize = 200;
/// What the database commits before its network is gone.
const COMMITS: usize = 3;

fn file(products: usize) -> String {
    let row = |n: usize| format!("Thing {n},on_sale,KRW,1000,SKU-{n},3\n");
    let rows: String = (0..products).map(row).collect();
    format!("name,status,currency,base_price,sku,stock\n{rows}")
}

/// Row and ids of what was accepted.
fn made(rows: &[Value]) -> BTreeSet<(u64, String)> {
    let accepted = rows.iter().filter(|row| row["outcome"] == "accepted");
    accepted.map(|row| (row["row"].as_u64().expect("a number"), row["variant_id"].to_string())).collect()
}

/// How many variants there are, in books that add up.
async fn variants(server: &Server) -> u64 {
    let report = reconcile(&**server.app.commerce.store()).await.expect("a report");
    assert_eq!(report.drifts, []);
    report.stocks
}

static NETWORK: OnceLock<Proxy> = OnceLock::new();

/// A database behind a network that can be taken away; for one test.
async fn behind_a_network(shop: Shop, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let network = Proxy::start(&database().await.url).await.expect("a proxy");
    let mut config = Config::new(network.url(), shop).expect("its URL").with_clock(clock);
    config.deadline = Duration::from_secs(2);
    NETWORK.set(network).expect("one test alone");
    Arc::new(PostgresStore::open(config).await.expect("the store"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_broke_off_goes_on_where_it_stopped() {
    let server = Server::start(behind_a_network).await;
    let (network, csv) = (NETWORK.get().expect("started"), file(PRODUCTS));
    let commits = AtomicUsize::new(0);
    network.follow(move |message| {
        let is_commit = message.statement == "commit";
        match commits.fetch_add(usize::from(is_commit), Ordering::SeqCst) {
            before if before < COMMITS => Fate::Pass,
            // This one is made, and nobody hears of it.
            COMMITS if is_commit => Fate::CutAnswer,
            COMMITS => Fate::Pass,
            _ => Fate::Cut,
        }
    });
    let broken = send(&server, "", "k", csv.clone()).await.expect(200);
    let (told, accepted) = (rows(&broken), broken.body["accepted"].as_u64().expect("a number"));
    assert!((1..PRODUCTS as u64).contains(&accepted), "{}", broken.text);
    // The row that the store did not answer is nobody's mistake; those behind it were not asked for.
    let last = told.last().expect("a row");
    assert_eq!((&last["outcome"], &last["problem"]["status"]), (&json!("unanswered"), &json!(503)), "{}", broken.text);
    let counts = (&broken.body["refused"], &broken.body["left"], told.len() as u64);
    assert_eq!(counts, (&json!(0), &json!(PRODUCTS as u64 - accepted), accepted + 1));

    network.follow(|_| Fate::Pass);
    let whole = send(&server, "", "k", csv).await.expect(200);
    let counts = (&whole.body["accepted"], &whole.body["refused"], &whole.body["left"]);
    assert_eq!(counts, (&json!(PRODUCTS), &json!(0), &json!(0)), "{}", whole.text);
    assert!(made(&rows(&whole)).is_superset(&made(&told)), "what was made then is told again");
    assert_eq!(variants(&server).await, PRODUCTS as u64);
}

async fn racing_imports_make_everything_once(server: Server) {
    let csv = file(60);
    // One file under one key: both are told the same.
    let (one, other) = tokio::join!(send(&server, "", "k", csv.clone()), send(&server, "", "k", csv.clone()));
    assert_eq!((one.expect(200).text, variants(&server).await), (other.expect(200).text, 60));
    // Under two keys each product is of one of them.
    let more = csv.replace("SKU-", "MORE-");
    let (one, other) = tokio::join!(send(&server, "", "a", more.clone()), send(&server, "", "b", more));
    let (one, other) = (made(&rows(&one.expect(200))), made(&rows(&other.expect(200))));
    assert_eq!((one.len() + other.len(), variants(&server).await), (60, 120));
    let numbers: BTreeSet<u64> = one.iter().chain(&other).map(|(row, _)| *row).collect();
    assert_eq!(numbers, (2..62).collect());
}

on_every_store!(racing_imports_make_everything_once);
