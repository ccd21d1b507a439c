//! The same request under the same key is answered once, and told again.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, on_every_store, order};

async fn replays_are_the_same_to_the_byte(server: Server) {
    let (who, operator) = (server.shopper(100_000).await, server.operator());
    let (product, variant) = server.product(1_000, 50).await;
    let coupon = server.coupon(json!({})).await;
    let to_pay = server.pending(&who, &variant).await;
    let to_cancel = server.pending(&who, &variant).await;
    let to_ship = server.paid(&who, &variant).await;
    let to_deliver = server.shipped(&who, &variant).await;
    let to_refund = server.paid(&who, &variant).await;
    let money = json!({ "amount": "7", "currency": "KRW" });
    let new_coupon = json!({ "name": "C", "discount": { "percent": "1" }, "starts_at": "2026-01-01T00:00:00Z" });
    let new_product = json!({
        "name": "P", "base_price": money, "status": "on_sale", "variants": [{ "sku": "REPLAYED" }],
    });
    let requests: Vec<(Method, String, &str, Value)> = vec![
        (Method::POST, "/v1/orders".into(), &who.token, order(&[(&variant, 1)], json!({ "payment": "wallet" }))),
        (Method::POST, format!("/v1/orders/{to_pay}/pay"), &who.token, json!({ "method": "wallet" })),
        (Method::POST, format!("/v1/orders/{to_cancel}/cancel"), &who.token, json!({})),
        (Method::POST, format!("/v1/admin/orders/{to_ship}/ship"), &operator, json!({})),
        (Method::POST, format!("/v1/admin/orders/{to_deliver}/deliver"), &operator, json!({})),
        (Method::POST, format!("/v1/admin/orders/{to_refund}/refunds"), &operator, json!({ "restock": true })),
        (Method::POST, "/v1/me/coupons".into(), &who.token, json!({ "coupon_id": coupon })),
        (Method::POST, "/v1/admin/customers".into(), &operator, json!({ "username": "replayed", "name": "R" })),
        (
            Method::POST,
            format!("/v1/admin/customers/{}/wallet/deposits", who.id),
            &operator,
            json!({ "amount": money }),
        ),
        (
            Method::POST,
            format!("/v1/admin/customers/{}/wallet/adjustments", who.id),
            &operator,
            json!({ "amount": money, "memo": "m" }),
        ),
        (Method::POST, "/v1/admin/products".into(), &operator, new_product),
        (Method::POST, format!("/v1/admin/products/{product}/variants"), &operator, json!({ "sku": "REPLAYED-2" })),
        (Method::PATCH, format!("/v1/admin/products/{product}"), &operator, json!({ "name": "New" })),
        (Method::PATCH, format!("/v1/admin/variants/{variant}"), &operator, json!({ "active": false })),
        (Method::POST, format!("/v1/admin/variants/{variant}/stock"), &operator, json!({ "delta": 1 })),
        (Method::POST, "/v1/admin/coupons".into(), &operator, new_coupon),
        (Method::PATCH, format!("/v1/admin/coupons/{coupon}"), &operator, json!({ "active": false })),
    ];
    let mut first = Vec::new();
    for (method, path, token, body) in &requests {
        let reply = server.keyed(method.clone(), path, token, "one-key", body).await;
        assert!(reply.status < 300 && reply.header("idempotent-replayed").is_empty(), "{path}: {}", reply.text);
        first.push(reply);
    }
    let before = server.books().await;
    server.clock.advance(std::time::Duration::from_secs(3_600));
    for ((method, path, token, body), first) in requests.iter().zip(&first) {
        let again = server.keyed(method.clone(), path, token, "one-key", body).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        assert_eq!(again.header("etag"), first.header("etag"), "{path}");
        assert_eq!(again.header("idempotent-replayed"), "true", "{path}");
    }
    assert_eq!(server.books().await, before);
}

async fn equal_requests_at_once_run_once(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(1_000, 50).await);
    let body = order(&[(&variant, 1)], json!({ "payment": "wallet" }));
    let sends = (0..16).map(|_| server.keyed(Method::POST, "/v1/orders", &who.token, "raced", &body));
    let replies: Vec<Reply> = futures_util::future::join_all(sends).await;
    assert!(replies.iter().all(|reply| reply.status == 201 && reply.text == replies[0].text));
    assert_eq!(replies.iter().filter(|reply| reply.header("idempotent-replayed").is_empty()).count(), 1);
    let wallet = server.get("/v1/me/wallet", &who.token).await.body;
    assert_eq!(wallet["items"][0]["balance"]["amount"], "99000");
}

async fn a_key_is_ones_own_and_its_operations(server: Server) {
    let (a, b) = (server.shopper(100_000).await, server.shopper(100_000).await);
    let (_, variant) = server.product(1_000, 50).await;
    let body = order(&[(&variant, 1)], json!({}));
    let first = server.keyed(Method::POST, "/v1/orders", &a.token, "shared", &body).await.expect(201);
    let other = server.keyed(Method::POST, "/v1/orders", &b.token, "shared", &body).await.expect(201);
    assert_ne!(first.id(), other.id());
    let path = format!("/v1/orders/{}/cancel", first.id());
    server.keyed(Method::POST, &path, &a.token, "shared", &json!({})).await.expect(200);
}

async fn a_refusal_is_not_kept(server: Server) {
    let (who, (_, variant)) = (server.shopper(0).await, server.product(1_000, 50).await);
    let body = order(&[(&variant, 1)], json!({ "payment": "wallet" }));
    let place = || server.keyed(Method::POST, "/v1/orders", &who.token, "again", &body);
    place().await.refused(409, "insufficient_balance");
    let deposit = json!({ "amount": { "amount": "1000", "currency": "KRW" } });
    server
        .post(&format!("/v1/admin/customers/{}/wallet/deposits", who.id), &server.operator(), deposit)
        .await
        .expect(201);
    assert!(place().await.expect(201).header("idempotent-replayed").is_empty());
}

on_every_store!(
    replays_are_the_same_to_the_byte,
    equal_requests_at_once_run_once,
    a_key_is_ones_own_and_its_operations,
    a_refusal_is_not_kept,
);
