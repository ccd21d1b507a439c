//! Who may do what: tokens, and a row for every operation.

use std::time::{Duration, SystemTime};

use commerce_server::auth::{AUDIENCE, ISSUER, Role, Tokens};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{SECRET, Server, Shopper, on_every_store, order};
use crate::openapi::{document, operations};

/// What each principal is answered: nobody, the owner of the record, another customer, an operator.
type Row = (&'static str, [u16; 4]);

/// One row per operation of the document; an operation without a row fails the test.
const MATRIX: &[Row] = &[
    ("live", [200, 200, 200, 200]),
    ("ready", [200, 200, 200, 200]),
    ("list_products", [200, 200, 200, 200]),
    ("get_product", [200, 200, 200, 200]),
    ("list_popular_products", [200, 200, 200, 200]),
    ("list_most_viewed_products", [200, 200, 200, 200]),
    ("list_coupons", [200, 200, 200, 200]),
    // Both customers of the test are registered already: past the door, then told so.
    ("register_me", [401, 409, 409, 403]),
    ("get_me", [401, 200, 200, 403]),
    ("get_my_wallet", [401, 200, 200, 403]),
    ("list_my_wallet_entries", [401, 200, 200, 403]),
    ("list_my_coupons", [401, 200, 200, 403]),
    ("claim_coupon", [401, 201, 201, 403]),
    ("get_my_cart", [401, 200, 200, 403]),
    ("clear_my_cart", [401, 200, 200, 403]),
    ("add_my_cart_item", [401, 200, 200, 403]),
    ("update_my_cart_item", [401, 200, 200, 403]),
    ("remove_my_cart_item", [401, 200, 200, 403]),
    ("merge_my_cart", [401, 200, 200, 403]),
    ("create_quote", [401, 200, 200, 403]),
    ("place_order", [401, 201, 201, 403]),
    ("list_orders", [401, 200, 200, 403]),
    ("get_order", [401, 200, 404, 200]),
    ("pay_order", [401, 200, 404, 403]),
    ("cancel_order", [401, 200, 404, 200]),
    ("list_order_refunds", [401, 200, 404, 200]),
    ("list_order_charges", [401, 200, 404, 200]),
    ("get_order_history", [401, 200, 404, 200]),
    // This shop takes no cards.
    ("get_order_payment", [401, 404, 404, 404]),
    ("confirm_order_payment", [401, 422, 404, 403]),
    ("request_top_up", [401, 422, 422, 403]),
    ("list_my_top_ups", [401, 200, 200, 403]),
    ("get_my_top_up", [401, 200, 404, 403]),
    ("confirm_top_up", [401, 422, 404, 403]),
    ("receive_payment_webhook", [422, 422, 422, 422]),
    ("register_customer", [401, 403, 403, 201]),
    ("list_customers", [401, 403, 403, 200]),
    ("get_customer", [401, 403, 403, 200]),
    ("list_customer_orders", [401, 403, 403, 200]),
    ("get_customer_wallet", [401, 403, 403, 200]),
    ("list_customer_wallet_entries", [401, 403, 403, 200]),
    ("deposit", [401, 403, 403, 201]),
    ("adjust_wallet", [401, 403, 403, 201]),
    ("list_all_products", [401, 403, 403, 200]),
    ("create_product", [401, 403, 403, 201]),
    ("update_product", [401, 403, 403, 200]),
    ("add_variant", [401, 403, 403, 201]),
    // JSON is no CSV: past the door, then told so.
    ("import_products", [401, 403, 403, 415]),
    ("update_variant", [401, 403, 403, 200]),
    ("adjust_stock", [401, 403, 403, 201]),
    ("list_stock_entries", [401, 403, 403, 200]),
    ("list_all_coupons", [401, 403, 403, 200]),
    ("create_coupon", [401, 403, 403, 201]),
    ("list_coupon_copies", [401, 403, 403, 200]),
    ("revoke_coupon", [401, 403, 403, 200]),
    ("create_coupon_codes", [401, 403, 403, 201]),
    ("list_coupon_codes", [401, 403, 403, 200]),
    ("update_coupon", [401, 403, 403, 200]),
    ("ship_order", [401, 403, 403, 200]),
    ("deliver_order", [401, 403, 403, 200]),
    ("refund_order", [401, 403, 403, 201]),
    ("list_sinks", [401, 403, 403, 200]),
    ("remove_sink", [401, 403, 403, 200]),
    ("list_webhooks", [401, 403, 403, 200]),
    ("get_webhook", [401, 403, 403, 200]),
    ("put_webhook", [401, 403, 403, 200]),
    ("rotate_webhook_secret", [401, 403, 403, 200]),
    ("remove_webhook", [401, 403, 403, 200]),
    ("list_dead_letters", [401, 403, 403, 200]),
    ("get_dead_letter", [401, 403, 403, 200]),
    ("replay_dead_letters", [401, 403, 403, 200]),
    ("discard_dead_letters", [401, 403, 403, 200]),
    ("get_daily_sales", [401, 403, 403, 200]),
    ("roll_up_daily_sales", [401, 403, 403, 200]),
    ("get_reconciliation", [401, 403, 403, 200]),
    ("list_jobs", [401, 403, 403, 200]),
    ("get_job", [401, 403, 403, 200]),
    ("list_job_runs", [401, 403, 403, 200]),
    ("run_job", [401, 403, 403, 202]),
];

/// A shop with something for every operation.
struct World {
    owner: Shopper,
    other: Shopper,
    product: String,
    variant: String,
}

impl World {
    async fn new(server: &Server) -> Self {
        let (product, variant) = server.product(1_000, 1_000).await;
        server.job("tidying").await;
        Self { owner: server.shopper(100_000).await, other: server.shopper(100_000).await, product, variant }
    }

    /// The path with the owner's records in it; orders and coupons are fresh, so that no cell spoils another.
    async fn path(&self, server: &Server, template: &str) -> String {
        let mut path = template
            .replace("{product_id}", &self.product)
            .replace("{variant_id}", &self.variant)
            .replace("{customer_id}", &self.owner.id)
            .replace("{job}", "tidying")
            .replace("{currency}", "KRW");
        if path.contains("{order_id}") {
            let order = match template.rsplit('/').next() {
                Some("ship" | "refunds") => server.paid(&self.owner, &self.variant).await,
                Some("deliver") => server.shipped(&self.owner, &self.variant).await,
                _ => server.pending(&self.owner, &self.variant).await,
            };
            path = path.replace("{order_id}", &order);
        }
        if path.contains("{top_up_id}") {
            path = path.replace("{top_up_id}", &server.top_up(&self.owner).await);
        }
        if path.contains("{issued_coupon_id}") {
            let copy = server.claim(&self.owner, &server.coupon(json!({})).await).await.expect(201).id();
            path = path.replace("{issued_coupon_id}", &copy);
        }
        if path.contains("{coupon_id}") {
            path = path.replace("{coupon_id}", &server.coupon(json!({})).await);
        }
        if path.contains("{sink}") {
            let sink = format!("sink-{}", server.fresh());
            let letters = server.buried(&sink, 1).await;
            path = path.replace("{sink}", &sink).replace("{message_id}", &letters[0]);
        }
        if path.contains("{webhook}") {
            let made = format!("/v1/admin/webhooks/hook-{}", server.fresh());
            let body = json!({ "url": "http://hook.example/" });
            server.change(Method::PUT, &made, &server.operator(), body).await.expect(200);
            path = path.replace("/v1/admin/webhooks/{webhook}", &made);
        }
        if path.ends_with("/daily-sales") {
            path.push_str("?date=2026-11-21");
        }
        if path.ends_with("/roll-up") {
            path.push_str("?first=2026-11-21");
        }
        assert!(!path.contains('{'), "{template} has a parameter that this test does not know");
        path
    }

    async fn body(&self, server: &Server, operation: &str) -> Value {
        let n = server.fresh();
        let money = json!({ "amount": "5", "currency": "KRW" });
        match operation {
            "register_me" | "register_customer" => json!({ "username": format!("user-{n}"), "name": "N" }),
            "claim_coupon" => json!({ "coupon_id": server.coupon(json!({})).await }),
            "add_my_cart_item" => json!({ "variant_id": self.variant, "quantity": 1 }),
            "update_my_cart_item" | "remove_my_cart_item" => {
                let item = json!({ "variant_id": self.variant, "quantity": 1 });
                for who in [&self.owner, &self.other] {
                    server.post("/v1/me/cart/items", &who.token, item.clone()).await.expect(200);
                }
                if operation == "update_my_cart_item" { json!({ "quantity": 2 }) } else { json!({}) }
            }
            "merge_my_cart" => json!({ "lines": [{ "variant_id": self.variant, "quantity": 1 }] }),
            "create_quote" | "place_order" => order(&[(&self.variant, 1)], json!({})),
            "pay_order" => json!({ "method": "wallet" }),
            "refund_order" => json!({ "restock": true }),
            "deposit" | "request_top_up" => json!({ "amount": money }),
            "adjust_wallet" => json!({ "amount": money, "memo": "m" }),
            "create_product" => json!({
                "name": "P", "base_price": money, "status": "on_sale", "variants": [{ "sku": format!("P-{n}") }],
            }),
            "update_product" => json!({ "name": "Q" }),
            "add_variant" => json!({ "sku": format!("V-{n}") }),
            "update_variant" | "update_coupon" => json!({ "active": true }),
            "adjust_stock" => json!({ "delta": 1 }),
            "replay_dead_letters" | "discard_dead_letters" => json!({ "all": true }),
            "put_webhook" => json!({ "url": "http://hook.example/" }),
            "create_coupon_codes" => json!({ "quantity": 2 }),
            "create_coupon" => {
                json!({ "name": "C", "discount": { "percent": "1" }, "starts_at": "2026-01-01T00:00:00Z" })
            }
            _ => json!({}),
        }
    }
}

async fn every_operation_by_every_principal(server: Server) {
    let world = World::new(&server).await;
    let operator = server.operator();
    let tokens = ["", &world.owner.token, &world.other.token, &operator];
    for (template, method, operation) in operations(&document()) {
        let id = operation["operationId"].as_str().expect("an id").to_owned();
        let row = MATRIX.iter().find(|(name, _)| *name == id);
        let (_, expected) = row.unwrap_or_else(|| panic!("{id} has no row: say who may do it"));
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        for (token, status) in tokens.iter().zip(expected) {
            let path = world.path(&server, &template).await;
            let reply = match method {
                Method::GET => server.get(&path, token).await,
                _ => {
                    let body = world.body(&server, &id).await;
                    let untouched = matches!(status, 401 | 403 | 404).then_some(server.books().await);
                    let reply = server.change(method.clone(), &path, token, body).await;
                    if let Some(before) = untouched {
                        assert_eq!(server.books().await, before, "{id} changed something for whom it is not");
                    }
                    reply
                }
            };
            assert_eq!(reply.status, *status, "{id} {path} {}", reply.text);
            if *status == 401 {
                assert!(reply.header("www-authenticate").starts_with("Bearer"), "{id}");
            }
        }
    }
    let ids: Vec<String> =
        operations(&document()).iter().map(|(_, _, o)| o["operationId"].as_str().unwrap_or("").to_owned()).collect();
    for (name, _) in MATRIX {
        assert!(ids.iter().any(|id| id == name), "{name} is no operation any more");
    }
}

async fn what_is_not_ones_own_does_not_exist(server: Server) {
    let world = World::new(&server).await;
    let order = server.pending(&world.owner, &world.variant).await;
    let nothing = "9007199254740993";
    for (method, suffix, body) in [
        (Method::GET, "", json!({})),
        (Method::GET, "/history", json!({})),
        (Method::GET, "/refunds", json!({})),
        (Method::GET, "/charges", json!({})),
        (Method::POST, "/pay", json!({ "method": "wallet" })),
        (Method::POST, "/cancel", json!({})),
    ] {
        let ask = async |id: &str| {
            let path = format!("/v1/orders/{id}{suffix}");
            let reply = match method {
                Method::GET => server.get(&path, &world.other.token).await,
                _ => server.post(&path, &world.other.token, body.clone()).await,
            };
            (reply.status, reply.text.replace(id, "ID"))
        };
        assert_eq!(ask(&order).await, ask(nothing).await, "{method} {suffix}");
    }
}

async fn tokens_that_are_not(server: Server) {
    let tokens = Tokens::new(SECRET);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "7", "role": "customer", "iat": now, "exp": now + 60,
    });
    let with = |member: &str, value: Value| {
        let mut claims = claims.clone();
        claims[member] = value;
        tokens.sign(&claims).expect("a token")
    };
    let without = |member: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().expect("an object").remove(member);
        tokens.sign(&claims).expect("a token")
    };
    let good = tokens.sign(&claims).expect("a token");
    for path in ["/v1/me", "/v1/me/wallet", "/v1/me/wallet/KRW/entries", "/v1/me/coupons", "/v1/me/cart", "/v1/orders"]
    {
        server.get(path, &good).await.refused(404, "customer_not_found");
    }
    let body = json!({ "username": "seven", "name": "Seven" });
    server.change(Method::PUT, "/v1/me", &good, body).await.expect(201);
    server.get("/v1/me/wallet", &good).await.expect(200);
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", good.split('.').nth(1).expect("claims"));
    let mut wrong = vec![
        with("iss", json!("someone")),
        with("aud", json!("elsewhere")),
        with("sub", json!("not a number")),
        with("sub", json!("0")),
        with("sub", json!(7)),
        with("role", json!("admin")),
        with("exp", json!("9999999999")),
        with("exp", json!(null)),
        with("nbf", json!(now + 3_600)),
        Tokens::new(b"another secret that is long enough too").sign(&claims).expect("a token"),
        unsigned,
        format!("{}x", &good[..good.len() - 1]),
        "nonsense".to_owned(),
        "a.b.c".to_owned(),
    ];
    wrong.extend(["iss", "aud", "sub", "role", "iat", "exp"].map(without));
    for token in &wrong {
        let reply = server.get("/v1/me/wallet", token).await.refused(401, "token_invalid");
        assert!(reply.header("www-authenticate").contains("invalid_token"), "{token}");
    }
    let expired = with("exp", json!(now - 60));
    server.get("/v1/me/wallet", &expired).await.refused(401, "token_expired");
    for header in ["", "Bearer", "Basic dTpw", "bearer"] {
        let request = server.request(Method::GET, "/v1/me/wallet").header("Authorization", header);
        server.send(request).await.refused(401, "authentication_required");
    }
    let twice = server.request(Method::GET, "/v1/me/wallet").bearer_auth(&good).bearer_auth(&good);
    server.send(twice).await.refused(401, "token_invalid");
    let in_the_query = server.get(&format!("/v1/me/wallet?access_token={good}"), "").await;
    assert_ne!(in_the_query.status, 200);
}

async fn minting_needs_a_subject_that_fits(server: Server) {
    let hour = Duration::from_secs(3_600);
    assert!(server.app.tokens.mint(Role::Customer, "mina", hour).is_err());
    assert!(server.app.tokens.mint(Role::Operator, "two words", hour).is_err());
    assert!(server.app.tokens.mint(Role::Customer, "7", hour).is_ok());
}

on_every_store!(
    every_operation_by_every_principal,
    what_is_not_ones_own_does_not_exist,
    tokens_that_are_not,
    minting_needs_a_subject_that_fits,
);
