//! A batch that begins while one is under way whose records it needs: it relies on what that one is about to commit,
//! and on nothing that turns out otherwise.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::conformance::{World, basket, krw, operator};
use commerce_core::store::Envelope;
use commerce_core::{
    CouponId, CouponRef, CustomerId, Deposit, Error, IssueCoupon, PaymentMethod, PlaceOrder, Principal, Receipt,
    Rejection, Store, StoreError, VariantId,
};
use commerce_store_postgres::{PostgresStore, Stats};
use commerce_store_postgres_testkit::{Fate, Message};
use tokio::task::JoinHandle;

use crate::harness::{Backstage, Gate, assert_sound, open_at, proxied, until_misjudged, world};

/// What two customers want at the same time.
#[derive(Clone, Copy)]
enum Rush {
    /// To order one of five units of a variant for 100 won each.
    Orders(VariantId),
    /// To claim one of two copies of a coupon.
    Claims(CouponId),
}

impl Rush {
    fn command(self, world: &World, customer_id: CustomerId) -> Envelope {
        let principal = Principal::Customer(customer_id);
        match self {
            Self::Orders(variant) => {
                let payment = Some(PaymentMethod::Wallet);
                world.envelope(&principal, PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment })
            }
            Self::Claims(coupon) => {
                world.envelope(&principal, IssueCoupon { customer_id, coupon: CouponRef::Id(coupon) })
            }
        }
    }

    /// How many are gone.
    async fn gone(self, world: &World) -> u64 {
        match self {
            Self::Orders(variant) => 5 - world.on_hand(variant).await,
            Self::Claims(coupon) => world.issued(coupon).await.into(),
        }
    }
}

/// What the second command is.
#[derive(Clone, Copy, PartialEq)]
enum Second {
    /// Another customer wants the same.
    Another,
    /// The first customer asks again, under the same key.
    Again,
}

/// What happens to the first command when the second one can go no further.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// It is committed, as was to be expected.
    Commits,
    /// It is refused, for a reason that stays.
    Fails,
    /// It is committed, but somebody else has been at a record of the second one.
    Meddles,
}

struct Outcome {
    first: Result<Receipt, Error>,
    second: Result<Receipt, Error>,
    gone: u64,
    /// Won of the second customer.
    balance: i64,
    stats: Stats,
}

fn send(store: &Arc<PostgresStore>, envelope: Envelope) -> JoinHandle<Result<Receipt, Error>> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.execute(envelope).await })
}

/// Two commands that meet, the second sent when the first is about to be committed;
/// that waits until the second has gone as far as it can.
async fn two(rush: impl AsyncFnOnce(&World) -> Rush, follow: Second, then: Then) -> Outcome {
    let (database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| config.lanes = 2).await;
    let world = world(&store);
    let (rush, customers) = (rush(&world).await, world.customers(3, 1_000).await);
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    // Whoever waits for a lock may be woken after somebody who did not have to wait: the meddler goes first.
    let locks = Arc::new(Gate::default());
    let after_meddler = Arc::clone(&locks);
    proxy.follow(move |message: Message<'_>| {
        let claims = message.statement.contains("from coupons c") && message.statement.contains("for no key update");
        if then == Then::Meddles && claims && held.is_reached() {
            after_meddler.hold_first();
        }
        let refused = message.statement == "commit" && held.hold_first() && then == Then::Fails;
        if refused { Fate::Refuse("23514") } else { Fate::Pass }
    });
    let first = rush.command(&world, customers[0]);
    let second = match follow {
        Second::Another => rush.command(&world, customers[1]),
        Second::Again => world.again(&first),
    };
    let first = send(&store, first);
    gate.reached().await;
    let second = send(&store, second);
    match follow {
        // The one whose commit is held has written, and the other has gone as far as it can before that one ends.
        Second::Another => {
            Backstage::at(&database.url).await.until_two_have_written().await;
        }
        // What the first takes a key for, the second waits for like anybody else.
        Second::Again => until_misjudged(&store).await,
    }
    let meddler = match then {
        Then::Meddles => Some(meddle(&database.url, &world, rush, &customers).await),
        _ => None,
    };
    gate.open();
    let first = first.await.unwrap();
    if let Some(meddler) = meddler {
        meddler.await.unwrap().unwrap();
    }
    locks.open();
    let second = second.await.unwrap();
    let (gone, balance) = (rush.gone(&world).await, world.balance(customers[1]).await);
    assert_sound(&store).await;
    Outcome { first, second, gone, balance, stats: store.stats() }
}

/// The batch before takes its time, and the lane that works ahead has given up: it waits for its turn, and not for rows that
/// are locked meanwhile, for that would end before its turn comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_has_given_up_waits_for_its_turn() {
    let (_database, proxy) = proxied().await;
    let store = open_at(proxy.url(), |config| (config.lanes, config.deadline) = (2, Duration::from_secs(6))).await;
    let world = world(&store);
    let (rush, customers) = (claims(&world).await, world.customers(2, 1).await);
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    proxy.follow(move |message: Message<'_>| {
        if message.statement == "commit" {
            held.hold_first();
        }
        Fate::Pass
    });
    let first = send(&store, rush.command(&world, customers[0]));
    gate.reached().await;
    let second = send(&store, rush.command(&world, customers[1]));
    until_misjudged(&store).await;
    // Rows are waited for a quarter of the deadline long, and then a little longer.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(store.stats().split, 0);
    gate.open();
    assert!(first.await.unwrap().is_ok());
    assert!(second.await.unwrap().is_ok());
    assert_eq!(store.stats().split, 0);
    assert_sound(&store).await;
}

/// Another process puts money into the second customer's wallet, or claims a copy for a third one: as soon as the first
/// command has ended, and before the second one has the lock.
async fn meddle(url: &str, world: &World, rush: Rush, customers: &[CustomerId]) -> JoinHandle<Result<Receipt, Error>> {
    let other = open_at(url, |_| {}).await;
    match rush {
        Rush::Orders(_) => {
            let deposit = Deposit { customer_id: customers[1], amount: krw(7), memo: None };
            let deposit = other.execute(world.envelope(&operator(), deposit)).await;
            tokio::spawn(async move { deposit })
        }
        Rush::Claims(_) => {
            let claim = send(&other, rush.command(world, customers[2]));
            Backstage::at(url).await.until_blocked(1).await;
            claim
        }
    }
}

async fn orders(world: &World) -> Rush {
    Rush::Orders(world.variant(100, 5).await)
}

async fn claims(world: &World) -> Rush {
    Rush::Claims(world.coupon(|coupon| coupon.total_quantity = Some(2)).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_committed_as_expected_is_built_upon() {
    for outcome in
        [two(orders, Second::Another, Then::Commits).await, two(claims, Second::Another, Then::Commits).await]
    {
        assert!(outcome.first.is_ok() && outcome.second.is_ok());
        assert_eq!((outcome.gone, outcome.stats.ahead, outcome.stats.misjudged), (2, 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_built_on_a_failure_is_done_again() {
    for outcome in [two(orders, Second::Another, Then::Fails).await, two(claims, Second::Another, Then::Fails).await] {
        assert!(matches!(outcome.first, Err(Error::Store(StoreError::Corrupt { .. }))), "{:?}", outcome.first);
        assert!(outcome.second.is_ok());
        assert_eq!((outcome.gone, outcome.stats.ahead, outcome.stats.misjudged), (1, 0, 1), "only the second is there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_another_process_changed_meanwhile_is_decided_on_again() {
    let ordered = two(orders, Second::Another, Then::Meddles).await;
    assert!(ordered.first.is_ok() && ordered.second.is_ok());
    assert_eq!((ordered.gone, ordered.balance), (2, 907));
    assert_eq!((ordered.stats.ahead, ordered.stats.misjudged), (0, 1));

    let claimed = two(claims, Second::Another, Then::Meddles).await;
    assert!(claimed.first.is_ok());
    let sold_out = matches!(claimed.second, Err(Error::Rejected(Rejection::CouponSoldOut { .. })));
    assert!(sold_out, "the other process took the last copy: {:?}", claimed.second);
    assert_eq!((claimed.gone, claimed.stats.ahead, claimed.stats.misjudged), (2, 0, 1));
}

/// Nothing of the first is to be seen yet when the second looks for its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_the_batch_ahead_takes_is_replayed() {
    for outcome in [two(orders, Second::Again, Then::Commits).await, two(claims, Second::Again, Then::Commits).await] {
        let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
        assert_eq!((first.replayed, second.replayed), (false, true));
        assert_eq!(first.outcome, second.outcome);
        assert_eq!((outcome.gone, outcome.stats.ahead, outcome.stats.misjudged), (1, 0, 1));
    }
}
