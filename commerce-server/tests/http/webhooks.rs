//! Webhooks in the hands of an operator.

use std::time::Duration;

use commerce_core::{SigningSecret, WebhookName};
use commerce_server::gateway::signature::WebhookSecret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Reply, Server, on_every_store};

const BOOKS: &str = "/v1/admin/webhooks/books";

fn at(url: &str) -> Value {
    json!({ "url": url })
}

fn secret(reply: &Reply) -> String {
    let secret = reply.body["secret"].as_str().expect("a secret").to_owned();
    assert!(WebhookSecret::parse(&secret).is_some(), "{secret}");
    secret
}

impl Server {
    async fn put_webhook(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.keyed(Method::PUT, path, &self.operator(), key, body).await
    }

    async fn rotate(&self, key: &str, body: &Value) -> Reply {
        self.keyed(Method::POST, &format!("{BOOKS}/rotate-secret"), &self.operator(), key, body).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path).bearer_auth(self.operator())).await
    }

    /// The secrets that sign calls by now.
    async fn signing(&self, name: &str) -> Vec<String> {
        let store = self.app.commerce.store();
        let (name, now): (WebhookName, _) = (name.parse().expect("a name"), store.now().await.expect("the time"));
        let webhook = store.webhook(&name).await.expect("a read").expect("a webhook");
        webhook.secrets_at(now).map(SigningSecret::reveal).map(str::to_owned).collect()
    }
}

async fn a_webhook_is_made_read_changed_and_removed(server: Server) {
    let operator = server.operator();
    server.get(BOOKS, &operator).await.refused(404, "webhook_not_found");
    let made = server.put_webhook(BOOKS, "make", &at("http://books.example/hook")).await.expect(200);
    let secret = secret(&made);
    let webhook = made.body["webhook"].clone();
    assert_eq!((&webhook["sink"], &webhook["enabled"]), (&json!("webhook-books"), &json!(true)));
    assert_eq!((made.header("etag"), made.header("idempotent-replayed")), ("\"1\"", ""));
    let read = server.get(BOOKS, &operator).await.expect(200);
    assert_eq!((&read.body, read.header("etag")), (&webhook, "\"1\""));

    // A retry is shown the same secret; anybody else is shown none.
    let again = server.put_webhook(BOOKS, "make", &at("http://books.example/hook")).await.expect(200);
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&made.text, "true"));
    let body = json!({ "url": "https://books.example/other?x=1", "enabled": false });
    let changed = server.put_webhook(BOOKS, "change", &body).await.expect(200);
    assert_eq!(changed.body.get("secret"), None, "{}", changed.text);
    assert_eq!(changed.body["webhook"]["url"], body["url"]);
    assert_eq!((&changed.body["webhook"]["enabled"], changed.header("etag")), (&json!(false), "\"2\""));
    assert_eq!(server.signing("books").await, vec![secret.clone()]);

    let mail = "/v1/admin/webhooks/mail";
    server.put_webhook(mail, "make", &at("http://mail.example/")).await.refused(422, "idempotency_key_reused");
    server.put_webhook(mail, "make-mail", &at("http://mail.example/")).await.expect(200);
    let all = server.get("/v1/admin/webhooks", &operator).await.expect(200);
    let names: Vec<&Value> = all.body["items"].as_array().expect("items").iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["books", "mail"]);
    let sinks = server.get("/v1/admin/sinks", &operator).await.expect(200);
    let names: Vec<&Value> = sinks.body["items"].as_array().expect("items").iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["webhook-books", "webhook-mail"]);
    for told in [&all, &sinks, &read, &changed] {
        assert!(!told.text.contains("whsec_") && !told.text.contains(&secret[6..]), "{}", told.text);
    }

    assert_eq!(server.delete(BOOKS).await.expect(200).body, changed.body["webhook"]);
    server.delete(BOOKS).await.refused(404, "webhook_not_found");
    server.delete("/v1/admin/sinks/webhook-mail").await.expect(200);
    let left = server.get("/v1/admin/webhooks", &operator).await.expect(200).body;
    assert_eq!(left, json!({ "items": [] }), "a webhook goes with its sink");
}

async fn a_retry_that_comes_late_undoes_nothing(server: Server) {
    let (here, there) = (at("http://books.example/here"), at("http://books.example/there"));
    let made = server.put_webhook(BOOKS, "here", &here).await.expect(200);
    server.put_webhook(BOOKS, "there", &there).await.expect(200);
    let late = server.put_webhook(BOOKS, "here", &here).await.expect(200);
    assert_eq!((&late.text, late.header("idempotent-replayed")), (&made.text, "true"), "the answer of then");
    assert_eq!(late.header("etag"), "\"1\"");
    server.put_webhook(BOOKS, "here", &there).await.refused(422, "idempotency_key_reused");
    assert_eq!(server.get(BOOKS, &server.operator()).await.expect(200).body["url"], there["url"]);

    // A secret that leaked is replaced at once, and then the rotation that made it is asked for again.
    let at_once = json!({ "overlap_seconds": 0 });
    let leaked = server.rotate("first", &at_once).await.expect(200);
    let next = secret(&server.rotate("second", &at_once).await.expect(200));
    let late = server.rotate("first", &at_once).await.expect(200);
    assert_eq!((&late.body["webhook"], late.body.get("secret")), (&leaked.body["webhook"], None));
    assert_eq!(server.signing("books").await, [next]);
    server.rotate("first", &json!({})).await.refused(422, "idempotency_key_reused");

    server.delete(BOOKS).await.expect(200);
    for late in [server.put_webhook(BOOKS, "here", &here).await, server.rotate("second", &at_once).await] {
        let late = late.expect(200);
        assert_eq!((late.body.get("secret"), late.header("idempotent-replayed")), (None, "true"), "{}", late.text);
    }
    server.get(BOOKS, &server.operator()).await.refused(404, "webhook_not_found");
}

async fn a_secret_is_replaced_and_shown_once(server: Server) {
    server.rotate("early", &json!({})).await.refused(404, "webhook_not_found");
    let first = secret(&server.put_webhook(BOOKS, "one", &at("http://books.example/")).await.expect(200));
    let rotated = server.rotate("one", &json!({})).await.expect(200);
    let second = secret(&rotated);
    assert_ne!(first, second, "a key of another operation");
    let day = Duration::from_secs(86_400);
    let ends = server.app.commerce.store().now().await.expect("the time").plus(day);
    assert_eq!(rotated.body["webhook"]["retiring_until"], json!([ends.to_string()]));
    assert_eq!(server.signing("books").await, [second.clone(), first.clone()]);
    let again = server.rotate("one", &json!({})).await.expect(200);
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&rotated.text, "true"));
    assert_eq!(server.signing("books").await, [second.clone(), first.clone()]);

    // A retry that comes late does not bring back what was replaced since, nor does it show it.
    let third = secret(&server.rotate("two", &json!({ "overlap_seconds": 60 })).await.expect(200));
    let late = server.rotate("one", &json!({})).await.expect(200);
    assert_eq!(late.body.get("secret"), None, "{}", late.text);
    assert_eq!(server.signing("books").await, [third.clone(), second, first.clone()]);
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(server.signing("books").await, [third.clone(), first]);
    server.clock.advance(day);
    assert_eq!(server.signing("books").await, [third]);

    let at_once = secret(&server.rotate("three", &json!({ "overlap_seconds": 0 })).await.expect(200));
    assert_eq!(server.signing("books").await, [at_once]);
    let refused = server.rotate("four", &json!({ "overlap_seconds": 604_801 })).await;
    assert_eq!(refused.refused(422, "overlap_out_of_range").body["max_seconds"], 604_800);
}

async fn an_address_is_checked_when_it_is_put(server: Server) {
    for private in
        ["http://127.0.0.1:9/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest", "http://0x7f.1/"]
    {
        server.put_webhook(BOOKS, "k", &at(private)).await.refused(422, "webhook_url_refused");
    }
    for wrong in
        ["books.example", "ftp://books.example/", "http://", "http://user:pw@books.example/", "http://books.example/#x"]
    {
        server.put_webhook(BOOKS, "k", &at(wrong)).await.refused(422, "webhook_url_refused");
    }
    for malformed in [json!({}), at(""), at("http://books.example/ x"), at(&format!("http://{}/", "a".repeat(2_048)))] {
        server.put_webhook(BOOKS, "k", &malformed).await.refused(400, "invalid_body");
    }
    let named = format!("/v1/admin/webhooks/{}", "b".repeat(57));
    server.put_webhook(&named, "k", &at("http://books.example/")).await.refused(400, "invalid_parameter");
    let no_key = server.request(Method::PUT, BOOKS).bearer_auth(server.operator()).json(&at("http://books.example/"));
    server.send(no_key).await.refused(400, "idempotency_key_missing");
    assert_eq!(server.get("/v1/admin/sinks", &server.operator()).await.expect(200).body["items"], json!([]));
}

on_every_store!(
    a_webhook_is_made_read_changed_and_removed,
    a_retry_that_comes_late_undoes_nothing,
    a_secret_is_replaced_and_shown_once,
    an_address_is_checked_when_it_is_put,
);
