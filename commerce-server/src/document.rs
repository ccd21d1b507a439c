//! The OpenAPI document, and the page that shows it without a network.

use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::{HeaderValue, header};
use poem::{EndpointExt, Response};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Map, Value};

use crate::api;

const TITLE: &str = "Commerce";
const DESCRIPTION: &str = "Orders, coupons, stock and wallets, exact under any number of racing callers.\n\n\
A change takes an `Idempotency-Key`: a fresh random name for one attempt, kept for its retries. The same key \
with the same request is answered as it was the first time, with `Idempotent-Replayed: true`; nothing runs twice. \
After a 503 with the code `outcome_unknown`, ask again with the same key. What says of itself that it can be repeated as it is takes none.\n\n\
Errors are problem documents (RFC 9457) with a stable `code` and the numbers of the rule that refused. \
Only what cannot be read as an HTTP request at all is answered with a bare 400 or 431, and the connection closed. \
Ids and amounts are strings. Lists are read page by page: ask again with `next_cursor` as `cursor`.";

fn service() -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(api::described(), TITLE, env!("CARGO_PKG_VERSION")).description(DESCRIPTION)
}

/// The document as JSON text: the one that is served, printed by `commerce-server openapi`, and checked in.
#[must_use]
pub fn text() -> String {
    refined(&service().spec())
}

/// poem-openapi's document, made to say what it cannot be told: bodies refuse unknown fields.
fn refined(spec: &str) -> String {
    let mut document: Value = serde_json::from_str(spec).unwrap_or_default();
    tidy(&mut document);
    let closed = request_schemas(&document);
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for name in closed {
            if let Some(schema) = schemas.get_mut(&name).and_then(Value::as_object_mut) {
                schema.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Descriptions come from doc comments, line by line: joins them, and drops what is empty.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description")
                && !text.contains("\n\n")
            {
                *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names of every schema that a request body reaches.
fn request_schemas(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let operations = document["paths"].as_object().into_iter().flat_map(Map::values);
    for operation in operations.filter_map(Value::as_object).flat_map(Map::values) {
        references(document, &operation["requestBody"], &mut found);
    }
    found
}

/// Adds the names of every schema that a value reaches.
pub(crate) fn references(document: &Value, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/components/schemas/"));
            if let Some(name) = name.filter(|name| !found.iter().any(|known| known == name)) {
                found.push(name.to_owned());
                references(document, &document["components"]["schemas"][name], found);
            }
            object.values().for_each(|value| references(document, value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(document, value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `/openapi.json` and `/docs`. The page carries its scripts, styles and the document within itself.
#[must_use]
pub fn pages() -> Vec<(&'static str, BoxEndpoint<'static>)> {
    let service = service();
    let spec = service.spec();
    let document = refined(&spec);
    let page = service.swagger_ui_html().replace(&spec, &document);
    vec![
        ("/openapi.json", fixed(document, "application/json", None)),
        ("/docs", fixed(page, "text/html; charset=utf-8", Some(PAGE_POLICY))),
    ]
}

/// The page runs the script that is in it, and asks nothing of other hosts.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

fn fixed(body: String, content_type: &'static str, policy: Option<&'static str>) -> BoxEndpoint<'static> {
    let body = bytes::Bytes::from(body);
    let endpoint = make_sync(move |_| {
        let mut response = Response::builder().content_type(content_type).body(body.clone());
        if let Some(policy) = policy {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        response
    });
    endpoint.boxed()
}
