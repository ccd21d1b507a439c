//! The outbox: which message may go out when, and to whom it was handed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
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
/// Messages arrive in ascending order of id and aggregate, so that every index here grows at its end.
#[derive(Debug, Default)]
pub(crate) struct OutboxTable {
    rows: BTreeMap<MessageId, MessageRow>,
    /// What waits, by aggregate: the first of each is its head.
    queues: BTreeSet<Place>,
    /// The heads by when they may be handed out (again): a claim only moves that instant.
    due: BTreeSet<(Timestamp, MessageId)>,
    delivered: HashMap<Aggregate, u64, RandomState>,
    pub(crate) dead: BTreeMap<MessageId, DeadLetter>,
}

/// A message's place: its aggregate, its sequence there, itself.
type Place = (Aggregate, u64, MessageId);

#[derive(Debug)]
struct MessageRow {
    message: OutboxMessage,
    due: Timestamp,
    owner: Option<Owner>,
    attempts: u32,
}

fn place(message: &OutboxMessage) -> Place {
    (message.event.aggregate(), message.event.sequence(), message.id)
}

impl OutboxTable {
    pub(crate) fn enqueue(&mut self, message: OutboxMessage) {
        let (place, due) = (place(&message), message.event.at());
        let (aggregate, _, id) = place;
        if self.waiting(aggregate).next().is_none() {
            self.due.insert((due, id));
        }
        self.queues.insert(place);
        self.rows.insert(id, MessageRow { message, due, owner: None, attempts: 0 });
    }

    /// What waits of an aggregate, in sequence.
    fn waiting(&self, aggregate: Aggregate) -> impl Iterator<Item = &Place> {
        let from = self.queues.range((Bound::Excluded((aggregate, 0, MessageId::MIN)), Bound::Unbounded));
        from.take_while(move |(of, _, _)| *of == aggregate)
    }

    fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<ClaimedMessage> {
        let ready: Vec<_> =
            self.due.iter().take_while(|(due, _)| *due <= now).take(request.limit as usize).copied().collect();
        ready.into_iter().filter_map(|(_, id)| self.hand_out(id, request, now)).collect()
    }

    fn hand_out(&mut self, id: MessageId, request: &ClaimRequest, now: Timestamp) -> Option<ClaimedMessage> {
        let row = self.rows.get_mut(&id)?;
        let claimed_until = now.plus(request.hold);
        self.due.remove(&(row.due, id));
        self.due.insert((claimed_until, id));
        row.due = claimed_until;
        row.owner = Some(request.owner.clone());
        let attempts = row.attempts;
        row.attempts = attempts.saturating_add(1);
        Some(ClaimedMessage { message: row.message.clone(), attempts, claimed_until })
    }

    /// The row, if `owner` holds it at `now`.
    fn held(&mut self, owner: &Owner, id: MessageId, now: Timestamp) -> Option<&mut MessageRow> {
        self.rows.get_mut(&id).filter(|row| row.owner.as_ref() == Some(owner) && now < row.due)
    }

    fn retry(&mut self, owner: &Owner, id: MessageId, due: Timestamp, now: Timestamp) -> bool {
        let Some(row) = self.held(owner, id, now) else { return false };
        let before = std::mem::replace(&mut row.due, due);
        row.owner = None;
        self.due.remove(&(before, id));
        self.due.insert((due, id));
        true
    }

    fn acknowledge(&mut self, owner: &Owner, id: MessageId, now: Timestamp) -> bool {
        let Some(row) = self.finish(owner, id, now) else { return false };
        *self.delivered.entry(row.message.event.aggregate()).or_default() += 1;
        true
    }

    fn bury(&mut self, owner: &Owner, id: MessageId, error: &str, now: Timestamp) -> bool {
        let Some(MessageRow { message, attempts, .. }) = self.finish(owner, id, now) else { return false };
        let letter = DeadLetter { message, attempts, last_error: error.to_owned(), buried_at: now };
        self.dead.insert(id, letter);
        true
    }

    /// Takes a held message out, and lets the next of its aggregate go.
    fn finish(&mut self, owner: &Owner, id: MessageId, now: Timestamp) -> Option<MessageRow> {
        self.held(owner, id, now)?;
        let row = self.rows.remove(&id)?;
        self.due.remove(&(row.due, id));
        self.queues.remove(&place(&row.message));
        let next = self.waiting(row.message.event.aggregate()).next();
        if let Some((next, next_row)) = next.and_then(|(_, _, next)| Some((*next, self.rows.get(next)?))) {
            self.due.insert((next_row.due, next));
        }
        Some(row)
    }

    /// The sequences of an aggregate's messages that are still here, and how many have been delivered.
    pub(crate) fn standing(&self, aggregate: Aggregate) -> (Vec<u64>, u64) {
        let waiting = self.waiting(aggregate).map(|(_, sequence, _)| *sequence);
        let dead = self.dead.values().filter(|letter| letter.message.event.aggregate() == aggregate);
        let mut sequences: Vec<u64> = waiting.chain(dead.map(|letter| letter.message.event.sequence())).collect();
        sequences.sort_unstable();
        (sequences, self.delivered.get(&aggregate).copied().unwrap_or(0))
    }
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
        let letters = crate::read::newest_first(&tables.outbox.dead, page.after).map(|(_, letter)| letter.clone());
        Ok(Page::cut(letters, page.size(), |letter| letter.message.id))
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        Ok(self.read()?.outbox.rows.len() as u64)
    }
}
