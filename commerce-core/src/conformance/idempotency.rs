//! Keys: the same request under the same key runs once, and answers the same for ever.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::{Snapshot, World, basket, krw, operator, script, split};
use crate::command::{Command, CouponRef, Deposit, IssueCoupon, PlaceOrder};
use crate::decide::Outcome;
use crate::idempotency::KeyScope;
use crate::operation::Operation;
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::{Envelope, Receipt};

fn deposit(won: i64, customer_id: crate::ids::CustomerId) -> Deposit {
    Deposit { customer_id, amount: krw(won), memo: None }
}

pub(super) async fn a_replay_answers_as_then(world: World) {
    // One command of every kind; the later ones change what the earlier ones told of.
    let script = script::every_operation(&world).await;
    let kinds: Vec<Operation> = script.iter().map(|(envelope, _)| envelope.operation()).collect();
    for operation in Operation::ALL {
        assert!(kinds.contains(operation), "the suite has no {operation}; add one to its script");
    }
    let before = snapshot(&world).await;
    for (envelope, first) in &script {
        assert!(!first.replayed, "{}: the first answer says that it is a replay", envelope.operation());
        let replay = world.try_send(world.again(envelope)).await;
        let expected = Receipt { outcome: first.outcome.clone(), replayed: true };
        assert_eq!(replay, Ok(expected), "{}: the replay, against the first answer", envelope.operation());
    }
    let changed = before.difference(&snapshot(&world).await);
    assert_eq!(changed, None, "replays changed the store");
}

pub(super) async fn used_keys_are_told_from_free_ones(world: World) {
    let customer = world.customer().await;
    let done = world.envelope(&operator(), deposit(100, customer));
    let refused = world.envelope(&operator(), deposit(-1, customer));
    let scope = done.scope();
    let scopes = [
        KeyScope { principal: Principal::Customer(customer), ..scope.clone() },
        scope.clone(),
        KeyScope { operation: Operation::AdjustWallet, ..scope },
        refused.scope(),
    ];
    assert_eq!(world.store().used(&scopes).await, Ok(vec![false; 4]), "before");
    world.send(done).await;
    assert!(world.try_send(refused).await.is_err(), "a negative deposit");
    assert_eq!(world.store().used(&scopes).await, Ok(vec![false, true, false, false]), "after");
    assert_eq!(world.store().used(&[]).await, Ok(vec![]));
}

pub(super) async fn a_reused_key_is_refused(world: World) {
    let customer = world.customer().await;
    let first = world.envelope(&operator(), deposit(100, customer));
    world.send(first.clone()).await;
    let refused = Err(Rejection::IdempotencyKeyReused { key: first.key.clone() });
    // Whatever the other request is, were it run: sound, or itself to be refused.
    for other in [deposit(101, customer), deposit(-1, customer)] {
        let envelope = Envelope { command: other.into(), ..world.again(&first) };
        assert_eq!(world.try_send(envelope).await, refused, "another request under the same key");
    }
    assert_eq!(world.balance(customer).await, 100, "won in the wallet after one deposit of 100");
    let replay = world.send(world.again(&first)).await;
    assert!(replay.replayed, "the first request is still known afterwards");
}

pub(super) async fn keys_of_two_principals_never_meet(world: World) {
    let variant = world.variant(1_000, 10).await;
    let (a, b) = (world.customer_with(5_000).await, world.customer_with(5_000).await);
    let order =
        |customer_id| PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment: Some(PaymentMethod::Wallet) };
    let first = world.envelope(&Principal::Customer(a), order(a));
    let mut second = world.envelope(&Principal::Customer(b), order(b));
    // An operator may ask for the very same thing under the very same key, too.
    let mut third = world.envelope(&operator(), order(a));
    (second.key, third.key) = (first.key.clone(), first.key.clone());
    for (who, envelope) in [("one customer", first), ("another", second), ("an operator", third)] {
        let answer = world.try_send(envelope).await;
        assert!(matches!(answer, Ok(Receipt { replayed: false, .. })), "{who} with the same key heard {answer:?}");
    }
    assert_eq!(world.on_hand(variant).await, 7, "units left of 10 after three orders");
}

pub(super) async fn keys_of_two_operations_never_meet(world: World) {
    let customer = world.customer().await;
    let first = world.envelope(&operator(), deposit(100, customer));
    let correction = script::correction(customer, 5);
    let second = Envelope { key: first.key.clone(), ..world.envelope(&operator(), correction) };
    for envelope in [first, second] {
        let operation = envelope.operation();
        let answer = world.try_send(envelope).await;
        let fresh = matches!(answer, Ok(Receipt { replayed: false, .. }));
        assert!(fresh, "{operation} under a key that another operation used heard {answer:?}");
    }
    assert_eq!(world.balance(customer).await, 105, "won in the wallet after +100 and +5");
}

pub(super) async fn racing_requests_under_one_key_run_once(world: World) {
    let variant = world.variant(1_000, 100).await;
    let customer = world.customer_with(90_000).await;
    let coupon = world.coupon(|coupon| coupon.per_customer_limit = 50).await;
    let payment = Some(PaymentMethod::Wallet);
    let order = PlaceOrder { customer_id: customer, basket: basket(&[(variant, 1)]), payment };
    let claim = IssueCoupon { customer_id: customer, coupon: CouponRef::Id(coupon) };
    one_effect(&world, world.envelope(&Principal::Customer(customer), order)).await;
    one_effect(&world, world.envelope(&Principal::Customer(customer), claim)).await;
    one_effect(&world, world.envelope(&operator(), deposit(10, customer))).await;
    let state = (world.on_hand(variant).await, world.issued(coupon).await, world.balance(customer).await);
    assert_eq!(state, (99, 1, 89_010), "units left of 100, copies out, won left of 90,000 − 1,000 + 10");
}

async fn one_effect(world: &World, envelope: Envelope) {
    const TASKS: usize = 48;
    let operation = envelope.operation();
    let ask = |world: World, _| {
        let envelope = world.again(&envelope);
        async move { world.try_send(envelope).await }
    };
    let (answers, refused) = split(world.race(TASKS, ask).await);
    assert_eq!(refused, vec![], "{operation}: who was refused of {TASKS} equal requests");
    let ran = answers.iter().filter(|receipt| !receipt.replayed).count();
    assert_eq!(ran, 1, "{operation}: how many of {TASKS} equal requests say that they were the one that ran");
    for receipt in &answers {
        assert_eq!(receipt.outcome, answers[0].outcome, "{operation}: the outcomes of equal requests");
    }
}

pub(super) async fn of_two_requests_under_one_key_one_runs(world: World) {
    const TASKS: usize = 32;
    for round in 0..4 {
        let customer = world.customer().await;
        let envelope = world.envelope(&operator(), deposit(10, customer));
        let ask = |world: World, n: usize| {
            let mut envelope = world.again(&envelope);
            if n % 2 == 1 {
                envelope.command = Command::from(deposit(20, customer));
            }
            async move { world.try_send(envelope).await }
        };
        let (answers, refused) = split(world.race(TASKS, ask).await);
        let won = world.balance(customer).await;
        assert!(won == 10 || won == 20, "round {round}: {won} won after one deposit of 10 or 20");
        assert_eq!((answers.len(), refused.len()), (TASKS / 2, TASKS / 2), "round {round}: answered and refused");
        for receipt in answers {
            let Outcome::WalletEntry(entry) = receipt.outcome else { panic!("a deposit answered {receipt:?}") };
            assert_eq!(entry.amount.minor(), won, "round {round}: the deposit that was answered");
        }
        for rejection in refused {
            let expected = Rejection::IdempotencyKeyReused { key: envelope.key.clone() };
            assert_eq!(rejection, expected, "round {round}: what the other request heard");
        }
    }
}

pub(super) async fn a_refused_key_is_free(world: World) {
    let variant = world.variant(1_000, 1).await;
    let customer = world.customer().await;
    let order = |units| PlaceOrder {
        customer_id: customer,
        basket: basket(&[(variant, units)]),
        payment: Some(PaymentMethod::Wallet),
    };
    let refused = world.envelope(&Principal::Customer(customer), order(2));
    for _ in 0..2 {
        let heard = world.try_send(world.again(&refused)).await;
        assert!(matches!(heard, Err(Rejection::OutOfStock { .. })), "two units of one: {heard:?}");
    }
    let other = Envelope { command: order(1).into(), ..world.again(&refused) };
    let heard = world.try_send(other.clone()).await;
    assert!(matches!(heard, Err(Rejection::InsufficientBalance { .. })), "another request, same key: {heard:?}");
    // What was refused may succeed later, under the same key.
    world.deposit(customer, 1_000).await;
    let heard = world.try_send(world.again(&other)).await;
    assert!(matches!(heard, Ok(Receipt { replayed: false, .. })), "once there is money, same key: {heard:?}");
}

pub(super) async fn a_dropped_request_is_whole_or_nothing(world: World) {
    const REQUESTS: usize = 32;
    let variant = world.variant(1_000, 1_000).await;
    let customer = world.customer_with(1_000_000).await;
    let payment = Some(PaymentMethod::Wallet);
    let order = PlaceOrder { customer_id: customer, basket: basket(&[(variant, 1)]), payment };
    let envelopes: Vec<Envelope> =
        (0..REQUESTS).map(|_| world.envelope(&Principal::Customer(customer), order.clone())).collect();
    for (n, envelope) in envelopes.iter().enumerate() {
        // Later and later in its life, from before its first step on.
        dropped_after(n, world.try_send(world.again(envelope))).await;
    }
    // Whoever lost an answer asks again, and finds the order made, by then or by now.
    let mut orders = std::collections::BTreeSet::new();
    for envelope in &envelopes {
        let Outcome::Order(order) = world.send(world.again(envelope)).await.outcome else { panic!("not an order") };
        orders.insert(order.id);
    }
    let state = (orders.len(), world.on_hand(variant).await, world.balance(customer).await);
    let sold = REQUESTS as u64;
    assert_eq!(state, (REQUESTS, 1_000 - sold, 1_000_000 - 1_000 * REQUESTS as i64), "orders, units, won");
}

/// Polls a request `steps` times, whenever it is ready to go on, and drops it, finished or not.
async fn dropped_after(steps: usize, request: impl Future) {
    let mut request = pin!(request);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 || request.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn snapshot(world: &World) -> Snapshot {
    let today = world.now().date_in(world.store().shop().time_zone);
    Snapshot::of(world.store(), &[today]).await
}
