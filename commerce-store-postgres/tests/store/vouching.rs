//! What a locked record vouches for, for a batch that worked ahead: nothing, unless the batch before has committed what it
//! announced. Another process may bring a record to the same value by another way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use commerce_core::conformance::{World, basket, krw, operator};
use commerce_core::store::Envelope;
use commerce_core::{
    CouponId, CouponRef, CustomerId, Deposit, Error, IssueCoupon, PaymentMethod, PlaceOrder, Principal, Receipt,
    Rejection, Store, UpdateCoupon, VariantId,
};
use commerce_store_postgres::PostgresStore;
use commerce_store_postgres_testkit::{Fate, Message, Proxy};
use tokio::task::JoinHandle;

use crate::harness::{
    BLOCKED, Backstage, Gate, WRITTEN, assert_sound, database, open_at, proxied, until_misjudged, world,
};

type Answer = Result<Receipt, Error>;

fn send(store: &Arc<PostgresStore>, envelope: Envelope) -> JoinHandle<Answer> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.execute(envelope).await })
}

fn claim(world: &World, customer_id: CustomerId, coupon: CouponId) -> Envelope {
    world.envelope(&Principal::Customer(customer_id), IssueCoupon { customer_id, coupon: CouponRef::Id(coupon) })
}

fn order(world: &World, customer_id: CustomerId, variant: VariantId, payment: Option<PaymentMethod>) -> Envelope {
    let order = PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment };
    world.envelope(&Principal::Customer(customer_id), order)
}

/// A batch reads what it wants without a lock, or has read it.
const READ: &str = "state = 'idle in transaction' and query like 'select 1 as kind%'";

fn locks_coupons(statement: &str) -> bool {
    statement.contains("from coupons c") && statement.contains("for no key update")
}

/// A shop of two lanes, whose commits are held or refused from a moment on.
struct Lanes {
    url: String,
    store: Arc<PostgresStore>,
    world: World,
    proxy: Proxy,
    gate: Arc<Gate>,
    /// Holds the locks on coupons that are asked for first after the first commit was held.
    locks: Arc<Gate>,
    /// How often a coupon was read without a lock since, by a lane that had not done so before.
    unlocked: Arc<AtomicUsize>,
}

impl Lanes {
    async fn open() -> Self {
        let (database, proxy) = proxied().await;
        let store = open_at(proxy.url(), |config| config.lanes = 2).await;
        let world = world(&store);
        Self {
            url: database.url,
            store,
            world,
            proxy,
            gate: Arc::default(),
            locks: Arc::default(),
            unlocked: Arc::default(),
        }
    }

    /// From now on the first commit is held, and then refused if that is wished; else whoever follows it is held before
    /// its locks.
    fn hold_commit(&self, refuse: bool) {
        let (gate, locks, unlocked) = (Arc::clone(&self.gate), Arc::clone(&self.locks), Arc::clone(&self.unlocked));
        self.proxy.follow(move |message: Message<'_>| {
            let is_read = message.statement.contains("from coupons c") && !locks_coupons(message.statement);
            unlocked.fetch_add(usize::from(is_read), Ordering::SeqCst);
            if !refuse && gate.is_reached() && locks_coupons(message.statement) {
                locks.hold_first();
            }
            let refused = message.statement == "commit" && gate.hold_first() && refuse;
            if refused { Fate::Refuse("23514") } else { Fate::Pass }
        });
    }

    /// Two customers claim a copy: the commit of the first is held, and the second has written what it can ahead of it.
    async fn two_claims(
        &self,
        back: &mut Backstage,
        customers: &[CustomerId],
        coupon: CouponId,
    ) -> (JoinHandle<Answer>, JoinHandle<Answer>) {
        self.hold_commit(false);
        let first = send(&self.store, claim(&self.world, customers[0], coupon));
        self.gate.reached().await;
        let second = send(&self.store, claim(&self.world, customers[1], coupon));
        back.until_two_have_written().await;
        (first, second)
    }

    /// The store of another process, whose first commit can be held too.
    async fn other(&self) -> (Arc<PostgresStore>, Proxy, Arc<Gate>) {
        let proxy = Proxy::start(&self.url).await.unwrap();
        let store = open_at(proxy.url(), |_| {}).await;
        let gate = Arc::<Gate>::default();
        let held = Arc::clone(&gate);
        proxy.follow(move |message: Message<'_>| {
            if message.statement == "commit" {
                held.hold_first();
            }
            Fate::Pass
        });
        (store, proxy, gate)
    }
}

/// The batch ahead is refused; another process then brings the coupon's counter to where that one would have. The copies of
/// the customer that both batches are about are not what they would have been.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn a_counter_that_others_moved_vouches_for_nothing() {
    for limit in [1, 2] {
        let lanes = Lanes::open().await;
        let (store, world) = (&lanes.store, &lanes.world);
        let customers = world.customers(2, 1).await;
        let coupon = world.coupon(|c| (c.total_quantity, c.per_customer_limit) = (Some(100), limit)).await;
        lanes.hold_commit(true);
        let refused = send(store, claim(world, customers[0], coupon));
        lanes.gate.reached().await;
        let ahead = send(store, claim(world, customers[0], coupon));
        let mut back = Backstage::at(&lanes.url).await;
        // A second copy is written at once, and one too many not at all.
        match limit {
            1 => back.until_sessions(READ, 1).await,
            _ => back.until_two_have_written().await,
        }
        let other = open_at(&lanes.url, |_| {}).await;
        let meddler = send(&other, claim(world, customers[1], coupon));
        back.until_blocked(1).await;
        lanes.gate.open();
        assert!(refused.await.unwrap().is_err());
        assert!(meddler.await.unwrap().is_ok());
        let answer = ahead.await.unwrap();
        assert!(answer.is_ok(), "the first copy of a customer who may have {limit}: {answer:?}");
        let next = store.execute(claim(world, customers[0], coupon)).await;
        assert_eq!(next.is_ok(), limit == 2, "{next:?}");
        assert_eq!(world.issued(coupon).await, limit + 1);
        assert_sound(store).await;
    }
}

/// The batch ahead is refused; another process carries out, under the same key, what this one would refuse because of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn a_stock_that_others_took_vouches_for_no_key() {
    let lanes = Lanes::open().await;
    let (store, world) = (&lanes.store, &lanes.world);
    let customers = world.customers(2, 1).await;
    let variant = world.variant(100, 1).await;
    lanes.hold_commit(true);
    let refused = send(store, order(world, customers[0], variant, None));
    lanes.gate.reached().await;
    let wanted = order(world, customers[1], variant, None);
    let ahead = send(store, wanted.clone());
    let mut back = Backstage::at(&lanes.url).await;
    // It has read what it could, and waits for the first to end.
    back.until_sessions(READ, 1).await;
    let (other, _proxy, commits) = lanes.other().await;
    let elsewhere = send(&other, world.again(&wanted));
    back.until_blocked(1).await;
    lanes.gate.open();
    commits.reached().await;
    back.until_blocked(1).await;
    commits.open();
    assert!(refused.await.unwrap().is_err());
    let (elsewhere, ahead) = (elsewhere.await.unwrap().unwrap(), ahead.await.unwrap().unwrap());
    assert_eq!((elsewhere.replayed, ahead.replayed), (false, true), "one request, one answer");
    assert_eq!(elsewhere.outcome, ahead.outcome);
    assert_sound(store).await;
}

/// Nothing fails. A batch works ahead of one that is itself overtaken, and decides again: what it had announced is void.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn what_was_decided_again_was_never_announced() {
    let lanes = Lanes::open().await;
    let (store, world) = (&lanes.store, &lanes.world);
    let customers = world.customers(3, 1).await;
    let coupon = world.coupon(|c| c.total_quantity = Some(2)).await;
    let mut back = Backstage::at(&lanes.url).await;
    let (first, second) = lanes.two_claims(&mut back, &customers, coupon).await;
    let (other, _proxy, commits) = lanes.other().await;
    let meddler = send(&other, claim(world, customers[2], coupon));
    back.until_blocked(1).await;
    // From another device: another key. It waits for a lane, and then follows the second.
    let third = send(store, claim(world, customers[1], coupon));
    lanes.gate.open();
    commits.reached().await;
    back.until_sessions(READ, 1).await;
    commits.open();
    assert!(first.await.unwrap().is_ok() && meddler.await.unwrap().is_ok());
    lanes.locks.open();
    for answer in [second.await.unwrap(), third.await.unwrap()] {
        let sold_out = matches!(answer, Err(Error::Rejected(Rejection::CouponSoldOut { total: 2, .. })));
        assert!(sold_out, "a customer who has no copy: {answer:?}");
    }
    assert_sound(store).await;
}

/// A batch ahead takes a coupon as the batch before had it, and does not read it. Another process withdraws it behind that one.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn a_coupon_withdrawn_behind_the_batch_before_is_not_handed_out() {
    let lanes = Lanes::open().await;
    let (store, world) = (&lanes.store, &lanes.world);
    let customers = world.customers(2, 1).await;
    let coupon = world.coupon(|c| c.total_quantity = Some(100)).await;
    let (other, mut back) = (open_at(&lanes.url, |_| {}).await, Backstage::at(&lanes.url).await);
    let (first, ahead) = lanes.two_claims(&mut back, &customers, coupon).await;
    let withdraw = UpdateCoupon { coupon_id: coupon, expected_version: None, active: Some(false) };
    let withdrawn = send(&other, world.envelope(&operator(), withdraw));
    back.until_blocked(1).await;
    lanes.gate.open();
    lanes.locks.reached().await;
    assert!(first.await.unwrap().is_ok() && withdrawn.await.unwrap().is_ok());
    assert_eq!(store.stats().misjudged, 0, "it has not given up before");
    lanes.locks.open();
    let ahead = ahead.await.unwrap();
    assert!(matches!(ahead, Err(Error::Rejected(Rejection::CouponInactive { .. }))), "{ahead:?}");
    assert_eq!((store.stats().ahead, store.stats().misjudged), (0, 1));
    assert_eq!(lanes.unlocked.load(Ordering::SeqCst), 0, "a coupon was read without a lock");
    assert_eq!(world.issued(coupon).await, 1);
    assert_sound(store).await;
}

/// A batch that worked ahead is followed by another: what it announces is enough for that one too.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn who_follows_is_followed() {
    let lanes = Lanes::open().await;
    let (store, world) = (&lanes.store, &lanes.world);
    let customers = world.customers(3, 1).await;
    let coupon = world.coupon(|c| c.total_quantity = Some(3)).await;
    let mut back = Backstage::at(&lanes.url).await;
    let (first, second) = lanes.two_claims(&mut back, &customers, coupon).await;
    lanes.gate.open();
    lanes.locks.reached().await;
    let third = send(store, claim(world, customers[2], coupon));
    back.until_two_have_written().await;
    lanes.locks.open();
    for answer in [first, second, third] {
        assert!(answer.await.unwrap().is_ok());
    }
    assert_eq!((store.stats().ahead, store.stats().misjudged), (2, 0));
    assert_eq!(lanes.unlocked.load(Ordering::SeqCst), 0, "a coupon was read without a lock");
    assert_eq!(world.issued(coupon).await, 3);
    assert_sound(store).await;
}

/// A batch ahead has written what a customer asks another process for as well: a copy of its own, or the same under the same
/// key. That process comes to the lock first and waits for those rows, while the batch ahead comes to the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn who_asks_two_processes_keeps_neither_waiting_for_the_other() {
    for same_key in [false, true] {
        let lanes = Lanes::open().await;
        let (store, world) = (&lanes.store, &lanes.world);
        let customers = world.customers(2, 1).await;
        let coupon = world.coupon(|c| (c.total_quantity, c.per_customer_limit) = (Some(100), 1)).await;
        lanes.hold_commit(false);
        let first = send(store, claim(world, customers[0], coupon));
        lanes.gate.reached().await;
        let wanted = claim(world, customers[1], coupon);
        let ahead = send(store, wanted.clone());
        let mut back = Backstage::at(&lanes.url).await;
        // The one whose commit is held, and the one that works ahead.
        back.until_two_have_written().await;
        let other = open_at(&lanes.url, |_| {}).await;
        let elsewhere = send(&other, if same_key { world.again(&wanted) } else { claim(world, customers[1], coupon) });
        back.until_blocked(1).await;
        lanes.gate.open();
        lanes.locks.reached().await;
        back.until_sessions(&format!("{BLOCKED} and {WRITTEN}"), 1).await;
        lanes.locks.open();
        let (elsewhere, ahead) = (elsewhere.await.unwrap().unwrap(), ahead.await.unwrap());
        assert!(first.await.unwrap().is_ok() && !elsewhere.replayed);
        match ahead {
            Ok(ahead) => assert!(same_key && ahead.replayed && ahead.outcome == elsewhere.outcome),
            Err(Error::Rejected(Rejection::CouponAlreadyClaimed { copies: 1, .. })) => assert!(!same_key),
            Err(other) => panic!("{other}"),
        }
        let (here, there) = (store.stats(), other.stats());
        assert_eq!(
            (here.misjudged, here.contended, there.contended),
            (1, 0, 0),
            "one gave up, and no deadlock was found"
        );
        assert_eq!(world.issued(coupon).await, 2);
        assert_sound(store).await;
    }
}

/// The same request, its ids too, while it is under way: they do not wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn the_same_request_twice_waits_for_itself_once() {
    let lanes = Lanes::open().await;
    let (store, world) = (&lanes.store, &lanes.world);
    let customer = world.customer_with(1_000).await;
    let variant = world.variant(100, 10).await;
    let held = Arc::clone(&lanes.gate);
    lanes.proxy.follow(move |message: Message<'_>| {
        if message.statement.contains("insert into orders ") {
            held.hold_first();
        }
        Fate::Pass
    });
    let envelope = order(world, customer, variant, Some(PaymentMethod::Wallet));
    let first = send(store, envelope.clone());
    lanes.gate.reached().await;
    let again = send(store, envelope);
    until_misjudged(store).await;
    lanes.gate.open();
    let (first, again) = (first.await.unwrap().unwrap(), again.await.unwrap().unwrap());
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_sound(store).await;
}

/// One wallet is locked from outside, and more than a batch wait for it; a lane is free, and so is another customer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_that_waits_keeps_no_stranger_waiting() {
    let database = database().await;
    let store = open_at(&database.url, |config| {
        (config.lanes, config.batch, config.deadline) = (2, 16, Duration::from_secs(20));
    })
    .await;
    let world = world(&store);
    let customers = world.customers(2, 1).await;
    let deposit = |customer_id| world.envelope(&operator(), Deposit { customer_id, amount: krw(1), memo: None });
    let (mut back, mut other) = (Backstage::at(&database.url).await, Backstage::at(&database.url).await);
    other.run(&format!("begin; select 1 from wallets where customer_id = {} for update", customers[0].get())).await;
    let mut stuck = vec![send(&store, deposit(customers[0]))];
    back.until_blocked(1).await;
    stuck.extend((0..64).map(|_| send(&store, deposit(customers[0]))));
    // Whoever was sent before it is in the queue before it.
    tokio::task::yield_now().await;
    let stranger = store.execute(deposit(customers[1])).await;
    assert!(stranger.is_ok(), "{stranger:?}");
    other.run("commit").await;
    for task in stuck {
        assert!(task.await.unwrap().is_ok());
    }
    assert_sound(&store).await;
}
