//! The relay: takes messages out of the store and delivers them to every sink, at least once, in sequence per order.
//!
//! A task distributes, and one task for each sink claims and delivers, so that a slow sink holds no other back. Another
//! begins and ends those of the webhooks that operators manage. Any number of processes may do so on one store. What a task
//! is told of by none it finds by looking, every so often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce_core::{ClaimRequest, ClaimedMessage, Holder, MessageId, Owner, SinkName, Store, StoreError};
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub use super::backoff::Backoff;
use super::backoff::chance;
use super::managed::{self, Managed};
use crate::sink::event::CloudEvent;
use crate::sink::{NamedSink, Outgoing, Sink, Word};

/// How many messages are distributed in one step.
const STEP: u32 = 256;

/// How a relay goes about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who delivers: unique among the processes on the store.
    pub owner: Owner,
    /// What the shop is called in events.
    pub source: String,
    /// How many messages of a sink are claimed together.
    pub batch: u32,
    /// How long a claim holds: longer than a sink takes over what it takes at once.
    pub hold: Duration,
    /// How long to wait between two looks when there is nothing to do.
    pub poll: Duration,
    /// After how many attempts a message becomes a dead letter.
    pub attempts: u32,
    /// How long to wait between attempts.
    pub backoff: Backoff,
}

/// Delivers until it is told to stop.
pub struct Relay {
    store: Arc<dyn Store>,
    settings: Settings,
    managed: Option<Managed>,
    woken: Arc<Notify>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a task hears of the others.
#[derive(Clone)]
pub(super) struct Signals {
    /// Becomes true when it is to stop.
    stopped: watch::Receiver<bool>,
    /// Changes when messages have been distributed.
    given: watch::Sender<()>,
}

impl Signals {
    pub(super) fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// The same for a task that is told by `stopped` to stop.
    pub(super) fn until(&self, stopped: watch::Receiver<bool>) -> Self {
        Self { stopped, given: self.given.clone() }
    }

    /// Waits for `news`, for `poll` at most, or until it is to stop.
    pub(super) async fn wait(&mut self, poll: Duration, news: impl Future<Output = ()>) {
        tokio::select! {
            _ = self.stopped.changed() => {}
            () = news => {}
            () = tokio::time::sleep(poll) => {}
        }
    }
}

impl Relay {
    /// A relay over a store, which looks at once when `woken` is notified.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settings: Settings, woken: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { store, settings, managed: None, woken })
    }

    /// The same, which delivers to the webhooks that operators manage as well.
    #[must_use]
    pub fn managing(store: Arc<dyn Store>, settings: Settings, woken: Arc<Notify>, managed: Managed) -> Arc<Self> {
        Arc::new(Self { store, settings, managed: Some(managed), woken })
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Registers the sinks and delivers to them until `stop` is ready; then what is under way is finished, and what was
    /// claimed beyond it is handed back.
    pub async fn run(self: &Arc<Self>, sinks: Vec<NamedSink>, stop: impl Future<Output = ()>) {
        if sinks.is_empty() && self.managed.is_none() {
            return stop.await;
        }
        let (tell, stopped) = watch::channel(false);
        let signals = Signals { stopped, given: watch::channel(()).0 };
        let is_static = !sinks.is_empty();
        let (wanted, is_wanted) = watch::channel(is_static);
        let mut tasks = JoinSet::new();
        let names: Vec<SinkName> = sinks.iter().map(|(name, _)| name.clone()).collect();
        tasks.spawn(Arc::clone(self).distribute(names, signals.clone(), is_wanted));
        for (name, sink) in sinks {
            tasks.spawn(Arc::clone(self).serve(name, sink, signals.clone()));
        }
        if let Some(managed) = self.managed.clone() {
            let tell = wanted.clone();
            let wanted = move |any: bool| {
                tell.send_if_modified(|wanted| std::mem::replace(wanted, is_static || any) != (is_static || any));
            };
            tasks.spawn(managed::attend(Arc::clone(self), managed, signals.clone(), wanted));
        }
        stop.await;
        let _ = tell.send(true);
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the relay failed");
            }
        }
    }

    async fn distribute(
        self: Arc<Self>,
        names: Vec<SinkName>,
        mut signals: Signals,
        mut wanted: watch::Receiver<bool>,
    ) {
        // Nothing is distributed before every sink of this process is there to get it.
        for name in &names {
            while !signals.is_stopped()
                && let Err(error) = self.store.register_sink(name).await
            {
                tracing::warn!(%error, sink = %name, "a sink could not be registered");
                signals.wait(self.settings.poll, std::future::pending()).await;
            }
        }
        let mut heard = 0;
        while !signals.is_stopped() {
            // Without a sink there is nothing to be done, however much happens.
            if !*wanted.borrow_and_update() {
                signals.wait(self.settings.poll, async { drop(wanted.changed().await) }).await;
                continue;
            }
            match self.store.distribute(STEP).await {
                Ok(0) => {}
                Ok(_) => {
                    signals.given.send_replace(());
                    continue;
                }
                Err(error) => tracing::warn!(%error, "messages could not be distributed"),
            }
            let mut by_now = heard;
            let news = async {
                tokio::select! {
                    () = self.woken.notified() => {}
                    Ok(count) = self.store.news(heard) => by_now = count,
                }
            };
            signals.wait(self.settings.poll, news).await;
            heard = by_now;
        }
    }

    pub(super) async fn serve(self: Arc<Self>, name: SinkName, sink: Arc<dyn Sink>, mut signals: Signals) {
        let holder = Holder { sink: name, owner: self.settings.owner.clone() };
        let mut given = signals.given.subscribe();
        while !signals.is_stopped() {
            given.mark_unchanged();
            let found = match self.round(&holder, &*sink, &signals).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, sink = %holder.sink, "messages could not be delivered");
                    0
                }
            };
            if found == 0 {
                let news = async { drop(given.changed().await) };
                signals.wait(self.settings.poll, news).await;
            }
        }
    }

    /// Claims once, and delivers what it was given; says how many that were.
    async fn round(&self, holder: &Holder, sink: &dyn Sink, signals: &Signals) -> Result<usize, StoreError> {
        let Settings { batch, hold, .. } = self.settings;
        let began = Instant::now();
        let claimed = self.store.claim(ClaimRequest { holder: holder.clone(), limit: batch, hold }).await?;
        let mut rest = claimed.as_slice();
        // What is left when half of its claim is over is somebody's who comes to it sooner.
        while !rest.is_empty() && !signals.is_stopped() && began.elapsed() < hold / 2 {
            let (now, later) = rest.split_at(sink.at_once().clamp(1, rest.len()));
            let words = sink.deliver(&self.outgoing(now)?).await;
            self.settle(holder, now, &words, (began + hold / 2, signals)).await?;
            rest = later;
        }
        if !rest.is_empty() {
            let ids: Vec<MessageId> = rest.iter().map(|claimed| claimed.message.id).collect();
            self.store.hand_back(holder, &ids).await?;
        }
        Ok(claimed.len())
    }

    fn outgoing(&self, claimed: &[ClaimedMessage]) -> Result<Vec<Outgoing>, StoreError> {
        let unwritable = |error| StoreError::Corrupt { what: format!("an event that JSON cannot hold: {error}") };
        let outgoing = |claimed: &ClaimedMessage| {
            let event = CloudEvent::of(&claimed.message, &self.settings.source);
            event.outgoing(claimed.message.id).map_err(unwritable)
        };
        claimed.iter().map(outgoing).collect()
    }

    async fn settle(
        &self,
        holder: &Holder,
        claimed: &[ClaimedMessage],
        words: &[Word],
        patience: (Instant, &Signals),
    ) -> Result<(), StoreError> {
        let (mut delivered, mut failed) = (Vec::with_capacity(claimed.len()), Vec::new());
        for (claimed, word) in claimed.iter().zip(words) {
            match word {
                Ok(()) => delivered.push(claimed.message.id),
                Err(error) => failed.push((claimed.message.id, claimed.attempts.saturating_add(1), error)),
            }
        }
        if !delivered.is_empty() {
            self.tell(patience, || self.store.acknowledge(holder, &delivered)).await?;
        }
        for (id, attempts, error) in failed {
            if attempts >= self.settings.attempts {
                tracing::error!(sink = %holder.sink, message = %id, attempts, error, "given up: a dead letter");
                self.tell(patience, || self.store.bury(holder, id, error)).await?;
                continue;
            }
            let delay = self.settings.backoff.delay(attempts, chance());
            tracing::debug!(sink = %holder.sink, message = %id, attempts, error, ?delay, "to be tried again");
            self.tell(patience, || self.store.retry(holder, id, error, delay)).await?;
        }
        Ok(())
    }

    /// Tells the store what became of messages, until it has heard: they would wait for the end of their claim, and all that
    /// was delivered come a second time. Who is to stop has them come, rather than wait for a store that is away.
    async fn tell<'w, T: 'w>(
        &self,
        (until, signals): (Instant, &Signals),
        told: impl Fn() -> BoxFuture<'w, Result<T, StoreError>> + Send + Sync,
    ) -> Result<T, StoreError> {
        let (mut attempts, mut signals) = (1, signals.clone());
        loop {
            let delay = self.settings.backoff.delay(attempts, chance());
            match told().await {
                Err(error) if !signals.is_stopped() && Instant::now() + delay < until => {
                    tracing::warn!(%error, "the store could not be told yet what became of messages");
                    signals.wait(delay, std::future::pending()).await;
                    attempts += 1;
                }
                heard => return heard,
            }
        }
    }
}
