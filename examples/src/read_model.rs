//! A read model of orders, kept from events: what another service would keep in tables of its own.
//!
//! Events come at least once, those of an order in sequence, but for those that the shop gave up on: such a dead letter is
//! missing until an operator replays it, and comes after events that follow it then. So the model remembers the last event of
//! each order, leaves out what is not after it, and sets aside what comes too early until the missing one is there.
//!
//! One that never comes, because its dead letter was discarded, the stream trimmed, or the model begun later than the shop's
//! sink, leaves its order waiting. Who need not have heard of every step takes the latest event set aside instead: the order
//! in it is whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// What is read of an event; the rest is for others. `commerce-server events` prints the whole schema.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Unique in the shop.
    pub id: String,
    /// What happened, and the version of its data: `order.paid.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about: an order's id, if the type begins with `order.`.
    pub subject: String,
    /// What it tells, as the type says.
    pub data: Value,
}

/// What an event tells of an order.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// Its place among the events of the order, from 1, without gaps.
    pub sequence: u64,
    /// The order as it was after this step.
    pub order: Value,
}

/// An order as far as the model knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Known {
    /// The place of the last event.
    pub sequence: u64,
    /// What the order was after it.
    pub order: Value,
}

/// What an event did to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was news.
    New,
    /// It had come before.
    Seen,
    /// One before it is missing: it waits for that, and so does its order.
    Held,
    /// It is about no order.
    Other,
}

/// An event that the model cannot take.
#[derive(Debug, Error)]
pub enum Refused {
    /// It is not one.
    #[error("this is no event of an order: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Every order as it was last told.
#[derive(Debug, Clone, Default)]
pub struct ReadModel {
    orders: BTreeMap<String, Known>,
    held: BTreeMap<String, BTreeMap<u64, Value>>,
}

impl ReadModel {
    /// Takes an event, as JSON.
    ///
    /// # Errors
    /// [`Refused`]: the model is as it was.
    pub fn apply(&mut self, json: &[u8]) -> Result<(Event, Applied), Refused> {
        let event: Event = serde_json::from_slice(json)?;
        if !event.kind.starts_with("order.") {
            return Ok((event, Applied::Other));
        }
        let Step { sequence: found, order } = Step::deserialize(&event.data)?;
        let known = self.orders.get(&event.subject).map_or(0, |known| known.sequence);
        if found <= known {
            return Ok((event, Applied::Seen));
        }
        if found != known.saturating_add(1) {
            self.held.entry(event.subject.clone()).or_default().insert(found, order);
            return Ok((event, Applied::Held));
        }
        let mut last = Known { sequence: found, order };
        let mut held = self.held.remove(&event.subject).unwrap_or_default();
        while let Some((sequence, order)) = held.remove_entry(&last.sequence.saturating_add(1)) {
            last = Known { sequence, order };
        }
        if !held.is_empty() {
            self.held.insert(event.subject.clone(), held);
        }
        self.orders.insert(event.subject.clone(), last);
        Ok((event, Applied::New))
    }

    /// The orders, by id.
    #[must_use]
    pub fn orders(&self) -> &BTreeMap<String, Known> {
        &self.orders
    }

    /// What waits for an event that is missing: by order, and by place among its events.
    #[must_use]
    pub fn held(&self) -> &BTreeMap<String, BTreeMap<u64, Value>> {
        &self.held
    }
}
