//! Coupons: campaigns and claims.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Server, on_every_store};

async fn a_campaign_and_where_it_stands(server: Server) {
    let operator = server.operator();
    let body = json!({
        "code": "TEN", "name": "10% off", "total_quantity": 1, "starts_at": "2026-11-21T00:00:00Z",
        "discount": { "percent": "10", "cap": { "amount": "5000", "currency": "KRW" } },
        "ends_at": "2026-12-01T00:00:00Z",
    });
    let created = server.post("/v1/admin/coupons", &operator, body).await.expect(201);
    assert_eq!(created.body["discount"], json!({ "percent": "10", "cap": { "amount": "5000", "currency": "KRW" } }));
    assert_eq!((&created.body["per_customer_limit"], &created.body["active"]), (&json!(1), &json!(true)));
    let offered = async || server.get("/v1/coupons", "").await.expect(200).body["items"][0].clone();
    let before = offered().await;
    assert_eq!(
        (&before["coupon"], &before["status"], &before["remaining"]),
        (&created.body, &json!("active"), &json!(1))
    );

    let who = server.shopper(0).await;
    let copy = server.post("/v1/me/coupons", &who.token, json!({ "code": "TEN" })).await.expect(201).body;
    assert_eq!((&copy["status"], &copy["expires_at"]), (&json!("available"), &json!("2026-12-01T00:00:00.000000Z")));
    let after = offered().await;
    assert_eq!((&after["status"], &after["issued"], &after["remaining"]), (&json!("sold_out"), &json!(1), &json!(0)));

    let path = format!("/v1/admin/coupons/{}", created.id());
    let off = server.change(Method::PATCH, &path, &operator, json!({ "active": false })).await.expect(200);
    assert_eq!((&off.body["active"], off.header("etag")), (&json!(false), "\"2\""));
    assert_eq!(offered().await["status"], "inactive");
    server.clock.set("2026-12-01T00:00:00Z".parse().expect("an instant"));
    let mine = server.get("/v1/me/coupons", &who.token).await.expect(200).body;
    assert_eq!(mine["items"][0]["issued"]["status"], "expired");
}

async fn first_come_first_served(server: Server) {
    let coupon = server.coupon(json!({ "total_quantity": 5 })).await;
    let mut shoppers = Vec::new();
    for _ in 0..20 {
        shoppers.push(server.shopper(0).await);
    }
    let claims = shoppers.iter().map(|who| server.claim(who, &coupon));
    let replies = futures_util::future::join_all(claims).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 5);
    for lost in replies.into_iter().filter(|reply| reply.status != 201) {
        lost.refused(409, "coupon_sold_out");
    }
    server.books().await;
}

on_every_store!(a_campaign_and_where_it_stands, first_come_first_served);
