//! Carts on two instances, and what they lock.

use std::pin::pin;
use std::sync::Arc;

use commerce_core::conformance::{basket, cart_basket, krw, operator};
use commerce_core::store::Carts;
use commerce_core::{
    AddCartItem, ClearCart, Command, CouponRef, CustomerId, Deposit, Error, IssueCoupon, Outcome, PaymentMethod,
    PlaceOrder, Principal, Quantity, Rejection, RemoveCartItem, Store, VariantId,
};
use commerce_store_postgres_testkit::Fate;
use futures_util::FutureExt;
use futures_util::future::{join, join_all};

use crate::harness::{Backstage, Gate, assert_sound, database, open_at, proxied, world};

const ROUNDS: usize = 12;

fn add(customer_id: CustomerId, variant_id: VariantId) -> Command {
    AddCartItem { customer_id, variant_id, quantity: Quantity::ONE }.into()
}

/// Both instances put the same and other things into carts that they both make, take them out, and order what is
/// there: every unit that came in is ordered, taken out, or still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_edit_and_order_the_same_carts() {
    let database = database().await;
    let stores = [
        open_at(&database.url, |config| config.lanes = 2).await,
        open_at(&database.url, |config| config.lanes = 2).await,
    ];
    let world = world(&stores[0]);
    let customers = world.customers(3, 1_000_000).await;
    let variants = [world.variant(1_000, 1_000).await, world.variant(2_000, 1_000).await];
    let mut tasks = Vec::new();
    for customer_id in customers.iter().copied() {
        for (n, store) in stores.iter().cycle().take(4).enumerate() {
            let me = Principal::Customer(customer_id);
            let order = PlaceOrder { customer_id, basket: cart_basket(None), payment: Some(PaymentMethod::Wallet) };
            let variant_id = variants[1];
            let remove = RemoveCartItem { customer_id, variant_id, expected_version: None };
            let commands: Vec<Command> = (0..ROUNDS)
                .map(|round| match (n, round % 4) {
                    (0, 3) => order.clone().into(),
                    (1, 3) => remove.clone().into(),
                    _ => add(customer_id, variants[(n + round) % 2]),
                })
                .collect();
            let envelopes: Vec<_> = commands.into_iter().map(|command| world.envelope(&me, command)).collect();
            let store = Arc::clone(store);
            tasks.push(tokio::spawn(async move {
                let (mut added, mut ordered) = ([0, 0], [0, 0]);
                for envelope in envelopes {
                    match (store.execute(envelope.clone()).await, &envelope.command) {
                        (Ok(_), Command::AddCartItem(c)) => added[usize::from(c.variant_id == variants[1])] += 1,
                        (Ok(receipt), Command::PlaceOrder(_)) => {
                            let Outcome::Order(order) = receipt.outcome else { panic!("an order") };
                            for line in order.lines.iter() {
                                ordered[usize::from(line.variant_id == variants[1])] += line.quantity;
                            }
                        }
                        (Ok(_), _) => {}
                        (Err(Error::Rejected(Rejection::NoLines | Rejection::CartItemNotFound { .. })), _) => {}
                        (Err(error), command) => panic!("{error:?} for {command:?}"),
                    }
                }
                (added, ordered)
            }));
        }
    }
    let (mut added, mut ordered) = ([0, 0], [0, 0]);
    for task in tasks {
        let (more, taken) = task.await.unwrap();
        added = [added[0] + more[0], added[1] + more[1]];
        ordered = [ordered[0] + taken[0], ordered[1] + taken[1]];
    }
    let mut left = [0, 0];
    for customer in customers {
        let cart = stores[1].cart(customer).await.unwrap().unwrap();
        for item in &cart.items {
            left[usize::from(item.variant_id == variants[1])] += item.quantity.get();
        }
    }
    // Of the first variant nothing is ever taken out by name.
    assert_eq!(ordered[0] + left[0], added[0], "{ordered:?} ordered and {left:?} left of {added:?}");
    assert!(ordered[1] + left[1] <= added[1], "{ordered:?} ordered and {left:?} left of {added:?}");
    for (variant, units) in variants.into_iter().zip(ordered) {
        assert_eq!(world.on_hand(variant).await, 1_000 - u64::from(units));
    }
    assert_sound(&stores[0]).await;
}

/// A cart that another process makes after nobody's was there to lock is not decided on: a third would change it meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cart_that_came_after_the_locks_is_locked_before_it_is_changed() {
    let (database, proxy) = proxied().await;
    let gates: [Arc<Gate>; 2] = Default::default();
    let [looks, writes] = gates.clone();
    proxy.follow(move |message| {
        if message.statement.contains("left join cart_items") {
            looks.hold_first();
        }
        if message.statement.contains("new_carts as") {
            writes.hold_first();
        }
        Fate::Pass
    });
    let slow = open_at(proxy.url(), |config| config.lanes = 1).await;
    let store = open_at(&database.url, |_| ()).await;
    let world = world(&store);
    let (customer, one, two) = (world.customer().await, world.variant(1_000, 9).await, world.variant(2_000, 9).await);
    let envelope = world.envelope(&Principal::Customer(customer), add(customer, two));
    let added = tokio::spawn({
        let (store, envelope) = (Arc::clone(&slow), envelope);
        async move { store.execute(envelope).await.map(drop) }
    });
    let [looks, writes] = gates;
    looks.reached().await;
    world.add_to_cart(customer, one, 3).await;
    looks.open();
    writes.reached().await;
    world.run(&Principal::Customer(customer), ClearCart { customer_id: customer, expected_version: None }).await;
    writes.open();
    added.await.unwrap().unwrap();
    let cart = store.cart(customer).await.unwrap().unwrap();
    let items: Vec<_> = cart.items.iter().map(|item| (item.variant_id, item.quantity.get())).collect();
    assert_eq!((cart.version, items), (3, vec![(two, 1)]));
}

/// A hot product's stock may be held by others all the time: carts are filled with it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cart_is_filled_while_the_stock_is_locked() {
    let database = database().await;
    let store = open_at(&database.url, |_| ()).await;
    let world = world(&store);
    let (customer, variant) = (world.customer().await, world.variant(1_000, 5).await);
    let mut other = Backstage::at(&database.url).await;
    other.run("begin; select * from product_stocks for update").await;
    let cart = world.add_to_cart(customer, variant, 3).await;
    assert_eq!((cart.version, cart.items.len()), (1, 1));
    other.run("rollback").await;
}

/// What a hand in the data may leave behind is told, not shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cart_that_miscounts_its_lines_is_corrupt() {
    let database = database().await;
    let store = open_at(&database.url, |_| ()).await;
    let world = world(&store);
    let (customer, variant) = (world.customer().await, world.variant(1_000, 5).await);
    world.add_to_cart(customer, variant, 3).await;
    Backstage::at(&database.url).await.run("delete from cart_items").await;
    let told = store.cart(customer).await.unwrap_err().to_string();
    assert!(told.contains("counts 1 lines and has 0"), "{told}");
}

/// Who looks again for a cart that was not there has let go of the stock by then: somebody who has the cart may want that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cart_that_is_looked_for_again_is_locked_before_the_stock() {
    let (database, proxy) = proxied().await;
    let store = open_at(&database.url, |_| ()).await;
    let world = world(&store);
    let (buyer, customer_id) = (world.customer_with(10_000).await, world.customer().await);
    let (variant, coupon) = (world.variant(1_000, 9).await, world.coupon(|_| ()).await);
    // Coupons are locked after carts, and before stocks.
    let gate = Arc::<Gate>::default();
    let held = Arc::clone(&gate);
    proxy.follow(move |message| {
        if message.statement.contains("from coupons c") && message.statement.contains("for no key update") {
            held.hold_first();
        }
        Fate::Pass
    });
    let other = open_at(proxy.url(), |config| config.lanes = 1).await;

    // One batch, once the lane is free: of a lone order of a cart that is not there, what others order and claim.
    let mut backstage = Backstage::at(&database.url).await;
    backstage.run(&format!("begin; select 1 from wallets where customer_id = {} for update", buyer.get())).await;
    let deposit = Deposit { customer_id: buyer, amount: krw(1), memo: None };
    let first = tokio::spawn({
        let (store, envelope) = (Arc::clone(&other), world.envelope(&operator(), deposit));
        async move { store.execute(envelope).await.map(drop) }
    });
    let mut watch = Backstage::at(&database.url).await;
    watch.until_blocked(1).await;
    let (order, payment) = (|basket| PlaceOrder { customer_id: buyer, basket, payment: None }, None);
    let mine = PlaceOrder { customer_id, basket: cart_basket(None), payment };
    let claim = IssueCoupon { customer_id: buyer, coupon: CouponRef::Id(coupon) };
    let envelopes = [
        world.envelope(&Principal::Customer(buyer), order(basket(&[(variant, 1)]))),
        world.envelope(&Principal::Customer(customer_id), mine),
        world.envelope(&Principal::Customer(buyer), claim),
    ];
    let mut told = pin!(join_all(envelopes.map(|envelope| other.execute(envelope))));
    assert!(told.as_mut().now_or_never().is_none());
    backstage.run("rollback").await;
    first.await.unwrap().unwrap();

    let meddle = async {
        gate.reached().await;
        world.add_to_cart(customer_id, variant, 1).await;
        let lock = "begin; select 1 from carts where customer_id =";
        backstage.run(&format!("{lock} {} for update", customer_id.get())).await;
        gate.open();
        watch.until_blocked(1).await;
        backstage.run(&format!("select 1 from product_stocks where variant_id = {} for update", variant.get())).await;
        backstage.run("rollback").await;
    };
    let (told, ()) = join(told, meddle).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    assert_eq!((world.on_hand(variant).await, other.stats().contended), (7, 0));
    assert_sound(&store).await;
}
