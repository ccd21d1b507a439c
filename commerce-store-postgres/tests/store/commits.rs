//! Connections that break: around the commit, and before each message that a command takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use commerce_core::conformance::{basket, krw, operator};
use commerce_core::store::{Orders, Wallets};
use commerce_core::{Deposit, Error, PageRequest, PaymentMethod, PlaceOrder, Principal, Store, StoreError};
use commerce_store_postgres_testkit::{Fate, Message, Proxy};

use crate::harness::{Backstage, assert_sound, durable, insist, open_at, proxied, world};

/// This fate for the next commit, and for no other message; and how many it befell.
fn at_next_commit(fate: Fate) -> (impl Fn(Message<'_>) -> Fate, Arc<AtomicUsize>) {
    let befell = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&befell);
    let rule = move |message: Message<'_>| {
        if message.statement == "commit" && count.fetch_add(1, Ordering::SeqCst) == 0 {
            fate.clone()
        } else {
            Fate::Pass
        }
    };
    (rule, befell)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_is_cut_is_resolved_by_its_key() {
    let (_cluster, url) = durable().await;
    let proxy = Proxy::start(&url).await.unwrap();
    let store = open_at(proxy.url(), |_| {}).await;
    let world = world(&store);
    let customer_id = world.customer().await;
    let rounds = 40;
    for round in 0..rounds {
        let fate = if round % 2 == 0 { Fate::Cut } else { Fate::CutAnswer };
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(7), memo: None });
        let (rule, befell) = at_next_commit(fate.clone());
        proxy.follow(rule);
        let receipt = match store.execute(envelope.clone()).await {
            Err(Error::Store(StoreError::Unknown { .. })) => insist(&store, &envelope).await.unwrap(),
            other => other.unwrap(),
        };
        assert!(befell.load(Ordering::SeqCst) > 0);
        // The lane asked by the key: it was told what was done, or did it then.
        assert_eq!(receipt.replayed, fate == Fate::CutAnswer);
        let again = store.execute(envelope).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.outcome, receipt.outcome);
    }
    let wallet = store.wallets(customer_id).await.unwrap()[0];
    assert_eq!((wallet.balance, wallet.version), (krw(7 * 40), 40));
    assert_eq!(store.stats().in_doubt, rounds);
    assert_sound(&store).await;
}

/// The answer to a commit is lost, or the commit is, or the network swallows it, and nobody can be asked until the
/// deadline has passed: the caller hears that the outcome is unknown, whichever it is, and its key tells later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outcome_that_nobody_can_tell_is_unknown_and_told_later() {
    let (database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| config.deadline = Duration::from_millis(400)).await;
    let world = world(&store);
    let customer_id = world.customer_with(1).await;
    let mut backstage = Backstage::at(&database.url).await;
    for (n, (fate, done)) in (1..).zip([(Fate::CutAnswer, true), (Fate::Cut, false), (Fate::Stall, false)]) {
        let (gone, fate_of_commit) = (AtomicBool::new(false), fate.clone());
        proxy.follow(move |message| match gone.load(Ordering::SeqCst) {
            true => Fate::Cut,
            false if message.statement == "commit" => {
                gone.store(true, Ordering::SeqCst);
                fate_of_commit.clone()
            }
            false => Fate::Pass,
        });
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(5), memo: None });
        let told = store.execute(envelope.clone()).await;
        let Err(Error::Store(StoreError::Unknown { reason })) = told else { panic!("{fate:?}: {told:?}") };
        assert!(!reason.contains("nothing happened"), "{fate:?}: {reason}");
        proxy.follow(|_| Fate::Pass);
        proxy.sever();
        let receipt = insist(&store, &envelope).await.unwrap();
        assert_eq!(receipt.replayed, done, "{fate:?}");
        assert_eq!(world.balance(customer_id).await, 1 + 5 * n);
        backstage.until_quiet().await;
    }
    assert_sound(&store).await;
}

/// The connection is cut before the first message of a command, before the second, and so on to the last; and the one
/// that the lane opens for its second try is cut at the same place. Whatever the caller hears is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_that_breaks_at_any_message_leaves_one_effect_or_none() {
    let (database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| config.announce = false).await;
    // Reads its own way, so that the messages that are counted are the command's.
    let aside = open_at(&database.url, |_| {}).await;
    let shop = world(&aside);
    let customer_id = shop.customer_with(1_000_000).await;
    let variant = shop.variant(10, 1_000).await;
    let mut backstage = Backstage::at(&database.url).await;
    let (mut unavailable, mut orders) = (0, 0);
    for breaks in [1, 2] {
        for place in 0.. {
            proxy.sever();
            let (message, broken) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
            let count = Arc::clone(&broken);
            proxy.follow(move |each| {
                if each.kind == 0 {
                    message.store(0, Ordering::SeqCst);
                }
                let here = message.fetch_add(1, Ordering::SeqCst) == place;
                if here && count.load(Ordering::SeqCst) < breaks {
                    count.fetch_add(1, Ordering::SeqCst);
                    return Fate::Cut;
                }
                Fate::Pass
            });
            let payment = Some(PaymentMethod::Wallet);
            let order = PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment };
            let envelope = shop.envelope(&Principal::Customer(customer_id), order);
            let told = store.execute(envelope.clone()).await;
            if let Err(Error::Store(StoreError::Unavailable { .. })) = &told {
                // "Nothing happened" is a promise.
                unavailable += 1;
                backstage.until_quiet().await;
                assert_eq!(shop.on_hand(variant).await, 1_000 - orders, "{breaks} breaks at message {place}");
            }
            let receipt = insist(&store, &envelope).await.unwrap();
            orders += 1;
            assert!(told.is_err() || told.unwrap().outcome == receipt.outcome);
            assert_eq!(shop.on_hand(variant).await, 1_000 - orders, "{breaks} breaks at message {place}");
            if broken.load(Ordering::SeqCst) == 0 {
                break;
            }
        }
    }
    let placed = aside.orders(customer_id, None, PageRequest::first(1_000)).await.unwrap();
    assert_eq!(u64::try_from(placed.items.len()).unwrap(), orders);
    assert!(orders > 30 && unavailable > 10, "{orders} orders, {unavailable} times unavailable");
    backstage.until_quiet().await;
    assert_sound(&aside).await;
}
