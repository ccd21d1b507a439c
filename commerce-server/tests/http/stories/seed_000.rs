//! Consistency in a race for stock and coupons, and payment and events in one commit.

use reqwest::Method;
use serde_json::json;

use super::{balance, claim, copies, each, holder, items, operate, step, stock, text, won};
use crate::harness::{Server, on_every_store_with_cards};

async fn seed_000_stock_coupons_and_payment_stay_consistent(server: Server) {
    // Users and wallets: a movement is made once for its key.
    let (who, operator) = (server.shopper(0).await, server.operator());
    let deposits = format!("/v1/admin/customers/{}/wallet/deposits", who.id);
    let deposit = json!({ "amount": won(300_000), "memo": "welcome" });
    let first = server.keyed(Method::POST, &deposits, &operator, "deposit-1", &deposit).await.expect(201);
    let again = server.keyed(Method::POST, &deposits, &operator, "deposit-1", &deposit).await.expect(201);
    assert_eq!((again.text, balance(&server, &who).await), (first.text, won(300_000)));

    // Products, and the ledger of their stock.
    let (product, variant) = server.product(29_000, 5).await;
    let ledger = format!("/v1/admin/variants/{variant}/stock");
    operate(&server, Method::POST, &ledger, json!({ "delta": 3, "note": "found in the back" })).await.expect(201);

    // Coupons: an amount or a percentage with a cap, a least order, a window, and one for a customer, first come first
    // served.
    let amount = json!({ "total_quantity": 2, "min_subtotal": won(30_000), "ends_at": "2026-12-01T00:00:00Z" });
    let amount = server.coupon(amount).await;
    let percent = json!({ "discount": { "percent": "10", "cap": won(5_000) } });
    let percent = server.coupon(percent).await;
    let fixed = server.claim(&who, &amount).await.expect(201).id();
    server.claim(&who, &amount).await.refused(409, "coupon_already_claimed");
    let (second, third) = (server.shopper(0).await, server.shopper(0).await);
    server.claim(&second, &amount).await.expect(201);
    server.claim(&third, &amount).await.refused(409, "coupon_sold_out");
    let rate = server.claim(&who, &percent).await.expect(201).id();

    // Orders: created, paid and cancelled, each line with its price and sum.
    let small = json!({ "coupons": [fixed], "payment": "wallet" });
    server.place(&who, &[(&variant, 1)], small).await.refused(422, "below_minimum");
    let order = json!({ "coupons": [fixed], "payment": "wallet" });
    let paid = server.place(&who, &[(&variant, 2)], order).await.expect(201);
    let figures = ["subtotal", "discount", "total"].map(|figure| paid.body[figure].clone());
    assert_eq!(figures, [won(58_000), won(1_000), won(57_000)]);
    let line = &paid.body["lines"][0];
    assert_eq!((&line["quantity"], &line["unit_price"], &line["subtotal"]), (&json!(2), &won(29_000), &won(58_000)));
    let capped = server.place(&who, &[(&variant, 2)], json!({ "coupons": [rate] })).await.expect(201);
    assert_eq!((&capped.body["status"], &capped.body["discount"]), (&json!("pending"), &won(5_000)));
    step(&server, &who, &capped.id(), "cancel", json!({ "reason": "too dear" })).await.expect(200);
    assert_eq!(stock(&server, &product).await, 6);
    let entries = items(&server, &ledger, &operator).await;
    assert_eq!(each(&entries, "reason"), ["cancel", "order", "order", "adjust", "adjust"]);
    assert_eq!(each(&entries, "delta"), [2, -2, -2, 3, 5]);
    assert_eq!(entries[2]["order_id"], paid.body["id"]);
    assert_eq!(copies(&server, &who).await, ["available", "used"]);

    // Payments: one an order, from the wallet, or declined.
    let payment = server.get(&format!("/v1/orders/{}/payment", paid.id()), &who.token).await.expect(200).body;
    let told = (&payment["method"], &payment["status"], &payment["amount"]);
    assert_eq!(told, (&json!("wallet"), &json!("succeeded"), &won(57_000)));
    let (_, odd) = server.product(901, 5).await;
    let declined = server.pending(&who, &odd).await;
    step(&server, &who, &declined, "pay", json!({ "method": "card" })).await.expect(200);
    let failed = server.get(&format!("/v1/orders/{declined}/payment"), &who.token).await.expect(200).body;
    assert_eq!(failed["status"], "failed");
    let movements = items(&server, "/v1/me/wallet/KRW/entries", &who.token).await;
    assert_eq!(each(&movements, "amount"), [won(-57_000), won(300_000)]);
    assert_eq!(each(&movements, "balance_after"), [won(243_000), won(300_000)]);

    // The outbox: ready, sent, or failed for good, in the sequence of each order.
    let store = server.app.commerce.store();
    let ready = store.backlog().await.expect("a count");
    let heads = claim(&server, "relay").await;
    assert_eq!(heads.len(), 3, "one message at a time of each order");
    for (n, head) in heads.iter().enumerate() {
        let (id, holder) = (head.message.id, holder("relay"));
        match n {
            0 => assert_eq!(store.bury(&holder, id, "gone").await, Ok(true)),
            _ => assert_eq!(store.acknowledge(&holder, &[id]).await, Ok(1)),
        }
    }
    let sink = store.sinks().await.expect("the sink").remove(0);
    assert_eq!((sink.backlog, sink.dead_letters), (ready - 3, 1));

    // Sales by day, and what was popular in three of them.
    let day = items(&server, "/v1/admin/daily-sales?date=2026-11-21", &operator).await;
    assert_eq!((text(&day[0]["product_id"]), &day[0]["quantity"]), (product.as_str(), &json!(2)));
    let popular = items(&server, "/v1/products/popular", "").await;
    assert_eq!(text(&popular[0]["product"]["id"]), product);
    // Unused copies run out with their coupon.
    server.clock.set("2026-12-01T00:00:00Z".parse().expect("an instant"));
    assert_eq!(copies(&server, &second).await, ["expired"]);
    server.books().await;
}

on_every_store_with_cards!(seed_000_stock_coupons_and_payment_stay_consistent);
