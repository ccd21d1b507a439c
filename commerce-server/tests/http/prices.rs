//! Prices by time and by quantity.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Server, Shopper, on_every_store};

fn won(amount: u64) -> Value {
    json!({ "amount": amount.to_string(), "currency": "KRW" })
}

async fn rules(server: &Server, variant: &str, rules: Value) -> Value {
    let (path, body) = (format!("/v1/admin/variants/{variant}"), json!({ "price_rules": rules }));
    server.change(Method::PATCH, &path, &server.operator(), body).await.expect(200).body["price_rules"].clone()
}

/// What a unit costs of so many, and by which rule.
async fn quoted(server: &Server, who: &Shopper, variant: &str, units: u64) -> (Value, Value, Value) {
    let body = json!({ "lines": [{ "variant_id": variant, "quantity": units }] });
    let quote = server.post("/v1/quotes", &who.token, body).await.expect(200).body;
    let line = quote["lines"][0].clone();
    (line["unit_price"]["amount"].clone(), line["priced_by"].clone(), quote["trace"][0]["rule"].clone())
}

async fn a_sale_begins_and_ends_and_tiers_count_units(server: Server) {
    let (who, (product, variant)) = (server.shopper(100_000).await, server.product(1_000, 100).await);
    let given = json!({
        "tiers": [{ "from_quantity": 10, "unit_price": won(700) }],
        "scheduled": [{ "from": "2026-11-21T10:00:00.000000Z", "until": "2026-11-21T11:00:00.000000Z", "unit_price": won(900) }],
    });
    assert_eq!(rules(&server, &variant, given.clone()).await, given);
    let offered = async || {
        let read = server.get(&format!("/v1/products/{product}"), "").await.expect(200).body;
        assert_eq!(read["variants"][0]["price_rules"], given);
        read["variants"][0]["unit_price"]["amount"].clone()
    };
    let (sale, tier) =
        (json!({ "scheduled_from": "2026-11-21T10:00:00.000000Z" }), json!({ "tier_from_quantity": 10 }));

    assert_eq!(offered().await, "1000");
    assert_eq!(quoted(&server, &who, &variant, 9).await, (json!("1000"), Value::Null, json!("unit_price")));
    assert_eq!(quoted(&server, &who, &variant, 10).await, (json!("700"), tier.clone(), json!("price_tier")));
    server.clock.set("2026-11-21T10:00:00Z".parse().expect("an instant"));
    assert_eq!(offered().await, "900");
    assert_eq!(quoted(&server, &who, &variant, 9).await, (json!("900"), sale.clone(), json!("scheduled_price")));
    let cheap = server.place(&who, &[(&variant, 1)], json!({ "payment": "wallet" })).await.expect(201);
    let many = server.place(&who, &[(&variant, 4), (&variant, 6)], json!({ "payment": "wallet" })).await.expect(201);
    assert_eq!((&cheap.body["total"], &cheap.body["lines"][0]["priced_by"]), (&won(900), &sale));
    assert_eq!((&many.body["total"], &many.body["lines"][1]["priced_by"]), (&won(7_000), &tier));

    server.clock.set("2026-11-21T11:00:00Z".parse().expect("an instant"));
    assert_eq!(offered().await, "1000");
    assert_eq!(rules(&server, &variant, json!({})).await, Value::Null);
    assert_eq!(quoted(&server, &who, &variant, 10).await, (json!("1000"), Value::Null, json!("unit_price")));
    for placed in [cheap, many] {
        let path = format!("/v1/orders/{}", placed.id());
        assert_eq!(server.get(&path, &who.token).await.expect(200).body["lines"], placed.body["lines"]);
    }
}

async fn rules_that_are_refused(server: Server) {
    let (_, variant) = server.product(1_000, 5).await;
    let tier = |from: u64, price: Value| json!({ "from_quantity": from, "unit_price": price });
    let sale = |from: &str, until: &str| json!({ "from": from, "until": until, "unit_price": won(1) });
    let (early, late) = ("2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z");
    for (rules, code) in [
        (json!({ "tiers": [tier(3, won(1)), tier(3, won(1))] }), "price_tiers_unordered"),
        (json!({ "tiers": [tier(1, won(1))] }), "quantity_out_of_range"),
        (json!({ "tiers": vec![tier(2, won(1)); 51] }), "too_many_price_rules"),
        (json!({ "tiers": [tier(2, json!({ "amount": "1", "currency": "USD" }))] }), "currency_mismatch"),
        (json!({ "scheduled": [sale(late, early)] }), "empty_window"),
        (json!({ "scheduled": [sale(early, late), sale(early, late)] }), "scheduled_prices_overlap"),
    ] {
        let (path, body) = (format!("/v1/admin/variants/{variant}"), json!({ "price_rules": rules }));
        server.change(Method::PATCH, &path, &server.operator(), body).await.refused(422, code);
    }
}

on_every_store!(a_sale_begins_and_ends_and_tiers_count_units, rules_that_are_refused);
