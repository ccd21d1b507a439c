//! The document: checked in, served, complete.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::harness::{Server, on_every_store};

pub(crate) fn document() -> Value {
    serde_json::from_str(&commerce_server::document::text()).expect("JSON")
}

/// Every operation with its path and method.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().expect("methods").clone();
        methods.into_iter().map(|(method, operation)| (path.clone(), method, operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

async fn the_served_document_is_the_one_checked_in(server: Server) {
    let served = server.get("/openapi.json", "").await.expect(200);
    let checked_in = include_str!("../../openapi.json");
    assert!(
        served.text == checked_in,
        "the document has changed; if that is meant: cargo run -p commerce-server -- openapi > commerce-server/openapi.json"
    );
}

async fn the_page_needs_no_network(server: Server) {
    let page = server.get("/docs", "").await.expect(200);
    assert!(page.text.contains("additionalProperties"), "the page shows another document than the one served");
    for tag in ["<script src", "<link", "@import", "<img src=\"http"] {
        assert!(!page.text.contains(tag), "{tag}");
    }
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
}

on_every_store!(the_served_document_is_the_one_checked_in, the_page_needs_no_network);

/// Changes that take no key.
const REPEATABLE: [&str; 5] =
    ["remove_sink", "remove_webhook", "replay_dead_letters", "discard_dead_letters", "roll_up_daily_sales"];

#[test]
fn every_operation_is_described() {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document()) {
        let at = format!("{method} {path}");
        let text = |member: &str| operation[member].as_str().is_some_and(|text| !text.is_empty());
        assert!(text("operationId") && text("summary") && text("description"), "{at}");
        assert!(ids.insert(operation["operationId"].to_string()), "{at}: the id is taken");
        assert!(operation["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{at}");
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{at}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &parameters {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{at}: {parameter}");
        }
        let takes_key = parameters.iter().any(|p| p["name"] == "Idempotency-Key" && p["required"] == true);
        // A quote changes nothing; a confirmation and a gateway's call ask for the state of things, however often.
        let asks = path == "/v1/quotes" || path.ends_with("/confirm") || path == "/v1/webhooks/payments";
        // What runs no command, and says what is to be, has no answer of then; it says that it can be repeated as it is.
        let repeatable =
            operation["description"].as_str().is_some_and(|text| text.contains("Can be repeated as it is."));
        assert_eq!(repeatable, REPEATABLE.contains(&operation["operationId"].as_str().unwrap_or("")), "{at}");
        let changes = method != "get" && !asks;
        assert_eq!(takes_key, changes && !repeatable, "{at}");
    }
}

#[test]
fn every_list_has_a_cursor() {
    for (path, method, operation) in operations(&document()) {
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let is_page = schema.as_str().is_some_and(|name| name.ends_with("Page"));
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let has_cursor = parameters.iter().any(|parameter| parameter["name"] == "cursor");
        assert_eq!(is_page, has_cursor, "{method} {path}");
    }
}

/// No request may set what the server decides.
#[test]
fn requests_refuse_what_they_do_not_know() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for (path, method, operation) in operations(&document) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(name) = body.as_str().and_then(|name| name.rsplit('/').next()) else { continue };
        closed(schemas, name, &format!("{method} {path}"));
    }
}

fn closed(schemas: &Map<String, Value>, name: &str, at: &str) {
    let schema = &schemas[name];
    if schema["type"] != "object" {
        return;
    }
    assert_eq!(schema["additionalProperties"], false, "{at}: {name}");
    for part in schema["properties"].to_string().split("#/components/schemas/").skip(1) {
        closed(schemas, part.split('"').next().expect("a name"), at);
    }
}
