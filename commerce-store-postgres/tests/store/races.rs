//! Two instances on one database, and several lanes in each, are as exact as one.

use std::sync::Arc;

use commerce_core::conformance::{basket, operator};
use commerce_core::store::Store;
use commerce_core::{
    AddCodes, CouponCode, CouponRef, CreateCoupon, Error, IssueCoupon, Principal, Rejection, reconcile,
};
use commerce_store_postgres::{Config, PostgresStore};
use tokio::sync::Semaphore;

use crate::harness::{assert_sound, config, database, world};
use crate::shopping::{Findings, Shopping};

/// How often they ask.
const ROUNDS: usize = 12;

async fn two_instances(lanes: usize) -> [Arc<PostgresStore>; 2] {
    let [one, other, _] = three_instances(|config| config.lanes = lanes).await;
    [one, other]
}

async fn three_instances(edit: impl FnOnce(&mut Config)) -> [Arc<PostgresStore>; 3] {
    let database = database().await;
    let mut config = config(&database);
    edit(&mut config);
    let open = |config| async { Arc::new(PostgresStore::open(config).await.unwrap()) };
    [open(config.clone()).await, open(config.clone()).await, open(config).await]
}

/// Three hundred buyers with an envelope each, sent to both instances at once: no unit is sold twice, and each
/// request runs once wherever it arrives first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_sell_the_last_units_once_and_answer_the_same() {
    let stores = two_instances(2).await;
    let world = world(&stores[0]);
    let customers = world.customers(60, 1_000_000).await;
    let (a, b) = (world.variant(1_000, 25).await, world.variant(1_000, 40).await);
    let mut tasks = Vec::new();
    for (i, customer) in customers.into_iter().enumerate() {
        let lines = if i % 2 == 0 { [(a, 1), (b, 1)] } else { [(b, 1), (a, 1)] };
        let command = commerce_core::PlaceOrder {
            customer_id: customer,
            basket: basket(&lines),
            payment: Some(commerce_core::PaymentMethod::Wallet),
        };
        let envelope = world.envelope(&commerce_core::Principal::Customer(customer), command);
        for store in &stores {
            let (store, envelope) = (Arc::clone(store), envelope.clone());
            tasks.push((i, tokio::spawn(async move { store.execute(envelope).await })));
        }
    }
    let mut answers: Vec<Vec<Result<commerce_core::Receipt, Error>>> = vec![Vec::new(); 60];
    for (i, task) in tasks {
        answers[i].push(task.await.unwrap());
    }
    let mut sold = 0;
    for pair in answers {
        match (&pair[0], &pair[1]) {
            (Ok(one), Ok(other)) => {
                assert_eq!(one.outcome, other.outcome);
                assert!(one.replayed != other.replayed, "one of them ran it");
                sold += 1;
            }
            (Err(Error::Rejected(one)), Err(Error::Rejected(other))) => {
                for reason in [one, other] {
                    assert!(matches!(reason, Rejection::OutOfStock { .. }), "{reason:?}");
                }
            }
            mixed => panic!("{mixed:?}"),
        }
    }
    assert_eq!(sold, 25);
    let report = reconcile(&*stores[1]).await.unwrap();
    assert!(report.drifts.is_empty(), "{report:?}");
    assert_eq!(world.on_hand(a).await, 0);
    assert_eq!(world.on_hand(b).await, 15);
}

/// Locks make the second instance wait for the first, so that nothing is decided on what is about to change. Without
/// them the ledgers' keys would still refuse what was decided so, at the price of deciding it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_meet_wait_for_each_other_and_decide_once() {
    let stores = two_instances(1).await;
    let world = world(&stores[0]);
    let customers = world.customers(40, 1_000_000).await;
    let (a, b) = (world.variant(1_000, 1_000).await, world.variant(1_000, 1_000).await);
    let before: u64 = stores.iter().map(|store| store.stats().contended + store.stats().overtaken).sum();
    let mut tasks = Vec::new();
    for (i, customer_id) in customers.into_iter().enumerate() {
        let basket = basket(&if i % 4 < 2 { [(a, 1), (b, 1)] } else { [(b, 1), (a, 1)] });
        let store = Arc::clone(&stores[i % 2]);
        let orders: Vec<_> = (0..10)
            .map(|_| {
                let payment = Some(commerce_core::PaymentMethod::Wallet);
                let order = commerce_core::PlaceOrder { customer_id, basket: basket.clone(), payment };
                world.envelope(&commerce_core::Principal::Customer(customer_id), order)
            })
            .collect();
        tasks.push(tokio::spawn(async move {
            for order in orders {
                store.execute(order).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let after: u64 = stores.iter().map(|store| store.stats().contended + store.stats().overtaken).sum();
    assert_eq!(after, before);
    assert_eq!((world.on_hand(a).await, world.on_hand(b).await), (600, 600));
    assert_eq!(reconcile(&*stores[1]).await.unwrap().drifts, []);
}

/// More lanes than cores, in two instances, and customers who all want the same: nothing is lost, nothing is doubled,
/// and nobody is in anybody's way for longer than a lock, for all lock in one order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lanes_and_instances_that_race_for_hot_records_are_exact() {
    let stores = two_instances(4).await;
    let shopping = Shopping::open(world(&stores[0]), 24).await;
    let told = shopping.rush(&stores, 25, &Arc::new(Semaphore::new(0))).await;
    assert_eq!(told.len(), 24 * 25);
    assert_eq!(shopping.compare(&stores[1], &told).await, Findings::default());
    assert_eq!(stores.map(|store| store.stats().contended), [0, 0]);
}

/// Three processes are asked for two coupons by the same customers at once, each time under two keys, and each key is sent to
/// all: who works ahead in one of them has written what the others are about to. Everybody gets one copy while there are
/// any, every key has one answer, and nobody stands in a circle: what would be one ends before the database looks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn customers_who_ask_everywhere_get_one_copy() {
    let stores = three_instances(|config| (config.lanes, config.batch) = (2, 8)).await;
    let world = world(&stores[0]);
    let customers = world.customers(48, 1).await;
    let mut refused = 0;
    for _ in 0..ROUNDS {
        let coupons = [world.coupon(|c| c.total_quantity = Some(40)).await, world.coupon(|_| {}).await];
        let mut tasks = Vec::new();
        for customer_id in &customers {
            let claim = |coupon| IssueCoupon { customer_id: *customer_id, coupon: CouponRef::Id(coupon) };
            for coupon in [0, 1, 0, 1] {
                let envelope = world.envelope(&Principal::Customer(*customer_id), claim(coupons[coupon]));
                for store in &stores {
                    let (store, envelope) = (Arc::clone(store), envelope.clone());
                    tasks.push((coupon, tokio::spawn(async move { store.execute(envelope).await })));
                }
            }
        }
        let mut given = [0, 0];
        for (coupon, task) in tasks {
            match task.await.unwrap() {
                Ok(receipt) => given[coupon] += u32::from(!receipt.replayed),
                Err(Error::Rejected(Rejection::CouponAlreadyClaimed { .. } | Rejection::CouponSoldOut { .. })) => {
                    refused += 1
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(given, [40, 48]);
        for (coupon, given) in coupons.into_iter().zip(given) {
            assert_eq!(world.issued(coupon).await, given);
        }
    }
    for store in &stores {
        let stats = store.stats();
        assert_eq!((stats.contended, stats.split), (0, 0), "{stats:?}");
    }
    assert!(refused > 0);
    assert_sound(&stores[0]).await;
}

/// A coupon's own code and one that is good for one copy are in different tables. Of two processes that make both at once, one
/// does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_a_coupons_own_or_good_for_one_copy() {
    let stores = two_instances(1).await;
    let world = world(&stores[0]);
    let campaign = world.coupon(|coupon| coupon.by_code = true).await;
    for round in 0..20 {
        let code: CouponCode = format!("EITHER-{round}").parse().unwrap();
        let own = CreateCoupon { code: Some(code.clone()), ..world.new_coupon() };
        let add = AddCodes { coupon_id: campaign, codes: vec![code.clone()] };
        let makers = [world.envelope(&operator(), own), world.envelope(&operator(), add)];
        let tasks = stores.iter().zip(makers).map(|(store, envelope)| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.execute(envelope).await.map(drop) })
        });
        let mut refused = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            refused.extend(task.await.unwrap().err());
        }
        assert_eq!(refused, [Rejection::CouponCodeTaken { coupon_code: code }.into()], "round {round}");
    }
    let report = reconcile(&*stores[1]).await.unwrap();
    assert!(report.drifts.is_empty(), "{report:?}");
}
