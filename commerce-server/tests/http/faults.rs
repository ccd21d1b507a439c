//! Bad input and faults: each has its own code and status, and leaves everything as it was.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, on_every_store, order};

/// Runs a request that is refused, and shows that it changed nothing.
async fn refused(server: &Server, status: u16, code: &str, request: impl Future<Output = Reply>) -> Reply {
    let before = server.books().await;
    let reply = request.await.refused(status, code);
    assert_eq!(server.books().await, before, "{code} left a trace");
    reply
}

async fn out_of_stock(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(1_000, 2).await);
    let place = server.place(&who, &[(&variant, 3)], json!({ "payment": "wallet" }));
    let reply = refused(&server, 409, "out_of_stock", place).await;
    assert_eq!((&reply.body["requested"], &reply.body["available"]), (&json!(3), &json!(2)));
    assert_eq!(reply.body["variant_id"], variant);
}

async fn poor_wallet(server: Server) {
    let (who, (_, variant)) = (server.shopper(999).await, server.product(1_000, 2).await);
    let place = server.place(&who, &[(&variant, 1)], json!({ "payment": "wallet" }));
    let reply = refused(&server, 409, "insufficient_balance", place).await;
    assert_eq!(reply.body["balance"], json!({ "amount": "999", "currency": "KRW" }));
    assert_eq!(reply.body["required"], json!({ "amount": "1000", "currency": "KRW" }));
}

async fn sold_out_coupon(server: Server) {
    let (first, late) = (server.shopper(0).await, server.shopper(0).await);
    let coupon = server.coupon(json!({ "total_quantity": 1 })).await;
    server.claim(&first, &coupon).await.expect(201);
    let reply = refused(&server, 409, "coupon_sold_out", server.claim(&late, &coupon)).await;
    assert_eq!(reply.body["total"], 1);
}

async fn already_claimed_coupon(server: Server) {
    let who = server.shopper(0).await;
    let coupon = server.coupon(json!({})).await;
    server.claim(&who, &coupon).await.expect(201);
    let reply = refused(&server, 409, "coupon_already_claimed", server.claim(&who, &coupon)).await;
    assert_eq!((&reply.body["copies"], &reply.body["limit"]), (&json!(1), &json!(1)));
}

async fn coupons_out_of_their_time(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5_000, 5).await);
    let late = server.shopper(0).await;
    let early = server.coupon(json!({ "starts_at": "2027-01-01T00:00:00Z" })).await;
    refused(&server, 409, "coupon_not_started", server.claim(&who, &early)).await;
    let coupon = server.coupon(json!({ "ends_at": "2026-11-21T10:00:00Z" })).await;
    let copy = server.claim(&who, &coupon).await.expect(201).id();
    server.clock.set("2026-11-21T10:00:00Z".parse().expect("an instant"));
    refused(&server, 409, "coupon_ended", server.claim(&late, &coupon)).await;
    let place = server.place(&who, &[(&variant, 1)], json!({ "coupons": [copy], "payment": "wallet" }));
    refused(&server, 409, "coupon_expired", place).await;
}

async fn inactive_coupon(server: Server) {
    let who = server.shopper(0).await;
    let coupon = server.coupon(json!({ "active": false })).await;
    refused(&server, 409, "coupon_inactive", server.claim(&who, &coupon)).await;
}

async fn foreign_coupon(server: Server) {
    let (owner, thief) = (server.shopper(0).await, server.shopper(100_000).await);
    let (_, variant) = server.product(5_000, 5).await;
    let copy = server.claim(&owner, &server.coupon(json!({})).await).await.expect(201).id();
    let place = server.place(&thief, &[(&variant, 1)], json!({ "coupons": [copy], "payment": "wallet" }));
    refused(&server, 404, "issued_coupon_not_found", place).await;
}

async fn used_coupon(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5_000, 5).await);
    let copy = server.claim(&who, &server.coupon(json!({})).await).await.expect(201).id();
    let more = json!({ "coupons": [copy], "payment": "wallet" });
    server.place(&who, &[(&variant, 1)], more.clone()).await.expect(201);
    refused(&server, 409, "coupon_not_available", server.place(&who, &[(&variant, 1)], more)).await;
}

async fn below_the_coupons_minimum(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5_000, 5).await);
    let minimum = json!({ "min_subtotal": { "amount": "5001", "currency": "KRW" } });
    let copy = server.claim(&who, &server.coupon(minimum).await).await.expect(201).id();
    let place = server.place(&who, &[(&variant, 1)], json!({ "coupons": [copy], "payment": "wallet" }));
    let reply = refused(&server, 422, "below_minimum", place).await;
    assert_eq!(reply.body["minimum"], json!({ "amount": "5001", "currency": "KRW" }));
}

async fn paused_product(server: Server) {
    let (who, (product, variant)) = (server.shopper(100_000).await, server.product(5_000, 5).await);
    let path = format!("/v1/admin/products/{product}");
    let pause = json!({ "status": "paused" });
    server.change(reqwest::Method::PATCH, &path, &server.operator(), pause).await.expect(200);
    let place = server.place(&who, &[(&variant, 1)], json!({ "payment": "wallet" }));
    let reply = refused(&server, 409, "product_not_on_sale", place).await;
    assert_eq!(reply.body["product_status"], "paused");
}

async fn quantities_out_of_range(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 5).await);
    for quantity in [0, -1, 1_000_001, i64::MAX, i64::MIN] {
        let place = server.place(&who, &[(&variant, quantity)], json!({ "payment": "wallet" }));
        let reply = refused(&server, 422, "quantity_out_of_range", place).await;
        assert_eq!((&reply.body["quantity"], &reply.body["max"]), (&json!(quantity), &json!(1_000_000)));
    }
    for quantity in [json!("1"), json!(1.5), json!(1e30), json!(null)] {
        let body = json!({ "lines": [{ "variant_id": variant, "quantity": quantity }] });
        refused(&server, 400, "invalid_body", server.post("/v1/orders", &who.token, body)).await;
    }
}

async fn amounts_that_are_not(server: Server) {
    let who = server.shopper(0).await;
    let path = format!("/v1/admin/customers/{}/wallet/deposits", who.id);
    for (amount, currency, code) in [
        ("1.5", "KRW", "too_many_decimals"),
        ("1.005", "USD", "too_many_decimals"),
        ("1000000000000001", "KRW", "amount_out_of_range"),
        ("99999999999999999999999999", "KRW", "amount_out_of_range"),
        ("0", "KRW", "amount_not_positive"),
        ("-1", "KRW", "amount_not_positive"),
        ("1e3", "KRW", "amount_malformed"),
        ("", "KRW", "amount_malformed"),
        ("007", "KRW", "amount_malformed"),
        (&"0".repeat(1_000), "KRW", "amount_malformed"),
        ("1", "XXX", "unknown_currency"),
        ("1", "krw", "unknown_currency"),
    ] {
        let body = json!({ "amount": { "amount": amount, "currency": currency } });
        refused(&server, 422, code, server.post(&path, &server.operator(), body)).await;
    }
    let number = json!({ "amount": { "amount": 1, "currency": "KRW" } });
    refused(&server, 400, "invalid_body", server.post(&path, &server.operator(), number)).await;
}

async fn mixed_currencies(server: Server) {
    let who = server.shopper(100_000).await;
    let ((_, won), (_, dollars)) = (server.product(5, 5).await, server.product_in("USD", "9.99", 5).await);
    let place = server.place(&who, &[(&won, 1), (&dollars, 1)], json!({ "payment": "wallet" }));
    let reply = refused(&server, 422, "currency_mismatch", place).await;
    assert_eq!((&reply.body["expected"], &reply.body["found"]), (&json!("KRW"), &json!("USD")));
}

async fn the_same_variant_on_two_lines(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 5).await);
    let place = server.place(&who, &[(&variant, 3), (&variant, 3)], json!({ "payment": "wallet" }));
    let reply = refused(&server, 409, "out_of_stock", place).await;
    assert_eq!((&reply.body["requested"], &reply.body["available"]), (&json!(6), &json!(5)));
    server.place(&who, &[(&variant, 3), (&variant, 2)], json!({ "payment": "wallet" })).await.expect(201);
}

async fn too_many_lines_or_none(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 500).await);
    let lines = vec![(&*variant, 1); 101];
    let reply = refused(&server, 422, "too_many_lines", server.place(&who, &lines, json!({}))).await;
    assert_eq!((&reply.body["lines"], &reply.body["max"]), (&json!(101), &json!(100)));
    refused(&server, 422, "no_lines", server.place(&who, &[], json!({}))).await;
    server.place(&who, &lines[..100], json!({})).await.expect(201);
}

async fn someone_elses_order(server: Server) {
    let (owner, other) = (server.shopper(100_000).await, server.shopper(100_000).await);
    let id = server.pending(&owner, &server.product(5, 5).await.1).await;
    for (action, body) in [("pay", json!({ "method": "wallet" })), ("cancel", json!({}))] {
        let path = format!("/v1/orders/{id}/{action}");
        refused(&server, 404, "order_not_found", server.post(&path, &other.token, body)).await;
    }
    for path in [format!("/v1/orders/{id}"), format!("/v1/orders/{id}/history")] {
        refused(&server, 404, "order_not_found", server.get(&path, &other.token)).await;
    }
}

async fn a_key_reused_for_another_body(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 5).await);
    let post = reqwest::Method::POST;
    server.keyed(post.clone(), "/v1/orders", &who.token, "k", &order(&[(&variant, 1)], json!({}))).await.expect(201);
    let other = order(&[(&variant, 2)], json!({}));
    let reused = server.keyed(post, "/v1/orders", &who.token, "k", &other);
    let reply = refused(&server, 422, "idempotency_key_reused", reused).await;
    assert_eq!(reply.body["idempotency_key"], "k");
}

async fn two_cancels_at_once(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 5).await);
    for _ in 0..20 {
        let path = format!("/v1/orders/{}/cancel", server.pending(&who, &variant).await);
        let (a, b) = tokio::join!(
            server.post(&path, &who.token, json!({})),
            server.post(&path, &who.token, json!({ "reason": "twice" })),
        );
        one_wins(a, b, "invalid_transition");
    }
    server.books().await;
    assert_eq!(stock(&server, &variant).await, 5);
}

async fn cancel_against_pay(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 50).await);
    for _ in 0..20 {
        let id = server.pending(&who, &variant).await;
        let (cancel, pay) = (format!("/v1/orders/{id}/cancel"), format!("/v1/orders/{id}/pay"));
        let (a, b) = tokio::join!(
            server.post(&cancel, &who.token, json!({})),
            server.post(&pay, &who.token, json!({ "method": "wallet" })),
        );
        one_wins(a, b, "invalid_transition");
    }
    server.books().await;
}

fn one_wins(a: Reply, b: Reply, code: &str) {
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    won.expect(200);
    let lost = lost.refused(409, code);
    assert!(lost.body["from"] == "cancelled" || lost.body["from"] == "paid", "{}", lost.text);
}

async fn stock(server: &Server, variant: &str) -> u64 {
    let path = format!("/v1/admin/variants/{variant}/stock?limit=1");
    let ledger = server.get(&path, &server.operator()).await.expect(200);
    ledger.body["items"][0]["on_hand_after"].as_u64().expect("units")
}

async fn ways_to_pay_that_are_not_offered(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 5).await);
    let card = server.place(&who, &[(&variant, 1)], json!({ "payment": "card" }));
    refused(&server, 422, "payment_method_not_offered", card).await;
}

async fn an_order_past_its_time(server: Server) {
    let (who, (_, variant)) = (server.shopper(100_000).await, server.product(5, 5).await);
    let id = server.pending(&who, &variant).await;
    server.clock.advance(crate::harness::TTL);
    let pay = json!({ "method": "wallet" });
    refused(&server, 409, "order_expired", server.post(&format!("/v1/orders/{id}/pay"), &who.token, pay)).await;
}

async fn names_that_are_taken(server: Server) {
    let (who, operator) = (server.shopper(0).await, server.operator());
    let me = server.get("/v1/me", &who.token).await.expect(200).body;
    let again = json!({ "username": "new-name", "name": "Me" });
    let put = reqwest::Method::PUT;
    refused(&server, 409, "already_registered", server.change(put, "/v1/me", &who.token, again)).await;
    let twin = json!({ "username": me["username"], "name": "Twin" });
    refused(&server, 409, "username_taken", server.post("/v1/admin/customers", &operator, twin)).await;
    server.coupon(json!({ "code": "ONCE" })).await;
    let coupon = json!({
        "name": "Once", "code": "ONCE", "discount": { "percent": "10" }, "starts_at": "2026-01-01T00:00:00Z",
    });
    refused(&server, 409, "coupon_code_taken", server.post("/v1/admin/coupons", &operator, coupon)).await;
}

async fn coupons_that_cannot_be(server: Server) {
    let operator = server.operator();
    let base = json!({ "name": "C", "discount": { "percent": "10" }, "starts_at": "2026-01-01T00:00:00Z" });
    for (name, value, code) in [
        ("discount", json!({ "percent": "0" }), "percent_out_of_range"),
        ("discount", json!({ "percent": "ten" }), "percent_out_of_range"),
        ("discount", json!({}), "discount_ambiguous"),
        ("discount", json!({ "percent": "10", "amount": { "amount": "1", "currency": "KRW" } }), "discount_ambiguous"),
        ("total_quantity", json!(0), "quantity_out_of_range"),
        ("ends_at", json!("2025-01-01T00:00:00Z"), "empty_window"),
    ] {
        let mut body: Value = base.clone();
        body[name] = value;
        refused(&server, 422, code, server.post("/v1/admin/coupons", &operator, body)).await;
    }
    for percent in ["+10", "-10", "010", "1_0", "10.", ".5", "1e1", " 10", "", "10.00000000000000000000000000001"] {
        let mut body: Value = base.clone();
        body["discount"] = json!({ "percent": percent });
        refused(&server, 422, "percent_out_of_range", server.post("/v1/admin/coupons", &operator, body)).await;
    }
    let who = server.shopper(0).await;
    for body in [json!({}), json!({ "coupon_id": "1", "code": "A" })] {
        let claim = server.post("/v1/me/coupons", &who.token, body);
        refused(&server, 422, "coupon_reference_ambiguous", claim).await;
    }
    let unknown = server.post("/v1/me/coupons", &who.token, json!({ "code": "NONE" }));
    refused(&server, 404, "coupon_code_not_found", unknown).await;
}

on_every_store!(
    out_of_stock,
    poor_wallet,
    sold_out_coupon,
    already_claimed_coupon,
    coupons_out_of_their_time,
    inactive_coupon,
    foreign_coupon,
    used_coupon,
    below_the_coupons_minimum,
    paused_product,
    quantities_out_of_range,
    amounts_that_are_not,
    mixed_currencies,
    the_same_variant_on_two_lines,
    too_many_lines_or_none,
    someone_elses_order,
    a_key_reused_for_another_body,
    two_cancels_at_once,
    cancel_against_pay,
    ways_to_pay_that_are_not_offered,
    an_order_past_its_time,
    names_that_are_taken,
    coupons_that_cannot_be,
);
