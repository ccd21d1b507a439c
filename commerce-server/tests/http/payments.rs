//! Card payments and top-ups, through the emulated gateway over its own socket: whatever it does, money moves once.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    Caller, CancelCause, CancelOrder, Charge, ChargeReport, Currency, CustomerId, Error, GatewayRefund, GatewayRequest,
    GatewayStatus, IdempotencyKey, Money, Note, Open, OrderChange, OrderId, OrderStatus, PaymentGateway, Payments,
    Principal, Rejection, RequestTopUp, SettleCharge, StartCardPayment, StoreError, TopUpId, TopUpStatus, Unsettled,
};
use commerce_server::gateway::http::HttpGateway;
use commerce_server::gateway::signature::WebhookSecret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::crash::{Away, Slow};
use crate::harness::{Server, TTL, WEBHOOK_SECRET, on_every_store_with_cards};
use crate::scene::{Scene, scene, until};

async fn an_approved_card_pays_at_once(server: Server) {
    let scene = scene(&server, 29_000).await;
    server.get(&scene.path("/payment"), &scene.who.token).await.refused(404, "payment_not_found");
    let key = "pay-by-card";
    let body = json!({ "method": "card" });
    let paid = server.keyed(Method::POST, &scene.path("/pay"), &scene.who.token, key, &body).await.expect(200);
    assert_eq!((&paid.body["status"], &paid.body["payment"]["method"]), (&json!("paid"), &json!("card")));
    let again = server.keyed(Method::POST, &scene.path("/pay"), &scene.who.token, key, &body).await.expect(200);
    assert_eq!((again.text, again.headers.get("idempotent-replayed").is_some()), (paid.text, true));
    let payment = scene.payment(&server).await;
    assert_eq!((&payment["status"], &payment["attempts"]), (&json!("succeeded"), &json!(1)));
    let named = format!("emulated-{}", payment["charge_id"].as_str().expect("an id"));
    assert_eq!(payment["gateway_transaction_id"], named);
    assert_eq!(scene.state(&server).await, (json!(4), json!("used"), json!("50000")));
    assert_eq!(scene.events(&server).await, ["order.placed", "order.payment_started", "order.paid"]);
    assert_eq!(server.gateway().captures(), 1);
    server.books().await;
}

async fn a_declined_card_leaves_the_order_to_be_paid_another_way(server: Server) {
    let scene = scene(&server, 901).await;
    assert_eq!(scene.pay(&server, "card").await.expect(200).body["status"], "pending");
    let payment = scene.payment(&server).await;
    assert_eq!((&payment["status"], &payment["failure_reason"]), (&json!("failed"), &json!("the card was declined")));
    assert_eq!(scene.pay(&server, "card").await.expect(200).body["status"], "pending");
    assert_ne!(scene.payment(&server).await["charge_id"], payment["charge_id"], "another attempt, another name");
    assert_eq!(scene.pay(&server, "wallet").await.expect(200).body["status"], "paid");
    assert_eq!(scene.payment(&server).await["attempts"], 3);
    assert_eq!(scene.state(&server).await, (json!(4), json!("used"), json!("49099")));
    assert_eq!(server.gateway().captures(), 0);
    server.books().await;
}

async fn an_undecided_card_is_waited_for(server: Server) {
    let scene = scene(&server, 904).await;
    assert_eq!(scene.pay(&server, "card").await.expect(200).body["status"], "processing");
    for method in ["wallet", "card"] {
        scene.pay(&server, method).await.refused(409, "payment_in_progress");
    }
    assert_eq!(scene.confirm(&server).await.expect(200).body["status"], "processing");
    let charge = scene.payment(&server).await["charge_id"].as_str().expect("an id").to_owned();
    // The customer approves on the gateway's own page, and its call settles the order.
    server.at_gateway(&charge, "approve").await;
    until(&server, &scene, "paid").await;
    assert_eq!(scene.confirm(&server).await.expect(200).body["status"], "paid");
    assert_eq!(server.gateway().captures(), 1);
    server.books().await;
}

async fn what_decides_later_is_settled_by_its_calls(server: Server) {
    let (approved, declined) = (scene(&server, 902).await, scene(&server, 903).await);
    for scene in [&approved, &declined] {
        scene.pay(&server, "card").await.expect(200);
    }
    until(&server, &approved, "paid").await;
    until(&server, &declined, "pending").await;
    server.books().await;
}

async fn calls_twice_late_out_of_order_or_never_pay_once(server: Server) {
    let mut scenes = Vec::new();
    for won in [907, 908, 909, 910] {
        let scene = scene(&server, won).await;
        scene.pay(&server, "card").await.expect(200);
        scenes.push(scene);
    }
    for scene in &scenes {
        until(&server, scene, "paid").await;
        let events = scene.events(&server).await;
        assert_eq!(events.iter().filter(|event| *event == "order.paid").count(), 1, "{events:?}");
    }
    assert_eq!(server.gateway().captures(), 4);
    server.books().await;
}

/// The gateway took the payment, and the answer was lost: nobody is charged twice, and the sweep finds out.
async fn a_lost_answer_is_found_out_by_the_sweep(server: Server) {
    for won in [905, 906] {
        let scene = scene(&server, won).await;
        let heard = scene.pay(&server, "card").await.expect(200).body["status"].clone();
        assert!(heard == "processing" || heard == "paid", "{heard}: the gateway may have called before the answer");
        server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        until(&server, &scene, "paid").await;
    }
    assert_eq!(server.gateway().captures(), 2);
    server.books().await;
}

async fn a_payment_nobody_finishes_runs_out(server: Server) {
    let scene = scene(&server, 904).await;
    scene.pay(&server, "card").await.expect(200);
    server.clock.advance(Duration::from_secs(1_799));
    server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    assert_eq!(server.get(&scene.path(""), &scene.who.token).await.body["status"], "processing");
    server.clock.advance(Duration::from_secs(1));
    let swept = server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    assert_eq!(swept.unsettled, []);
    until(&server, &scene, "cancelled").await;
    assert_eq!(scene.state(&server).await, (json!(5), json!("available"), json!("50000")));
    server.books().await;
}

async fn confirmations_calls_and_sweeps_race_freely(server: Server) {
    const ORDERS: u64 = 6;
    let server = Arc::new(server);
    let mut scenes = Vec::new();
    for _ in 0..ORDERS {
        let scene = scene(&server, 904).await;
        scene.pay(&server, "card").await.expect(200);
        scenes.push(Arc::new(scene));
    }
    let mut tasks = tokio::task::JoinSet::new();
    for scene in &scenes {
        let charge = scene.payment(&server).await["charge_id"].as_str().expect("an id").to_owned();
        for n in 0..6 {
            let (server, scene, charge) = (Arc::clone(&server), Arc::clone(scene), charge.clone());
            tasks.spawn(async move {
                match n {
                    0 => server.at_gateway(&charge, "approve").await,
                    1 | 2 => drop(scene.confirm(&server).await.expect(200)),
                    3 | 4 => drop(server.call_back(&charge, WEBHOOK_SECRET, 0).await.expect(200)),
                    _ => drop(server.payments().sweep(Duration::ZERO).await.expect("a sweep")),
                }
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    for scene in &scenes {
        until(&server, scene, "paid").await;
        let expected = ["order.placed", "order.payment_started", "order.paid"];
        assert_eq!(scene.events(&server).await, expected);
    }
    assert_eq!(server.gateway().captures(), ORDERS, "captures");
    assert_eq!(server.app.commerce.store().backlog().await, Ok(3 * ORDERS), "messages");
    server.books().await;
}

async fn calls_are_heard_only_if_they_are_the_gateways(server: Server) {
    let scene = scene(&server, 910).await;
    scene.pay(&server, "card").await.expect(200);
    let charge = scene.payment(&server).await["charge_id"].as_str().expect("an id").to_owned();
    let heard = server.call_back(&charge, WEBHOOK_SECRET, 0).await.expect(200);
    assert_eq!(heard.body["charge_status"], "captured");
    server.call_back(&charge, WEBHOOK_SECRET, 0).await.expect(200);
    let invalid = "webhook_signature_invalid";
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    server.call_back(&charge, other, 0).await.refused(400, invalid);
    for age in [-400, 400] {
        server.call_back(&charge, WEBHOOK_SECRET, age).await.refused(400, invalid);
    }
    let bare = server.request(Method::POST, "/v1/webhooks/payments").body("{}");
    server.send(bare).await.refused(400, invalid);
    server.call_back("9007199254740993", WEBHOOK_SECRET, 0).await.refused(404, "charge_not_found");
}

async fn top_ups_credit_once_or_not_at_all(server: Server) {
    let who = server.shopper(0).await;
    let request = |won: u64| json!({ "amount": { "amount": won.to_string(), "currency": "KRW" } });
    let done = server.post("/v1/me/top-ups", &who.token, request(30_000)).await.expect(201);
    assert_eq!(done.body["status"], "completed");
    let path = |id: &str, rest: &str| format!("/v1/me/top-ups/{id}{rest}");
    for _ in 0..2 {
        let again = server.post(&path(&done.id(), "/confirm"), &who.token, json!({})).await.expect(200);
        assert_eq!(again.body["status"], "completed");
    }
    let failed = server.post("/v1/me/top-ups", &who.token, request(901)).await.expect(201);
    assert_eq!(
        (&failed.body["status"], &failed.body["failure_reason"]),
        (&json!("failed"), &json!("the card was declined"))
    );
    let late = server.post("/v1/me/top-ups", &who.token, request(904)).await.expect(201);
    assert_eq!(late.body["status"], "pending");
    server.clock.advance(Duration::from_secs(1_800));
    server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    assert_eq!(server.get(&path(&late.id(), ""), &who.token).await.expect(200).body["status"], "expired");

    let entries = server.get("/v1/me/wallet/KRW/entries", &who.token).await.expect(200).body;
    let entry = &entries["items"][0];
    assert_eq!((&entry["kind"], &entry["top_up_id"]), (&json!("deposit"), &json!(done.id())));
    assert_eq!(
        (entries["items"].as_array().map(Vec::len), &entry["balance_after"]["amount"]),
        (Some(1), &json!("30000"))
    );
    let listed = server.get("/v1/me/top-ups", &who.token).await.expect(200).body;
    let ids: Vec<_> = listed["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, [late.id(), failed.id(), done.id()]);
    let other = server.shopper(0).await;
    server.get(&path(&done.id(), ""), &other.token).await.refused(404, "top_up_not_found");
    server.post("/v1/me/top-ups", &who.token, request(0)).await.refused(422, "amount_not_positive");
    server.books().await;
}

/// A request that was given up on reaches the gateway after all, when the order has been paid another way: what is
/// captured goes back by itself, at once, later, or on record as due.
async fn money_that_comes_too_late_goes_back(server: Server) {
    for (won, at_once, in_the_end) in [
        (914, &["refunded"][..], "refunded"),
        (912, &["refund_due", "refunded"], "refunded"),
        (913, &["refund_due"], "refund_due"),
    ] {
        let scene = scene(&server, won).await;
        let (order_id, customer) = (scene.order.parse().expect("an id"), scene.who.id.parse().expect("an id"));
        let key = || IdempotencyKey::new(format!("late-{}", server.fresh())).expect("a key");
        let caller = Caller::new(Principal::Customer(customer), key());
        let commerce = &server.app.commerce;
        let begun = commerce.start_card_payment(caller, StartCardPayment { order_id }).await.expect("begun").outcome;
        let given_up = SettleCharge { charge_id: begun.id, report: ChargeReport::Refused { reason: None } };
        commerce.settle_charge(Caller::new(Principal::System, key()), given_up).await.expect("given up");
        assert_eq!(scene.pay(&server, "wallet").await.expect(200).body["status"], "paid");

        let request = GatewayRequest { charge_id: begun.id, customer_id: customer, amount: begun.amount };
        let gateway = server.gateway();
        gateway.create(&request).await.expect("taken");
        gateway.capture(begun.id).await.expect("captured");
        let charge = begun.id.to_string();
        let heard = server.call_back(&charge, WEBHOOK_SECRET, 0).await;
        // What will not be given back is heard all the same; the gateway's refusal is on record as still due.
        let status = async || commerce.store().charge(begun.id).await.expect("a read").expect("it").status.as_str();
        assert_eq!(heard.status, if won == 913 { 503 } else { 200 }, "{won}");
        // The gateway's own calls may have asked again in between.
        assert!(at_once.contains(&status().await), "{won}: {}", status().await);
        let swept = server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        assert_eq!((swept.unsettled.len(), status().await), (usize::from(won == 913), in_the_end), "{won}");
        assert_eq!(scene.payment(&server).await["method"], "wallet");
        let charges = server.get(&scene.path("/charges"), &scene.who.token).await.expect(200).body;
        let told = (&charges["items"][0]["id"], &charges["items"][0]["status"], &charges["items"][1]);
        assert_eq!(told, (&json!(charge), &json!(in_the_end), &Value::Null), "{won}");
        assert_eq!(scene.events(&server).await.iter().filter(|event| *event == "order.paid").count(), 1);
    }
    server.books().await;
}

/// A payment by card that has begun, and that the gateway has heard nothing of.
async fn begun(server: &Server, scene: &Scene) -> Arc<Charge> {
    let key = IdempotencyKey::new(format!("begun-{}", server.fresh())).expect("a key");
    let caller = Caller::new(Principal::Customer(scene.who.id.parse().expect("an id")), key);
    let start = StartCardPayment { order_id: scene.order.parse().expect("an id") };
    server.app.commerce.start_card_payment(caller, start).await.expect("begun").outcome
}

/// What the shop asks the gateway of a charge.
fn asked(charge: &Charge) -> GatewayRequest {
    GatewayRequest { charge_id: charge.id, customer_id: charge.customer_id, amount: charge.amount }
}

/// The gateway has another amount under a charge's name: it is called off there, and the order can be paid another way.
async fn a_payment_of_something_else_holds_nothing_up(server: Server) {
    // Approved; declined; undecided.
    for (won, why) in [(1, None), (1_901, Some("the card was declined")), (1_904, None)] {
        let scene = scene(&server, 1_000).await;
        let charge = begun(&server, &scene).await;
        let other = Money::new(won, Currency::KRW).expect("an amount");
        server.gateway().create(&GatewayRequest { amount: other, ..asked(&charge) }).await.expect("taken");
        assert_eq!(server.payments().sweep(Duration::ZERO).await.expect("a sweep").unsettled, [], "{won}");
        let payment = scene.payment(&server).await;
        let why = why.map_or(format!("charge {} is of 1000 KRW; the gateway has {won} KRW", charge.id), str::to_owned);
        assert_eq!((&payment["status"], &payment["failure_reason"]), (&json!("failed"), &json!(why)), "{won}");
        assert_eq!(scene.pay(&server, "wallet").await.expect(200).body["status"], "paid");
        assert_eq!(scene.confirm(&server).await.expect(200).body["status"], "paid");
    }
    // Its customer calls it off before anybody looks.
    let scene = scene(&server, 1_000).await;
    let other = Money::new(7, Currency::KRW).expect("an amount");
    let charge = begun(&server, &scene).await;
    server.gateway().create(&GatewayRequest { amount: other, ..asked(&charge) }).await.expect("taken");
    let cancelled = server.post(&scene.path("/cancel"), &scene.who.token, json!({})).await.expect(200);
    assert_eq!(cancelled.body["status"], "cancelled");
    assert_eq!(scene.state(&server).await, (json!(5), json!("available"), json!("50000")));
    assert_eq!(server.gateway().captures(), 0);
    server.books().await;
}

/// Money of another amount is somebody's to look at: told at every sweep, until it is given back at the gateway.
async fn captured_money_of_another_amount_is_told_until_it_is_given_back(server: Server) {
    let scene = scene(&server, 1_000).await;
    let charge = begun(&server, &scene).await;
    let (gateway, other) = (server.gateway(), Money::new(7, Currency::KRW).expect("an amount"));
    gateway.create(&GatewayRequest { amount: other, ..asked(&charge) }).await.expect("taken");
    gateway.capture(charge.id).await.expect("captured");
    for _ in 0..2 {
        let swept = server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        let why = Rejection::GatewayAmountMismatch { charge: charge.id, expected: charge.amount, found: other };
        assert_eq!(swept.unsettled, [Unsettled { what: Open::Charge(charge.id), why: why.into() }]);
        scene.confirm(&server).await.refused(502, "gateway_amount_mismatch");
    }
    let key = IdempotencyKey::new("by-hand").expect("a key");
    gateway.refund(&GatewayRefund { charge_id: charge.id, key, amount: other }).await.expect("given back");
    assert_eq!(server.payments().sweep(Duration::ZERO).await.expect("a sweep").unsettled, []);
    assert_eq!(scene.pay(&server, "wallet").await.expect(200).body["status"], "paid");
    server.books().await;
}

async fn a_top_up_of_something_else_fails(server: Server) {
    let who = server.shopper(0).await;
    let top_up: TopUpId = server.top_up(&who).await.parse().expect("an id");
    let store = server.app.commerce.store();
    let read = async || store.top_up(top_up).await.expect("a read").expect("the top-up");
    let charge = store.charge(read().await.charge_id).await.expect("a read").expect("the charge");
    let other = Money::new(7, Currency::KRW).expect("an amount");
    server.gateway().create(&GatewayRequest { amount: other, ..asked(&charge) }).await.expect("taken");
    assert_eq!(server.payments().sweep(Duration::ZERO).await.expect("a sweep").unsettled, []);
    let failed = read().await;
    let why = format!("charge {} is of 10 KRW; the gateway has 7 KRW", charge.id);
    assert_eq!((failed.status, failed.failure_reason.as_ref().map(Note::as_str)), (TopUpStatus::Failed, Some(&*why)));
    assert_eq!(server.gateway().captures(), 0);
    server.books().await;
}

/// The gateway cannot be reached until the time to pay is over. Nothing is captured then, also not if what it was asked
/// first arrives last. Its customer wanted to call it off meanwhile, which is kept.
async fn a_payment_that_comes_too_late_is_not_taken(server: Server) {
    let gateway = Away::from(server.gateway());
    let payments = Payments::new(server.app.commerce.clone(), Arc::clone(&gateway) as Arc<dyn PaymentGateway>);
    let scene = scene(&server, 1_000).await;
    let order_id: OrderId = scene.order.parse().expect("an id");
    let customer_id: CustomerId = scene.who.id.parse().expect("an id");
    let caller = || {
        let key = IdempotencyKey::new(format!("away-{}", server.fresh())).expect("a key");
        Caller::new(Principal::Customer(customer_id), key)
    };
    let begun = payments.pay_order(caller(), order_id).await.expect("begun").outcome;
    assert_eq!(begun.status, OrderStatus::Processing);
    let amount = Money::new(2_000, Currency::KRW).expect("an amount");
    let top_up = payments.top_up(caller(), RequestTopUp { customer_id, amount }).await.expect("asked").outcome;
    let cancel = CancelOrder { order_id, reason: None };
    let unheard = payments.cancel_order(caller(), cancel).await;
    assert!(matches!(unheard, Err(Error::Store(StoreError::Unknown { .. }))), "{unheard:?}");
    // One more, whose request was taken and its answer lost.
    let approved = self::scene(&server, 1_000).await;
    let known = self::begun(&server, &approved).await;
    server.gateway().create(&asked(&known)).await.expect("taken");

    server.clock.advance(TTL);
    gateway.comes_back();
    assert_eq!(payments.sweep(Duration::ZERO).await.expect("a sweep").unsettled, []);
    let store = server.app.commerce.store();
    for scene in [&scene, &approved] {
        until(&server, scene, "cancelled").await;
        assert_eq!(scene.state(&server).await, (json!(5), json!("available"), json!("50000")));
    }
    let last = store.history(order_id).await.expect("a read").pop().expect("an event");
    let by_customer = OrderChange::Cancelled { cause: CancelCause::Requested, reason: None };
    assert_eq!((&last.change, &last.actor), (&by_customer, &Principal::Customer(customer_id)));
    let expired = store.top_up(top_up.id).await.expect("a read").map(|top_up| top_up.status);
    assert_eq!(expired, Some(TopUpStatus::Expired));
    for charge in [store.charges_of(order_id).await.expect("a read")[0].id, top_up.charge_id, known.id] {
        let charge = store.charge(charge).await.expect("a read").expect("the charge");
        let late = server.gateway().create(&asked(&charge)).await.expect("an answer");
        assert_eq!(late.status, GatewayStatus::Cancelled, "what it was asked first arrives last");
        payments.heard(charge.id).await.expect("heard");
    }
    assert_eq!(server.gateway().captures(), 0);
    server.books().await;
}

/// The money of an attempt that was taken for lost comes while another is in flight, which is then called off.
async fn an_attempt_that_is_overtaken_is_not_captured(server: Server) {
    let scene = scene(&server, 1_000).await;
    let gateway = server.gateway();
    let first = begun(&server, &scene).await;
    let caller = Caller::new(Principal::System, IdempotencyKey::new("given-up").expect("a key"));
    let report = ChargeReport::Refused { reason: None };
    let given_up = SettleCharge { charge_id: first.id, report };
    server.app.commerce.settle_charge(caller, given_up).await.expect("given up");
    let second = begun(&server, &scene).await;
    gateway.create(&asked(&second)).await.expect("taken, and approved");

    gateway.create(&asked(&first)).await.expect("taken after all");
    gateway.capture(first.id).await.expect("captured");
    server.call_back(&first.id.to_string(), WEBHOOK_SECRET, 0).await.expect(200);
    assert_eq!(server.get(&scene.path(""), &scene.who.token).await.body["status"], "paid");
    let swept = server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    assert_eq!(swept.unsettled, []);
    let charges = server.app.commerce.store().charges_of(second.purpose.order_id().expect("an order")).await;
    let status: Vec<_> = charges.expect("a read").iter().map(|charge| charge.status.as_str()).collect();
    assert_eq!(status, ["captured", "cancelled"]);
    assert_eq!((gateway.captures(), gateway.given_back(second.id)), (1, (0, 0)));
    server.books().await;
}

/// A gateway that hangs keeps one after another from their turn no longer than it keeps one of them.
async fn a_sweep_speaks_to_the_gateway_about_many_at_a_time(server: Server) {
    const MANY: usize = 120;
    let who = server.shopper(0).await;
    for _ in 0..MANY {
        server.top_up(&who).await;
    }
    let gateway = Slow::from(server.gateway(), 20);
    let payments = Payments::new(server.app.commerce.clone(), Arc::clone(&gateway) as Arc<dyn PaymentGateway>);
    let swept = tokio::time::timeout(Duration::from_secs(60), payments.sweep(Duration::ZERO)).await;
    let swept = swept.expect("nobody waits for ever").expect("a sweep");
    assert_eq!((swept.looked_after, swept.settled, swept.unsettled), (MANY as u64, MANY as u64, Vec::new()));
    assert!((20..=32).contains(&gateway.most()), "{} at a time", gateway.most());
    server.books().await;
}

/// The process dies before or after any word to the gateway: the next sweep ends what it began, once.
async fn a_crash_between_any_two_steps_is_mended_by_the_sweep(server: Server) {
    use crate::crash::{Cut, cuts};
    for cut in cuts() {
        let scene = scene(&server, 914).await;
        let captured = server.gateway().captures();
        let order: OrderId = scene.order.parse().expect("an id");
        let customer = scene.who.id.parse().expect("an id");
        let key = IdempotencyKey::new(format!("crash-{}", server.fresh())).expect("a key");
        let (gateway, crashed) = Cut::at(cut, server.gateway());
        let payments = Payments::new(server.app.commerce.clone(), gateway);
        let task =
            tokio::spawn(
                async move { payments.pay_order(Caller::new(Principal::Customer(customer), key), order).await },
            );
        crashed.await.expect("the cut is reached");
        task.abort();
        let ended = task.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "{cut:?}: it was to die here");
        let status = |order: &commerce_core::Order| order.status;
        let now = server.app.commerce.store().order(order).await.expect("a read");
        assert_eq!(now.as_deref().map(status), Some(OrderStatus::Processing), "{cut:?}");
        server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        let now = server.app.commerce.store().order(order).await.expect("a read");
        assert_eq!(now.as_deref().map(status), Some(OrderStatus::Paid), "{cut:?}");
        assert_eq!(server.gateway().captures(), captured + 1, "{cut:?}");
        server.books().await;
    }
}

on_every_store_with_cards!(
    an_approved_card_pays_at_once,
    a_declined_card_leaves_the_order_to_be_paid_another_way,
    an_undecided_card_is_waited_for,
    what_decides_later_is_settled_by_its_calls,
    calls_twice_late_out_of_order_or_never_pay_once,
    a_lost_answer_is_found_out_by_the_sweep,
    a_payment_nobody_finishes_runs_out,
    confirmations_calls_and_sweeps_race_freely,
    calls_are_heard_only_if_they_are_the_gateways,
    top_ups_credit_once_or_not_at_all,
    money_that_comes_too_late_goes_back,
    a_payment_of_something_else_holds_nothing_up,
    captured_money_of_another_amount_is_told_until_it_is_given_back,
    a_top_up_of_something_else_fails,
    a_payment_that_comes_too_late_is_not_taken,
    an_attempt_that_is_overtaken_is_not_captured,
    a_sweep_speaks_to_the_gateway_about_many_at_a_time,
    a_crash_between_any_two_steps_is_mended_by_the_sweep,
);

/// The emulator's own program, on a port that it picks and prints.
#[tokio::test]
async fn the_emulator_is_a_program_of_its_own() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_commerce-gateway"))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let mut line = String::new();
    let mut output = BufReader::new(program.stdout.take().expect("its output"));
    output.read_line(&mut line).expect("a line");
    let url = line.split_whitespace().find(|word| word.starts_with("http")).expect("its address");
    let base = url.trim_end_matches("/v1/payments").parse().expect("a URL");
    let gateway = HttpGateway::new(&base, Duration::from_secs(10)).expect("a gateway");
    let request = commerce_core::GatewayRequest {
        charge_id: "42".parse().expect("an id"),
        customer_id: "7".parse().expect("an id"),
        amount: commerce_core::Money::parse("12.34", commerce_core::Currency::USD).expect("an amount"),
    };
    assert_eq!(gateway.look_up(request.charge_id).await, Ok(None));
    let made = gateway.create(&request).await.expect("an answer");
    assert_eq!((made.amount, made.status.as_str()), (request.amount, "approved"));
    assert_eq!(gateway.create(&request).await, Ok(made.clone()), "the same again");
    let captured = gateway.capture(request.charge_id).await.expect("an answer");
    assert_eq!(gateway.cancel(request.charge_id).await, Ok(captured.clone()), "too late to call it off");
    let refund = commerce_core::GatewayRefund {
        charge_id: request.charge_id,
        key: IdempotencyKey::new("r1").expect("a key"),
        amount: request.amount,
    };
    for _ in 0..2 {
        assert_eq!(gateway.refund(&refund).await, Ok(commerce_core::GatewayRefundStatus::Succeeded));
    }
    let after = gateway.look_up(request.charge_id).await.expect("an answer").expect("the payment");
    assert_eq!(after.status.as_str(), "refunded");
    let more = commerce_core::GatewayRefund { key: IdempotencyKey::new("r2").expect("a key"), ..refund };
    assert!(matches!(gateway.refund(&more).await, Err(commerce_core::GatewayError::Refused { .. })));
    program.kill().expect("it was there");
    program.wait().expect("it ends");
    assert!(matches!(gateway.look_up(request.charge_id).await, Err(commerce_core::GatewayError::Unavailable { .. })));
    assert!(WebhookSecret::parse(WEBHOOK_SECRET).is_some());
}
