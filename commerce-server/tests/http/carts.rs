//! Carts from the first item to the order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, Shopper, on_every_store};

async fn add(server: &Server, who: &Shopper, variant: &str, quantity: i64) -> Reply {
    let body = json!({ "variant_id": variant, "quantity": quantity });
    server.post("/v1/me/cart/items", &who.token, body).await
}

async fn view(server: &Server, who: &Shopper) -> Reply {
    server.get("/v1/me/cart", &who.token).await.expect(200)
}

/// Variants and units, as any answer with items or lines has them.
fn contents(lines: &Value) -> Vec<(&str, u64)> {
    let lines = lines.as_array().expect("lines").iter();
    lines.map(|line| (line["variant_id"].as_str().expect("an id"), line["quantity"].as_u64().expect("units"))).collect()
}

async fn filled_changed_and_emptied(server: Server) {
    let who = server.shopper(0).await;
    let ((_, one), (_, other)) = (server.product(1_000, 5).await, server.product(2_000, 5).await);
    let never = view(&server, &who).await;
    assert_eq!((&never.body["lines"], &never.body["version"], never.header("etag")), (&json!([]), &json!(0), ""));
    assert!(never.body.get("total").is_none(), "{}", never.text);

    let first = add(&server, &who, &one, 2).await.expect(200);
    assert_eq!((first.header("etag"), contents(&first.body["items"])), ("\"1\"", vec![(&*one, 2)]));
    add(&server, &who, &other, 1).await.expect(200);
    let more = add(&server, &who, &one, 3).await.expect(200);
    assert_eq!(contents(&more.body["items"]), vec![(&*one, 5), (&*other, 1)]);
    let seen = view(&server, &who).await;
    assert_eq!((seen.header("etag"), &seen.body["total"]), ("\"3\"", &json!({ "amount": "7000", "currency": "KRW" })));

    let path = format!("/v1/me/cart/items/{one}");
    let changed = server.change(Method::PATCH, &path, &who.token, json!({ "quantity": 1 })).await.expect(200);
    assert_eq!(contents(&changed.body["items"]), vec![(&*one, 1), (&*other, 1)]);
    let removed = server.change(Method::DELETE, &path, &who.token, json!({})).await.expect(200);
    assert_eq!((removed.header("etag"), contents(&removed.body["items"])), ("\"5\"", vec![(&*other, 1)]));
    let gone = server.change(Method::DELETE, &path, &who.token, json!({})).await.refused(404, "cart_item_not_found");
    assert_eq!(gone.body["variant_id"], *one);
    let cleared = server.change(Method::DELETE, "/v1/me/cart", &who.token, json!({})).await.expect(200);
    assert_eq!((&cleared.body["items"], cleared.header("etag")), (&json!([]), "\"6\""));
    let again = server.change(Method::DELETE, "/v1/me/cart", &who.token, json!({})).await.expect(200);
    assert_eq!(again.header("etag"), "\"6\"", "nothing was there to take out");
    assert_eq!(view(&server, &who).await.header("etag"), "\"6\"", "versions never come again");
}

async fn what_cannot_be_in_a_cart(server: Server) {
    let who = server.shopper(0).await;
    let (product, variant) = server.product(1_000, 5).await;
    for (quantity, max) in [(0, 1_000_000), (-1, 1_000_000), (1_000_001, 1_000_000)] {
        let reply = add(&server, &who, &variant, quantity).await.refused(422, "quantity_out_of_range");
        assert_eq!(reply.body["max"], max);
    }
    add(&server, &who, "9007199254740993", 1).await.refused(404, "variant_not_found");
    add(&server, &who, &variant, 1_000_000).await.expect(200);
    let full = add(&server, &who, &variant, 1).await.refused(422, "quantity_out_of_range");
    assert_eq!((&full.body["quantity"], &full.body["max"]), (&json!(1_000_001), &json!(1_000_000)));
    let (_, dollars) = server.product_in("USD", "1.50", 5).await;
    add(&server, &who, &dollars, 1).await.refused(422, "currency_mismatch");
    let pause = json!({ "status": "paused" });
    server.change(Method::PATCH, &format!("/v1/admin/products/{product}"), &server.operator(), pause).await.expect(200);
    let other = server.shopper(0).await;
    add(&server, &other, &variant, 1).await.refused(409, "product_not_on_sale");
    let body = json!({ "variant_id": variant, "quantity": 1, "price": "0" });
    server.post("/v1/me/cart/items", &who.token, body).await.refused(400, "unknown_field");
}

async fn merged_line_by_line(server: Server) {
    let who = server.shopper(0).await;
    let ((_, one), (product, gone)) = (server.product(1_000, 5).await, server.product(2_000, 5).await);
    let stop = json!({ "status": "discontinued" });
    server.change(Method::PATCH, &format!("/v1/admin/products/{product}"), &server.operator(), stop).await.expect(200);
    add(&server, &who, &one, 2).await.expect(200);
    let line = |variant: &str, quantity: i64| json!({ "variant_id": variant, "quantity": quantity });
    let lines = json!({ "lines": [line(&gone, 1), line(&one, 3), line("9007199254740993", 1), line(&one, 1_000_000)] });
    let key = "a-merge";
    let merged = server.keyed(Method::POST, "/v1/me/cart/merge", &who.token, key, &lines).await.expect(200);
    assert_eq!(contents(&merged.body["cart"]["items"]), vec![(&*one, 5)], "{}", merged.text);
    let why = |refused: &Value| (refused["variant_id"].clone(), refused["refusal"]["code"].clone());
    let refused: Vec<_> = merged.body["refused"].as_array().expect("lines").iter().map(why).collect();
    let expected = [
        (json!(gone), json!("product_not_on_sale")),
        (json!("9007199254740993"), json!("variant_not_found")),
        (json!(one), json!("quantity_out_of_range")),
    ];
    assert_eq!(refused, expected);
    let replay = server.keyed(Method::POST, "/v1/me/cart/merge", &who.token, key, &lines).await.expect(200);
    assert_eq!((replay.text, replay.headers["idempotent-replayed"].to_str().ok()), (merged.text, Some("true")));
    assert_eq!(contents(&view(&server, &who).await.body["lines"]), vec![(&*one, 5)], "merged once");
    server.post("/v1/me/cart/merge", &who.token, json!({ "lines": [] })).await.refused(422, "no_lines");
}

async fn shown_as_it_is_now(server: Server) {
    let who = server.shopper(0).await;
    let ((dear, one), (_, few)) = (server.product(29_000, 5).await, server.product(2_000, 5).await);
    add(&server, &who, &one, 1).await.expect(200);
    add(&server, &who, &few, 6).await.expect(200);
    let price = json!({ "base_price": { "amount": "39000", "currency": "KRW" } });
    server.change(Method::PATCH, &format!("/v1/admin/products/{dear}"), &server.operator(), price).await.expect(200);
    let seen = view(&server, &who).await.body;
    let won = |amount: &str| json!({ "amount": amount, "currency": "KRW" });
    let (first, second) = (&seen["lines"][0], &seen["lines"][1]);
    assert_eq!((&first["saved_price"], &first["unit_price"]), (&won("29000"), &won("39000")));
    assert_eq!((&first["price_changed"], &first["available"]), (&json!(true), &json!(true)));
    assert_eq!((&second["stock"], &second["refusal"]["code"]), (&json!(5), &json!("out_of_stock")));
    assert_eq!((second.get("subtotal"), &seen["total"]), (None, &won("39000")), "what can be bought");
}

async fn followed_by_version(server: Server) {
    let who = server.shopper(0).await;
    let (_, variant) = server.product(1_000, 5).await;
    add(&server, &who, &variant, 1).await.expect(200);
    let path = format!("/v1/me/cart/items/{variant}");
    let send = async |method: Method, path: &str, version: &str, body: Value| {
        let request = server.request(method, path).bearer_auth(&who.token).header("If-Match", version);
        server.send(request.header("Idempotency-Key", format!("v-{}", server.fresh())).json(&body)).await
    };
    let stale = send(Method::PATCH, &path, "\"9\"", json!({ "quantity": 2 })).await.refused(412, "version_mismatch");
    assert_eq!((&stale.body["expected"], &stale.body["actual"]), (&json!(9), &json!(1)));
    send(Method::PATCH, &path, "\"1\"", json!({ "quantity": 2 })).await.expect(200);
    send(Method::DELETE, &path, "\"1\"", json!({})).await.refused(412, "version_mismatch");
    send(Method::DELETE, "/v1/me/cart", "\"1\"", json!({})).await.refused(412, "version_mismatch");
    let order = json!({ "cart": { "version": 1 } });
    server.post("/v1/orders", &who.token, order).await.refused(412, "version_mismatch");
    send(Method::DELETE, "/v1/me/cart", "\"2\"", json!({})).await.expect(200);
}

async fn ordered_from_the_cart(server: Server) {
    let who = server.shopper(8_000).await;
    let ((_, one), (_, other)) = (server.product(1_000, 5).await, server.product(2_000, 5).await);
    server.post("/v1/orders", &who.token, json!({ "cart": {} })).await.refused(422, "no_lines");
    add(&server, &who, &one, 2).await.expect(200);
    add(&server, &who, &other, 4).await.expect(200);
    let quote = server.post("/v1/quotes", &who.token, json!({ "cart": {} })).await.expect(200);
    assert_eq!(quote.body["total"]["amount"], "10000");
    let body = json!({ "cart": { "version": 2 }, "payment": "wallet" });
    let before = server.books().await;
    server.post("/v1/orders", &who.token, body).await.refused(409, "insufficient_balance");
    assert_eq!(server.books().await, before, "a refused order leaves the cart");

    let path = format!("/v1/me/cart/items/{other}");
    server.change(Method::PATCH, &path, &who.token, json!({ "quantity": 3 })).await.expect(200);
    let copy = server.claim(&who, &server.coupon(json!({})).await).await.expect(201).id();
    let body = json!({ "cart": { "version": 3 }, "payment": "wallet", "coupons": [copy] });
    let placed = server.keyed(Method::POST, "/v1/orders", &who.token, "checkout", &body).await.expect(201);
    assert_eq!((&placed.body["status"], &placed.body["total"]["amount"]), (&json!("paid"), &json!("7000")));
    assert_eq!(contents(&placed.body["lines"]), vec![(&*one, 2), (&*other, 3)]);
    assert_eq!(view(&server, &who).await.body["lines"], json!([]), "what was ordered left the cart");
    add(&server, &who, &one, 1).await.expect(200);
    let replay = server.keyed(Method::POST, "/v1/orders", &who.token, "checkout", &body).await.expect(201);
    assert_eq!(replay.text, placed.text);
    assert_eq!(contents(&view(&server, &who).await.body["lines"]), vec![(&*one, 1)], "a replay takes nothing");

    for wrong in
        [json!({}), json!({ "cart": {}, "lines": [] }), json!({ "cart": { "items": [] } }), json!({ "cart": [] })]
    {
        let reply = server.post("/v1/orders", &who.token, wrong).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
    }
    server.books().await;
}

/// Two browser tabs add and a third orders, all at once: nothing is lost and nothing sold twice.
async fn edited_and_ordered_at_the_same_time(server: Server) {
    let who = server.shopper(100_000).await;
    let (_, variant) = server.product(1_000, 1_000).await;
    let tab = async || {
        let mut added = 0;
        for _ in 0..6 {
            added += add(&server, &who, &variant, 1).await.expect(200).status / 200;
        }
        u64::from(added)
    };
    let buyer = async || {
        let mut bought = 0;
        for _ in 0..4 {
            let reply = server.post("/v1/orders", &who.token, json!({ "cart": {}, "payment": "wallet" })).await;
            match reply.status {
                201 => bought += contents(&reply.body["lines"]).iter().map(|(_, units)| units).sum::<u64>(),
                _ => drop(reply.refused(422, "no_lines")),
            }
        }
        bought
    };
    let (one, two, bought) = tokio::join!(tab(), tab(), buyer());
    let left: u64 = contents(&view(&server, &who).await.body["lines"]).iter().map(|(_, units)| units).sum();
    assert_eq!((one + two, bought + left), (12, 12), "{bought} ordered and {left} left");
    server.books().await;
}

on_every_store!(
    filled_changed_and_emptied,
    what_cannot_be_in_a_cart,
    merged_line_by_line,
    shown_as_it_is_now,
    followed_by_version,
    ordered_from_the_cart,
    edited_and_ordered_at_the_same_time,
);
