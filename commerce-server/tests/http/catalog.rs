//! Products, variants, stock, popularity.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Server, on_every_store};

async fn created_changed_and_read(server: Server) {
    let operator = server.operator();
    let body = json!({
        "name": "T-shirt", "description": "Cotton.", "base_price": { "amount": "29.90", "currency": "USD" },
        "status": "paused",
        "variants": [
            { "sku": "TS-M", "option_name": "M", "stock": 3 },
            { "sku": "TS-XL", "option_name": "XL", "additional_price": { "amount": "2", "currency": "USD" } },
        ],
    });
    let created = server.post("/v1/admin/products", &operator, body).await.expect(201);
    assert_eq!(created.header("etag"), "\"1\"");
    let id = created.body["product"]["id"].as_str().expect("an id").to_owned();
    let read = server.get(&format!("/v1/products/{id}"), "").await.expect(200);
    assert_eq!(read.text, created.text);
    let variants = &read.body["variants"];
    assert_eq!((&variants[0]["stock"], &variants[1]["stock"]), (&json!(3), &json!(0)));
    assert_eq!(variants[1]["unit_price"], json!({ "amount": "31.90", "currency": "USD" }));

    let change = json!({ "status": "on_sale", "base_price": { "amount": "30", "currency": "USD" } });
    let changed =
        server.change(Method::PATCH, &format!("/v1/admin/products/{id}"), &operator, change).await.expect(200);
    assert_eq!((&changed.body["base_price"]["amount"], changed.header("etag")), (&json!("30.00"), "\"2\""));
    let variant = variants[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/admin/variants/{variant}");
    let off = server.change(Method::PATCH, &path, &operator, json!({ "active": false })).await.expect(200);
    assert_eq!((&off.body["active"], off.header("etag")), (&json!(false), "\"2\""));
    server.change(Method::PATCH, &path, &operator, json!({})).await.refused(422, "nothing_to_change");
    let more = json!({ "sku": "TS-S", "stock": 1 });
    let added = server.post(&format!("/v1/admin/products/{id}/variants"), &operator, more).await.expect(201);
    assert_eq!(added.body["additional_price"], json!({ "amount": "0.00", "currency": "USD" }));
}

async fn listed_by_status(server: Server) {
    let (kept, _) = server.product(5, 5).await;
    let (paused, _) = server.product(5, 5).await;
    let path = format!("/v1/admin/products/{paused}");
    server.change(Method::PATCH, &path, &server.operator(), json!({ "status": "paused" })).await.expect(200);
    let ids = async |path: &str, token: &str| {
        let list = server.get(path, token).await.expect(200).body;
        list["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    let operator = server.operator();
    assert_eq!(ids("/v1/products", "").await, [json!(kept)]);
    assert_eq!(ids("/v1/admin/products", &operator).await, [json!(paused), json!(kept)]);
    assert_eq!(ids("/v1/admin/products?status=paused", &operator).await, [json!(paused)]);
    assert_eq!(ids("/v1/admin/products?status=on_sale", &operator).await, [json!(kept)]);
}

async fn searched_filtered_and_sorted(server: Server) {
    let operator = server.operator();
    for (n, (name, won, stock)) in
        [("Blue mug", "3000", 1), ("Mug, red", "2000", 0), ("Plate", "2500", 4), ("맥북 프로", "2000", 1)]
            .iter()
            .enumerate()
    {
        let body = json!({
            "name": name, "base_price": { "amount": won, "currency": "KRW" }, "status": "on_sale",
            "variants": [{ "sku": format!("S-{n}"), "stock": stock }],
        });
        server.post("/v1/admin/products", &operator, body).await.expect(201);
    }
    server.product_in("USD", "1.50", 1).await;
    let names = async |query: &str| {
        let list = server.get(&format!("/v1/products?{query}"), "").await.expect(200).body;
        let names = list["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| item["name"].as_str().expect("a name").to_owned());
        names.collect::<Vec<_>>().join("|")
    };
    assert_eq!(names("search=MUG").await, "Mug, red|Blue mug");
    assert_eq!(names("search=re%20mu").await, "Mug, red");
    assert_eq!(names("search=%EB%A7%A5").await, "맥북 프로");
    assert_eq!(names("search=ug").await, "");
    assert_eq!(names("available=false").await, "Mug, red");
    assert_eq!(names("available=true&search=mug").await, "Blue mug");
    assert_eq!(names("currency=KRW&sort=price_up").await, "Mug, red|맥북 프로|Plate|Blue mug");
    assert_eq!(names("sort=price_down").await, "A thing|Blue mug|Plate|맥북 프로|Mug, red");
    assert_eq!(names("sort=name").await, "A thing|Blue mug|Mug, red|Plate|맥북 프로");
    assert_eq!(names("currency=KRW&min_price=2001&max_price=2500").await, "Plate");
    assert_eq!(names("currency=USD").await, "A thing");
    for (query, parameter) in [
        ("min_price=1", "currency"),
        ("currency=KRW&min_price=1.5", "min_price"),
        ("currency=KRW&max_price=x", "max_price"),
        ("currency=KRW&min_price=2&max_price=1", "min_price"),
        ("currency=XYZ", "currency"),
        ("search=", "search"),
        ("search=a+b+c+d+e+f+g+h+i+j+k", "search"),
        ("available=perhaps", "available"),
        ("sort=random", "sort"),
    ] {
        let refused = server.get(&format!("/v1/products?{query}"), "").await.refused(400, "invalid_parameter");
        assert_eq!(refused.body["parameter"], parameter, "{query}");
    }
}

async fn stock_by_hand_and_its_ledger(server: Server) {
    let (_, variant) = server.product(5, 5).await;
    let (path, operator) = (format!("/v1/admin/variants/{variant}/stock"), server.operator());
    let taken = server.post(&path, &operator, json!({ "delta": -2, "note": "broken" })).await.expect(201).body;
    assert_eq!((&taken["on_hand_after"], &taken["sequence"]), (&json!(3), &json!(2)));
    let refused = server.post(&path, &operator, json!({ "delta": -4 })).await.refused(409, "stock_out_of_range");
    assert_eq!(refused.body["on_hand"], 3);
    let ledger = server.get(&path, &operator).await.expect(200).body;
    let deltas: Vec<_> = ledger["items"].as_array().expect("items").iter().map(|entry| &entry["delta"]).collect();
    assert_eq!(deltas, [&json!(-2), &json!(5)]);
    assert_eq!(
        (&ledger["items"][0]["reason"], &ledger["items"][0]["actor"]),
        (&json!("adjust"), &json!("operator:mina"))
    );
    server.get("/v1/admin/variants/77/stock", &operator).await.refused(404, "variant_not_found");
}

async fn popular_products_and_daily_sales(server: Server) {
    let who = server.shopper(1_000_000).await;
    let ((slow, slow_variant), (fast, fast_variant)) = (server.product(9_000, 9).await, server.product(10, 9).await);
    let pay = json!({ "payment": "wallet" });
    server.place(&who, &[(&slow_variant, 1), (&fast_variant, 5)], pay).await.expect(201);
    let popular = server.get("/v1/products/popular", "").await.expect(200).body;
    let ids: Vec<_> = popular["items"].as_array().expect("items").iter().map(|item| &item["product"]["id"]).collect();
    assert_eq!(ids, [&json!(fast), &json!(slow)]);
    let top = server.get("/v1/products/popular?top=1&days=0", "").await.expect(200).body;
    assert_eq!((&top["items"][0]["quantity"], top["items"].as_array().map(Vec::len)), (&json!(5), Some(1)));
    let day = server.get("/v1/admin/daily-sales?date=2026-11-21", &server.operator()).await.expect(200).body;
    assert_eq!(day["items"][0]["revenue"], json!({ "amount": "9000", "currency": "KRW" }));
    let none = server.get("/v1/admin/daily-sales?date=2026-11-20", &server.operator()).await.expect(200).body;
    assert_eq!(none["items"], json!([]));
    let books = server.get("/v1/admin/reconciliation", &server.operator()).await.expect(200).body;
    assert_eq!((&books["orders"], &books["drifts"]), (&json!(1), &json!([])));
}

async fn looked_at_and_counted_when_told_to_stop(server: Server) {
    let ((one, _), (other, _)) = (server.product(1_000, 5).await, server.product(1_000, 5).await);
    for id in [&one, &other, &one] {
        assert_eq!(server.get(&format!("/v1/products/{id}"), "").await.expect(200).body["views"], 0);
    }
    server.get("/v1/products/9007199254740993", "").await.refused(404, "product_not_found");
    assert_eq!(server.get("/v1/products/most-viewed", "").await.expect(200).body["items"], json!([]));
    // Told before its interval is over, it writes what there is.
    commerce_server::views::run(&server.app, std::time::Duration::from_secs(3_600), async {}).await;
    let viewed = server.get("/v1/products/most-viewed", "").await.expect(200).body;
    let counts: Vec<_> =
        viewed["items"].as_array().expect("items").iter().map(|v| (&v["product"]["id"], &v["views"])).collect();
    assert_eq!(counts, [(&json!(one), &json!(2)), (&json!(other), &json!(1))]);
    assert_eq!(server.get(&format!("/v1/products/{one}"), "").await.expect(200).body["views"], 2);
}

on_every_store!(
    created_changed_and_read,
    listed_by_status,
    searched_filtered_and_sorted,
    stock_by_hand_and_its_ledger,
    popular_products_and_daily_sales,
    looked_at_and_counted_when_told_to_stop,
);
