//! The outbox: which message may go out when, and to whom it was handed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
#[derive(Debug, Default)]
pub(crate) struct OutboxTable {
    rows: BTreeMap<MessageId, MessageRow>,
    /// The heads of the queues by when they may be handed out (again): a claim only moves that instant.
    due: BTreeSet<(Timestamp, MessageId)>,
    queues: HashMap<Aggregate, Queue, RandomState>,
    pub(crate) dead: BTreeMap<MessageId, DeadLetter>,
}

#[derive(Debug)]
struct MessageRow {
    message: OutboxMessage,
    due: Timestamp,
    owner: Option<Owner>,
    attempts: u32,
}

/// One aggregate's messages: those that wait, in sequence, and how many are gone.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<MessageId>,
    pub(crate) delivered: u64,
}

impl OutboxTable {
    pub(crate) fn enqueue(&mut self, message: OutboxMessage) {
        let (id, due) = (message.id, message.event.at());
        let queue = self.queues.entry(message.event.aggregate()).or_default();
        queue.waiting.push_back(id);
        if queue.waiting.len() == 1 {
            self.due.insert((due, id));
        }
        self.rows.insert(id, MessageRow { message, due, owner: None, attempts: 0 });
    }

    fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Vec<ClaimedMessage> {
        let ready: Vec<_> =
            self.due.iter().take_while(|(due, _)| *due <= now).take(request.limit as usize).copied().collect();
        ready.into_iter().filter_map(|(due, id)| self.hand_out(due, id, request, now)).collect()
    }

    fn hand_out(
        &mut self,
        due: Timestamp,
        id: MessageId,
        request: &ClaimRequest,
        now: Timestamp,
    ) -> Option<ClaimedMessage> {
        let row = self.rows.get_mut(&id)?;
        let claimed_until = now.plus(request.hold);
        self.due.remove(&(due, id));
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

    /// Takes a held message out, and lets the next of its aggregate go.
    fn finish(&mut self, owner: &Owner, id: MessageId, now: Timestamp) -> Option<(MessageRow, &mut Queue)> {
        self.held(owner, id, now)?;
        let row = self.rows.remove(&id)?;
        self.due.remove(&(row.due, id));
        let queue = self.queues.get_mut(&row.message.event.aggregate())?;
        queue.waiting.pop_front();
        if let Some(next) = queue.waiting.front()
            && let Some(next_row) = self.rows.get(next)
        {
            self.due.insert((next_row.due, *next));
        }
        Some((row, queue))
    }

    /// The sequences of an aggregate's messages that are still here, and how many have been delivered.
    pub(crate) fn standing(&self, aggregate: Aggregate) -> (Vec<u64>, u64) {
        let queue = self.queues.get(&aggregate);
        let waiting = queue.into_iter().flat_map(|queue| &queue.waiting).filter_map(|id| self.rows.get(id));
        let dead = self.dead.values().filter(|letter| letter.message.event.aggregate() == aggregate);
        let mut sequences: Vec<u64> = waiting
            .map(|row| row.message.event.sequence())
            .chain(dead.map(|letter| letter.message.event.sequence()))
            .collect();
        sequences.sort_unstable();
        (sequences, queue.map_or(0, |queue| queue.delivered))
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
        let finished = tables.outbox.finish(owner, message, now);
        Ok(finished.map(|(_, queue)| queue.delivered += 1).is_some())
    }

    async fn retry(&self, owner: &Owner, message: MessageId, _: &str, delay: Duration) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.retry(owner, message, now.plus(delay), now))
    }

    async fn bury(&self, owner: &Owner, message: MessageId, error: &str) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let Some((row, _)) = tables.outbox.finish(owner, message, now) else { return Ok(false) };
        let MessageRow { message, attempts, .. } = row;
        let letter = DeadLetter { message, attempts, last_error: error.to_owned(), buried_at: now };
        tables.outbox.dead.insert(letter.message.id, letter);
        Ok(true)
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
