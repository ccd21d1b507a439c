//! Operators: where events go, and what was given up on.
//!
//! What runs no command of the shop, and says what is to be rather than what is to be added, can be repeated as it is:
//! removing, replaying and discarding take no `Idempotency-Key`, for there is no answer of then to be kept.

use commerce_core::{
    Aggregate, DeadLetterFilter, DeadLetterKey, MessageId, OrderId, PageRequest, SinkName, Store, StoreError,
};
use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag};
use crate::auth::AsOperator;
use crate::extract::{Body, Limit, List};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::delivery::{
    DeadLetter, DeadLetterSelection, DeadLettersSettled, EventBody, OpenedDeadLetter, Sink, Sinks,
};
use crate::wire::page::Page;
use crate::wire::scalar::{Instant, Text, WireId};

/// How many dead letters are replayed or discarded in one commit.
const STEP: u32 = 500;

pub(super) struct AdminDeliveryApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::AdminDelivery")]
impl AdminDeliveryApi {
    /// Where events go
    ///
    /// Every sink with its backlog and dead letters, and how many events no sink has been handed yet.
    #[oai(path = "/sinks", method = "get", operation_id = "list_sinks")]
    async fn sinks(&self, _staff: AsOperator) -> Answer<Reply<Sinks>> {
        let store = self.0.commerce()?.store();
        let (waiting, sinks) = (store.backlog().await?, store.sinks().await?);
        Ok(Reply::new(Sinks { waiting, items: sinks.iter().map(Sink::from).collect() }))
    }

    /// Remove a sink
    ///
    /// With what was not delivered to it and its dead letters; answers the sink as it was. The sink of a webhook, named
    /// `webhook-` and its name, takes the webhook with it, its URL and secret too: to stop calls for a while, disable the
    /// webhook. One that the settings of a process name comes back when that process starts, and gets what happens from
    /// then on. Can be repeated as it is.
    #[oai(path = "/sinks/:sink", method = "delete", operation_id = "remove_sink")]
    async fn remove_sink(
        &self,
        staff: AsOperator,
        /// Which sink.
        sink: Path<Text<SinkName>>,
    ) -> Answer<Reply<Sink>> {
        let (store, name) = (self.0.commerce()?.store(), sink.0.0);
        let not_there = || Problem::new(StatusCode::NOT_FOUND, "sink_not_found", format!("there is no sink {name}"));
        let there = store.sinks().await?.into_iter().find(|sink| sink.name == name).ok_or_else(not_there)?;
        if !store.remove_sink(&name).await? {
            return Err(not_there());
        }
        tracing::info!(operator = %staff.0, sink = %name, backlog = there.backlog, "a sink was removed");
        Ok(Reply::new(Sink::from(&there)))
    }

    /// Dead letters
    ///
    /// Events that were given up on, each for one sink: latest message first.
    #[oai(path = "/dead-letters", method = "get", operation_id = "list_dead_letters")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn dead_letters(
        &self,
        _staff: AsOperator,
        /// Only of this sink.
        sink: Query<Option<Text<SinkName>>>,
        /// Only of this message.
        message_id: Query<Option<WireId<MessageId>>>,
        /// Only about this order.
        order_id: Query<Option<WireId<OrderId>>>,
        /// Only what was given up on before this instant.
        buried_before: Query<Option<Instant>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<DeadLetter>>> {
        let filter = DeadLetterFilter {
            sink: sink.0.map(|sink| sink.0),
            message: message_id.0.map(|message| message.0),
            aggregate: order_id.0.map(|order| Aggregate::Order(order.0)),
            buried_before: buried_before.0.map(|instant| instant.0),
        };
        let list = List::new(self.0.app()?, format!("dead letters {filter:?}"));
        let request: PageRequest<DeadLetterKey> = list.request(limit.0, cursor.0.as_deref())?;
        let page = list.store().dead_letters(&filter, request).await?;
        Ok(Reply::new(list.page(page, |letter| DeadLetter::from(&letter))))
    }

    /// Read a dead letter
    ///
    /// With the event as it was to be delivered.
    #[oai(path = "/dead-letters/:sink/:message_id", method = "get", operation_id = "get_dead_letter")]
    async fn dead_letter(
        &self,
        _staff: AsOperator,
        /// Which sink it was for.
        sink: Path<Text<SinkName>>,
        /// Which message.
        message_id: Path<WireId<MessageId>>,
    ) -> Answer<Reply<OpenedDeadLetter>> {
        let (sink, message) = (sink.0.0, message_id.0.0);
        let detail = format!("there is no dead letter of message {message} for {sink}");
        let filter = DeadLetterFilter { sink: Some(sink), message: Some(message), ..DeadLetterFilter::default() };
        let app = self.0.app()?;
        let letters = app.commerce.store().dead_letters(&filter, PageRequest::first(1)).await?.items;
        let letter = letters.first().ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "dead_letter_not_found", detail).with("message_id", message.to_string())
        })?;
        let event = EventBody::of(&letter.message, &app.telling.source).map_err(|error| {
            tracing::error!(%error, message = %message, "an event could not be written");
            crate::problem::framework::internal()
        })?;
        Ok(Reply::new(OpenedDeadLetter { dead_letter: DeadLetter::from(letter), event }))
    }

    /// Deliver dead letters again
    ///
    /// One or all of a kind: each goes back to its sink as if it had never been tried, and may come there after events of
    /// its order that follow it. What is given up on again meanwhile stays. Can be repeated as it is.
    #[oai(path = "/dead-letters/replay", method = "post", operation_id = "replay_dead_letters")]
    async fn replay(&self, staff: AsOperator, body: Body<DeadLetterSelection>) -> Answer<Reply<DeadLettersSettled>> {
        let store = self.0.commerce()?.store();
        let filter = filter(&**store, body.0).await?;
        let count = until_none(|| store.replay(&filter, STEP)).await?;
        tracing::info!(operator = %staff.0, count, "dead letters were replayed");
        Ok(Reply::new(DeadLettersSettled { count }))
    }

    /// Forget dead letters
    ///
    /// One or all of a kind, for good: their sinks never get them. Can be repeated as it is.
    #[oai(path = "/dead-letters/discard", method = "post", operation_id = "discard_dead_letters")]
    async fn discard(&self, staff: AsOperator, body: Body<DeadLetterSelection>) -> Answer<Reply<DeadLettersSettled>> {
        let store = self.0.commerce()?.store();
        let filter = filter(&**store, body.0).await?;
        let count = until_none(|| store.discard(&filter, STEP)).await?;
        tracing::info!(operator = %staff.0, count, "dead letters were discarded");
        Ok(Reply::new(DeadLettersSettled { count }))
    }
}

/// The filter of a selection that says which it means.
async fn filter(store: &dyn Store, selection: DeadLetterSelection) -> Answer<DeadLetterFilter> {
    let ambiguous = || {
        let detail =
            "name a sink, a message or an order, or else say \"all\": true, which takes every dead letter there is";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "dead_letters_ambiguous", detail)
    };
    selection.filter(store.now().await?).ok_or_else(ambiguous)
}

/// Takes steps until one finds nothing more to do, and says how much all of them did.
async fn until_none<F>(mut step: impl FnMut() -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut count = 0;
    loop {
        match step().await? {
            0 => return Ok(count),
            some => count += some,
        }
    }
}
