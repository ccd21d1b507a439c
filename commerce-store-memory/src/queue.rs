//! A sink's queue: which message may go out when, and to whom it was handed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use commerce_core::{Aggregate, ClaimRequest, ClaimedMessage, Holder, MessageId, OutboxMessage, Owner, Timestamp};
use foldhash::fast::RandomState;

/// A message's place: its aggregate, and its sequence there.
pub(crate) type Place = (Aggregate, u64);

pub(crate) fn place_of(message: &OutboxMessage) -> Place {
    (message.event.aggregate(), message.event.sequence())
}

/// The messages of one sink that are not delivered, and the order they go out in.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// What waits: the first place of an aggregate is its head.
    rows: BTreeMap<Place, Row>,
    /// The heads by when they may be handed out (again): a claim only moves that instant.
    due: BTreeSet<(Timestamp, MessageId, Place)>,
    /// Where the messages are that have been handed out.
    handed_out: HashMap<MessageId, Place, RandomState>,
}

#[derive(Debug)]
struct Row {
    message: OutboxMessage,
    due: Timestamp,
    owner: Option<Owner>,
    attempts: u32,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// When the oldest message that waits happened.
    pub(crate) fn oldest_at(&self) -> Option<Timestamp> {
        self.rows.values().map(|row| row.message.event.at()).min()
    }

    /// Takes a message in. One that was buried may come back before the head of its aggregate, and is the head then.
    pub(crate) fn put(&mut self, message: OutboxMessage, due: Timestamp) {
        let place = place_of(&message);
        if let Some((head, row)) = waiting(&self.rows, place.0).next() {
            self.due.remove(&(row.due, row.message.id, *head));
        }
        self.rows.insert(place, Row { message, due, owner: None, attempts: 0 });
        self.expose(place.0);
    }

    pub(crate) fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<ClaimedMessage> {
        let ready = self.due.iter().take_while(|(due, ..)| *due <= now).take(request.limit as usize);
        let ready: Vec<Place> = ready.map(|(_, _, place)| *place).collect();
        ready.into_iter().filter_map(|place| self.hand_out(place, request, now)).collect()
    }

    fn hand_out(&mut self, place: Place, request: &ClaimRequest, now: Timestamp) -> Option<ClaimedMessage> {
        let row = self.rows.get_mut(&place)?;
        let (id, claimed_until) = (row.message.id, now.plus(request.hold));
        self.due.remove(&(row.due, id, place));
        self.due.insert((claimed_until, id, place));
        self.handed_out.insert(id, place);
        row.due = claimed_until;
        row.owner = Some(request.holder.owner.clone());
        let attempts = row.attempts;
        row.attempts = attempts.saturating_add(1);
        Some(ClaimedMessage { message: row.message.clone(), attempts, claimed_until })
    }

    /// The place of a message that `holder` holds at `now`.
    fn held(&self, holder: &Holder, id: MessageId, now: Timestamp) -> Option<Place> {
        let place = *self.handed_out.get(&id)?;
        let row = self.rows.get(&place)?;
        (row.owner.as_ref() == Some(&holder.owner) && now < row.due).then_some(place)
    }

    /// Lets go of a held message, to be handed out again at `due`; as if it had not been, unless it was `tried`.
    pub(crate) fn put_back(
        &mut self,
        holder: &Holder,
        id: MessageId,
        due: Timestamp,
        (now, tried): (Timestamp, bool),
    ) -> bool {
        let Some(place) = self.held(holder, id, now) else { return false };
        let Some(row) = self.rows.get_mut(&place) else { return false };
        let before = std::mem::replace(&mut row.due, due);
        row.owner = None;
        row.attempts -= u32::from(!tried).min(row.attempts);
        self.handed_out.remove(&id);
        self.due.remove(&(before, id, place));
        self.expose(place.0);
        true
    }

    /// Takes a held message out, and lets the next of its aggregate go. With it comes how often it was handed out.
    pub(crate) fn finish(&mut self, holder: &Holder, id: MessageId, now: Timestamp) -> Option<(OutboxMessage, u32)> {
        let place = self.held(holder, id, now)?;
        let row = self.rows.remove(&place)?;
        self.handed_out.remove(&id);
        self.due.remove(&(row.due, id, place));
        self.expose(place.0);
        Some((row.message, row.attempts))
    }

    /// Puts the head of an aggregate where claims find it, if it is not there.
    fn expose(&mut self, aggregate: Aggregate) {
        if let Some((place, row)) = waiting(&self.rows, aggregate).next() {
            self.due.insert((row.due, row.message.id, *place));
        }
    }
}

/// What waits of an aggregate, in sequence.
fn waiting(rows: &BTreeMap<Place, Row>, aggregate: Aggregate) -> impl Iterator<Item = (&Place, &Row)> {
    rows.range((aggregate, 0)..=(aggregate, u64::MAX))
}
