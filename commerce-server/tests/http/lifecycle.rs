//! What becomes of an order: shipped, delivered, expired.

use commerce_core::Timestamp;
use commerce_server::expiry;
use serde_json::{Value, json};

use crate::harness::{Server, TTL, on_every_store};

async fn events(server: &Server, order: &str) -> Vec<Value> {
    let history = server.get(&format!("/v1/orders/{order}/history"), &server.operator()).await.expect(200);
    history.body["items"].as_array().expect("events").clone()
}

async fn shipped_and_delivered(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(29_000, 5).await);
    let id = server.paid(&who, &variant).await;
    let (ship, deliver) = (format!("/v1/admin/orders/{id}/ship"), format!("/v1/admin/orders/{id}/deliver"));
    let step = async |path: &str| server.post(path, &server.operator(), json!({})).await;
    let early = step(&deliver).await.refused(409, "invalid_transition");
    assert_eq!((&early.body["from"], &early.body["to"]), (&json!("paid"), &json!("delivered")));
    let shipped = step(&ship).await.expect(200);
    assert_eq!((&shipped.body["status"], shipped.header("etag")), (&json!("shipped"), "\"2\""));
    step(&ship).await.refused(409, "invalid_transition");
    assert_eq!(step(&deliver).await.expect(200).body["status"], "delivered");
    step(&format!("/v1/admin/orders/{}/ship", "9007199254740993")).await.refused(404, "order_not_found");
    let told: Vec<_> = events(&server, &id).await.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(told, ["order.paid", "order.shipped", "order.delivered"]);
    server.books().await;
}

async fn an_unpaid_order_expires(server: Server) {
    let (who, (product, variant)) = (server.shopper(100_000).await, server.product(29_000, 5).await);
    let copy = server.claim(&who, &server.coupon(json!({})).await).await.expect(201).id();
    let due = server.place(&who, &[(&variant, 2)], json!({ "coupons": [copy] })).await.expect(201).id();
    let paid = server.paid(&who, &variant).await;
    server.clock.advance(TTL);
    let fresh = server.pending(&who, &variant).await;
    let swept = |done| Ok(expiry::Swept { done, failed: vec![] });
    assert_eq!(expiry::sweep(&server.app.commerce).await, swept(1));
    assert_eq!(expiry::sweep(&server.app.commerce).await, swept(0));

    let status = async |id: &str| server.get(&format!("/v1/orders/{id}"), &who.token).await.body["status"].clone();
    assert_eq!(
        (status(&due).await, status(&paid).await, status(&fresh).await),
        (json!("cancelled"), json!("paid"), json!("pending"))
    );
    let last = events(&server, &due).await.pop().expect("an event");
    assert_eq!(
        (&last["event"], &last["cause"], &last["actor"]),
        (&json!("order.cancelled"), &json!("expired"), &json!("system"))
    );
    let stock = server.get(&format!("/v1/products/{product}"), "").await.body["variants"][0]["stock"].clone();
    let coupon = server.get("/v1/me/coupons", &who.token).await.body["items"][0]["issued"]["status"].clone();
    assert_eq!((stock, coupon), (json!(3), json!("available")));
    server.books().await;
}

async fn copies_are_marked_when_their_time_is_over(server: Server) {
    let who = server.shopper(0).await;
    for end in [json!({ "ends_at": "2026-12-01T00:00:00Z" }), json!({})] {
        server.claim(&who, &server.coupon(end).await).await.expect(201);
    }
    server.clock.set("2026-12-01T00:00:00Z".parse().expect("an instant"));
    let from = Timestamp::from_micros(0);
    let (marked, next) = expiry::sweep_copies(&server.app.commerce, from).await.expect("a sweep");
    assert_eq!((marked.done, next.to_string().as_str()), (1, "2026-11-30T23:59:00.000000Z"));
    assert_eq!(expiry::sweep_copies(&server.app.commerce, next).await, Ok((expiry::Swept::default(), next)));
    let mine = server.get("/v1/me/coupons", &who.token).await.expect(200).body;
    let status: Vec<_> = mine["items"].as_array().expect("coupons").iter().map(|i| &i["issued"]["status"]).collect();
    assert_eq!(status, ["available", "expired"]);
    server.books().await;
}

on_every_store!(shipped_and_delivered, an_unpaid_order_expires, copies_are_marked_when_their_time_is_over,);
