//! Customers and their wallets.

use std::time::Duration;

use commerce_server::auth::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Server, on_every_store};

async fn deposits_corrections_and_entries(server: Server) {
    let (who, operator) = (server.shopper(0).await, server.operator());
    let wallet = format!("/v1/admin/customers/{}/wallet", who.id);
    let money = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let deposit = json!({ "amount": money("12.50", "USD"), "memo": "cash" });
    let entry = server.post(&format!("{wallet}/deposits"), &operator, deposit).await.expect(201).body;
    assert_eq!((&entry["kind"], &entry["balance_after"]), (&json!("deposit"), &money("12.50", "USD")));
    let correction = json!({ "amount": money("-2.25", "USD"), "memo": "miscounted" });
    server.post(&format!("{wallet}/adjustments"), &operator, correction).await.expect(201);
    let too_much = json!({ "amount": money("-10.26", "USD"), "memo": "too much" });
    server.post(&format!("{wallet}/adjustments"), &operator, too_much).await.refused(409, "insufficient_balance");

    let mine = server.get("/v1/me/wallet", &who.token).await.expect(200).body;
    assert_eq!(mine, json!({ "items": [{ "balance": money("10.25", "USD"), "version": 2 }] }));
    assert_eq!(server.get(&wallet, &operator).await.expect(200).body, mine);
    let entries = server.get("/v1/me/wallet/USD/entries", &who.token).await.expect(200).body;
    let amounts: Vec<_> = entries["items"].as_array().expect("items").iter().map(|e| &e["amount"]["amount"]).collect();
    assert_eq!(amounts, [&json!("-2.25"), &json!("12.50")]);
    assert_eq!(server.get("/v1/me/wallet/EUR/entries", &who.token).await.expect(200).body, json!({ "items": [] }));
    server.get(&format!("{wallet}/USD/entries"), &operator).await.expect(200);
}

async fn customers_register_themselves_or_are_registered(server: Server) {
    let token = server.app.tokens.mint(Role::Customer, "4711", Duration::from_secs(60)).expect("a token");
    server.get("/v1/me", &token).await.refused(404, "customer_not_found");
    let body = json!({ "username": "mina", "name": "민아" });
    let me = server.change(Method::PUT, "/v1/me", &token, body).await.expect(201);
    assert_eq!((&me.body["id"], &me.body["name"]), (&json!("4711"), &json!("민아")));
    assert_eq!(server.get("/v1/me", &token).await.expect(200).text, me.text);
    let operator = server.operator();
    assert_eq!(server.get("/v1/admin/customers/4711", &operator).await.expect(200).text, me.text);
    let body = json!({ "id": "4712", "username": "second", "name": "Second" });
    assert_eq!(server.post("/v1/admin/customers", &operator, body).await.expect(201).id(), "4712");
    let list = server.get("/v1/admin/customers", &operator).await.expect(200).body;
    let ids: Vec<_> = list["items"].as_array().expect("items").iter().map(|customer| &customer["id"]).collect();
    assert_eq!(ids, [&json!("4712"), &json!("4711")]);
    for path in ["", "/wallet", "/orders", "/wallet/KRW/entries"] {
        server.get(&format!("/v1/admin/customers/99{path}"), &operator).await.refused(404, "customer_not_found");
    }
}

on_every_store!(deposits_corrections_and_entries, customers_register_themselves_or_are_registered);
