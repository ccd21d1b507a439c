//! History that is only added to: what became of an order, in full, and every movement of a balance.

use commerce_server::expiry;
use reqwest::Method;
use serde_json::json;

use super::{balance, copies, each, items, operate, step, stock, won};
use crate::harness::{Server, TTL, on_every_store_with_cards};

async fn seed_002_history_tells_everything(server: Server) {
    // Usernames are unique; a balance is the sum of its log.
    let (who, operator) = (server.shopper(200_000).await, server.operator());
    let name = server.get("/v1/me", &who.token).await.expect(200).body["username"].clone();
    let twin = json!({ "username": name, "name": "Twin" });
    operate(&server, Method::POST, "/v1/admin/customers", twin).await.refused(409, "username_taken");

    // A product that is not active is not sold, and neither is one that is out of stock.
    let (product, variant) = server.product(10_000, 4).await;
    let path = format!("/v1/admin/products/{product}");
    operate(&server, Method::PATCH, &path, json!({ "status": "paused" })).await.expect(200);
    let wallet = json!({ "payment": "wallet" });
    server.place(&who, &[(&variant, 1)], wallet.clone()).await.refused(409, "product_not_on_sale");
    operate(&server, Method::PATCH, &path, json!({ "status": "on_sale" })).await.expect(200);
    server.place(&who, &[(&variant, 5)], wallet.clone()).await.refused(409, "out_of_stock");

    // Coupons: active, sold out, expired; copies: available, used, expired.
    let one = server.coupon(json!({ "total_quantity": 1 })).await;
    let copy = server.claim(&who, &one).await.expect(201).id();
    let brief = server.coupon(json!({ "ends_at": "2026-11-21T09:40:00Z" })).await;
    server.claim(&who, &brief).await.expect(201);
    let offered = items(&server, "/v1/coupons", "").await;
    assert_eq!(each(&offered, "status"), ["active", "sold_out"]);

    // Completed: the order, its items with their snapshot, its coupon, how it was paid.
    let more = json!({ "coupons": [copy], "payment": "wallet" });
    let completed = server.place(&who, &[(&variant, 2)], more).await.expect(201);
    let dearer = json!({ "base_price": won(12_000), "name": "Another name" });
    operate(&server, Method::PATCH, &path, dearer).await.expect(200);
    let history = async |order: &str| items(&server, &format!("/v1/orders/{order}/history"), &who.token).await;
    let told = history(&completed.id()).await;
    assert_eq!((&told[0]["event"], &told[0]["order"]), (&json!("order.paid"), &completed.body));
    let (order, line) = (&told[0]["order"], &told[0]["order"]["lines"][0]);
    assert_eq!((&order["total"], &order["discount"]), (&won(19_000), &won(1_000)));
    assert_eq!(order["payment"]["method"], "wallet");
    assert_eq!((&line["product_name"], &line["unit_price"]), (&json!("A thing"), &won(10_000)));
    let used = &order["coupons"][0];
    assert_eq!((&used["coupon_id"], &used["name"], &used["discount"]), (&json!(one), &json!("1,000 off"), &won(1_000)));

    // In between: a card whose bank has not decided yet, until its customer decides.
    let (_, undecided) = server.product(904, 1).await;
    let waiting = server.pending(&who, &undecided).await;
    step(&server, &who, &waiting, "pay", json!({ "method": "card" })).await.expect(200);
    let order = server.get(&format!("/v1/orders/{waiting}"), &who.token).await.expect(200).body;
    assert_eq!(order["status"], "processing");
    step(&server, &who, &waiting, "cancel", json!({ "reason": "took too long" })).await.expect(200);
    let told = history(&waiting).await;
    assert_eq!(each(&told, "event"), ["order.placed", "order.payment_started", "order.cancelled"]);
    assert_eq!((&told[2]["cause"], &told[2]["reason"]), (&json!("requested"), &json!("took too long")));

    // Cancelled, with its reason; refunded, with what was refunded.
    let cancelled = server.pending(&who, &variant).await;
    step(&server, &who, &cancelled, "cancel", json!({ "reason": "changed my mind" })).await.expect(200);
    let last = history(&cancelled).await.pop().expect("an event");
    assert_eq!((&last["event"], &last["reason"]), (&json!("order.cancelled"), &json!("changed my mind")));
    let refunds = format!("/v1/admin/orders/{}/refunds", completed.id());
    let all = json!({ "restock": true, "reason": "arrived broken" });
    let refund = operate(&server, Method::POST, &refunds, all).await.expect(201);
    let last = history(&completed.id()).await.pop().expect("an event");
    assert_eq!((&last["event"], &last["refund"]), (&json!("order.refunded"), &refund.body));
    assert_eq!((&refund.body["total"], stock(&server, &product).await), (&won(19_000), json!(4)));
    assert_eq!(copies(&server, &who).await, ["available", "available"]);

    // The log of the balance: deposit, payment, refund, each with its order.
    let log = items(&server, "/v1/me/wallet/KRW/entries", &who.token).await;
    assert_eq!(each(&log, "kind"), ["refund", "payment", "deposit"]);
    assert_eq!(each(&log, "amount"), [won(19_000), won(-19_000), won(200_000)]);
    assert_eq!(each(&log, "order_id")[..2], [json!(completed.id()), json!(completed.id())]);
    assert_eq!(balance(&server, &who).await, won(200_000));
    // The day's sales are what was sold less what came back.
    assert_eq!(items(&server, "/v1/admin/daily-sales?date=2026-11-21", &operator).await[0]["quantity"], 0);

    // What nobody pays ends by itself, and what runs out has run out.
    let forgotten = server.pending(&who, &variant).await;
    server.clock.advance(TTL);
    assert_eq!(expiry::sweep(&server.app.commerce).await.map(|swept| swept.done), Ok(1));
    let last = history(&forgotten).await.pop().expect("an event");
    assert_eq!((&last["cause"], &last["actor"]), (&json!("expired"), &json!("system")));
    assert_eq!(each(&items(&server, "/v1/coupons", "").await, "status"), ["expired", "sold_out"]);
    assert_eq!(copies(&server, &who).await, ["expired", "available"]);
    server.books().await;
}

on_every_store_with_cards!(seed_002_history_tells_everything);
