//! Refunds: by line and quantity, to the last minor unit.

use serde_json::{Value, json};

use crate::harness::{Server, Shopper, on_every_store};

fn won(amount: u64) -> Value {
    json!({ "amount": amount.to_string(), "currency": "KRW" })
}

async fn balance(server: &Server, who: &Shopper) -> Value {
    server.get("/v1/me/wallet", &who.token).await.expect(200).body["items"][0]["balance"]["amount"].clone()
}

/// Three units of one product and one of another for 3,400 won: 1,000 won off 4,400; and the product of the first.
async fn bought(server: &Server, who: &Shopper) -> (String, String) {
    let ((product, three), (_, one)) = (server.product(1_000, 5).await, server.product(1_400, 5).await);
    let copy = server.claim(who, &server.coupon(json!({})).await).await.expect(201).id();
    let more = json!({ "coupons": [copy], "payment": "wallet" });
    let order = server.place(who, &[(&three, 3), (&one, 1)], more).await.expect(201);
    assert_eq!(order.body["total"], won(3_400));
    (order.id(), product)
}

async fn line_by_line_until_it_is_all_back(server: Server) {
    let who = server.shopper(100_000).await;
    let (id, product) = bought(&server, &who).await;
    let path = format!("/v1/admin/orders/{id}/refunds");
    let refund = async |body: Value| server.post(&path, &server.operator(), body).await;
    let one = json!({ "lines": [{ "position": 1, "quantity": 1 }], "restock": true, "reason": "arrived broken" });
    let first = refund(one.clone()).await.expect(201);
    // 682 of the 1,000 won off are the first line's: 2,318 won for three units.
    assert_eq!((&first.body["total"], &first.body["status"]), (&won(772), &json!("succeeded")));
    assert_eq!((&first.body["destination"], &first.body["reason"]), (&json!("wallet"), &json!("arrived broken")));
    assert_eq!(refund(one).await.expect(201).body["total"], won(773));
    let too_many = refund(json!({ "lines": [{ "position": 1, "quantity": 2 }], "restock": true })).await;
    let too_many = too_many.refused(409, "refund_too_large");
    assert_eq!((&too_many.body["requested"], &too_many.body["refundable"]), (&json!(2), &json!(1)));
    let rest = refund(json!({ "restock": false })).await.expect(201);
    let lines = json!([
        { "position": 1, "quantity": 1, "amount": won(773) },
        { "position": 2, "quantity": 1, "amount": won(1_082) },
    ]);
    assert_eq!((&rest.body["lines"], &rest.body["total"]), (&lines, &won(1_855)));
    assert_eq!(balance(&server, &who).await, "100000");

    let order = server.get(&format!("/v1/orders/{id}"), &who.token).await.expect(200);
    assert_eq!((&order.body["status"], order.header("etag")), (&json!("refunded"), "\"4\""));
    let stock = server.get(&format!("/v1/products/{product}"), "").await.body["variants"][0]["stock"].clone();
    let coupon = server.get("/v1/me/coupons", &who.token).await.body["items"][0]["issued"]["status"].clone();
    assert_eq!((stock, coupon), (json!(4), json!("available")));
    refund(json!({ "restock": false })).await.refused(409, "invalid_transition");
    let told = server.get(&format!("/v1/orders/{id}/refunds"), &who.token).await.expect(200);
    assert_eq!(told.body["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(told.body["items"][0], first.body);
    let history = server.get(&format!("/v1/orders/{id}/history"), &who.token).await.expect(200);
    let events: Vec<_> = history.body["items"].as_array().expect("events").iter().map(|e| e["event"].clone()).collect();
    let (part, all) = ("order.partially_refunded", "order.refunded");
    assert_eq!(events, ["order.paid", part, part, all]);
    assert_eq!(history.body["items"][1]["refund"], first.body);
    let day = server.get("/v1/admin/daily-sales?date=2026-11-21", &server.operator()).await.expect(200);
    assert!(day.body["items"].as_array().expect("sales").iter().all(|sold| sold["quantity"] == 0), "{}", day.text);
    server.books().await;
}

async fn what_cannot_be_refunded(server: Server) {
    let who = server.shopper(100_000).await;
    let (id, _) = bought(&server, &who).await;
    let (_, variant) = server.product(1_000, 5).await;
    let pending = server.pending(&who, &variant).await;
    let books = server.books().await;
    let refund = async |id: &str, body: Value| {
        server.post(&format!("/v1/admin/orders/{id}/refunds"), &server.operator(), body).await
    };
    let units = |position: i64, quantity: i64| json!({ "lines": [{ "position": position, "quantity": quantity }], "restock": true });
    refund(&pending, json!({ "restock": true })).await.refused(409, "invalid_transition");
    refund("9007199254740993", json!({ "restock": true })).await.refused(404, "order_not_found");
    refund(&id, json!({ "lines": [], "restock": true })).await.refused(422, "no_lines");
    let missing = refund(&id, units(3, 1)).await.refused(422, "order_line_not_found");
    assert_eq!(missing.body["position"], 3);
    refund(&id, units(1, 0)).await.refused(422, "quantity_out_of_range");
    let gateway = json!({ "restock": true, "destination": "gateway" });
    refund(&id, gateway).await.refused(422, "refund_destination_not_offered");
    refund(&id, json!({})).await.refused(400, "invalid_body");
    refund(&id, json!({ "restock": true, "amount": won(1) })).await.refused(400, "unknown_field");
    assert_eq!(server.books().await, books);
}

async fn two_refunds_at_once(server: Server) {
    let who = server.shopper(100_000).await;
    let (id, _) = bought(&server, &who).await;
    let path = format!("/v1/admin/orders/{id}/refunds");
    let operator = server.operator();
    let both = json!({ "lines": [{ "position": 1, "quantity": 2 }], "restock": true });
    let (one, other) = tokio::join!(server.post(&path, &operator, both.clone()), server.post(&path, &operator, both));
    let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
    won.expect(201);
    assert_eq!(lost.refused(409, "refund_too_large").body["refundable"], 1);
    server.books().await;
}

/// Nothing goes back through a gateway that the shop does not have: it would be on its way for ever.
async fn without_a_gateway_a_card_order_goes_back_into_the_wallet(server: Server) {
    let who = server.shopper(0).await;
    let (_, variant) = server.product(1_000, 5).await;
    let id = server.paid_by_card(&who, &variant).await;
    let path = format!("/v1/admin/orders/{id}/refunds");
    for destination in [json!(null), json!("gateway")] {
        let body = json!({ "restock": true, "destination": destination });
        server.post(&path, &server.operator(), body).await.refused(422, "refund_destination_not_offered");
    }
    let body = json!({ "restock": true, "destination": "wallet" });
    assert_eq!(server.post(&path, &server.operator(), body).await.expect(201).body["status"], "succeeded");
    assert_eq!(balance(&server, &who).await, "1000");
    server.books().await;
}

on_every_store!(
    line_by_line_until_it_is_all_back,
    what_cannot_be_refunded,
    two_refunds_at_once,
    without_a_gateway_a_card_order_goes_back_into_the_wallet,
);
