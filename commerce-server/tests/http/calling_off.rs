//! Orders called off while their card payment is under way: at the gateway first, and in the name of whoever asked.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    Caller, CancelCause, CancelOrder, Error, IdempotencyKey, OrderChange, OrderId, OrderStatus, PaymentGateway,
    Payments, Principal, StoreError,
};
use reqwest::Method;
use serde_json::json;

use crate::crash::{Away, Cut, cancel_cuts};
use crate::harness::{Server, on_every_store_with_cards};
use crate::scene::{scene, until};

async fn a_payment_under_way_is_called_off_at_the_gateway_first(server: Server) {
    let scene = scene(&server, 904).await;
    scene.pay(&server, "card").await.expect(200);
    let charge = scene.payment(&server).await["charge_id"].as_str().expect("an id").to_owned();
    let reason = json!({ "reason": "changed my mind" });
    let key = "call-it-off";
    let path = scene.path("/cancel");
    for _ in 0..2 {
        let cancelled = server.keyed(Method::POST, &path, &scene.who.token, key, &reason).await.expect(200);
        assert_eq!(cancelled.body["status"], "cancelled");
    }
    let history = server.get(&scene.path("/history"), &scene.who.token).await.expect(200).body;
    let last = history["items"].as_array().and_then(|events| events.last()).expect("an event").clone();
    let told = [&last["event"], &last["cause"], &last["reason"], &last["actor"]];
    let customer = json!(format!("customer:{}", scene.who.id));
    assert_eq!(told, [&json!("order.cancelled"), &json!("requested"), &reason["reason"], &customer]);
    assert_eq!(scene.state(&server).await, (json!(5), json!("available"), json!("50000")));
    server.at_gateway(&charge, "approve").await;
    assert_eq!(
        (scene.confirm(&server).await.expect(200).body["status"].clone(), server.gateway().captures()),
        (json!("cancelled"), 0)
    );
    server.books().await;
}

/// Of several who call an order off under way one does, whose key is kept; the others hear that it is cancelled.
async fn one_of_many_calls_an_order_off(server: Server) {
    let server = Arc::new(server);
    for round in 0..8 {
        let scene = scene(&server, 904).await;
        scene.pay(&server, "card").await.expect(200);
        // Its customer twice, under two keys, and two operators' requests.
        let askers: Vec<_> = (0..4_u8)
            .map(|n| {
                let token = if n.is_multiple_of(2) { scene.who.token.clone() } else { server.operator() };
                (token, format!("off-{round}-{n}"))
            })
            .collect();
        let ask = |token: String, key: String, reason: &str| {
            let (server, path, body) = (Arc::clone(&server), scene.path("/cancel"), json!({ "reason": reason }));
            async move { server.keyed(Method::POST, &path, &token, &key, &body).await }
        };
        let mut race = tokio::task::JoinSet::new();
        for (n, (token, key)) in askers.iter().cloned().enumerate() {
            let asked = ask(token, key, "no longer wanted");
            race.spawn(async move { (n, asked.await) });
        }
        let mut answers = race.join_all().await;
        answers.sort_by_key(|(n, _)| *n);
        let won: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 200).collect();
        let heard: Vec<_> = answers.iter().map(|(_, answer)| &answer.text).collect();
        assert_eq!(won.len(), 1, "{heard:?}");
        for ((token, key), (n, answer)) in askers.into_iter().zip(&answers) {
            let again = ask(token.clone(), key.clone(), "no longer wanted").await;
            if *n == won[0].0 {
                assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
                assert_eq!(again.body["status"], "cancelled");
                ask(token, key, "another reason").await.refused(422, "idempotency_key_reused");
            } else {
                for refused in [&again, answer] {
                    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("invalid_transition")));
                }
            }
        }
        assert_eq!(scene.events(&server).await, ["order.placed", "order.payment_started", "order.cancelled"]);
    }
    // The gateway called it off by itself.
    let scene = scene(&server, 904).await;
    scene.pay(&server, "card").await.expect(200);
    let charge = scene.payment(&server).await["charge_id"].as_str().expect("an id").to_owned();
    server.at_gateway(&charge, "cancel").await;
    until(&server, &scene, "cancelled").await;
    let asked = server.post(&scene.path("/cancel"), &scene.who.token, json!({})).await;
    asked.refused(409, "invalid_transition");
    server.books().await;
}

/// The process that was asked to call an order off dies at any word to the gateway. Another ends it, in the name of
/// whoever asked; and the same request again is answered.
async fn a_cancel_that_breaks_off_is_ended_by_whoever_comes_next(server: Server) {
    for (n, cut) in cancel_cuts().enumerate() {
        let scene = scene(&server, 904).await;
        scene.pay(&server, "card").await.expect(200);
        let order_id: OrderId = scene.order.parse().expect("an id");
        let customer = Principal::Customer(scene.who.id.parse().expect("an id"));
        let key = IdempotencyKey::new(format!("broken-off-{}", server.fresh())).expect("a key");
        let caller = Caller::new(customer.clone(), key);
        let cancel = CancelOrder { order_id, reason: Some("changed my mind".parse().expect("a note")) };
        let (gateway, reached) = Cut::at(cut, server.gateway());
        let asked = Payments::new(server.app.commerce.clone(), gateway);
        let (first, wish) = (caller.clone(), cancel.clone());
        let task = tokio::spawn(async move { asked.cancel_order(first, wish).await });
        reached.await.expect("the cut is reached");
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()), "{cut:?}: it was to die here");

        // The sweep, or the gateway's call that a client's question stands for.
        if n.is_multiple_of(2) {
            server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        } else {
            scene.confirm(&server).await.expect(200);
        }
        let last = server.app.commerce.store().history(order_id).await.expect("a read").pop().expect("an event");
        let change = OrderChange::Cancelled { cause: CancelCause::Requested, reason: cancel.reason.clone() };
        assert_eq!((&last.change, &last.actor), (&change, &customer), "{cut:?}");
        let again = server.payments().cancel_order(caller, cancel).await.expect("answered");
        assert_eq!((again.outcome.status, again.replayed), (OrderStatus::Cancelled, true), "{cut:?}");
        assert_eq!(scene.state(&server).await, (json!(5), json!("available"), json!("50000")));
    }
    assert_eq!(server.gateway().captures(), 0);
    server.books().await;
}

/// Nobody hears from the gateway: the wish is kept, shown, and carried out once somebody does. Then its answer needs no
/// gateway any more.
async fn a_wish_is_kept_while_the_gateway_is_away(server: Server) {
    let gateway = Away::from(server.gateway());
    let payments = Payments::new(server.app.commerce.clone(), gateway as Arc<dyn PaymentGateway>);
    let scene = scene(&server, 904).await;
    scene.pay(&server, "card").await.expect(200);
    let key = IdempotencyKey::new(format!("away-{}", server.fresh())).expect("a key");
    let caller = Caller::new(Principal::Operator("mina".parse().expect("a name")), key);
    let reason = Some("sold out".parse().expect("a note"));
    let cancel = CancelOrder { order_id: scene.order.parse().expect("an id"), reason };
    let unheard = payments.cancel_order(caller.clone(), cancel.clone()).await;
    assert!(matches!(unheard, Err(Error::Store(StoreError::Unknown { .. }))), "{unheard:?}");
    let payment = scene.payment(&server).await;
    let asked = [&payment["cancel_requested_by"], &payment["cancel_reason"]];
    assert_eq!(asked, [&json!("operator:mina"), &json!("sold out")]);
    server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    until(&server, &scene, "cancelled").await;
    let again = payments.cancel_order(caller, cancel).await.expect("answered");
    assert_eq!((again.outcome.status, again.replayed), (OrderStatus::Cancelled, true));
    assert_eq!(scene.state(&server).await, (json!(5), json!("available"), json!("50000")));
    assert_eq!(server.gateway().captures(), 0);
    server.books().await;
}

on_every_store_with_cards!(
    a_payment_under_way_is_called_off_at_the_gateway_first,
    one_of_many_calls_an_order_off,
    a_cancel_that_breaks_off_is_ended_by_whoever_comes_next,
    a_wish_is_kept_while_the_gateway_is_away,
);
