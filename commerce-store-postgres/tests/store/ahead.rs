//! A batch that begins while one is under way whose records it needs: it relies on what that one is about to commit,
//! and on nothing that turns out otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use commerce_core::conformance::{basket, krw, operator};
use commerce_core::store::Envelope;
use commerce_core::{Deposit, Error, PaymentMethod, PlaceOrder, Principal, Receipt, Store, StoreError};
use commerce_store_postgres::Stats;
use commerce_store_postgres_testkit::{Fate, Message};
use tokio::sync::Notify;

use crate::harness::{Gate, assert_sound, open, open_at, proxied, world};

/// What happens to the first order when the second one has been written behind it.
enum Then {
    /// It is committed, as was to be expected.
    Commits,
    /// It is refused, for a reason that stays.
    Fails,
    /// It is committed, but somebody else has been at the second customer's wallet.
    Meddles,
}

struct Outcome {
    first: Result<Receipt, Error>,
    second: Result<Receipt, Error>,
    on_hand: u64,
    balance: i64,
    stats: Stats,
}

/// Two orders of one variant, the second sent when the first is about to be written; the first one's commit waits until
/// the second is written too.
async fn two_orders(then: Then) -> Outcome {
    let (database, proxy) = proxied().await;
    let store = Arc::new(open_at(proxy.url(), |config| config.lanes = 2).await);
    let world = world(&store);
    let (variant, customers) = (world.variant(100, 5).await, world.customers(2, 1_000).await);
    let order = |customer_id| -> Envelope {
        let payment = Some(PaymentMethod::Wallet);
        let order = PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment };
        world.envelope(&Principal::Customer(customer_id), order)
    };
    let (written, wrote, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()), Arc::new(Gate::default()));
    let fails = matches!(then, Then::Fails);
    let (count, news, held) = (Arc::clone(&written), Arc::clone(&wrote), Arc::clone(&gate));
    proxy.follow(move |message: Message<'_>| {
        // Each lane prepares the statement on its own connection, when it first needs it.
        if message.statement.contains("insert into orders ") {
            count.fetch_add(1, Ordering::SeqCst);
            news.notify_one();
        }
        if message.statement == "commit" && held.hold_first() && fails { Fate::Refuse("23514") } else { Fate::Pass }
    });
    let send = |envelope: Envelope| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.execute(envelope).await })
    };
    let first = send(order(customers[0]));
    wrote.notified().await;
    let second = send(order(customers[1]));
    wrote.notified().await;
    assert_eq!(written.load(Ordering::SeqCst), 2, "both are written before one is committed");
    if matches!(then, Then::Meddles) {
        let other = open(&database).await;
        let deposit = Deposit { customer_id: customers[1], amount: krw(7), memo: None };
        other.execute(world.envelope(&operator(), deposit)).await.unwrap();
    }
    gate.open();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let (on_hand, balance) = (world.on_hand(variant).await, world.balance(customers[1]).await);
    assert_sound(&store).await;
    Outcome { first, second, on_hand, balance, stats: store.stats() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_committed_as_expected_is_built_upon() {
    let outcome = two_orders(Then::Commits).await;
    assert!(outcome.first.is_ok() && outcome.second.is_ok());
    assert_eq!((outcome.on_hand, outcome.balance), (3, 900));
    assert_eq!((outcome.stats.ahead, outcome.stats.misjudged), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_built_on_a_failure_is_done_again() {
    let outcome = two_orders(Then::Fails).await;
    assert!(matches!(outcome.first, Err(Error::Store(StoreError::Corrupt { .. }))), "{:?}", outcome.first);
    assert!(outcome.second.is_ok());
    assert_eq!((outcome.on_hand, outcome.balance), (4, 900), "only the second order is there");
    assert_eq!((outcome.stats.ahead, outcome.stats.misjudged), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_another_process_changed_meanwhile_is_decided_on_again() {
    let outcome = two_orders(Then::Meddles).await;
    assert!(outcome.first.is_ok() && outcome.second.is_ok());
    assert_eq!((outcome.on_hand, outcome.balance), (3, 907));
    assert_eq!((outcome.stats.ahead, outcome.stats.misjudged), (0, 1));
}
