//! Coupons: campaigns and claims.

use reqwest::Method;
use serde_json::{Value, json};

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
    // Everybody reads the campaign, and staff alone its code; it is claimed by nothing else.
    let mut public = created.body.clone();
    assert_eq!(public.as_object_mut().expect("a coupon").remove("code"), Some(json!("TEN")));
    assert_eq!((&before["coupon"], &before["status"], &before["remaining"]), (&public, &json!("active"), &json!(1)));
    let staffs = server.get("/v1/admin/coupons", &operator).await.expect(200).body["items"][0].clone();
    assert_eq!((&staffs["coupon"], &staffs["status"]), (&created.body, &json!("active")));

    let who = server.shopper(0).await;
    let refused = server.claim(&who, &created.id()).await.refused(422, "coupon_needs_code");
    assert_eq!((&refused.body["coupon_id"], &public["by_code"]), (&json!(created.id()), &json!(true)));
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
    assert_eq!((&mine["items"][0]["coupon"]["id"], &mine["items"][0]["coupon"]["code"]), (&public["id"], &Value::Null));
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

async fn several_on_one_order(server: Server) {
    let who = server.shopper(100_000).await;
    let ((product, dear), (_, plain)) = (server.product(5_000, 5).await, server.product(3_000, 5).await);
    let stackable = |changes: Value| {
        let mut all = json!({ "stacking": "stackable" });
        changes.as_object().expect("members").iter().for_each(|(name, value)| all[name] = value.clone());
        all
    };
    let tenth = stackable(json!({ "discount": { "percent": "10" }, "product_ids": [product], "priority": 7 }));
    let tenth = server.coupon(tenth).await;
    let offered = server.get("/v1/coupons", "").await.expect(200).body["items"][0]["coupon"].clone();
    let terms = (&offered["product_ids"], &offered["stacking"], &offered["priority"]);
    assert_eq!(terms, (&json!([product]), &json!("stackable"), &json!(7)));
    let thousand = server.coupon(stackable(json!({}))).await;
    let alone = server.coupon(json!({})).await;
    let mut copies = Vec::new();
    for coupon in [&thousand, &tenth, &alone] {
        copies.push(server.claim(&who, coupon).await.expect(201).id());
    }
    let lines = json!([{ "variant_id": dear, "quantity": 2 }, { "variant_id": plain, "quantity": 1 }]);

    // All three: the exclusive one gives nothing, and says beside which.
    let quote = server.post("/v1/quotes", &who.token, json!({ "lines": lines, "coupons": copies })).await.expect(200);
    let trace = quote.body["trace"].as_array().expect("steps").clone();
    let steps: Vec<_> = trace.into_iter().filter(|step| step["rule"] == "coupon").collect();
    let said: Vec<_> = steps.iter().map(|step| (&step["issued_coupon_id"], &step["gave"]["amount"])).collect();
    let (first, second, third) = (json!(copies[1]), json!(copies[0]), json!(copies[2]));
    let expected = [(&first, &json!("1000")), (&second, &json!("1000")), (&third, &Value::Null)];
    assert_eq!(said, expected, "{steps:#?}");
    let refused = &steps[2]["refused"];
    assert_eq!(
        (&refused["code"], &quote.body["discount"]["amount"]),
        (&json!("coupons_not_combinable"), &json!("2000"))
    );

    let wanted = |coupons: &[&String]| json!({ "lines": lines, "coupons": coupons, "payment": "wallet" });
    let order = async |coupons: &[&String]| server.post("/v1/orders", &who.token, wanted(coupons)).await;
    let clash = order(&[&copies[2], &copies[1]]).await.refused(422, "coupons_not_combinable");
    assert_eq!((&clash.body["issued_coupon_id"], &clash.body["with_issued_coupon_id"]), (&third, &first));
    let twice = order(&[&copies[1], &copies[1]]).await.refused(422, "coupon_given_twice");
    assert_eq!(twice.body["issued_coupon_id"], first);
    let many = order(&[&copies[1]; 11]).await.refused(422, "too_many_coupons");
    assert_eq!((&many.body["coupons"], &many.body["max"]), (&json!(11), &json!(10)));
    let elsewhere = json!({ "lines": [{ "variant_id": plain, "quantity": 1 }], "coupons": [copies[1]] });
    let elsewhere = server.post("/v1/orders", &who.token, elsewhere).await.refused(422, "coupon_out_of_scope");
    assert_eq!(elsewhere.body["coupon_id"], json!(tenth));

    let order = order(&[&copies[0], &copies[1]]).await.expect(201).body;
    let used: Vec<_> = order["coupons"].as_array().expect("coupons").iter().map(|c| &c["issued_coupon_id"]).collect();
    assert_eq!((used, &order["total"]["amount"]), (vec![&first, &second], &json!("11000")));
    let shares: Vec<_> = order["lines"].as_array().expect("lines").iter().map(|l| &l["discount"]["amount"]).collect();
    assert_eq!(shares, ["1750", "250"], "a tenth of the first line, then 1,000 over 9,000 and 3,000");
    server.books().await;
}

async fn the_best_that_there_is(server: Server) {
    let who = server.shopper(100_000).await;
    let (_, variant) = server.product(5_000, 5).await;
    let percent = |rate: &str| json!({ "stacking": "stackable", "discount": { "percent": rate } });
    let won = |won: &str| json!({ "amount": { "amount": won, "currency": "KRW" } });
    let from = json!({ "amount": "90000", "currency": "KRW" });
    let coupons = [
        percent("10"),
        json!({ "stacking": "stackable" }),
        json!({ "discount": won("2500") }),
        json!({ "discount": won("2600"), "min_subtotal": from }),
    ];
    let mut copies = Vec::new();
    for coupon in coupons {
        copies.push(server.claim(&who, &server.coupon(coupon).await).await.expect(201).id());
    }
    // 10,000 won: 1,000 and 1,000 of the 9,000 left; 2,500 alone is more. The last is for larger orders.
    let lines = json!([{ "variant_id": variant, "quantity": 2 }]);
    let quote = async |more: Value| {
        let mut body = json!({ "lines": lines, "best_coupons": true });
        more.as_object().expect("members").iter().for_each(|(name, value)| body[name] = value.clone());
        server.post("/v1/quotes", &who.token, body).await
    };
    let best = quote(json!({})).await.expect(200).body;
    let told = |quote: &Value| -> Vec<(Value, Value)> {
        let steps = quote["trace"].as_array().expect("steps").iter().filter(|step| step["rule"] == "coupon");
        let reason = |step: &Value| {
            let amounts = [&step["gave"]["amount"], &step["passed_over"]["amount"], &step["refused"]["code"]];
            amounts.into_iter().find(|said| !said.is_null()).expect("a reason").clone()
        };
        steps.map(|step| (step["issued_coupon_id"].clone(), reason(step))).collect()
    };
    let said = |place: usize, what: &str| (json!(copies[place]), json!(what));
    let expected = vec![said(2, "2500"), said(3, "below_minimum"), said(0, "2000"), said(1, "2000")];
    assert_eq!((told(&best), &best["discount"]["amount"]), (expected, &json!("2500")));
    assert_eq!(best["refusal"], Value::Null);

    let among = quote(json!({ "coupons": [copies[1], copies[0]] })).await.expect(200).body;
    assert_eq!(told(&among), vec![said(0, "1000"), said(1, "1000")]);
    let order = json!({ "lines": lines, "coupons": [copies[2]], "payment": "wallet" });
    server.post("/v1/orders", &who.token, order).await.expect(201);
    // A copy that is used is not available; one that is named says so.
    let rest = quote(json!({})).await.expect(200).body;
    assert_eq!(told(&rest), vec![said(0, "1000"), said(1, "1000"), said(3, "below_minimum")]);
    let named = quote(json!({ "coupons": [copies[2]] })).await.expect(200).body;
    assert_eq!(told(&named), vec![said(2, "coupon_not_available")]);
    let other = server.shopper(0).await;
    let body = json!({ "lines": lines, "best_coupons": true, "coupons": [copies[0]] });
    server.post("/v1/quotes", &other.token, body).await.refused(404, "issued_coupon_not_found");
}

async fn a_copy_is_taken_back(server: Server) {
    let (who, operator) = (server.shopper(100_000).await, server.operator());
    let (_, variant) = server.product(5_000, 5).await;
    let coupon = server.coupon(json!({})).await;
    let copy = server.claim(&who, &coupon).await.expect(201).id();
    let path = format!("/v1/admin/issued-coupons/{copy}/revoke");
    server.post(&path, &who.token, json!({})).await.refused(403, "forbidden");
    let revoked = server.post(&path, &operator, json!({ "reason": "sold on" })).await.expect(200).body;
    assert_eq!(
        (&revoked["status"], &revoked["revocation_reason"], revoked["revoked_at"].is_string()),
        (&json!("revoked"), &json!("sold on"), true)
    );
    let again = server.post(&path, &operator, json!({})).await.refused(409, "coupon_not_available");
    assert_eq!(again.body["coupon_status"], "revoked");
    let order = json!({ "coupons": [copy] });
    server.place(&who, &[(&variant, 1)], order).await.refused(409, "coupon_not_available");
    let mine = server.get("/v1/me/coupons", &who.token).await.expect(200).body;
    assert_eq!(mine["items"][0]["issued"], revoked);
    let copies = server.get(&format!("/v1/admin/coupons/{coupon}/copies"), &operator).await.expect(200).body;
    assert_eq!(copies["items"], json!([{ "customer_id": who.id, "issued": revoked }]));
    server.get("/v1/admin/coupons/9007199254740993/copies", &operator).await.refused(404, "coupon_not_found");
    server.books().await;
}

async fn a_code_that_a_crowd_has_is_claimed_once(server: Server) {
    let operator = server.operator();
    let coupon = server.coupon(json!({ "by_code": true, "per_customer_limit": 2 })).await;
    let path = format!("/v1/admin/coupons/{coupon}/codes");
    server.post(&path, &operator, json!({ "quantity": 1 })).await.expect(201);
    let code = server.get(&path, &operator).await.expect(200).body["items"][0]["code"].clone();
    let mut shoppers = Vec::new();
    for _ in 0..20 {
        shoppers.push(server.shopper(0).await);
    }
    let claims = shoppers.iter().map(|who| server.post("/v1/me/coupons", &who.token, json!({ "code": code })));
    let (won, lost): (Vec<_>, Vec<_>) =
        futures_util::future::join_all(claims).await.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(won.len(), 1);
    for reply in lost {
        reply.refused(409, "coupon_code_used");
    }
    let left = server.get("/v1/admin/coupons", &operator).await.expect(200).body["items"][0].clone();
    assert_eq!((&left["coupon"]["id"], &left["issued"]), (&json!(coupon), &json!(1)));
    server.books().await;
}

async fn codes_that_are_good_for_one_copy(server: Server) {
    let (who, other, operator) = (server.shopper(0).await, server.shopper(0).await, server.operator());
    let coupon = server.coupon(json!({ "by_code": true, "total_quantity": 4 })).await;
    let path = format!("/v1/admin/coupons/{coupon}/codes");
    server.claim(&who, &coupon).await.refused(422, "coupon_needs_code");
    server.post(&path, &who.token, json!({ "quantity": 1 })).await.refused(403, "forbidden");
    for wrong in [0, 10_001, u32::MAX] {
        let refused = server.post(&path, &operator, json!({ "quantity": wrong })).await;
        let refused = refused.refused(422, "quantity_out_of_range");
        assert_eq!((&refused.body["quantity"], &refused.body["max"]), (&json!(wrong), &json!(10_000)));
    }
    let made = server.post(&path, &operator, json!({ "quantity": 5 })).await.expect(201).body;
    assert_eq!((&made["coupon_id"], &made["quantity"]), (&json!(coupon), &json!(5)));
    let listed = async || server.get(&format!("{path}?limit=100"), &operator).await.expect(200).body["items"].clone();
    let codes: Vec<Value> = listed().await.as_array().expect("codes").iter().map(|code| code["code"].clone()).collect();
    assert_eq!(codes.len(), 5);
    let claim = async |who: &str, code: &Value| server.post("/v1/me/coupons", who, json!({ "code": code })).await;
    // As people type it; retried, it is the same claim.
    let typed = codes[2].as_str().expect("a code").replace('-', " ").to_lowercase().replace('0', "o").replace('1', "l");
    let typed = json!({ "code": typed });
    let type_in = async |who: &str| server.keyed(Method::POST, "/v1/me/coupons", who, "typed", &typed).await;
    let copy = type_in(&who.token).await.expect(201).body;
    let replayed = type_in(&who.token).await.expect(201);
    assert_eq!((&replayed.body, replayed.header("idempotent-replayed")), (&copy, "true"));
    type_in(&other.token).await.refused(409, "coupon_code_used");
    claim(&who.token, &json!("no such code")).await.refused(404, "coupon_code_not_found");
    assert_eq!(copy["coupon_id"], json!(coupon));
    let used = claim(&other.token, &codes[2]).await.refused(409, "coupon_code_used");
    assert_eq!((&used.body["coupon_code"], &used.body["claimed_at"]), (&codes[2], &copy["issued_at"]));
    claim(&who.token, &codes[3]).await.refused(409, "coupon_already_claimed");
    let now = listed().await;
    let of = |code: usize| (&now[code]["customer_id"], &now[code]["issued_coupon_id"], &now[code]["claimed_at"]);
    assert_eq!(of(2), (&json!(who.id), &copy["id"], &copy["issued_at"]));
    assert_eq!(of(3), (&Value::Null, &Value::Null, &Value::Null));
    server.get("/v1/admin/coupons/9007199254740993/codes", &operator).await.refused(404, "coupon_not_found");
    server.books().await;
}

on_every_store!(
    a_campaign_and_where_it_stands,
    first_come_first_served,
    several_on_one_order,
    the_best_that_there_is,
    a_copy_is_taken_back,
    a_code_that_a_crowd_has_is_claimed_once,
    codes_that_are_good_for_one_copy,
);
