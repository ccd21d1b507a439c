//! What the job that reconciles tells others.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::store::{Jobs, Outbox};
use commerce_core::{
    ClaimRequest, Commerce, Drift, Event, Holder, JobName, JobOutcome, NodeId, PageRequest, RunRequest, Shop, Store,
};
use commerce_server::work::relay::Backoff;
use commerce_server::work::scheduler::cron::Schedule;
use commerce_server::work::scheduler::tasks::Reconciliation;
use commerce_server::work::scheduler::{Attempt, Scheduled, Scheduler, Settings};
use commerce_store_postgres::{Config, PostgresStore};
use tokio::sync::Notify;

use crate::books::Books;

const NAME: &str = "reconciliation";

/// A scheduler of nothing but the reconciliation, over a store.
fn scheduler(store: &Arc<PostgresStore>) -> Arc<Scheduler> {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    let settings = Settings {
        owner: "process-a".parse().expect("an owner"),
        lease: Duration::from_secs(60),
        renew: Duration::from_secs(10),
        poll: Duration::from_millis(1),
        grace: Duration::ZERO,
        backoff: Backoff { first: Duration::from_secs(60), most: Duration::from_secs(600) },
    };
    let commerce = Commerce::new(Arc::clone(&store), NodeId::new(9).expect("a node"));
    let task = Arc::new(Reconciliation(commerce));
    let job = Scheduled::new(NAME.parse().expect("a name"), Schedule::Off, task);
    Scheduler::new(store, settings, vec![job], Arc::new(Notify::new()))
}

/// Has the job run once, and says what is told about the books after it.
async fn told(store: &PostgresStore, scheduler: &Scheduler, key: &str) -> Vec<Event> {
    let job: JobName = NAME.parse().expect("a name");
    let (by, key) = ("mina".parse().expect("an operator"), key.parse().expect("a key"));
    let asked = store.request_run(RunRequest { job: job.clone(), by, key }).await.expect("an answer");
    assert!(asked.is_some(), "the job is on record");
    let ran = scheduler.pass().await.expect("a look");
    assert_eq!(ran, [(job, Attempt::Ran(JobOutcome::Succeeded))]);
    let holder = Holder { sink: "others".parse().expect("a name"), owner: "relay".parse().expect("an owner") };
    store.register_sink(&holder.sink).await.expect("an answer");
    let (mut books, hold) = (Vec::new(), Duration::from_secs(60));
    while store.distribute(100).await.expect("an answer") > 0 {}
    loop {
        let claimed = store.claim(ClaimRequest { holder: holder.clone(), limit: 100, hold }).await.expect("an answer");
        if claimed.is_empty() {
            return books;
        }
        let ids: Vec<_> = claimed.iter().map(|claimed| claimed.message.id).collect();
        assert_eq!(store.acknowledge(&holder, &ids).await.expect("an answer"), ids.len() as u64);
        let events = claimed.into_iter().map(|claimed| claimed.message.event);
        books.extend(events.filter(|event| matches!(event, Event::Books(_))));
    }
}

#[tokio::test]
async fn drifts_are_told_once_a_run_and_sound_books_are_not() {
    let books = Books::open().await;
    let store =
        PostgresStore::open(Config::new(&books.url, Shop::default()).expect("its URL")).await.expect("the store");
    let store = Arc::new(store);
    let scheduler = scheduler(&store);
    scheduler.pass().await.expect("a look");
    assert_eq!(told(&store, &scheduler, "sound").await, []);

    books.meddle("update wallets set balance = balance + 1").await;
    let events = told(&store, &scheduler, "meddled").await;
    let [Event::Books(event)] = &events[..] else { panic!("one event: {events:?}") };
    assert_eq!((event.job.as_str(), event.run, event.count, event.drifts.len()), (NAME, 2, 1, 1));
    assert!(matches!(&event.drifts[0], Drift::Wallet { wallet_id, .. } if wallet_id.customer_id == books.customer));
    let runs = store.job_runs(&event.job, PageRequest::first(1)).await.expect("a read").items;
    let end = runs[0].end.as_ref().expect("an end");
    assert_eq!((runs[0].sequence, end.counts["drifts"]), (event.run, event.count));
    assert!(event.at >= runs[0].started_at && event.at <= end.finished_at);

    books.meddle("update wallets set balance = balance - 1").await;
    assert_eq!(told(&store, &scheduler, "mended").await, []);
}
