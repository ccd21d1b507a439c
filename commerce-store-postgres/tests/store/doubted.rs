//! Plans that were made when a table was nearly empty, and the crowd that came after.

use std::time::Duration;

use commerce_core::conformance::{basket, krw, operator};
use commerce_core::store::Outbox;
use commerce_core::{ClaimRequest, Deposit, Holder, Store};
use futures_util::future::join_all;

use crate::harness::{Backstage, database, open_at, world};

const MANY: u64 = 10_000;
const BATCH: u32 = 256;

/// How many entries of the index have been read by connections that are closed by now.
async fn read_of(backstage: &mut Backstage, index: &str) -> u64 {
    while backstage.sessions("true").await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let read = format!("select idx_tup_read from pg_stat_user_indexes where indexrelname = '{index}'");
    backstage.count(&read).await.try_into().unwrap()
}

/// A queue was analyzed while it held a row, and a sink took from it. What comes then is not read from end to end for each
/// message of every claim.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_was_empty_is_claimed_at_the_cost_of_what_is_claimed() {
    let database = database().await;
    let mut backstage = Backstage::at(&database.url).await;
    // Second events: what comes before them is looked for.
    let fill = |from: u64, to: u64| {
        format!(
            "set session_replication_role = replica; \
             insert into order_events select i, 2, 'paid', 'shipped', (select payload from order_events limit 1), now() \
               from generate_series({from}, {to}) i; \
             insert into deliveries select 'books', i, i, 2, now(), now(), null, null, 0, null \
               from generate_series({from}, {to}) i"
        )
    };
    let store = open_at(&database.url, |_| {}).await;
    let world = world(&store);
    let (customer, variant) = (world.customer_with(10).await, world.variant(10, 1).await);
    world.try_buy(customer, basket(&[(variant, 1)])).await.unwrap();
    store.register_sink(&"books".parse().unwrap()).await.unwrap();
    backstage.run(&fill(1, 1)).await;
    backstage.run("vacuum analyze").await;
    let claim = ClaimRequest {
        holder: Holder { sink: "books".parse().unwrap(), owner: "relay".parse().unwrap() },
        limit: BATCH,
        hold: Duration::from_secs(3_600),
    };
    // As often as it takes until a plan would be kept.
    join_all((0..16).map(|_| store.claim(claim.clone()))).await;
    backstage.run(&fill(2, MANY)).await;
    let mut claimed = 1;
    while claimed < MANY {
        claimed += store.claim(claim.clone()).await.unwrap().len() as u64;
    }
    drop((store, world));
    for index in ["deliveries_pkey", "deliveries_event_key"] {
        let read = read_of(&mut backstage, index).await;
        assert!(read < 4 * MANY, "{read} entries of {index}");
    }
}

/// The same of keys: they were pruned, and a sale begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_were_pruned_are_looked_up_at_the_cost_of_those_asked_for() {
    let database = database().await;
    let mut backstage = Backstage::at(&database.url).await;
    let store = open_at(&database.url, |config| config.lanes = 1).await;
    let world = world(&store);
    let customers = world.customers(BATCH as usize, 1).await;
    backstage.run("truncate idempotency_keys").await;
    let deposit = async || {
        let envelopes = customers.iter().map(|&customer_id| {
            let memo = None;
            world.envelope(&operator(), Deposit { customer_id, amount: krw(1), memo })
        });
        for told in join_all(envelopes.map(|envelope| store.execute(envelope))).await {
            told.unwrap();
        }
    };
    world.customer_with(1).await;
    backstage.run("vacuum analyze").await;
    deposit().await;
    let rows = format!(
        "insert into idempotency_keys select 'customer:' || i, 'place_order', 'key-' || i, \
           decode(repeat('00', 16), 'hex'), '{{}}', null, null, now() from generate_series(1, {MANY}) i"
    );
    backstage.run(&rows).await;
    for _ in 0..40 {
        deposit().await;
    }
    drop((store, world));
    let read = read_of(&mut backstage, "idempotency_keys_pkey").await;
    // By the first batches, perhaps; not by each of 40.
    assert!(read < 20 * MANY, "{read} entries");
}
