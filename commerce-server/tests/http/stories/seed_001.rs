//! Money, stock and coupons under many hands: versions, the payments of an order, its events and those that fail.

use std::time::Duration;

use commerce_core::LeaseName;
use commerce_core::store::LeaseRequest;
use reqwest::Method;
use serde_json::json;

use super::{balance, claim, copies, each, holder, items, operate, relay, step, text, won};
use crate::harness::{Server, on_every_store_with_cards};

async fn seed_001_every_hand_is_counted(server: Server) {
    // Balances have versions, and so do products: who read an old one is told.
    let who = server.shopper(100_000).await;
    let wallet = items(&server, "/v1/me/wallet", &who.token).await;
    assert_eq!((&wallet[0]["balance"], &wallet[0]["version"]), (&won(100_000), &json!(1)));
    let (product, variant) = server.product(20_000, 3).await;
    let path = format!("/v1/admin/products/{product}");
    let dearer = json!({ "base_price": won(21_000) });
    let request = server.request(Method::PATCH, &path).bearer_auth(server.operator()).json(&dearer);
    let stale = request.header("Idempotency-Key", "dearer").header("If-Match", "\"7\"");
    server.send(stale).await.refused(412, "version_mismatch");

    // A coupon has a code, and says how many are left.
    let ten = json!({
        "code": "TEN", "discount": { "percent": "10" }, "total_quantity": 10,
        "starts_at": "2026-11-01T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z",
    });
    server.coupon(ten).await;
    let claimed = server.post("/v1/me/coupons", &who.token, json!({ "code": "TEN" })).await.expect(201);
    assert_eq!(claimed.body["expires_at"], "2026-12-01T00:00:00.000000Z");
    assert_eq!(items(&server, "/v1/coupons", "").await[0]["remaining"], 9);

    // An order confirmed with it, one of many that want the last units at once.
    let order = json!({ "coupons": [claimed.id()], "payment": "wallet" });
    let confirmed = server.place(&who, &[(&variant, 1)], order).await.expect(201);
    let figures = ["subtotal", "discount", "total"].map(|figure| confirmed.body[figure].clone());
    assert_eq!(figures, [won(20_000), won(2_000), won(18_000)]);
    assert_eq!(copies(&server, &who).await, ["used"]);
    let mut crowd = Vec::new();
    for _ in 0..8 {
        crowd.push(server.shopper(20_000).await);
    }
    let orders = crowd.iter().map(|other| server.place(other, &[(&variant, 1)], json!({ "payment": "wallet" })));
    let replies = futures_util::future::join_all(orders).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 2, "two units were left");

    // Payments: begun, waited for, succeeded; failed with a reason and tried again; called off.
    let (_, undecided) = server.product(904, 5).await;
    let (_, declined) = server.product(901, 5).await;
    let card = json!({ "method": "card" });
    let waiting = server.pending(&who, &undecided).await;
    step(&server, &who, &waiting, "pay", card.clone()).await.expect(200);
    let payment = async |order: &str| server.get(&format!("/v1/orders/{order}/payment"), &who.token).await.body;
    assert_eq!(payment(&waiting).await["status"], "pending");
    step(&server, &who, &waiting, "cancel", json!({})).await.expect(200);
    assert_eq!(payment(&waiting).await["status"], "cancelled");
    let retried = server.pending(&who, &declined).await;
    step(&server, &who, &retried, "pay", card).await.expect(200);
    let failed = payment(&retried).await;
    assert_eq!((&failed["status"], &failed["attempts"]), (&json!("failed"), &json!(1)));
    assert_eq!(failed["failure_reason"], "the card was declined");
    step(&server, &who, &retried, "pay", json!({ "method": "wallet" })).await.expect(200);
    let paid = payment(&retried).await;
    assert_eq!(
        (&paid["status"], &paid["method"], &paid["attempts"]),
        (&json!("succeeded"), &json!("wallet"), &json!(2))
    );
    assert_eq!(balance(&server, &who).await, won(100_000 - 18_000 - 901));

    // Delivered, with statistics of the day.
    for step in ["ship", "deliver"] {
        let path = format!("/v1/admin/orders/{}/{step}", confirmed.id());
        operate(&server, Method::POST, &path, json!({})).await.expect(200);
    }
    let history = items(&server, &format!("/v1/orders/{}/history", confirmed.id()), &who.token).await;
    assert_eq!(each(&history, "event"), ["order.paid", "order.shipped", "order.delivered"]);
    let day = items(&server, "/v1/admin/daily-sales?date=2026-11-21", &server.operator()).await;
    let sold = day.iter().find(|sold| text(&sold["product_id"]) == product).expect("its sales");
    assert_eq!((&sold["quantity"], &sold["revenue"]), (&json!(3), &won(58_000)));

    // Events: pending, tried again later, sent; what failed too often is set aside with its error.
    let store = server.app.commerce.store();
    let heads = claim(&server, "a").await;
    let (later, dead) = (&heads[0].message, &heads[1].message);
    let wait = Duration::from_secs(60);
    assert_eq!(store.retry(&holder("a"), later.id, "no answer", wait).await, Ok(true));
    assert_eq!(store.bury(&holder("a"), dead.id, "refused for good").await, Ok(true));
    let letters = items(&server, "/v1/admin/dead-letters", &server.operator()).await;
    assert_eq!(each(&letters, "message_id"), [json!(dead.id.to_string())]);
    assert_eq!(each(&letters, "last_error"), ["refused for good"]);
    for sent in &heads[2..] {
        assert_eq!(store.acknowledge(&holder("a"), &[sent.message.id]).await, Ok(1));
    }
    server.clock.advance(wait);
    let again = claim(&server, "b").await;
    let retried = again.iter().find(|claimed| claimed.message.id == later.id).expect("it, once more");
    assert_eq!(retried.attempts, 1);

    // One worker at a time, and a paused one is known by its token.
    let ask = |owner| LeaseRequest {
        name: LeaseName::new("roll-up").expect("a name"),
        owner: relay(owner),
        duration: Duration::from_secs(30),
    };
    let held = store.acquire(ask("a")).await.expect("an answer").expect("a lease");
    assert_eq!(store.acquire(ask("b")).await.expect("an answer"), None);
    server.clock.advance(Duration::from_secs(30));
    let taken = store.acquire(ask("b")).await.expect("an answer").expect("a lease");
    assert!(taken.token > held.token);
    assert_eq!(store.is_current(&held.name, held.token).await, Ok(false));
    server.books().await;
}

on_every_store_with_cards!(seed_001_every_hand_is_counted);
