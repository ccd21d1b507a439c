//! A fashion shop on points: options and their SKUs, a cart that remembers prices, orders that keep theirs, points that
//! are charged through a gateway.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{balance, copies, each, items, operate, step, text, won};
use crate::harness::{Server, on_every_store_with_cards};

async fn seed_003_a_fashion_shop_on_points(server: Server) {
    let (who, operator) = (server.shopper(0).await, server.operator());
    // Products with options; an option's price is added, its SKU is unique.
    let shirt = json!({
        "name": "티셔츠", "description": "면 100%", "base_price": won(29_000), "status": "on_sale",
        "variants": [
            { "sku": "TS-M", "option_name": "M", "stock": 10 },
            { "sku": "TS-XL", "option_name": "XL", "additional_price": won(2_000), "stock": 1 },
        ],
    });
    let listing = operate(&server, Method::POST, "/v1/admin/products", shirt).await.expect(201).body;
    let product = text(&listing["product"]["id"]).to_owned();
    let variants: Vec<String> =
        each(listing["variants"].as_array().expect("options"), "id").iter().map(|id| text(id).to_owned()).collect();
    let [medium, large] = [variants[0].as_str(), variants[1].as_str()];
    let twin = json!({ "sku": "TS-M", "option_name": "S" });
    let path = format!("/v1/admin/products/{product}");
    operate(&server, Method::POST, &format!("{path}/variants"), twin).await.refused(409, "sku_taken");

    // Views are counted, and tell what is looked at most.
    for _ in 0..3 {
        server.get(&format!("/v1/products/{product}"), "").await.expect(200);
    }
    server.app.views.flush(&**server.app.commerce.store()).await.expect("counted");
    assert_eq!(items(&server, "/v1/products/most-viewed", "").await[0]["views"], 3);

    // Points: asked for, paid at the gateway, verified, credited once; or failed.
    let charge = |amount| json!({ "amount": won(amount) });
    let waiting = server.post("/v1/me/top-ups", &who.token, charge(100_904)).await.expect(201);
    assert_eq!((&waiting.body["status"], balance(&server, &who).await), (&json!("pending"), json!(null)));
    server.at_gateway(text(&waiting.body["charge_id"]), "approve").await;
    let confirm = format!("/v1/me/top-ups/{}/confirm", waiting.id());
    for _ in 0..2 {
        let done = server.post(&confirm, &who.token, json!({})).await.expect(200);
        assert_eq!(done.body["status"], "completed");
    }
    let failed = server.post("/v1/me/top-ups", &who.token, charge(901)).await.expect(201);
    assert_eq!(failed.body["failure_reason"], "the card was declined");
    let requests = items(&server, "/v1/me/top-ups", &who.token).await;
    assert_eq!(each(&requests, "status"), ["failed", "completed"]);
    assert_eq!(balance(&server, &who).await, won(100_904));

    // The cart remembers what things cost when they came in, and says what cannot be bought.
    for (variant, quantity) in [(medium, 2), (large, 2)] {
        let item = json!({ "variant_id": variant, "quantity": quantity });
        server.post("/v1/me/cart/items", &who.token, item).await.expect(200);
    }
    operate(&server, Method::PATCH, &path, json!({ "base_price": won(30_000) })).await.expect(200);
    let cart = server.get("/v1/me/cart", &who.token).await.expect(200).body;
    let lines = cart["lines"].as_array().expect("lines");
    assert_eq!(each(lines, "saved_price"), [won(29_000), won(31_000)]);
    assert_eq!(each(lines, "unit_price"), [won(30_000), won(32_000)]);
    assert_eq!((&lines[0]["price_changed"], &lines[1]["refusal"]["code"]), (&json!(true), &json!("out_of_stock")));
    let item = format!("/v1/me/cart/items/{large}");
    server.change(Method::PATCH, &item, &who.token, json!({ "quantity": 1 })).await.expect(200);

    // A coupon on the order, which keeps its names and prices whatever becomes of the product.
    let coupon = server.coupon(json!({ "discount": { "percent": "10", "cap": won(3_000) } })).await;
    let copy = server.claim(&who, &coupon).await.expect(201).id();
    let checkout = json!({ "cart": {}, "coupons": [copy], "payment": "wallet" });
    let order = server.post("/v1/orders", &who.token, checkout).await.expect(201);
    let figures = ["subtotal", "discount", "total"].map(|figure| order.body[figure].clone());
    assert_eq!(figures, [won(92_000), won(3_000), won(89_000)]);
    assert_eq!(server.get("/v1/me/cart", &who.token).await.expect(200).body["lines"], json!([]));
    let change = json!({ "base_price": won(39_000), "name": "맨투맨" });
    operate(&server, Method::PATCH, &path, change).await.expect(200);
    let kept = server.get(&format!("/v1/orders/{}", order.id()), &who.token).await.expect(200).body;
    let line = &kept["lines"][1];
    let snapshot = ["product_name", "option_name", "sku"].map(|member| text(&line[member]).to_owned());
    assert_eq!(snapshot, ["티셔츠", "XL", "TS-XL"]);
    assert_eq!((&line["unit_price"], &line["subtotal"]), (&won(32_000), &won(32_000)));

    // Points come and go in one log, each with what it was for.
    let log = items(&server, "/v1/me/wallet/KRW/entries", &who.token).await;
    assert_eq!(each(&log, "balance_after"), [won(11_904), won(100_904)]);
    assert_eq!((&log[0]["order_id"], &log[1]["top_up_id"]), (&order.body["id"], &waiting.body["id"]));
    // The use of a coupon, and its end when everything goes back.
    assert_eq!(copies(&server, &who).await, ["used"]);
    let refunds = format!("/v1/admin/orders/{}/refunds", order.id());
    operate(&server, Method::POST, &refunds, json!({ "restock": true })).await.expect(201);
    assert_eq!((copies(&server, &who).await, balance(&server, &who).await), (vec![json!("available")], won(100_904)));

    // An option that is switched off is not sold; the next order waits, and is called off.
    let off = format!("/v1/admin/variants/{large}");
    operate(&server, Method::PATCH, &off, json!({ "active": false })).await.expect(200);
    server.place(&who, &[(large, 1)], json!({})).await.refused(409, "variant_inactive");
    let pending = server.pending(&who, medium).await;
    step(&server, &who, &pending, "cancel", json!({})).await.expect(200);
    let orders = items(&server, "/v1/orders", &who.token).await;
    assert_eq!(each(&orders, "status"), ["cancelled", "refunded"]);
    // A request that nobody finishes runs out.
    let late = server.post("/v1/me/top-ups", &who.token, charge(904)).await.expect(201);
    server.clock.advance(Duration::from_secs(1_800));
    server.payments().sweep(Duration::ZERO).await.expect("a sweep");
    let ended = server.get(&format!("/v1/me/top-ups/{}", late.id()), &who.token).await.expect(200).body;
    assert_eq!(ended["status"], "expired");
    assert_eq!(text(&items(&server, "/v1/admin/products", &operator).await[0]["id"]), product);
    server.books().await;
}

on_every_store_with_cards!(seed_003_a_fashion_shop_on_points);
