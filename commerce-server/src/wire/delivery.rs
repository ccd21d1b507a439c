//! The delivery of events, as operators see it.

use commerce_core::{
    Aggregate, BooksEvent as CoreBooks, DeadLetter as CoreLetter, DeadLetterFilter, Event, JobName, MessageId, OrderId,
    OutboxMessage, SinkName, SinkStatus, Timestamp,
};
use poem_openapi::registry::{MetaSchema, Registry};
use poem_openapi::types::Type;
use serde::Serialize;
use serde_json::Value;

use super::order::OrderEvent;
use super::scalar::{Instant, Text, WireId};
use super::schema::{described, plain_type, request, response};
use crate::sink::event::CloudEvent;

response! {
    /// A place that events are delivered to.
    Sink {
        /// Its name.
        name: Text<SinkName>,
        /// When it was registered: it gets what happened from about then on.
        registered_at: Instant,
        /// How many events wait for delivery to it, those under way included, dead letters not.
        backlog: u64,
        /// When the oldest of those happened.
        oldest_at: Option<Instant>,
        /// How many were given up on.
        dead_letters: u64,
    }

    /// Where events go, and how far that has come.
    Sinks {
        /// How many events wait to be handed to every sink: more than a few for long means that no relay is at work.
        waiting: u64,
        /// The sinks, by name.
        items: Vec<Sink>,
    }

    /// An event that was given up on for one sink.
    DeadLetter {
        /// Which sink it was for.
        sink: Text<SinkName>,
        /// The message's id, which is the event's.
        message_id: WireId<MessageId>,
        /// Which order it is about; none if it is about the books.
        order_id: Option<WireId<OrderId>>,
        /// Its place among the order's events, from 1.
        sequence: u64,
        /// What happened: order.paid, books.drifted.
        event_type: String,
        /// When it happened.
        happened_at: Instant,
        /// How often delivery was tried.
        attempts: u32,
        /// What the last attempt failed with.
        last_error: String,
        /// When it was given up on.
        buried_at: Instant,
    }

    /// A dead letter with what was to be delivered.
    OpenedDeadLetter {
        /// The dead letter.
        dead_letter: DeadLetter,
        /// The event, as it is delivered.
        event: EventBody,
    }

    /// What became of the dead letters that were chosen.
    DeadLettersSettled {
        /// How many there were.
        count: u64,
    }
}

request! {
    /// Which dead letters: those that fit all that is given.
    DeadLetterSelection {
        /// Of this sink.
        sink: Option<Text<SinkName>>,
        /// Of this message.
        message_id: Option<WireId<MessageId>>,
        /// About this order.
        order_id: Option<WireId<OrderId>>,
        /// Given up on before this instant; before the request if absent.
        buried_before: Option<Instant>,
        /// True for those of every sink, message and order, which cannot be meant by leaving them out.
        all: Option<bool>,
    }
}

response! {
    /// Books that do not add up, as a run of a job found them.
    BooksEvent {
        /// Always books.drifted.
        event: String,
        /// Which job looked.
        job: Text<JobName>,
        /// Which of its runs.
        run: u64,
        /// When the books were read to the end.
        at: Instant,
        /// How many drifts were found.
        count: u64,
        /// The first hundred of them, each told in a line with its ids and numbers.
        drifts: Vec<String>,
    }
}

/// What an event tells.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum EventData {
    /// What happened to an order, with the order as it was then.
    Order(Box<OrderEvent>),
    /// What a reconciliation found.
    Books(BooksEvent),
}

impl EventData {
    /// Of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Order(event) => Self::Order(Box::new(OrderEvent::from(&**event))),
            Event::Books(event) => Self::Books(BooksEvent::from(&**event)),
        }
    }
}

impl Type for EventData {
    plain_type!("EventData");

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>("EventData".to_owned(), |registry| {
            OrderEvent::register(registry);
            BooksEvent::register(registry);
            MetaSchema {
                description: Some("What an event tells: of an order, or of the books."),
                one_of: vec![OrderEvent::schema_ref(), BooksEvent::schema_ref()],
                ..MetaSchema::ANY
            }
        });
    }
}

impl From<&CoreBooks> for BooksEvent {
    fn from(event: &CoreBooks) -> Self {
        Self {
            event: CoreBooks::TYPE_NAME.to_owned(),
            job: Text(event.job.clone()),
            run: event.run,
            at: Instant(event.at),
            count: event.count,
            drifts: event.drifts.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A [`CloudEvent`] as it is delivered.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct EventBody(Value);

impl EventBody {
    /// The event of a message, told by the shop that is called `source`.
    pub fn of(message: &OutboxMessage, source: &str) -> Result<Self, serde_json::Error> {
        serde_json::to_value(CloudEvent::of(message, source)).map(Self)
    }
}

impl Type for EventBody {
    plain_type!("CloudEvent");

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>("CloudEvent".to_owned(), |registry| {
            EventData::register(registry);
            let text = |description| described(String::schema_ref(), description);
            let properties = vec![
                ("specversion", text("Always \"1.0\".")),
                ("id", text("The message's id.")),
                ("source", text("The shop.")),
                ("type", text("What happened, and the version of the data: order.paid.v1.")),
                ("subject", text("The order's id; the report's own, of books that do not add up.")),
                ("time", text("When it happened.")),
                ("datacontenttype", text("Always \"application/json\".")),
                ("sequence", text("The place among the order's events, of 20 digits.")),
                ("data", described(EventData::schema_ref(), "What happened: which of them, the type says.")),
            ];
            MetaSchema {
                description: Some("A CloudEvent 1.0, which events.json describes."),
                required: properties.iter().map(|(name, _)| *name).collect(),
                properties,
                ..MetaSchema::new("object")
            }
        });
    }
}

impl From<&SinkStatus> for Sink {
    fn from(sink: &SinkStatus) -> Self {
        Self {
            name: Text(sink.name.clone()),
            registered_at: Instant(sink.created_at),
            backlog: sink.backlog,
            oldest_at: sink.oldest_at.map(Instant),
            dead_letters: sink.dead_letters,
        }
    }
}

impl From<&CoreLetter> for DeadLetter {
    fn from(letter: &CoreLetter) -> Self {
        let event = &letter.message.event;
        let order_id = match event.aggregate() {
            Aggregate::Order(order) => Some(WireId(order)),
            Aggregate::Books(_) => None,
        };
        Self {
            sink: Text(letter.sink.clone()),
            message_id: WireId(letter.message.id),
            order_id,
            sequence: event.sequence(),
            event_type: event.type_name().to_owned(),
            happened_at: Instant(event.at()),
            attempts: letter.attempts,
            last_error: letter.last_error.clone(),
            buried_at: Instant(letter.buried_at),
        }
    }
}

impl DeadLetterSelection {
    /// What it takes of the dead letters there are at `now`; nothing if it does not say which it means.
    #[must_use]
    pub fn filter(self, now: Timestamp) -> Option<DeadLetterFilter> {
        let named = self.sink.is_some() || self.message_id.is_some() || self.order_id.is_some();
        // What is buried again because of this is not taken again.
        let buried_before = self.buried_before.map_or(now, |instant| instant.0.min(now));
        (named != self.all.unwrap_or(false)).then(|| DeadLetterFilter {
            sink: self.sink.map(|sink| sink.0),
            message: self.message_id.map(|message| message.0),
            aggregate: self.order_id.map(|order| Aggregate::Order(order.0)),
            buried_before: Some(buried_before),
        })
    }
}
