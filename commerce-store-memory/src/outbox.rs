//! The outbox: which message may go out when, and to whom it was handed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::Outbox;
use commerce_core::{
    Aggregate, ClaimRequest, ClaimedMessage, DeadLetter, MessageId, OutboxMessage, Owner, Page, PageRequest,
    StoreError, Timestamp,
};
use foldhash::fast::RandomState;

use crate::MemoryStore;

/// The messages that are not delivered, and the order they go out in.
///
/// Messages arrive in ascending order of aggregate and id, so that both trees grow at their end.
#[derive(Debug, Default)]
pub(crate) struct OutboxTable {
    /// What waits: the first place of an aggregate is its head.
    rows: BTreeMap<Place, MessageRow>,
    /// The heads by when they may be handed out (again): a claim only moves that instant.
    due: BTreeSet<(Timestamp, MessageId, Place)>,
    /// Where the messages are that have been handed out.
    handed_out: HashMap<MessageId, Place, RandomState>,
    delivered: HashMap<Aggregate, u64, RandomState>,
    pub(crate) dead: BTreeMap<MessageId, DeadLetter>,
    dead_places: BTreeSet<Place>,
}

/// A message's place: its aggregate, and its sequence there.
type Place = (Aggregate, u64);

#[derive(Debug)]
struct MessageRow {
    message: OutboxMessage,
    due: Timestamp,
    owner: Option<Owner>,
    attempts: u32,
}

impl OutboxTable {
    pub(crate) fn enqueue(&mut self, message: OutboxMessage) {
        let (id, due) = (message.id, message.event.at());
        let (aggregate, sequence) = (message.event.aggregate(), message.event.sequence());
        // Nothing can be before the first, which is most: no need to look.
        if sequence == 1 || waiting(&self.rows, aggregate).next().is_none() {
            self.due.insert((due, id, (aggregate, sequence)));
        }
        self.rows.insert((aggregate, sequence), MessageRow { message, due, owner: None, attempts: 0 });
    }

    fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<ClaimedMessage> {
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
        row.owner = Some(request.owner.clone());
        let attempts = row.attempts;
        row.attempts = attempts.saturating_add(1);
        Some(ClaimedMessage { message: row.message.clone(), attempts, claimed_until })
    }

    /// The place of a message that `owner` holds at `now`.
    fn held(&self, owner: &Owner, id: MessageId, now: Timestamp) -> Option<Place> {
        let place = *self.handed_out.get(&id)?;
        let row = self.rows.get(&place)?;
        (row.owner.as_ref() == Some(owner) && now < row.due).then_some(place)
    }

    fn retry(&mut self, owner: &Owner, id: MessageId, due: Timestamp, now: Timestamp) -> bool {
        let Some(place) = self.held(owner, id, now) else { return false };
        let Some(row) = self.rows.get_mut(&place) else { return false };
        let before = std::mem::replace(&mut row.due, due);
        row.owner = None;
        self.handed_out.remove(&id);
        self.due.remove(&(before, id, place));
        self.due.insert((due, id, place));
        true
    }

    fn acknowledge(&mut self, owner: &Owner, id: MessageId, now: Timestamp) -> bool {
        let Some((_, (aggregate, _))) = self.finish(owner, id, now) else { return false };
        *self.delivered.entry(aggregate).or_default() += 1;
        true
    }

    fn bury(&mut self, owner: &Owner, id: MessageId, error: &str, now: Timestamp) -> bool {
        let Some((row, place)) = self.finish(owner, id, now) else { return false };
        let MessageRow { message, attempts, .. } = row;
        let letter = DeadLetter { message, attempts, last_error: error.to_owned(), buried_at: now };
        self.dead.insert(id, letter);
        self.dead_places.insert(place);
        true
    }

    /// Takes a held message out, and lets the next of its aggregate go.
    fn finish(&mut self, owner: &Owner, id: MessageId, now: Timestamp) -> Option<(MessageRow, Place)> {
        let place = self.held(owner, id, now)?;
        let row = self.rows.remove(&place)?;
        self.handed_out.remove(&id);
        self.due.remove(&(row.due, id, place));
        if let Some((next_place, next)) = waiting(&self.rows, place.0).next() {
            self.due.insert((next.due, next.message.id, *next_place));
        }
        Some((row, place))
    }

    /// The sequences of an aggregate's messages that are still here, and how many have been delivered.
    pub(crate) fn standing(&self, aggregate: Aggregate) -> (Vec<u64>, u64) {
        let dead = self.dead_places.range((aggregate, 0)..=(aggregate, u64::MAX));
        let here = waiting(&self.rows, aggregate).map(|(place, _)| place).chain(dead);
        let mut sequences: Vec<u64> = here.map(|(_, sequence)| *sequence).collect();
        sequences.sort_unstable();
        (sequences, self.delivered.get(&aggregate).copied().unwrap_or(0))
    }
}

/// What waits of an aggregate, in sequence.
fn waiting(rows: &BTreeMap<Place, MessageRow>, aggregate: Aggregate) -> impl Iterator<Item = (&Place, &MessageRow)> {
    rows.range((aggregate, 0)..=(aggregate, u64::MAX))
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<ClaimedMessage>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.claim(&request, now))
    }

    async fn acknowledge(&self, owner: &Owner, message: MessageId) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.acknowledge(owner, message, now))
    }

    async fn retry(&self, owner: &Owner, message: MessageId, _: &str, delay: Duration) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.retry(owner, message, now.plus(delay), now))
    }

    async fn bury(&self, owner: &Owner, message: MessageId, error: &str) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.bury(owner, message, error, now))
    }

    async fn dead_letters(&self, page: PageRequest<MessageId>) -> Result<Page<DeadLetter, MessageId>, StoreError> {
        let tables = self.read()?;
        let letters = crate::page::newest_first(&tables.outbox.dead, page.after).map(|(_, letter)| letter.clone());
        Ok(Page::cut(letters, page.size(), |letter| letter.message.id))
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        Ok(self.read()?.outbox.rows.len() as u64)
    }
}
