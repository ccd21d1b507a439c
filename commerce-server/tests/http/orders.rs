//! Orders from the quote to the history.

use serde_json::json;

use crate::harness::{Server, on_every_store, order};

async fn placed_and_paid_in_one_step(server: Server) {
    let (who, (product, variant)) = (server.shopper(100_000).await, server.product(29_000, 5).await);
    let copy = server.claim(&who, &server.coupon(json!({})).await).await.expect(201).id();
    let more = json!({ "coupons": [copy], "payment": "wallet" });
    let placed = server.place(&who, &[(&variant, 2)], more).await.expect(201);
    assert_eq!(placed.header("etag"), "\"1\"");
    assert_eq!(placed.body["status"], "paid");
    assert_eq!(placed.body["subtotal"], json!({ "amount": "58000", "currency": "KRW" }));
    assert_eq!(placed.body["discount"]["amount"], "1000");
    assert_eq!(placed.body["total"]["amount"], "57000");
    assert_eq!(placed.body["lines"][0]["product_id"], product);
    assert_eq!(placed.body["customer_id"], who.id);
    assert!(placed.body.get("expires_at").is_none());

    let read = server.get(&format!("/v1/orders/{}", placed.id()), &who.token).await.expect(200);
    assert_eq!((read.text, read.headers["etag"].clone()), (placed.text.clone(), placed.headers["etag"].clone()));
    let wallet = server.get("/v1/me/wallet", &who.token).await.expect(200);
    assert_eq!(wallet.body["items"][0]["balance"]["amount"], "43000");
    let coupons = server.get("/v1/me/coupons", &who.token).await.expect(200);
    assert_eq!(coupons.body["items"][0]["issued"]["status"], "used");
    server.books().await;
}

async fn placed_then_paid_then_told(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(29_000, 5).await);
    let id = server.pending(&who, &variant).await;
    let pending = server.get(&format!("/v1/orders/{id}"), &who.token).await.expect(200).body;
    assert_eq!(
        (&pending["status"], &pending["expires_at"]),
        (&json!("pending"), &json!("2026-11-21T10:00:00.000000Z"))
    );
    let paid =
        server.post(&format!("/v1/orders/{id}/pay"), &who.token, json!({ "method": "wallet" })).await.expect(200);
    assert_eq!((&paid.body["status"], paid.header("etag")), (&json!("paid"), "\"2\""));
    let history = server.get(&format!("/v1/orders/{id}/history"), &who.token).await.expect(200).body;
    let steps: Vec<_> = history["items"].as_array().expect("events").iter().map(|e| (&e["event"], &e["to"])).collect();
    assert_eq!(steps, [(&json!("order.placed"), &json!("pending")), (&json!("order.paid"), &json!("paid"))]);
    assert_eq!(history["items"][1]["actor"], format!("customer:{}", who.id));
}

async fn cancelled_gives_everything_back(server: Server) {
    let (who, (product, variant)) = (server.shopper(100_000).await, server.product(29_000, 5).await);
    let copy = server.claim(&who, &server.coupon(json!({})).await).await.expect(201).id();
    let id = server.place(&who, &[(&variant, 5)], json!({ "coupons": [copy] })).await.expect(201).id();
    let stock = async || server.get(&format!("/v1/products/{product}"), "").await.body["variants"][0]["stock"].clone();
    let coupon = async || server.get("/v1/me/coupons", &who.token).await.body["items"][0]["issued"]["status"].clone();
    assert_eq!((stock().await, coupon().await), (json!(0), json!("held")));
    let path = format!("/v1/orders/{id}/cancel");
    let cancelled = server.post(&path, &who.token, json!({ "reason": "changed my mind" })).await.expect(200);
    assert_eq!(cancelled.body["status"], "cancelled");
    assert_eq!((stock().await, coupon().await), (json!(5), json!("available")));
    let history = server.get(&format!("/v1/orders/{id}/history"), &server.operator()).await.expect(200);
    assert_eq!(history.body["items"][1]["reason"], "changed my mind");
    assert_eq!(history.body["items"][1]["cause"], "requested");
    server.books().await;
}

async fn an_operator_reads_and_cancels_any(server: Server) {
    let (who, (_, variant)) = (server.shopper(0).await, server.product(29_000, 5).await);
    let id = server.pending(&who, &variant).await;
    server.get(&format!("/v1/orders/{id}"), &server.operator()).await.expect(200);
    let list = server.get(&format!("/v1/admin/customers/{}/orders", who.id), &server.operator()).await.expect(200);
    assert_eq!(list.body["items"][0]["id"], id);
    server.post(&format!("/v1/orders/{id}/cancel"), &server.operator(), json!({})).await.expect(200);
}

async fn listed_by_status(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(1_000, 5).await);
    let pending = server.pending(&who, &variant).await;
    let paid = server.place(&who, &[(&variant, 1)], json!({ "payment": "wallet" })).await.expect(201).id();
    let ids = async |query: &str| {
        let list = server.get(&format!("/v1/orders{query}"), &who.token).await.expect(200).body;
        let ids =
            list["items"].as_array().expect("items").iter().map(|order| order["id"].as_str().expect("id").to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [paid.clone(), pending.clone()]);
    assert_eq!(ids("?status=pending").await, [pending]);
    assert_eq!(ids("?status=paid").await, [paid]);
    assert!(ids("?status=cancelled").await.is_empty());
}

async fn a_quote_changes_nothing_and_tells_why(server: Server) {
    let (who, (_, variant)) = (server.shopper(0).await, server.product(29_000, 1).await);
    let minimum = json!({ "min_subtotal": { "amount": "100000", "currency": "KRW" } });
    let copy = server.claim(&who, &server.coupon(minimum).await).await.expect(201).id();
    let before = server.books().await;
    let quote = server.send(
        server
            .request(reqwest::Method::POST, "/v1/quotes")
            .bearer_auth(&who.token)
            .json(&order(&[(&variant, 2)], json!({ "coupons": [copy] }))),
    );
    let quote = quote.await.expect(200).body;
    assert_eq!(quote["total"]["amount"], "58000");
    let trace: Vec<_> =
        quote["trace"].as_array().expect("steps").iter().map(|s| (&s["rule"], &s["refused"]["code"])).collect();
    assert_eq!(
        trace,
        [
            (&json!("unit_price"), &json!(null)),
            (&json!("availability"), &json!("out_of_stock")),
            (&json!("coupon"), &json!("below_minimum")),
        ]
    );
    assert_eq!(quote["refusal"]["code"], "out_of_stock");
    assert_eq!(server.books().await, before);
}

on_every_store!(
    placed_and_paid_in_one_step,
    placed_then_paid_then_told,
    cancelled_gives_everything_back,
    an_operator_reads_and_cancels_any,
    listed_by_status,
    a_quote_changes_nothing_and_tells_why,
);
