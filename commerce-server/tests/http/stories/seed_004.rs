//! Each request of the sequence diagrams: charge and read a balance, read products, claim and list coupons, order and pay
//! with every way that can fail, and what is popular.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{balance, claim, copies, each, items, operate, stock, text, won};
use crate::harness::{Server, on_every_store_with_cards};

async fn seed_004_every_request_and_every_refusal(server: Server) {
    // The balance, charged by what is more than nothing, with a line in its log.
    let who = server.shopper(0).await;
    let deposits = format!("/v1/admin/customers/{}/wallet/deposits", who.id);
    operate(&server, Method::POST, &deposits, json!({ "amount": won(0) })).await.refused(422, "amount_not_positive");
    let charged = operate(&server, Method::POST, &deposits, json!({ "amount": won(50_000) })).await.expect(201);
    assert_eq!((&charged.body["kind"], &charged.body["balance_after"]), (&json!("deposit"), &won(50_000)));
    assert_eq!(balance(&server, &who).await, won(50_000));

    // Products, with price and stock.
    let ((cheap, cheap_variant), (dear, dear_variant)) =
        (server.product(10_000, 3).await, server.product(60_000, 2).await);
    let offered = server.get(&format!("/v1/products/{cheap}"), "").await.expect(200).body;
    let variant = &offered["variants"][0];
    assert_eq!((&variant["unit_price"], &variant["stock"]), (&won(10_000), &json!(3)));

    // First come, first served: three copies, many hands, one for each.
    let coupon = server.coupon(json!({ "total_quantity": 3 })).await;
    let copy = server.claim(&who, &coupon).await.expect(201).id();
    server.claim(&who, &coupon).await.refused(409, "coupon_already_claimed");
    let mut crowd = Vec::new();
    for _ in 0..8 {
        crowd.push(server.shopper(0).await);
    }
    let claims = futures_util::future::join_all(crowd.iter().map(|other| server.claim(other, &coupon))).await;
    assert_eq!(claims.iter().filter(|reply| reply.status == 201).count(), 2, "two copies were left");
    assert_eq!(items(&server, "/v1/coupons", "").await[0]["status"], "sold_out");
    assert_eq!(copies(&server, &who).await, ["available"]);

    // An order fails for want of stock, of a good coupon, or of money, and leaves everything as it was.
    let before = server.books().await;
    let pay = json!({ "coupons": [copy], "payment": "wallet" });
    let order = async |variant: &str, units: i64| server.place(&who, &[(variant, units)], pay.clone()).await;
    let short = order(&cheap_variant, 4).await.refused(409, "out_of_stock");
    assert_eq!((&short.body["requested"], &short.body["available"]), (&json!(4), &json!(3)));
    let others = items(&server, "/v1/me/coupons", &crowd[0].token).await;
    let foreign = others.first().map_or_else(|| json!("9007199254740993"), |item| item["issued"]["id"].clone());
    let stranger = json!({ "coupons": [foreign], "payment": "wallet" });
    server.place(&who, &[(&cheap_variant, 1)], stranger).await.refused(404, "issued_coupon_not_found");
    let poor = order(&dear_variant, 1).await.refused(409, "insufficient_balance");
    assert_eq!((&poor.body["balance"], &poor.body["required"]), (&won(50_000), &won(59_000)));
    assert_eq!(server.books().await, before);

    // And it succeeds whole: stock, snapshot, coupon, payment, log, history.
    let done = order(&cheap_variant, 2).await.expect(201);
    assert_eq!((&done.body["status"], &done.body["total"]), (&json!("paid"), &won(19_000)));
    assert_eq!((stock(&server, &cheap).await, balance(&server, &who).await), (json!(1), won(31_000)));
    assert_eq!(copies(&server, &who).await, ["used"]);
    let log = items(&server, "/v1/me/wallet/KRW/entries", &who.token).await;
    assert_eq!((&log[0]["kind"], &log[0]["amount"]), (&json!("payment"), &won(-19_000)));
    assert_eq!(log[0]["order_id"], done.body["id"]);
    order(&cheap_variant, 1).await.refused(409, "coupon_not_available");
    // What others hear of it is on its way.
    let told = claim(&server, "data-platform").await;
    assert_eq!(told.iter().map(|claimed| claimed.message.event.type_name()).collect::<Vec<_>>(), ["order.paid"]);

    // The best sellers of three days, and each night's count of a day.
    server.clock.advance(Duration::from_secs(86_400));
    let rich = server.shopper(500_000).await;
    server.paid(&rich, &dear_variant).await;
    let popular = items(&server, "/v1/products/popular?top=5&days=3", "").await;
    let ids: Vec<&str> = popular.iter().map(|item| text(&item["product"]["id"])).collect();
    assert_eq!((ids, each(&popular, "quantity")), (vec![cheap.as_str(), dear.as_str()], vec![json!(2), json!(1)]));
    let operator = server.operator();
    for (date, product) in [("2026-11-21", &cheap), ("2026-11-22", &dear)] {
        let day = items(&server, &format!("/v1/admin/daily-sales?date={date}"), &operator).await;
        assert_eq!(each(&day, "product_id"), [json!(product)]);
    }
    // The night's job counts them anew, and finds what every order has booked.
    let nightly = "/v1/admin/daily-sales/roll-up?first=2026-11-21&last=2026-11-22";
    let rolled = server.send(server.request(Method::POST, nightly).bearer_auth(&operator)).await.expect(200);
    let days = rolled.body["items"].as_array().expect("days").clone();
    assert_eq!((each(&days, "lines"), each(&days, "corrected")), (vec![json!(1), json!(1)], vec![json!(0), json!(0)]));
    server.books().await;
}

on_every_store_with_cards!(seed_004_every_request_and_every_refusal);
