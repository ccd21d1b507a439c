//! Money from cards: whatever a gateway reports, in whatever order and however often, it moves once.

use std::sync::Arc;
use std::time::Duration;

use super::world::sound;
use super::{World, basket, krw, operator, split};
use crate::charge::{Charge, ChargeReport, ChargeStatus};
use crate::command::CancelOrder;
use crate::coupon::IssuedCouponStatus;
use crate::decide::Outcome;
use crate::event::Event;
use crate::gateway::{GatewayPayment, GatewayStatus};
use crate::ids::{ChargeId, CustomerId, IssuedCouponId, VariantId};
use crate::money::{Currency, MAX_MINOR};
use crate::order::{CancelCause, Order, OrderChange, OrderStatus};
use crate::payment::{CancelRequest, PaymentMethod, PaymentStatus};
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::Note;
use crate::top_up::TopUpStatus;
use crate::wallet::{WalletEntryKind, WalletId};

/// An order of three units of ten at 3,000 won, less 1,000 won, whose card payment has begun.
pub(super) struct Scene {
    pub(super) customer: CustomerId,
    pub(super) variant: VariantId,
    pub(super) copy: IssuedCouponId,
    pub(super) order: Arc<Order>,
    charge: Arc<Charge>,
}

pub(super) async fn scene(world: &World) -> Scene {
    let variant = world.variant(3_000, 10).await;
    let customer = world.customer_with(50_000).await;
    let copy = world.issue(world.coupon(|_| ()).await, customer).await;
    let mut wanted = basket(&[(variant, 3)]);
    wanted.coupons.push(copy);
    let order = world.place(customer, wanted).await;
    let charge = world.start_card(&order).await;
    Scene { customer, variant, copy, order, charge }
}

impl Scene {
    /// The payment is captured: what the order then is.
    pub(super) async fn captured(self, world: &World) -> Self {
        world.settle(&self.charge, GatewayStatus::Captured).await;
        Self { order: world.order(self.order.id).await, ..self }
    }

    /// Units on hand, the copy, and won in the wallet.
    pub(super) async fn state(&self, world: &World) -> (u64, IssuedCouponStatus, i64) {
        let copy = world.copy(self.copy).await.status;
        (world.on_hand(self.variant).await, copy, world.balance(self.customer).await)
    }

    /// The order's status, the payment's, its method and its attempts.
    async fn standing(&self, world: &World) -> (OrderStatus, PaymentStatus, PaymentMethod, u32) {
        let order = world.order(self.order.id).await;
        let payment = sound(world.store().payment(order.id).await).expect("a payment");
        assert_eq!(order.payment.map(|named| named.payment_id), Some(payment.id), "the payment that the order names");
        (order.status, payment.status, payment.method, payment.attempts)
    }

    /// The last thing that happened to the order, and who did it.
    async fn last_change(&self, world: &World) -> (OrderChange, Principal) {
        let last = sound(world.store().history(self.order.id).await).pop().expect("an event");
        (last.change.clone(), last.actor.clone())
    }
}

async fn backlog(world: &World) -> u64 {
    sound(world.store().backlog().await)
}

fn reason() -> Note {
    Note::new("not enough on the card").expect("a note")
}

fn declined() -> GatewayStatus {
    GatewayStatus::Declined { reason: reason() }
}

pub(super) async fn a_card_payment_is_written_whole(world: World) {
    let scene = scene(&world).await;
    let held = (7, IssuedCouponStatus::Held, 50_000);
    assert_eq!(scene.state(&world).await, held, "units, copy and won while the gateway decides");
    let (processing, card) = (OrderStatus::Processing, PaymentMethod::Card);
    assert_eq!(scene.standing(&world).await, (processing, PaymentStatus::Initiated, card, 1), "in flight");
    assert_eq!(sound(world.store().charge(scene.charge.id).await), Some(Arc::clone(&scene.charge)), "the charge");
    world.settle(&scene.charge, GatewayStatus::Pending).await;
    assert_eq!(scene.standing(&world).await, (processing, PaymentStatus::Pending, card, 1), "with the gateway");
    assert_eq!(backlog(&world).await, 2, "messages: placed, begun");

    world.wait(Duration::from_secs(60));
    let captured = world.settle(&scene.charge, GatewayStatus::Captured).await;
    assert_eq!(captured.status, ChargeStatus::Captured, "the charge");
    assert_eq!(sound(world.store().charges_of(scene.order.id).await), vec![captured], "the order's charges");
    assert_eq!(scene.standing(&world).await, (OrderStatus::Paid, PaymentStatus::Succeeded, card, 1), "captured");
    let payment = sound(world.store().payment(scene.order.id).await).expect("a payment");
    let transaction = World::found(&scene.charge, GatewayStatus::Captured).transaction_id;
    assert_eq!(payment.gateway_transaction_id, Some(transaction), "the gateway's name for it");
    assert_eq!(scene.state(&world).await, (7, IssuedCouponStatus::Used, 50_000), "units, copy and won once paid");
    let today = world.now().date_in(world.store().shop().time_zone);
    let sold: i128 = sound(world.store().daily_sales(today, None).await).iter().map(|s| s.revenue.minor()).sum();
    assert_eq!((sold, backlog(&world).await), (8_000, 3), "won in the sales of the day, and messages");
}

pub(super) async fn a_declined_payment_frees_the_order(world: World) {
    let scene = scene(&world).await;
    world.settle(&scene.charge, declined()).await;
    let (card, wallet) = (PaymentMethod::Card, PaymentMethod::Wallet);
    assert_eq!(scene.standing(&world).await, (OrderStatus::Pending, PaymentStatus::Failed, card, 1), "declined");
    assert_eq!(scene.state(&world).await, (7, IssuedCouponStatus::Held, 50_000), "what it holds meanwhile");
    let why = || async { sound(world.store().payment(scene.order.id).await).and_then(|p| p.failure_reason.clone()) };
    assert_eq!(why().await, Some(reason()), "why it was declined");

    let second = world.start_card(&scene.order).await;
    assert_ne!(second.id, scene.charge.id, "another attempt has another name at the gateway");
    world.settle(&second, declined()).await;
    world.pay(&scene.order).await;
    assert_eq!(scene.standing(&world).await, (OrderStatus::Paid, PaymentStatus::Succeeded, wallet, 3), "by wallet");
    assert_eq!(why().await, Some(reason()), "why the attempts before were declined");
    assert_eq!(scene.state(&world).await, (7, IssuedCouponStatus::Used, 42_000), "units, copy and won once paid");
    let steps: Vec<_> = sound(world.store().history(scene.order.id).await).iter().map(|e| e.type_name()).collect();
    let (begun, failed) = ("order.payment_started", "order.payment_failed");
    assert_eq!(steps, ["order.placed", begun, failed, begun, failed, "order.paid"], "the history");
}

pub(super) async fn a_charge_called_off_cancels_its_order(world: World) {
    let scene = scene(&world).await;
    world.settle(&scene.charge, GatewayStatus::Cancelled).await;
    let expected = (OrderStatus::Cancelled, PaymentStatus::Cancelled, PaymentMethod::Card, 1);
    assert_eq!(scene.standing(&world).await, expected, "called off");
    let free = (10, IssuedCouponStatus::Available, 50_000);
    assert_eq!(scene.state(&world).await, free, "units, copy and won given back");
    let ended = |cause, reason, actor| (OrderChange::Cancelled { cause, reason }, actor);
    let by_gateway = ended(CancelCause::Gateway, None, Principal::System);
    assert_eq!(scene.last_change(&world).await, by_gateway, "what called it off, and who");

    // The shop had it called off, because its time was over.
    let scene = self::scene(&world).await;
    world.wait(world.store().shop().pending_order_ttl);
    world.settle(&scene.charge, GatewayStatus::Cancelled).await;
    let expired = ended(CancelCause::Expired, None, Principal::System);
    assert_eq!(scene.last_change(&world).await, expired, "what called it off when its time was over");
}

/// Whoever asked for it, whoever hears that the gateway let go of the payment, and whatever it let go of it for.
pub(super) async fn an_order_is_called_off_by_whoever_asked(world: World) {
    let staff = operator();
    let why = Some(Note::new("no longer wanted").expect("a note"));
    let by_staff = (OrderChange::Cancelled { cause: CancelCause::Requested, reason: why.clone() }, staff.clone());
    let ends = [
        (GatewayStatus::Cancelled, PaymentStatus::Cancelled, None),
        (declined(), PaymentStatus::Failed, Some(reason())),
    ];
    for (status, payment_status, failure_reason) in ends {
        let scene = scene(&world).await;
        let cancel = CancelOrder { order_id: scene.order.id, reason: why.clone() };
        let envelope = world.envelope(&staff, cancel.clone());
        let asked = world.send(envelope.clone()).await;
        let Outcome::Order(order) = asked.outcome else { panic!("{asked:?}") };
        assert_eq!(order.status, OrderStatus::Processing, "while the gateway decides");
        assert_eq!(scene.state(&world).await, (7, IssuedCouponStatus::Held, 50_000), "what it holds meanwhile");
        let request = CancelRequest { requested_by: staff.clone(), reason: why.clone() };
        let payment = || async { sound(world.store().payment(scene.order.id).await).expect("a payment") };
        assert_eq!(payment().await.cancel_request, Some(request), "who asked, and why");

        // Also once its time is over: somebody asked before.
        world.wait(world.store().shop().pending_order_ttl);
        world.settle(&scene.charge, GatewayStatus::Pending).await;
        world.settle(&scene.charge, status).await;
        let expected = (OrderStatus::Cancelled, payment_status, PaymentMethod::Card, 1);
        assert_eq!(scene.standing(&world).await, expected, "called off");
        assert_eq!(scene.state(&world).await, (10, IssuedCouponStatus::Available, 50_000), "what is given back");
        assert_eq!(scene.last_change(&world).await, by_staff, "what called it off, and who");
        assert_eq!(payment().await.failure_reason, failure_reason, "why the payment failed");
        // The same request is answered as then, another one as anybody who comes too late.
        let again = world.send(world.again(&envelope)).await;
        assert_eq!((again.replayed, again.outcome), (true, Outcome::Order(order)), "the same request again");
        let from = OrderStatus::Cancelled;
        let late = Rejection::InvalidTransition { order: scene.order.id, from, to: OrderStatus::Cancelled };
        assert_eq!(world.try_run(&staff, cancel).await, Err(late), "another one");
    }

    let scene = scene(&world).await;
    world.run(&staff, CancelOrder { order_id: scene.order.id, reason: None }).await;
    let paid = scene.captured(&world).await;
    assert_eq!(paid.order.status, OrderStatus::Paid, "captured first");
}

/// Of many who ask at once one calls the order off.
pub(super) async fn one_of_many_calls_an_order_off(world: World) {
    const TASKS: usize = 12;
    let scene = scene(&world).await;
    let wish = |world: World, n: usize| {
        let who = if n.is_multiple_of(2) { operator() } else { Principal::Customer(scene.customer) };
        let cancel = CancelOrder { order_id: scene.order.id, reason: None };
        async move { world.try_run(&who, cancel).await.map(|_| who) }
    };
    let (won, lost) = split(world.race(TASKS, wish).await);
    assert_eq!(won.len(), 1, "who called it off, of {TASKS}: {won:?}");
    let in_progress = Rejection::PaymentInProgress { order: scene.order.id };
    assert_eq!(lost, vec![in_progress; TASKS - 1], "what the others heard");
    world.settle(&scene.charge, GatewayStatus::Cancelled).await;
    let by_winner = (OrderChange::Cancelled { cause: CancelCause::Requested, reason: None }, won[0].clone());
    assert_eq!(scene.last_change(&world).await, by_winner, "what called it off, and who");
    // The gateway's own word of it, once more, is no news, and no refusal.
    world.settle(&scene.charge, GatewayStatus::Cancelled).await;
}

/// Every kind of report at once, from many: one of them decides.
pub(super) async fn racing_reports_settle_a_charge_once(world: World) {
    const TASKS: usize = 24;
    let scene = scene(&world).await;
    let report = |world: World, n: usize| {
        let charge = Arc::clone(&scene.charge);
        async move {
            let status = match n % 4 {
                0 => GatewayStatus::Pending,
                1 => declined(),
                2 => GatewayStatus::Cancelled,
                _ => GatewayStatus::Captured,
            };
            world.try_settle(&charge, status).await
        }
    };
    let (_, refused) = split(world.race(TASKS, report).await);
    assert_eq!(refused, [], "reports that were refused");
    let (order, payment, ..) = scene.standing(&world).await;
    let charge = sound(world.store().charge(scene.charge.id).await).expect("the charge");
    // A capture that comes first, or after a decline, pays; one that comes after a cancellation goes back.
    let expected = match order {
        OrderStatus::Paid => (PaymentStatus::Succeeded, ChargeStatus::Captured, 7),
        _ => (PaymentStatus::Cancelled, ChargeStatus::RefundDue, 10),
    };
    let found = (payment, charge.status, world.on_hand(scene.variant).await);
    assert_eq!(found, expected, "payment, charge, and units on hand of 10, for an order that is {order:?}");
    let events = sound(world.store().history(scene.order.id).await);
    let paid = events.iter().filter(|event| event.to == OrderStatus::Paid).count();
    assert_eq!(paid, usize::from(order == OrderStatus::Paid), "times paid");
    assert_eq!(backlog(&world).await, events.len() as u64, "messages, against transitions");
}

pub(super) async fn one_capture_in_many_reports(world: World) {
    const TASKS: usize = 24;
    let scene = scene(&world).await;
    let report = |world: World, _| {
        let charge = Arc::clone(&scene.charge);
        async move { world.settle(&charge, GatewayStatus::Captured).await }
    };
    for charge in world.race(TASKS, report).await {
        assert_eq!(charge.status, ChargeStatus::Captured, "what a reporter heard");
    }
    let told: Vec<_> = super::outbox::drain(&world).await.into_iter().map(|message| message.event).collect();
    let paid = told.iter().filter(|event| matches!(event, Event::Order(event) if event.to == OrderStatus::Paid));
    assert_eq!((paid.count(), told.len()), (1, 3), "messages that it was paid, of all");
    let today = world.now().date_in(world.store().shop().time_zone);
    let units: i64 = sound(world.store().daily_sales(today, None).await).iter().map(|sold| sold.quantity).sum();
    assert_eq!(units, 3, "units in the sales of the day");
}

/// Of a capture and a payment by wallet at the same time one pays; the other's money stays, or goes back.
pub(super) async fn a_capture_that_pays_nothing_is_given_back(world: World) {
    let scene = scene(&world).await;
    world.settle(&scene.charge, declined()).await;
    let race = |world: World, n: usize| {
        let (order, charge) = (Arc::clone(&scene.order), Arc::clone(&scene.charge));
        async move {
            if n == 0 {
                return world.try_pay(&order).await.map(drop);
            }
            world.try_settle(&charge, GatewayStatus::Captured).await.map(drop)
        }
    };
    world.race(8, race).await;
    let (status, _, method, _) = scene.standing(&world).await;
    let charge = sound(world.store().charge(scene.charge.id).await).expect("the charge").status;
    let paid = (status, charge, world.balance(scene.customer).await);
    let expected = match method {
        PaymentMethod::Wallet => (OrderStatus::Paid, ChargeStatus::RefundDue, 42_000),
        PaymentMethod::Card => (OrderStatus::Paid, ChargeStatus::Captured, 50_000),
    };
    assert_eq!(paid, expected, "the order, the charge, and won left, when {method:?} paid");

    // Cancelled, and captured all the same.
    let other = self::scene(&world).await;
    world.settle(&other.charge, GatewayStatus::Cancelled).await;
    let due = world.settle(&other.charge, GatewayStatus::Captured).await;
    assert_eq!(due.status, ChargeStatus::RefundDue, "captured for an order that is cancelled");
    assert_eq!(other.standing(&world).await.0, OrderStatus::Cancelled, "the order");
    let returned = world.report(&due, ChargeReport::Refunded).await;
    assert_eq!(returned.status, ChargeStatus::Refunded, "given back");
    let again = world.settle(&due, GatewayStatus::Captured).await;
    assert_eq!(again.status, ChargeStatus::Refunded, "a capture told once more");
}

/// A payment in flight is not paid another way, and is cancelled at the gateway first.
pub(super) async fn a_payment_in_flight_is_waited_for(world: World) {
    let scene = scene(&world).await;
    let in_progress = Rejection::PaymentInProgress { order: scene.order.id };
    world.wait(world.store().shop().pending_order_ttl * 2);
    let wish = |world: World, n: usize| {
        let order = Arc::clone(&scene.order);
        async move {
            match n % 2 {
                0 => world.try_pay(&order).await.map(drop),
                _ => world.try_start_card(&order).await.map(drop),
            }
        }
    };
    for heard in world.race(12, wish).await {
        assert_eq!(heard, Err(in_progress.clone()), "while the gateway decides");
    }
    world.settle(&scene.charge, GatewayStatus::Captured).await;
    assert_eq!(scene.standing(&world).await.0, OrderStatus::Paid, "captured late, and in flight all the time");
}

pub(super) async fn one_card_payment_begins(world: World) {
    let variant = world.variant(1_000, 10).await;
    let customer = world.customer_with(5_000).await;
    let order = world.place(customer, basket(&[(variant, 1)])).await;
    let start = |world: World, _| {
        let order = Arc::clone(&order);
        async move { world.try_start_card(&order).await }
    };
    let (begun, refused) = split(world.race(16, start).await);
    assert_eq!((begun.len(), refused.len()), (1, 15), "payments begun, and refused");
    assert_eq!(sound(world.store().charges_of(order.id).await), begun, "the order's charges");
}

pub(super) async fn a_top_up_is_credited_once(world: World) {
    let customer = world.customer_with(1_000).await;
    let top_up = world.top_up(customer, 5_000).await;
    let charge = world.charge(top_up.charge_id).await;
    assert_eq!((top_up.status, world.balance(customer).await), (TopUpStatus::Pending, 1_000), "before the money comes");
    let report = |world: World, _| {
        let charge = Arc::clone(&charge);
        async move { world.settle(&charge, GatewayStatus::Captured).await }
    };
    world.race(16, report).await;
    let completed = sound(world.store().top_up(top_up.id).await).expect("the top-up");
    assert_eq!((completed.status, world.balance(customer).await), (TopUpStatus::Completed, 6_000), "credited");
    let wallet = WalletId { customer_id: customer, currency: Currency::KRW };
    let entries = sound(world.store().wallet_entries(wallet, PageRequest::first(9)).await).items;
    let last = entries.first().map(|e| (e.kind, e.amount, e.top_up_id, e.balance_after));
    let expected = (WalletEntryKind::Deposit, krw(5_000), Some(top_up.id), krw(6_000));
    assert_eq!((last, entries.len()), (Some(expected), 2), "the wallet's last entry, and how many there are");
}

pub(super) async fn a_top_up_without_its_money_credits_nothing(world: World) {
    let customer = world.customer().await;
    let (failed, expired) = (world.top_up(customer, 5_000).await, world.top_up(customer, 7_000).await);
    world.settle(&*world.charge(failed.charge_id).await, declined()).await;
    world.wait(world.store().shop().pending_order_ttl);
    world.settle(&*world.charge(expired.charge_id).await, GatewayStatus::Cancelled).await;
    let listed = sound(world.store().top_ups(customer, PageRequest::first(9)).await).items;
    let statuses: Vec<_> = listed.iter().map(|top_up| (top_up.id, top_up.status)).collect();
    let expected = vec![(expired.id, TopUpStatus::Expired), (failed.id, TopUpStatus::Failed)];
    assert_eq!(statuses, expected, "the customer's top-ups, newest first");
    assert_eq!(listed[1].failure_reason, Some(reason()), "why the first one failed");
    // There is no room for it.
    let rich = world.customer().await;
    world.deposit(rich, MAX_MINOR).await;
    let full = world.top_up(rich, 1_000).await;
    let due = world.settle(&*world.charge(full.charge_id).await, GatewayStatus::Captured).await;
    let full = sound(world.store().top_up(full.id).await).expect("the top-up");
    assert_eq!((full.status, due.status), (TopUpStatus::Failed, ChargeStatus::RefundDue), "captured for a full wallet");
    assert!(full.failure_reason.is_some(), "why it failed");
    // The money comes all the same, and goes back.
    for top_up in [failed, expired] {
        let late = world.settle(&*world.charge(top_up.charge_id).await, GatewayStatus::Captured).await;
        assert_eq!(late.status, ChargeStatus::RefundDue, "captured too late");
    }
    assert_eq!(world.balance(customer).await, 0, "won in the wallet");
}

pub(super) async fn a_transaction_pays_one_charge(world: World) {
    let customer = world.customer().await;
    let mut charges = Vec::new();
    for _ in 0..8 {
        charges.push(world.charge(world.top_up(customer, 1_000).await.charge_id).await);
    }
    let shared = World::found(&charges[0], GatewayStatus::Captured);
    let report = |world: World, n: usize| {
        let (charge, found) = (Arc::clone(&charges[n]), shared.clone());
        async move { world.try_report(&charge, ChargeReport::Found(found)).await }
    };
    let (won, lost) = split(world.race(charges.len(), report).await);
    assert_eq!(
        (won.len(), world.balance(customer).await),
        (1, 1_000),
        "charges with one transaction, and won credited"
    );
    for rejection in lost {
        let expected =
            Rejection::GatewayTransactionTaken { transaction: shared.transaction_id.clone(), charge: won[0].id };
        assert_eq!(rejection, expected, "what a loser heard");
    }
}

/// A gateway's record of another amount, another customer or another charge's transaction: it pays nothing, and holds
/// nothing up.
pub(super) async fn what_brings_no_money_releases(world: World) {
    let stranger = world.customer().await;
    let taken = world.charge(world.top_up(stranger, 1_000).await.charge_id).await;
    world.settle(&taken, GatewayStatus::Pending).await;
    let spoilt = |charge: &Charge, n: usize, status: GatewayStatus| {
        let sound = World::found(charge, status);
        match n {
            0 => GatewayPayment { amount: krw(1), ..sound },
            1 => GatewayPayment { customer_id: stranger, ..sound },
            _ => {
                GatewayPayment { transaction_id: World::found(&taken, GatewayStatus::Pending).transaction_id, ..sound }
            }
        }
    };
    for n in 0..3 {
        for (status, released, charge_status) in [
            (declined(), OrderStatus::Pending, ChargeStatus::Failed),
            (GatewayStatus::Refunded, OrderStatus::Pending, ChargeStatus::Failed),
            (GatewayStatus::Cancelled, OrderStatus::Cancelled, ChargeStatus::Cancelled),
        ] {
            let scene = scene(&world).await;
            let found = |status| ChargeReport::Found(spoilt(&scene.charge, n, status));
            for money in [GatewayStatus::Captured, GatewayStatus::Approved, GatewayStatus::Pending] {
                let refused = world.try_report(&scene.charge, found(money)).await;
                assert!(refused.is_err(), "money that was not asked for: {refused:?}");
            }
            for told in ["once", "twice"] {
                world.report(&scene.charge, found(status.clone())).await;
                let charge = world.charge(scene.charge.id).await;
                let stands = (charge.status, world.order(scene.order.id).await.status);
                assert_eq!(stands, (charge_status, released), "the charge and its order, told {told}");
                assert_eq!(charge.gateway_transaction_id, None, "a name of what was not asked for");
            }
        }
        let top_up = world.top_up(world.customer().await, 2_000).await;
        let charge = world.charge(top_up.charge_id).await;
        world.report(&charge, ChargeReport::Found(spoilt(&charge, n, declined()))).await;
        let failed = sound(world.store().top_up(top_up.id).await).expect("the top-up");
        let expected = (TopUpStatus::Failed, Some(reason()));
        assert_eq!((failed.status, failed.failure_reason.clone()), expected, "the top-up");
    }
}

/// What a sweep has to look after: found by age, page by page, and gone once it is settled.
pub(super) async fn open_charges_are_found_until_settled(world: World) {
    let customer = world.customer().await;
    let mut charges = Vec::new();
    for _ in 0..7 {
        charges.push(world.charge(world.top_up(customer, 1_000).await.charge_id).await);
        world.wait(Duration::from_secs(1));
    }
    let before = world.now();
    world.top_up(customer, 1_000).await;
    world.settle(&charges[1], GatewayStatus::Captured).await;
    world.settle(&charges[2], declined()).await;
    world.settle(&charges[3], GatewayStatus::Cancelled).await;
    let listed = || async {
        let (mut ids, mut after): (Vec<ChargeId>, _) = (Vec::new(), None);
        loop {
            let page = sound(world.store().open_charges(before, PageRequest { after, limit: 2 }).await);
            ids.extend(page.items.iter().map(|charge| charge.id));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    };
    let ids = |at: &[usize]| at.iter().map(|n| charges[*n].id).collect::<Vec<_>>();
    assert_eq!(listed().await, ids(&[0, 4, 5, 6]), "open charges, oldest first");
    // Money that came too late is to be given back: open again, from now on.
    world.settle(&charges[3], GatewayStatus::Captured).await;
    assert_eq!(listed().await, ids(&[0, 4, 5, 6]), "open charges that have not changed since");
    let later = world.now().plus(Duration::from_secs(1));
    let all = sound(world.store().open_charges(later, PageRequest::first(9)).await).items;
    assert_eq!((all.len(), all[1].status), (6, ChargeStatus::RefundDue), "all open charges, and the second of them");
}
