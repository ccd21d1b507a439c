//! Orders paid by card: checkout in one call, and refunds through the emulated gateway, whatever it does.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    Caller, ChargeId, ChargeStatus, CustomerId, GatewayRequest, IdempotencyKey, OrderId, PaymentGateway, Payments,
    Principal, RefundOrder, RefundStatus, ShipOrder, StartCardPayment,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::crash::{Cut, refund_cuts};
use crate::harness::{Reply, Server, Shopper, WEBHOOK_SECRET, on_every_store_with_cards, order};

/// An order of two units at this price of five, paid by card.
struct Scene {
    who: Shopper,
    product: String,
    order: String,
    charge: String,
}

async fn scene(server: &Server, won: u64) -> Scene {
    let (who, (product, variant)) = (server.shopper(0).await, server.product(won, 5).await);
    let paid = server.place(&who, &[(&variant, 2)], json!({ "payment": "card" })).await.expect(201);
    assert_eq!(paid.body["status"], "paid", "{}", paid.text);
    let charge = paid.body["payment"]["charge_id"].as_str().expect("an id").to_owned();
    Scene { who, product, order: paid.id(), charge }
}

/// The same, captured behind the server's back: no call of the gateway about the payment is on its way.
async fn quiet_scene(server: &Server, won: u64) -> Scene {
    let (who, (product, variant)) = (server.shopper(0).await, server.product(won, 5).await);
    let order = server.place(&who, &[(&variant, 2)], json!({})).await.expect(201).id();
    let customer: CustomerId = who.id.parse().expect("an id");
    let key = IdempotencyKey::new(format!("quiet-{}", server.fresh())).expect("a key");
    let start = StartCardPayment { order_id: order.parse().expect("an id") };
    let caller = Caller::new(Principal::Customer(customer), key);
    let begun = server.app.commerce.start_card_payment(caller, start).await.expect("begun").outcome;
    let gateway = server.gateway();
    let request = GatewayRequest { charge_id: begun.id, customer_id: customer, amount: begun.amount };
    gateway.create(&request).await.expect("taken");
    gateway.capture(begun.id).await.expect("captured");
    assert_eq!(gateway.happenings().len(), 2, "calls that are never made");
    let paid = server.payments().advance(begun.id).await.expect("settled");
    assert_eq!(paid.status, ChargeStatus::Captured);
    Scene { who, product, order, charge: begun.id.to_string() }
}

fn one_unit() -> Value {
    json!({ "lines": [{ "position": 1, "quantity": 1 }], "restock": true, "reason": "too small" })
}

impl Scene {
    fn path(&self) -> String {
        format!("/v1/admin/orders/{}/refunds", self.order)
    }

    async fn refund(&self, server: &Server, body: &Value) -> Reply {
        server.post(&self.path(), &server.operator(), body.clone()).await
    }

    async fn refunds(&self, server: &Server) -> Vec<Value> {
        let path = format!("/v1/orders/{}/refunds", self.order);
        let told = server.get(&path, &self.who.token).await.expect(200).body;
        told["items"].as_array().expect("refunds").clone()
    }

    /// What the history tells after the payment.
    async fn events(&self, server: &Server) -> Vec<String> {
        let path = format!("/v1/orders/{}/history", self.order);
        let history = server.get(&path, &self.who.token).await.expect(200).body;
        let events = history["items"].as_array().expect("events").iter().skip(3);
        events.map(|event| event["event"].as_str().expect("a name").to_owned()).collect()
    }

    /// Units left of five, won in the wallet, and the order.
    async fn state(&self, server: &Server) -> (Value, Value, Value) {
        let product = server.get(&format!("/v1/products/{}", self.product), "").await.expect(200).body;
        let wallet = server.get("/v1/me/wallet", &self.who.token).await.expect(200).body;
        let order = server.get(&format!("/v1/orders/{}", self.order), &self.who.token).await.expect(200).body;
        let stock = product["variants"][0]["stock"].clone();
        (stock, wallet["items"][0]["balance"]["amount"].clone(), order["status"].clone())
    }

    fn given_back(&self, server: &Server) -> (usize, i64) {
        let charge: ChargeId = self.charge.parse().expect("an id");
        server.gateway().given_back(charge)
    }

    /// Asks until its first refund stands there; the calls of the gateway bring it about.
    async fn until(&self, server: &Server, status: &str) {
        while self.refunds(server).await[0]["status"] != status {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn a_card_order_goes_back_the_way_it_was_paid(server: Server) {
    let scene = scene(&server, 10_000).await;
    let key = "back-to-the-card";
    let operator = server.operator();
    let first = server.keyed(Method::POST, &scene.path(), &operator, key, &one_unit()).await.expect(201);
    assert_eq!((&first.body["status"], &first.body["destination"]), (&json!("succeeded"), &json!("gateway")));
    assert_eq!(first.body["total"]["amount"], "10000");
    let again = server.keyed(Method::POST, &scene.path(), &operator, key, &one_unit()).await.expect(201);
    assert_eq!((again.text, again.headers.get("idempotent-replayed").is_some()), (first.text, true));
    assert_eq!(scene.state(&server).await, (json!(4), Value::Null, json!("paid")));
    assert_eq!(scene.given_back(&server), (1, 10_000));

    let rest = json!({ "restock": false, "destination": "wallet" });
    assert_eq!(scene.refund(&server, &rest).await.expect(201).body["status"], "succeeded");
    assert_eq!(scene.state(&server).await, (json!(4), json!("10000"), json!("refunded")));
    assert_eq!(scene.given_back(&server), (1, 10_000), "what went into the wallet is not the gateway's to give back");
    let (began, part) = ("order.refund_started", "order.partially_refunded");
    assert_eq!(scene.events(&server).await, [began, part, "order.refunded"]);
    server.books().await;
}

/// By the amount of each refund: put off, lost on the way, late, called back about twice.
async fn whatever_the_gateway_does_it_goes_back_once(server: Server) {
    for (won, at_once) in
        [(907, "succeeded"), (908, "succeeded"), (912, "pending"), (915, "pending"), (916, "pending"), (917, "pending")]
    {
        let scene = scene(&server, won).await;
        let heard = scene.refund(&server, &one_unit()).await.expect(201).body["status"].clone();
        // The gateway's call may have come before its answer.
        assert!(heard == at_once || heard == "succeeded", "{won}: {heard}");
        if won != 917 {
            server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        }
        scene.until(&server, "succeeded").await;
        assert_eq!(scene.given_back(&server), (1, i64::try_from(won).expect("small")), "{won}");
        assert_eq!(scene.events(&server).await, ["order.refund_started", "order.partially_refunded"], "{won}");
        assert_eq!(scene.state(&server).await, (json!(4), Value::Null, json!("paid")), "{won}");
    }
    server.books().await;
}

async fn what_the_gateway_refuses_goes_back_another_way(server: Server) {
    for (won, why) in [(913, "the card is closed"), (918, "such an amount is not given back")] {
        let scene = scene(&server, won).await;
        let failed = scene.refund(&server, &one_unit()).await.expect(201).body;
        assert_eq!((&failed["status"], &failed["failure_reason"]), (&json!("failed"), &json!(why)));
        assert_eq!(scene.refunds(&server).await, [failed]);
        assert_eq!(scene.state(&server).await, (json!(3), Value::Null, json!("paid")));
        let all = json!({ "restock": true, "destination": "wallet" });
        assert_eq!(scene.refund(&server, &all).await.expect(201).body["lines"][0]["quantity"], 2);
        assert_eq!(scene.state(&server).await, (json!(5), json!((2 * won).to_string()), json!("refunded")));
        assert_eq!(scene.given_back(&server), (0, 0));
        let (began, failed) = ("order.refund_started", "order.refund_failed");
        assert_eq!(scene.events(&server).await, [began, failed, "order.refunded"]);
    }
    server.books().await;
}

/// Money on its way counts: no more than the rest is refunded beside it, and the order waits for the last of it.
async fn what_is_on_its_way_counts(server: Server) {
    let scene = quiet_scene(&server, 912).await;
    let pending = scene.refund(&server, &one_unit()).await.expect(201).body;
    assert_eq!(pending["status"], "pending");
    let both = json!({ "lines": [{ "position": 1, "quantity": 2 }], "restock": true });
    assert_eq!(scene.refund(&server, &both).await.refused(409, "refund_too_large").body["refundable"], 1);
    let order_id: OrderId = scene.order.parse().expect("an id");
    let key = IdempotencyKey::new("on-its-way").expect("a key");
    let ship = ShipOrder { order_id };
    server.app.commerce.ship_order(Caller::new(Principal::System, key), ship).await.expect("it is shipped meanwhile");
    let rest = json!({ "restock": true, "destination": "wallet" });
    scene.refund(&server, &rest).await.expect(201);
    assert_eq!(scene.state(&server).await, (json!(4), json!("912"), json!("shipped")));
    scene.refund(&server, &rest).await.refused(409, "refund_too_large");
    server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    assert_eq!(scene.state(&server).await, (json!(5), json!("912"), json!("refunded")));
    assert_eq!(scene.given_back(&server), (1, 912));
    server.books().await;
}

async fn calls_sweeps_and_operators_race_freely(server: Server) {
    const ORDERS: usize = 4;
    let server = Arc::new(server);
    let mut tasks = tokio::task::JoinSet::new();
    let mut scenes = Vec::new();
    for n in 0..ORDERS {
        let scene = Arc::new(scene(&server, 917).await);
        scenes.push(Arc::clone(&scene));
        for step in 0..6 {
            let (server, scene) = (Arc::clone(&server), Arc::clone(&scene));
            tasks.spawn(async move {
                match step {
                    0..3 => {
                        let (key, operator) = (format!("refund-{n}"), server.operator());
                        drop(server.keyed(Method::POST, &scene.path(), &operator, &key, &one_unit()).await.expect(201));
                    }
                    3 | 4 => drop(server.call_back(&scene.charge, WEBHOOK_SECRET, 0).await.expect(200)),
                    _ => drop(server.payments().sweep(Duration::ZERO).await.expect("a sweep")),
                }
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    for scene in &scenes {
        scene.until(&server, "succeeded").await;
        assert_eq!(scene.given_back(&server), (1, 917), "refunds at the gateway, and won");
        assert_eq!(scene.refunds(&server).await.len(), 1, "refunds on record");
        assert_eq!(scene.events(&server).await, ["order.refund_started", "order.partially_refunded"]);
        assert_eq!(scene.state(&server).await, (json!(4), Value::Null, json!("paid")));
    }
    server.books().await;
}

/// The process dies before or after its word to the gateway: the next sweep ends what it began, once.
async fn a_crash_on_the_way_back_is_mended_by_the_sweep(server: Server) {
    for cut in refund_cuts() {
        let scene = quiet_scene(&server, 5_000).await;
        let order_id: OrderId = scene.order.parse().expect("an id");
        let key = IdempotencyKey::new(format!("crash-{}", server.fresh())).expect("a key");
        let (gateway, crashed) = Cut::at(cut, server.gateway());
        let payments = Payments::new(server.app.commerce.clone(), gateway);
        let refund = RefundOrder { order_id, lines: None, restock: true, destination: None, reason: None };
        let task =
            tokio::spawn(async move { payments.refund_order(Caller::new(Principal::System, key), refund).await });
        crashed.await.expect("the cut is reached");
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()), "{cut:?}: it was to die here");
        let status = async || server.app.commerce.store().refunds(order_id).await.expect("a read")[0].status;
        assert_eq!(status().await, RefundStatus::Pending, "{cut:?}");
        assert_eq!(scene.state(&server).await, (json!(3), Value::Null, json!("paid")), "{cut:?}");
        let swept = server.payments().sweep(Duration::ZERO).await.expect("a sweep");
        assert_eq!(swept.unsettled, [], "{cut:?}");
        assert_eq!(status().await, RefundStatus::Succeeded, "{cut:?}");
        assert_eq!(scene.state(&server).await, (json!(5), Value::Null, json!("refunded")), "{cut:?}");
        assert_eq!(scene.given_back(&server), (1, 10_000), "{cut:?}");
        server.books().await;
    }
}

async fn checkout_by_card_is_one_call(server: Server) {
    let (who, (_, variant)) = (server.shopper(0).await, server.product(29_000, 5).await);
    let (key, body) = ("one-call", order(&[(&variant, 1)], json!({ "payment": "card" })));
    let paid = server.keyed(Method::POST, "/v1/orders", &who.token, key, &body).await.expect(201);
    assert_eq!((&paid.body["status"], &paid.body["payment"]["method"]), (&json!("paid"), &json!("card")));
    let again = server.keyed(Method::POST, "/v1/orders", &who.token, key, &body).await.expect(201);
    assert_eq!((again.text, again.headers.get("idempotent-replayed").is_some()), (paid.text, true));
    let other = order(&[(&variant, 1)], json!({}));
    let other = server.keyed(Method::POST, "/v1/orders", &who.token, key, &other).await;
    other.refused(422, "idempotency_key_reused");
    let listed = server.get("/v1/orders", &who.token).await.expect(200).body;
    assert_eq!((listed["items"].as_array().map(Vec::len), server.gateway().captures()), (Some(1), 1));

    for (won, status) in [(901, "pending"), (904, "processing")] {
        let (_, variant) = server.product(won, 1).await;
        let begun = server.place(&who, &[(&variant, 1)], json!({ "payment": "card" })).await.expect(201);
        assert_eq!(begun.body["status"], status);
        let charge = begun.body["payment"]["charge_id"].as_str().expect("what to pay").to_owned();
        if won == 904 {
            // The customer does their part on the gateway's own page.
            server.at_gateway(&charge, "approve").await;
            let path = format!("/v1/orders/{}/payment/confirm", begun.id());
            assert_eq!(server.post(&path, &who.token, json!({})).await.expect(200).body["status"], "paid");
        }
    }
    let (_, free) = server.product(0, 1).await;
    let nothing = server.place(&who, &[(&free, 1)], json!({ "payment": "card" })).await;
    nothing.refused(422, "amount_not_positive");
    server.books().await;
}

/// The process dies between the order and the charge: the same request goes on from there.
async fn a_checkout_that_broke_off_goes_on(server: Server) {
    let (who, (product, variant)) = (server.shopper(50_000).await, server.product(29_000, 5).await);
    let body = order(&[(&variant, 1)], json!({ "payment": "card" }));
    for (key, then) in [("broke-off", None), ("paid-meanwhile", Some("wallet"))] {
        let command = commerce_core::PlaceOrder {
            customer_id: who.id.parse().expect("an id"),
            basket: commerce_core::Basket {
                lines: vec![commerce_core::LineRequest {
                    variant_id: variant.parse().expect("an id"),
                    quantity: commerce_core::Quantity::ONE,
                }]
                .into(),
                coupons: Vec::new(),
            },
            payment: Some(commerce_core::PaymentMethod::Card),
        };
        let caller = Caller::new(Principal::Customer(command.customer_id), IdempotencyKey::new(key).expect("a key"));
        let placed = server.app.commerce.place_order(caller, command).await.expect("placed").outcome;
        assert_eq!(placed.status.as_str(), "pending");
        if let Some(method) = then {
            let path = format!("/v1/orders/{}/pay", placed.id);
            server.post(&path, &who.token, json!({ "method": method })).await.expect(200);
        }
        let went_on = server.keyed(Method::POST, "/v1/orders", &who.token, key, &body).await.expect(201);
        let method = then.unwrap_or("card");
        assert_eq!((went_on.id(), &went_on.body["status"]), (placed.id.to_string(), &json!("paid")), "{key}");
        assert_eq!(
            (&went_on.body["payment"]["method"], went_on.header("idempotent-replayed")),
            (&json!(method), "true")
        );
    }
    assert_eq!(server.gateway().captures(), 1);
    let stock = server.get(&format!("/v1/products/{product}"), "").await.body["variants"][0]["stock"].clone();
    assert_eq!(stock, 3);
    server.books().await;
}

on_every_store_with_cards!(
    a_card_order_goes_back_the_way_it_was_paid,
    whatever_the_gateway_does_it_goes_back_once,
    what_the_gateway_refuses_goes_back_another_way,
    what_is_on_its_way_counts,
    calls_sweeps_and_operators_race_freely,
    a_crash_on_the_way_back_is_mended_by_the_sweep,
    checkout_by_card_is_one_call,
    a_checkout_that_broke_off_goes_on,
);
