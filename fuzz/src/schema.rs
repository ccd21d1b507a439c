//! The OpenAPI document as a judge of JSON: a small reading of the few keywords that the document uses.

use std::sync::LazyLock;

use serde_json::Value;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&commerce_server::document::text()).expect("the document is JSON"));

/// The document.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// The schema of this name.
pub(crate) fn named(name: &str) -> &'static Value {
    DOCUMENT.pointer(&format!("/components/schemas/{name}")).unwrap_or(&Value::Null)
}

/// Why a value is not what a schema describes; nothing if it is. A member that may be absent may be null.
pub(crate) fn objection(schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return objection(named(name.rsplit('/').next()?), value, at);
    }
    let all = schema["allOf"].as_array().into_iter().flatten();
    let objected = all.filter_map(|schema| objection(schema, value, at)).next();
    objected.or_else(|| match schema["type"].as_str() {
        Some("object") => object(schema, value, at),
        Some("array") => {
            let items = value.as_array();
            let Some(items) = items else { return Some(format!("{at} is no array")) };
            items.iter().enumerate().find_map(|(n, item)| objection(&schema["items"], item, &format!("{at}/{n}")))
        }
        Some("string") => string(schema, value, at),
        Some("integer") => integer(schema, value, at),
        Some("boolean") => (!value.is_boolean()).then(|| format!("{at} is no boolean")),
        Some(other) => Some(format!("{at} has a type that is not read here: {other}")),
        None => None,
    })
}

fn object(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let Some(members) = value.as_object() else { return Some(format!("{at} is no object")) };
    let is_required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Some(format!("{at}/{name} is missing"));
        }
    }
    members.iter().find_map(|(name, member)| match schema["properties"].get(name) {
        Some(_) if member.is_null() && !is_required(name) => None,
        Some(schema) => objection(schema, member, &format!("{at}/{name}")),
        None if schema["additionalProperties"].is_object() => None,
        None => Some(format!("{at}/{name} is not in the document")),
    })
}

fn string(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let Some(text) = value.as_str() else { return Some(format!("{at} is no string")) };
    let length = text.chars().count() as u64;
    let listed = schema["enum"].as_array().is_none_or(|choices| choices.contains(value));
    let long_enough = schema["minLength"].as_u64().is_none_or(|least| length >= least);
    let short_enough = schema["maxLength"].as_u64().is_none_or(|most| length <= most);
    let shaped = match schema["format"].as_str() {
        Some("id") => text.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == text),
        Some("date-time") => text.len() >= 20 && text.as_bytes().get(10).is_some_and(|b| b"Tt ".contains(b)),
        Some("date") => text.len() == 10,
        _ => true,
    };
    (!(listed && long_enough && short_enough && shaped)).then(|| format!("{at} is {text:?}, against {schema}"))
}

fn integer(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let number = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    let Some(number) = number else { return Some(format!("{at} is no integer")) };
    let range = match schema["format"].as_str() {
        Some("int32") => i128::from(i32::MIN)..=i128::from(i32::MAX),
        Some("uint32") => 0..=i128::from(u32::MAX),
        Some("uint64") => 0..=i128::from(u64::MAX),
        _ => i128::from(i64::MIN)..=i128::from(i64::MAX),
    };
    (!range.contains(&number)).then(|| format!("{at} is {number}"))
}
