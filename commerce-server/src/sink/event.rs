//! What a sink is given: [CloudEvents 1.0](https://cloudevents.io) in JSON, whose data are what the API shows of an
//! order's history, or what a reconciliation found.

use commerce_core::{Aggregate, MessageId, OutboxMessage};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Outgoing;
use crate::document;
use crate::wire::delivery::EventData;
use crate::wire::scalar::{Instant, WireId};

/// The version that the type of an event ends with: another one when its data change in a way that a consumer could
/// trip over.
pub const VERSION: &str = "v1";

/// An event, as it is delivered.
#[derive(Debug, Clone, Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    /// The message's: what comes with an id that was seen before is to be left out.
    id: WireId<MessageId>,
    /// The shop.
    source: &'a str,
    /// What happened, and the version: `order.paid.v1`.
    #[serde(rename = "type")]
    kind: String,
    /// The order's id; the report's own, of books that do not add up.
    subject: String,
    time: Instant,
    datacontenttype: &'static str,
    /// The place among the events of the subject, from 1, without gaps; of 20 digits, to be compared as a text.
    sequence: String,
    data: EventData,
}

impl<'a> CloudEvent<'a> {
    /// The event of a message, told by the shop that is called `source`.
    #[must_use]
    pub fn of(message: &OutboxMessage, source: &'a str) -> Self {
        let event = &message.event;
        let subject = match event.aggregate() {
            Aggregate::Order(order) => order.to_string(),
            Aggregate::Books(report) => report.to_string(),
        };
        Self {
            specversion: "1.0",
            id: WireId(message.id),
            source,
            kind: format!("{}.{VERSION}", event.type_name()),
            subject,
            time: Instant(event.at()),
            datacontenttype: "application/json",
            sequence: format!("{:020}", event.sequence()),
            data: EventData::of(event),
        }
    }

    /// The event on its way to a sink.
    ///
    /// # Errors
    /// JSON cannot hold the event.
    pub fn outgoing(self, id: MessageId) -> Result<Outgoing, serde_json::Error> {
        let body = self.to_json()?;
        Ok(Outgoing { id, key: self.subject, kind: self.kind, body })
    }

    /// The event as JSON, on one line.
    pub fn to_json(&self) -> Result<bytes::Bytes, serde_json::Error> {
        serde_json::to_vec(self).map(bytes::Bytes::from)
    }
}

/// The JSON Schema of every event, as it is printed by `commerce-server events` and checked in.
#[must_use]
pub fn schema() -> String {
    let api: Value = serde_json::from_str(&document::text()).unwrap_or_default();
    let mut names = vec!["EventData".to_owned()];
    document::references(&api, &api["components"]["schemas"]["EventData"], &mut names);
    names.sort();
    let named = |name: &String| (name.clone(), api["components"]["schemas"][name].clone());
    let mut schemas: Map<String, Value> = names.iter().map(named).collect();
    schemas.insert("CloudEvent".to_owned(), envelope());
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Events of a shop, {VERSION}"),
        "$ref": "#/components/schemas/CloudEvent",
        "components": { "schemas": schemas },
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn envelope() -> Value {
    let text = |description: &str| json!({ "type": "string", "minLength": 1, "description": description });
    json!({
        "type": "object",
        "description": "A CloudEvent 1.0. It comes at least once: consumers leave out an id that they have seen. Events \
            of one subject come in sequence, but for those that were given up on and are sent again later.",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "data"],
        "properties": {
            "specversion": { "type": "string", "enum": ["1.0"] },
            "id": text("Unique in the shop; the same whenever the event is sent again."),
            "source": text("The shop."),
            "type": text("What happened, as data.event says, and the version of the data: order.paid.v1."),
            "subject": text("The order's id; the report's own, of books that do not add up."),
            "time": { "type": "string", "format": "date-time", "description": "When it happened." },
            "datacontenttype": { "type": "string", "enum": ["application/json"] },
            "sequence": {
                "type": "string", "pattern": "^[0-9]{20}$", "minLength": 20, "maxLength": 20,
                "description": "The place among the events of the subject, from 1, without gaps; to be compared as a text.",
            },
            "data": { "$ref": "#/components/schemas/EventData" },
        },
    })
}
