//! The outbox: what waits to be distributed, and the sinks.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::Outbox;
use commerce_core::{
    Aggregate, ClaimRequest, ClaimedMessage, DeadLetter, DeadLetterFilter, DeadLetterKey, Holder, MessageId,
    OutboxMessage, Page, PageRequest, SinkName, SinkStatus, StoreError, Timestamp, Webhook, WebhookName,
};
use foldhash::fast::RandomState;

use crate::MemoryStore;
use crate::queue::{Place, Queue, place_of};

/// Messages arrive in ascending order of aggregate and id, so that the tree of those that wait grows at its end.
#[derive(Debug, Default)]
pub(crate) struct OutboxTable {
    /// What no sink has been given yet.
    waiting: BTreeMap<Place, OutboxMessage>,
    /// How many messages of an aggregate the sinks have been given, or would have been had there been one in time.
    distributed: HashMap<Aggregate, u64, RandomState>,
    sinks: BTreeMap<SinkName, Sink>,
    dead: BTreeMap<DeadLetterKey, DeadLetter>,
    webhooks: BTreeMap<WebhookName, Arc<Webhook>>,
    /// How many messages have come, and who waits for the next.
    news: u64,
    listeners: Vec<Waker>,
}

#[derive(Debug)]
struct Sink {
    created_at: Timestamp,
    queue: Queue,
}

impl OutboxTable {
    pub(crate) fn enqueue(&mut self, message: OutboxMessage) {
        self.waiting.insert(place_of(&message), message);
        self.news += 1;
        self.listeners.drain(..).for_each(Waker::wake);
    }

    /// Ready when more messages have come than `heard`.
    fn listen(&mut self, heard: u64, context: &Context<'_>) -> Poll<u64> {
        if self.news > heard {
            return Poll::Ready(self.news);
        }
        // Who asks again, without having been woken, is there already.
        if !self.listeners.iter().any(|listener| listener.will_wake(context.waker())) {
            self.listeners.push(context.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) fn webhook(&self, name: &WebhookName) -> Option<&Arc<Webhook>> {
        self.webhooks.get(name)
    }

    pub(crate) fn webhooks(&self) -> impl Iterator<Item = &Arc<Webhook>> {
        self.webhooks.values()
    }

    /// Keeps a webhook, and sees to it that it has its sink.
    pub(crate) fn put_webhook(&mut self, webhook: Arc<Webhook>, now: Timestamp) {
        self.register(&webhook.name.sink(), now);
        self.webhooks.insert(webhook.name.clone(), webhook);
    }

    /// The sequences of an aggregate's messages that wait to be distributed, and how many have been.
    pub(crate) fn standing(&self, aggregate: Aggregate) -> (Vec<u64>, u64) {
        let waiting = self.waiting.range((aggregate, 0)..=(aggregate, u64::MAX));
        let sequences = waiting.map(|((_, sequence), _)| *sequence).collect();
        (sequences, self.distributed.get(&aggregate).copied().unwrap_or(0))
    }

    fn register(&mut self, name: &SinkName, created_at: Timestamp) -> bool {
        if self.sinks.contains_key(name) {
            return false;
        }
        self.sinks.insert(name.clone(), Sink { created_at, queue: Queue::default() });
        true
    }

    /// Removes a sink, and the webhook whose it is.
    pub(crate) fn remove(&mut self, name: &SinkName) -> bool {
        self.webhooks.retain(|webhook, _| webhook.sink() != *name);
        self.dead.retain(|key, _| key.sink != *name);
        self.sinks.remove(name).is_some()
    }

    fn status(&self) -> Vec<SinkStatus> {
        let status = |(name, sink): (&SinkName, &Sink)| SinkStatus {
            name: name.clone(),
            created_at: sink.created_at,
            backlog: sink.queue.len() as u64,
            oldest_at: sink.queue.oldest_at(),
            dead_letters: self.dead.keys().filter(|key| key.sink == *name).count() as u64,
        };
        self.sinks.iter().map(status).collect()
    }

    fn distribute(&mut self, limit: u32) -> u64 {
        if self.sinks.is_empty() {
            return 0;
        }
        // Ascending: no message before an earlier one of its aggregate.
        for moved in 0..u64::from(limit) {
            let Some(((aggregate, _), message)) = self.waiting.pop_first() else { return moved };
            *self.distributed.entry(aggregate).or_default() += 1;
            for sink in self.sinks.values_mut() {
                sink.queue.put(message.clone(), message.event.at());
            }
        }
        u64::from(limit)
    }

    /// Forgets what waits for a sink since before an instant, if there is none: of an aggregate the earliest first.
    pub(crate) fn forget_waiting(&mut self, before: Timestamp, limit: u32) -> u64 {
        if !self.sinks.is_empty() {
            return 0;
        }
        let old = self.waiting.iter().filter(|(_, message)| message.event.at() < before);
        let places: Vec<Place> = old.map(|(place, _)| *place).take(limit as usize).collect();
        for place in &places {
            self.waiting.remove(place);
            *self.distributed.entry(place.0).or_default() += 1;
        }
        places.len() as u64
    }

    fn queue(&mut self, holder: &Holder) -> Option<&mut Queue> {
        self.sinks.get_mut(&holder.sink).map(|sink| &mut sink.queue)
    }

    /// How many of the messages `each` is done for in the holder's queue.
    fn count(&mut self, holder: &Holder, ids: &[MessageId], each: impl Fn(&mut Queue, MessageId) -> bool) -> u64 {
        let Some(queue) = self.queue(holder) else { return 0 };
        ids.iter().filter(|id| each(queue, **id)).count() as u64
    }

    fn bury(&mut self, holder: &Holder, id: MessageId, error: &str, now: Timestamp) -> bool {
        let finished = self.queue(holder).and_then(|queue| queue.finish(holder, id, now));
        let Some((message, attempts)) = finished else { return false };
        let (sink, last_error) = (holder.sink.clone(), error.to_owned());
        let letter = DeadLetter { sink, message, attempts, last_error, buried_at: now };
        self.dead.insert(letter.key(), letter);
        true
    }

    /// Takes dead letters out, the least key first.
    fn exhume(&mut self, filter: &DeadLetterFilter, limit: u32) -> Vec<DeadLetter> {
        let chosen = self.dead.iter().filter(|(_, letter)| filter.takes(letter)).take(limit as usize);
        let chosen: Vec<DeadLetterKey> = chosen.map(|(key, _)| key.clone()).collect();
        chosen.iter().filter_map(|key| self.dead.remove(key)).collect()
    }

    fn replay(&mut self, filter: &DeadLetterFilter, limit: u32, now: Timestamp) -> u64 {
        let letters = self.exhume(filter, limit);
        let count = letters.len() as u64;
        for DeadLetter { sink, message, .. } in letters {
            // Dead letters go with their sink, so there is one.
            if let Some(sink) = self.sinks.get_mut(&sink) {
                sink.queue.put(message, now);
            }
        }
        count
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn register_sink(&self, sink: &SinkName) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.register(sink, now))
    }

    async fn remove_sink(&self, sink: &SinkName) -> Result<bool, StoreError> {
        Ok(self.write()?.outbox.remove(sink))
    }

    async fn sinks(&self) -> Result<Vec<SinkStatus>, StoreError> {
        Ok(self.read()?.outbox.status())
    }

    async fn distribute(&self, limit: u32) -> Result<u64, StoreError> {
        Ok(self.write()?.outbox.distribute(limit))
    }

    async fn news(&self, heard: u64) -> Result<u64, StoreError> {
        poll_fn(|context| match self.write() {
            Ok(mut tables) => tables.outbox.listen(heard, context).map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        })
        .await
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        Ok(self.read()?.outbox.waiting.len() as u64)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<ClaimedMessage>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let queue = tables.outbox.queue(&request.holder);
        Ok(queue.map(|queue| queue.claim(&request, now)).unwrap_or_default())
    }

    async fn acknowledge(&self, holder: &Holder, messages: &[MessageId]) -> Result<u64, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.count(holder, messages, |queue, id| queue.finish(holder, id, now).is_some()))
    }

    async fn hand_back(&self, holder: &Holder, messages: &[MessageId]) -> Result<u64, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.count(holder, messages, |queue, id| queue.put_back(holder, id, now, (now, false))))
    }

    async fn retry(&self, holder: &Holder, message: MessageId, _: &str, delay: Duration) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let due = now.plus(delay);
        Ok(tables.outbox.queue(holder).is_some_and(|queue| queue.put_back(holder, message, due, (now, true))))
    }

    async fn bury(&self, holder: &Holder, message: MessageId, error: &str) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.bury(holder, message, error, now))
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: PageRequest<DeadLetterKey>,
    ) -> Result<Page<DeadLetter, DeadLetterKey>, StoreError> {
        let (tables, size) = (self.read()?, page.size());
        let letters = crate::page::newest_first(&tables.outbox.dead, page.after).map(|(_, letter)| letter);
        Ok(Page::cut(letters.filter(|letter| filter.takes(letter)).cloned(), size, DeadLetter::key))
    }

    async fn replay(&self, filter: &DeadLetterFilter, limit: u32) -> Result<u64, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        Ok(tables.outbox.replay(filter, limit, now))
    }

    async fn discard(&self, filter: &DeadLetterFilter, limit: u32) -> Result<u64, StoreError> {
        Ok(self.write()?.outbox.exhume(filter, limit).len() as u64)
    }
}
