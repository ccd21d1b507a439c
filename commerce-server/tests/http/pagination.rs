//! Lists page by page; cursors that were tampered with.

use serde_json::json;

use crate::harness::{Server, on_every_store};

/// Walks a list and returns the given member of every item.
async fn walk(server: &Server, path: &str, token: &str, member: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = server.get(&format!("{path}{joint}limit=2{cursor}"), token).await.expect(200).body;
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|item| item.pointer(member).expect(member).to_string()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn every_list_is_walked_without_gap_or_repeat(server: Server) {
    let (who, operator) = (server.shopper(100_000).await, server.operator());
    let (_, variant) = server.product(1, 50).await;
    let coupon = server.coupon(json!({})).await;
    let codes = format!("/v1/admin/coupons/{coupon}/codes");
    server.post(&codes, &operator, json!({ "quantity": 5 })).await.expect(201);
    for _ in 0..4 {
        server.place(&who, &[(&variant, 1)], json!({ "payment": "wallet" })).await.expect(201);
        server.claim(&who, &server.coupon(json!({})).await).await.expect(201);
        server.product(1, 1).await;
        server.claim(&server.shopper(0).await, &coupon).await.expect(201);
    }
    let admin = format!("/v1/admin/customers/{}", who.id);
    for (path, token, member, count) in [
        ("/v1/products".to_owned(), "", "/id", 5),
        ("/v1/products?sort=name&search=THI&available=true".to_owned(), "", "/id", 5),
        ("/v1/products?sort=price_up&currency=KRW&max_price=1".to_owned(), "", "/id", 5),
        ("/v1/products?sort=price_down".to_owned(), "", "/id", 5),
        ("/v1/admin/products?status=on_sale".to_owned(), &operator, "/id", 5),
        ("/v1/coupons".to_owned(), "", "/coupon/id", 5),
        ("/v1/admin/coupons".to_owned(), &operator, "/coupon/id", 5),
        ("/v1/orders".to_owned(), &*who.token, "/id", 4),
        ("/v1/orders?status=paid".to_owned(), &who.token, "/id", 4),
        ("/v1/me/coupons".to_owned(), &who.token, "/issued/id", 4),
        ("/v1/me/wallet/KRW/entries".to_owned(), &who.token, "/sequence", 5),
        ("/v1/admin/customers".to_owned(), &operator, "/id", 5),
        (format!("/v1/admin/coupons/{coupon}/codes"), &operator, "/code", 5),
        (format!("/v1/admin/coupons/{coupon}/copies"), &operator, "/issued/id", 4),
        (format!("{admin}/orders"), &operator, "/id", 4),
        (format!("{admin}/wallet/KRW/entries"), &operator, "/sequence", 5),
        (format!("/v1/admin/variants/{variant}/stock"), &operator, "/sequence", 5),
    ] {
        let found = walk(&server, &path, token, member).await;
        let distinct: std::collections::BTreeSet<_> = found.iter().collect();
        assert_eq!((found.len(), distinct.len()), (count, count), "{path}: {found:?}");
    }
}

async fn a_cursor_is_good_for_its_list_alone(server: Server) {
    let (who, other) = (server.shopper(100_000).await, server.shopper(100_000).await);
    let (_, variant) = server.product(1, 50).await;
    for _ in 0..3 {
        server.pending(&who, &variant).await;
        server.pending(&other, &variant).await;
    }
    let page = server.get("/v1/orders?limit=1", &who.token).await.expect(200).body;
    let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
    server.get(&format!("/v1/orders?cursor={cursor}"), &who.token).await.expect(200);
    let before = server.books().await;
    for (path, token) in [
        (format!("/v1/orders?cursor={cursor}"), &*other.token),
        (format!("/v1/orders?status=pending&cursor={cursor}"), &who.token),
        (format!("/v1/products?cursor={cursor}"), ""),
        (format!("/v1/me/coupons?cursor={cursor}"), &who.token),
        (format!("/v1/admin/customers/{}/orders?cursor={cursor}", who.id), &server.operator()),
        (format!("/v1/orders?cursor={}", &cursor[1..]), &who.token),
        (format!("/v1/orders?cursor=A{cursor}"), &who.token),
        ("/v1/orders?cursor=".to_owned(), &who.token),
        ("/v1/orders?cursor=%00%FF".to_owned(), &who.token),
    ] {
        server.get(&path, token).await.refused(400, "cursor_invalid");
    }
    for at in 0..cursor.len() {
        let mut forged = cursor.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("ASCII");
        server.get(&format!("/v1/orders?cursor={forged}"), &who.token).await.refused(400, "cursor_invalid");
    }
    assert_eq!(server.books().await, before);
}

async fn limits_are_kept_to(server: Server) {
    for limit in ["0", "101", "-1", "1.5", "", "9999999999"] {
        let reply = server.get(&format!("/v1/products?limit={limit}"), "").await.refused(400, "invalid_parameter");
        assert_eq!(reply.body["parameter"], "limit");
    }
    for _ in 0..21 {
        server.product(1, 1).await;
    }
    let count = async |query: &str| {
        let page = server.get(&format!("/v1/products{query}"), "").await.expect(200).body;
        page["items"].as_array().map(Vec::len)
    };
    assert_eq!((count("").await, count("?limit=100").await, count("?limit=1").await), (Some(20), Some(21), Some(1)));
}

on_every_store!(every_list_is_walked_without_gap_or_repeat, a_cursor_is_good_for_its_list_alone, limits_are_kept_to);
