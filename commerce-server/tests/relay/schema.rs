//! The schema of events: checked in, and true of every event there is.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use commerce_core::conformance::{World, basket, operator};
use commerce_core::{BooksEvent, DeliverOrder, Drift, MessageId, OutboxMessage, PageRequest, ShipOrder};
use commerce_server::sink::event::{CloudEvent, schema};
use serde_json::Value;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../events.json")).expect("the schema is JSON"));

#[test]
fn the_schema_is_the_one_checked_in() {
    assert!(
        schema() == include_str!("../../events.json"),
        "the schema has changed; if that is meant: cargo run -p commerce-server -- events > commerce-server/events.json"
    );
}

/// Orders that go every way there is, a card's aside.
async fn lived(world: &World) {
    let variant = world.variant(3_000, 100).await;
    let customer = world.customer_with(100_000).await;
    let coupon = world.coupon(|_| ()).await;
    let mut wanted = basket(&[(variant, 2)]);
    wanted.coupons.push(world.issue(coupon, customer).await);
    let order = world.place(customer, wanted).await;
    world.pay(&order).await;
    world.refund(order.id, Some(&[(1, 1)])).await;
    world.refund(order.id, None).await;
    let order = world.place(customer, basket(&[(variant, 1)])).await;
    world.cancel(&order).await;
    let shipped = world.buy(customer, basket(&[(variant, 1)])).await;
    world.run(&operator(), ShipOrder { order_id: shipped.id }).await;
    world.run(&operator(), DeliverOrder { order_id: shipped.id }).await;
}

#[tokio::test]
async fn every_event_is_as_the_schema_says_and_can_be_read_back() {
    let world = crate::shop::memory();
    lived(&world).await;
    let facts = world.store().order_facts(PageRequest::first(100)).await.expect("the orders");
    let mut kinds = BTreeSet::new();
    for event in facts.iter().flat_map(|facts| &facts.events) {
        let id: MessageId = 9_007_199_254_740_993_i64.try_into().expect("an id");
        let message = OutboxMessage { id, event: commerce_core::Event::Order(event.clone()) };
        let body = CloudEvent::of(&message, "/shop").to_json().expect("JSON");
        assert!(!body.contains(&b'\n'), "one line");
        let read: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(objection(&SCHEMA["components"]["schemas"]["CloudEvent"], &read, ""), None, "{read}");
        let texts = ["id", "type", "subject", "sequence", "time"].map(|member| read[member].as_str().expect("a text"));
        let [id, kind, subject, sequence, time] = texts;
        assert_eq!(id.parse(), Ok(message.id));
        assert_eq!((kind, subject), (&*format!("{}.v1", event.type_name()), &*event.order_id().to_string()));
        assert_eq!(sequence.parse(), Ok(event.sequence));
        assert_eq!(time.parse(), Ok(event.at));
        assert_eq!(read["data"]["order"]["version"], event.sequence);
        kinds.insert(kind.to_owned());
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}

#[test]
fn what_a_reconciliation_tells_is_as_the_schema_says() {
    let id: MessageId = 42.try_into().expect("an id");
    let drift = Drift::Coupon { coupon_id: 7.try_into().expect("an id"), issued: 3, copies: 4, total_quantity: None };
    let (job, at) = ("reconciliation".parse().expect("a name"), "2026-10-31T08:00:00Z".parse().expect("an instant"));
    let books = BooksEvent { id, job, run: 3, at, count: 250, drifts: vec![drift.clone()] };
    let message = OutboxMessage { id, event: commerce_core::Event::Books(Arc::new(books)) };
    let read: Value =
        serde_json::from_slice(&CloudEvent::of(&message, "/shop").to_json().expect("JSON")).expect("JSON");
    assert_eq!(objection(&SCHEMA["components"]["schemas"]["CloudEvent"], &read, ""), None, "{read}");
    let expected = serde_json::json!({
        "specversion": "1.0", "id": "42", "source": "/shop", "type": "books.drifted.v1", "subject": "42",
        "time": "2026-10-31T08:00:00.000000Z", "datacontenttype": "application/json",
        "sequence": "00000000000000000001",
        "data": {
            "event": "books.drifted", "job": "reconciliation", "run": 3, "at": "2026-10-31T08:00:00.000000Z",
            "count": 250, "drifts": [drift.to_string()],
        },
    });
    assert_eq!(read, expected);
}

#[test]
fn the_schema_refuses_what_is_none() {
    let (envelope, event) = (&SCHEMA["components"]["schemas"]["CloudEvent"], serde_json::json!({ "id": "1" }));
    assert!(objection(envelope, &event, "").is_some_and(|words| words.contains("missing")));
}

/// Why a value is not what a schema describes: a reading of the few keywords that the schema uses.
fn objection(schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(pointer) = schema["$ref"].as_str() {
        let target = SCHEMA.pointer(pointer.trim_start_matches('#')).expect("what is referred to is there");
        return objection(target, value, at);
    }
    if let Some(ways) = schema["oneOf"].as_array() {
        let objections = ways.iter().filter_map(|schema| objection(schema, value, at)).collect::<Vec<_>>();
        return (objections.len() + 1 != ways.len()).then(|| format!("{at} is not one of them: {objections:?}"));
    }
    let all = schema["allOf"].as_array().into_iter().flatten();
    let objected = all.filter_map(|schema| objection(schema, value, at)).next();
    objected.or_else(|| match schema["type"].as_str() {
        Some("object") => {
            let Some(members) = value.as_object() else { return Some(format!("{at} is no object")) };
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing =
                required.filter(|name| !members.contains_key(*name)).map(|name| format!("{at}/{name} is missing"));
            missing.into_iter().next().or_else(|| {
                members.iter().find_map(|(name, member)| match schema["properties"].get(name) {
                    Some(schema) => objection(schema, member, &format!("{at}/{name}")),
                    None => Some(format!("{at}/{name} is not in the schema")),
                })
            })
        }
        Some("array") => {
            let Some(items) = value.as_array() else { return Some(format!("{at} is no array")) };
            items.iter().enumerate().find_map(|(n, item)| objection(&schema["items"], item, &format!("{at}/{n}")))
        }
        Some("string") => {
            let Some(text) = value.as_str() else { return Some(format!("{at} is no string")) };
            let listed = schema["enum"].as_array().is_none_or(|choices| choices.contains(value));
            let length = text.chars().count() as u64;
            let fits = schema["minLength"].as_u64().is_none_or(|least| length >= least)
                && schema["maxLength"].as_u64().is_none_or(|most| length <= most);
            (!listed || !fits).then(|| format!("{at} is {text:?}"))
        }
        Some("integer") => (!value.is_i64() && !value.is_u64()).then(|| format!("{at} is no integer")),
        Some("boolean") => (!value.is_boolean()).then(|| format!("{at} is no boolean")),
        Some(other) => Some(format!("{at} has a type that is not read here: {other}")),
        None => None,
    })
}
