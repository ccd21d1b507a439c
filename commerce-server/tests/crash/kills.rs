//! The kills, and what is found after them.

use std::ops::Range;
use std::sync::Arc;

use commerce_store_postgres_testkit::{Cluster, Fate, Proxy, Settings, admin};
use tokio::sync::Semaphore;

use crate::program::{Program, task};
use crate::record::{Record, Request, insist};
use crate::shop::{Findings, Shop, Shopper};

const SHOPPERS: usize = 8;

/// How many kills: a handful, unless the environment asks for more.
fn kills() -> usize {
    std::env::var("COMMERCE_TEST_KILLS").map_or(6, |number| number.parse().expect("COMMERCE_TEST_KILLS: a number"))
}

/// A cluster that keeps its word, with a migrated database.
async fn durable() -> (Cluster, String) {
    let cluster = Cluster::start(Settings::durable()).expect("a PostgreSQL of the tests' own");
    admin(cluster.url("postgres"), "create database shop".to_owned()).await.expect("a database");
    let url = cluster.url("shop");
    let (said, migrated) = task(&url, "migrate");
    assert!(migrated, "{said}");
    (cluster, url)
}

/// What a run came to.
#[derive(Default)]
struct Run {
    /// Requests that were answered, those asked again included.
    answered: usize,
    /// Requests whose client could not know what became of them.
    unknown: usize,
    findings: Findings,
}

/// Kills the server again and again while its clients shop, each time in the midst of requests or, every other time,
/// in the moment after the last answer. After each kill what is unknown is asked again, and so is what is known.
/// `opened` is called when the shop is there and nobody shops yet.
async fn survive(database: &str, kills: Range<usize>, opened: impl FnOnce()) -> Run {
    let mut program = Program::start(database);
    let (shop, mut shoppers) = Shop::open(&program.base, SHOPPERS).await;
    opened();
    let (mut run, mut record) = (Run::default(), Record::new());
    for kill in kills {
        let amid = kill % 2 == 0;
        let (mut told, unknown) = round(&shop, &mut shoppers, &mut program, amid).await;
        program = Program::start(database);
        run.unknown += unknown.len();
        for (shopper, request) in unknown {
            let answer = insist(&shop.client, &program.base, &request).await;
            shoppers[shopper].learn(&answer);
            told.push((request, answer));
        }
        run.findings.lost += shop.ask_again(&program.base, &told).await;
        run.answered += told.len();
        record.extend(told);
    }
    let Findings { lost, .. } = run.findings;
    run.findings = shop.compare(&program.base, &shoppers, &record).await;
    run.findings.lost += lost;
    run
}

/// Shops until the server is dead; what was told, and by shopper what was not.
async fn round(
    shop: &Shop,
    shoppers: &mut [Shopper],
    program: &mut Program,
    amid: bool,
) -> (Record, Vec<(usize, Request)>) {
    let turns = 10;
    let enough = SHOPPERS * turns;
    let answered = Arc::new(Semaphore::new(0));
    let mut visits = Vec::new();
    for shopper in shoppers.iter().cloned() {
        let (shop, base, answered) = (shop.clone(), program.base.clone(), Arc::clone(&answered));
        let turns = if amid { usize::MAX } else { turns };
        visits.push(tokio::spawn(async move {
            let mut shopper = shopper;
            let (record, unknown) = shop.visit(&base, &mut shopper, turns, &answered).await;
            // Who has to leave is not waited for.
            answered.add_permits(enough);
            (shopper, record, unknown)
        }));
    }
    if amid {
        answered.acquire_many(u32::try_from(enough).expect("a few")).await.expect("open").forget();
        program.kill();
    }
    let (mut told, mut unknown) = (Record::new(), Vec::new());
    for (number, visit) in visits.into_iter().enumerate() {
        let (shopper, record, interrupted) = visit.await.expect("a visit");
        shoppers[number] = shopper;
        told.extend(record);
        unknown.extend(interrupted.map(|request| (number, request)));
    }
    program.kill();
    (told, unknown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_servers_death_and_nothing_is_doubled() {
    let (_cluster, url) = durable().await;
    let kills = kills();
    let Run { answered, unknown, findings } = survive(&url, 0..kills, || ()).await;
    println!("{kills} kills, {answered} requests answered, {unknown} interrupted: {findings:?}");
    assert_eq!(findings, Findings::default());
    // A kill that interrupts nothing proves nothing.
    assert!(unknown >= kills.div_ceil(2), "{unknown} requests interrupted by {kills} kills");
    let (report, sound) = task(&url, "reconcile");
    assert!(sound && report.contains(" 0 drifts"), "{report}");
}

/// The same clients find out a database connection that acknowledges before it has committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_before_the_commit_is_found_out() {
    let (_cluster, url) = durable().await;
    let proxy = Proxy::start(&url).await.expect("a proxy");
    let promise = || proxy.follow(|message| if message.statement == "commit" { Fate::Promise } else { Fate::Pass });
    let Run { findings, .. } = survive(proxy.url(), 1..2, promise).await;
    assert!(findings.lost > 0, "{findings:?}");
}

/// The same clients find out a server that does not keep the keys of what it did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_kept_is_found_out() {
    let (_cluster, url) = durable().await;
    let proxy = Proxy::start(&url).await.expect("a proxy");
    const ROWS: &str =
        "as u (principal, operation, key, fingerprint, outcome, order_id, order_version, created_at, issued_coupon_id)";
    proxy.follow(|message| match message.statement.contains(ROWS) {
        true => Fate::Say(message.statement.replace(ROWS, &format!("{ROWS} where false"))),
        false => Fate::Pass,
    });
    let Run { findings, .. } = survive(proxy.url(), 0..1, || ()).await;
    assert!(findings.lost > 0 && findings.unheard_of > 0 && findings.units < 0, "{findings:?}");
}
