//! Futures that are dropped, after every number of polls that they can take.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use commerce_core::conformance::{World, basket, krw, operator};
use commerce_core::store::{Catalog, Coupons, Customers, Orders, Outbox, Sales, Wallets};
use commerce_core::{
    Audit, Deposit, Envelope, Keys, PageRequest, PaymentMethod, PlaceOrder, PopularQuery, Principal, ProductQuery,
    Records, Store,
};
use commerce_store_postgres::PostgresStore;
use commerce_store_postgres_testkit::{Fate, Proxy};
use sqlx::{Connection, PgConnection};

use crate::harness::{Backstage, assert_sound, database, durable, insist, open, open_at, world};

/// Polls a future, each time when it has been woken, at most so many times, and drops it. Its output if it came that
/// far.
async fn polled<T>(future: impl Future<Output = T>, most: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Dropped at once after the last poll, not when it would be polled again.
            Poll::Pending if polls == most => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn order(world: &World, customer_id: commerce_core::CustomerId, variant: commerce_core::VariantId) -> Envelope {
    let payment = Some(PaymentMethod::Wallet);
    let order = PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment };
    world.envelope(&Principal::Customer(customer_id), order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_dropped_at_any_poll_is_whole_or_not_there() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let customer = world.customer_with(1_000_000).await;
    let variant = world.variant(10, 1_000).await;
    let mut backstage = Backstage::at(&database.url).await;
    let (mut sold, mut rounds, mut under_way) = (0, 0, 0);
    // How many polls it takes depends on how fast the database answers; one is hardly ever enough.
    while rounds < 20 || under_way < 20 {
        rounds += 1;
        for polls in 0.. {
            let envelope = order(&world, customer, variant);
            let ended = polled(store.execute(envelope.clone()), polls).await;
            // What was left behind runs to its end by itself.
            backstage.until_quiet().await;
            if polls == 0 {
                assert_eq!(world.on_hand(variant).await, 1_000 - sold, "nobody had asked for it");
            }
            let told = insist(&store, &envelope).await.unwrap();
            sold += 1;
            assert_eq!(world.on_hand(variant).await, 1_000 - sold, "after {polls} polls");
            if let Some(ended) = ended {
                assert_eq!(ended.unwrap().outcome, told.outcome);
                break;
            }
            under_way += u32::from(polls > 0);
        }
    }
    assert_sound(&store).await;
}

/// Every read there is, each dropped at every poll, many of them at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_dropped_at_any_poll_leaves_its_connection_clean() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let customer = world.customer_with(1_000_000).await;
    let variant = world.variant(10, 1_000).await;
    let order = world.buy(customer, basket(&[(variant, 1)])).await.id;
    let keys = Keys { customers: [customer].into(), ..Keys::default() };
    let (first, any) = (PageRequest::first(10), ProductQuery::default());
    let (store, keys) = (&*store, &keys);
    // Once to their ends, so that there are connections to leave; then dropped, ever later.
    for polls in [usize::MAX, usize::MAX, usize::MAX].into_iter().chain(0..8) {
        for _ in 0..if polls > 8 { 1 } else { 20 } {
            tokio::join!(
                polled(store.wallets(customer), polls),
                polled(store.orders(customer, None, PageRequest::first(10)), polls),
                polled(store.order(order), polls),
                polled(store.history(order), polls),
                polled(store.payment(order), polls),
                polled(store.products(&any, PageRequest::first(10)), polls),
                polled(store.customers(PageRequest::first(10)), polls),
                polled(store.coupons(PageRequest::first(10)), polls),
                polled(store.popular(PopularQuery::default()), polls),
                polled(store.backlog(), polls),
                polled(store.sinks(), polls),
                polled(store.distribute(10), polls),
                polled(store.now(), polls),
                polled(store.load(keys), polls),
                polled(store.order_facts(first), polls),
                polled(store.stock_facts(PageRequest::first(10)), polls),
            );
        }
    }
    let mut backstage = Backstage::at(&database.url).await;
    backstage.until_quiet().await;
    // The pools' connections and the lanes', and none beside.
    let sessions = backstage.sessions("true").await;
    assert!(sessions <= 8 + 4 + 4 + 2, "{sessions}");
    for _ in 0..20 {
        assert_eq!(store.order(order).await.unwrap().map(|order| order.id), Some(order));
        assert_eq!(store.load(keys).await.unwrap().customer(customer).map(|found| found.id), Some(customer));
    }
    assert_sound(store).await;
}

/// What one read after another has the server log. Each connection's transaction is ended by the read, and once more, to
/// be sure of it, when the connection is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_that_end_well_are_nothing_to_warn_of() {
    let (cluster, url) = durable().await;
    let proxy = Proxy::start(&url).await.unwrap();
    // Every read but the first waits for the one before it to be over and done with.
    let store = open_at(proxy.url(), |config| config.read_connections = 1).await;
    let world = world(&store);
    let customer = world.customer().await;
    world.add_to_cart(customer, world.variant(10, 5).await, 1).await;
    let warnings = async || {
        for _ in 0..10 {
            assert_eq!(world.cart_view(customer).await.lines.len(), 1);
        }
        cluster.log().unwrap().lines().filter(|line| line.contains("WARNING")).count()
    };
    assert_eq!(warnings().await, 0);
    // A rollback alone is what the server warns of: there is no transaction in progress.
    proxy.follow(|message| match message.statement {
        "begin; rollback" => Fate::Say("rollback".to_owned()),
        _ => Fate::Pass,
    });
    assert!(warnings().await >= 9);
}

/// An embedder's own transaction: the work is dropped at every poll, and the transaction with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_in_a_callers_transaction_dropped_at_any_poll_is_not_there() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let customer_id = world.customer_with(1).await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let (mut most, mut dropped, mut ended) = (0, 0, 0);
    // How many polls it takes depends on how fast the database answers; one is never enough.
    while ended < 10 || dropped < 20 {
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(5), memo: None });
        let mut transaction = connection.begin().await.unwrap();
        let whole = polled(store.execute_in(&mut transaction, envelope.clone()), most).await.is_some();
        drop(transaction);
        // The connection goes on, outside of the transaction that was dropped.
        assert_eq!(balance(&mut connection, &store, customer_id).await, 1);
        (most, dropped, ended) = if whole { (0, dropped, ended + 1) } else { (most + 1, dropped + 1, ended) };
    }
    assert_sound(&store).await;
}

async fn balance(connection: &mut PgConnection, store: &PostgresStore, customer: commerce_core::CustomerId) -> i64 {
    let sql = "select balance from wallets where customer_id = $1";
    let seen: i64 = sqlx::query_scalar(sql).bind(customer.get()).fetch_one(connection).await.unwrap();
    assert_eq!(store.wallets(customer).await.unwrap()[0].balance.minor(), seen);
    seen
}
