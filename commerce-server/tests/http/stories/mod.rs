//! The five documents that the shop was designed from, each told over HTTP from its first table to its last. The
//! README says where each story's tables live.

mod seed_000;
mod seed_001;
mod seed_002;
mod seed_003;
mod seed_004;

use commerce_core::{ClaimRequest, ClaimedMessage, Holder, Owner, SinkName};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, Shopper};

fn won(amount: i64) -> Value {
    json!({ "amount": amount.to_string(), "currency": "KRW" })
}

/// The items of a list.
async fn items(server: &Server, path: &str, token: &str) -> Vec<Value> {
    server.get(path, token).await.expect(200).body["items"].as_array().expect("a list").clone()
}

/// One member of each item.
fn each(items: &[Value], member: &str) -> Vec<Value> {
    items.iter().map(|item| item[member].clone()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// What is in the customer's wallet.
async fn balance(server: &Server, who: &Shopper) -> Value {
    items(server, "/v1/me/wallet", &who.token).await.pop().map_or(Value::Null, |wallet| wallet["balance"].clone())
}

/// Units of the product's first variant.
async fn stock(server: &Server, product: &str) -> Value {
    server.get(&format!("/v1/products/{product}"), "").await.expect(200).body["variants"][0]["stock"].clone()
}

/// Where the customer's copies of coupons stand, latest first.
async fn copies(server: &Server, who: &Shopper) -> Vec<Value> {
    items(server, "/v1/me/coupons", &who.token).await.iter().map(|item| item["issued"]["status"].clone()).collect()
}

/// A command of an operator.
async fn operate(server: &Server, method: Method, path: &str, body: Value) -> Reply {
    server.change(method, path, &server.operator(), body).await
}

/// An order's step, asked for by its customer.
async fn step(server: &Server, who: &Shopper, order: &str, step: &str, body: Value) -> Reply {
    server.post(&format!("/v1/orders/{order}/{step}"), &who.token, body).await
}

fn relay(name: &str) -> Owner {
    Owner::new(name).expect("a name")
}

/// A relay to the data platform.
fn holder(owner: &str) -> Holder {
    Holder { sink: SinkName::new("data-platform").expect("a name"), owner: relay(owner) }
}

/// Takes messages for the data platform out of the outbox, as a relay does.
async fn claim(server: &Server, owner: &str) -> Vec<ClaimedMessage> {
    let (store, holder) = (server.app.commerce.store(), holder(owner));
    store.register_sink(&holder.sink).await.expect("a sink");
    store.distribute(100).await.expect("distributed");
    let request = ClaimRequest { holder, limit: 100, hold: std::time::Duration::from_secs(30) };
    store.claim(request).await.expect("messages")
}
