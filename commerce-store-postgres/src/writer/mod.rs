//! Writing: commands queue up at lanes, and each lane carries out what waits in one transaction.

mod ahead;
mod batch;
mod beginning;
mod dispatch;
mod lane;
mod meet;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use commerce_core::store::Envelope;
use commerce_core::{Error, Receipt, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub(crate) use transaction::{Surroundings, decide_and_write};

use crate::config::Config;
use crate::keys::Request;
use crate::news::Bell;

/// How many who wait for an answer are a crowd: more than come together where nobody hurries.
const CROWD: usize = 32;

/// What a command came to.
pub(crate) type Verdict = Result<Receipt, Error>;

/// A command with somebody waiting for it.
#[derive(Debug)]
struct Job {
    request: Request,
    reply: oneshot::Sender<Verdict>,
    queued_at: tokio::time::Instant,
    /// A place among those that may wait; given back when the command's batch begins.
    place: Option<OwnedSemaphorePermit>,
    /// Whether it has been begun, or withdrawn by who waited: whichever comes first, and never both.
    decided: Arc<AtomicBool>,
}

impl Job {
    /// Whether it may begin: nobody has withdrawn it.
    fn begin(&self) -> bool {
        !self.decided.swap(true, Ordering::AcqRel)
    }
}

/// What the lanes have done so far, for operators.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    batches: AtomicU64,
    commands: AtomicU64,
    contended: AtomicU64,
    overtaken: AtomicU64,
    split: AtomicU64,
    in_doubt: AtomicU64,
    refused: AtomicU64,
    ahead: AtomicU64,
    misjudged: AtomicU64,
}

/// What a store's writer lanes have done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transactions that were committed.
    pub batches: u64,
    /// Commands that were answered from them, rejections and replays included.
    pub commands: u64,
    /// Transactions run again because others were in the way (serialization failures, deadlocks).
    pub contended: u64,
    /// Transactions run again because a row appeared that was not there when they decided.
    pub overtaken: u64,
    /// Batches taken apart because of one of their commands.
    pub split: u64,
    /// Commits whose answer was lost; each was resolved by its keys, or reported as unknown.
    pub in_doubt: u64,
    /// Commands turned away because too many waited.
    pub refused: u64,
    /// Of the transactions that were committed, those that began while one was under way whose records they need.
    pub ahead: u64,
    /// Transactions begun so and run again: that one, or another process, left a record as it was not expected, kept one
    /// locked, or took too long; or the transaction failed before it could tell.
    pub misjudged: u64,
}

impl Counters {
    fn count(counter: &AtomicU64, by: usize) {
        counter.fetch_add(by as u64, Ordering::Relaxed);
    }

    fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            batches: read(&self.batches),
            commands: read(&self.commands),
            contended: read(&self.contended),
            overtaken: read(&self.overtaken),
            split: read(&self.split),
            in_doubt: read(&self.in_doubt),
            refused: read(&self.refused),
            ahead: read(&self.ahead),
            misjudged: read(&self.misjudged),
        }
    }
}

/// The lanes. They end when this is dropped and what waits has been answered.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::UnboundedSender<Job>,
    /// As many as may wait.
    room: Arc<Semaphore>,
    /// Callers who wait for an answer.
    callers: AtomicUsize,
    counters: Arc<Counters>,
    /// How long a command waits for its turn.
    deadline: Duration,
}

impl Writer {
    /// Starts the lanes on the current runtime.
    pub(crate) fn start(config: &Arc<Config>, bell: &Bell) -> Self {
        let counters = Arc::new(Counters::default());
        let (queue, jobs) = mpsc::unbounded_channel();
        tokio::spawn(dispatch::run(Arc::clone(config), Arc::clone(&counters), bell.clone(), jobs));
        let room = Arc::new(Semaphore::new(config.queue.clamp(1, Semaphore::MAX_PERMITS)));
        Self { queue, room, callers: AtomicUsize::new(0), counters, deadline: config.deadline }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.stats()
    }

    /// Whether a crowd waits for answers.
    pub(crate) fn is_crowded(&self) -> bool {
        self.callers.load(Ordering::Relaxed) >= CROWD
    }

    /// Queues a command and waits for its answer. Dropping the future changes nothing: the command runs to its end
    /// without it.
    pub(crate) async fn execute(&self, envelope: Envelope) -> Verdict {
        let _caller = Caller::new(&self.callers);
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            Counters::count(&self.counters.refused, 1);
            return Err(unavailable("too many commands wait already"));
        };
        let (reply, mut answer) = oneshot::channel();
        let (queued_at, decided) = (tokio::time::Instant::now(), Arc::new(AtomicBool::new(false)));
        let request = Request::new(envelope);
        let job = Job { request, reply, queued_at, place: Some(place), decided: Arc::clone(&decided) };
        if self.queue.send(job).is_err() {
            return Err(unavailable("the store is closed"));
        }
        // A lane answers every job. One that panicked half-way cannot say how far it came.
        let lost = |_| Error::from(StoreError::Unknown { reason: "the writer failed".to_owned() });
        if let Ok(answer) = tokio::time::timeout(self.deadline, &mut answer).await {
            return answer.map_err(lost)?;
        }
        if !decided.swap(true, Ordering::AcqRel) {
            return Err(unavailable("the command waited too long for its turn"));
        }
        answer.await.map_err(lost)?
    }
}

/// One who waits for an answer, until this is dropped.
struct Caller<'a>(&'a AtomicUsize);

impl<'a> Caller<'a> {
    fn new(callers: &'a AtomicUsize) -> Self {
        callers.fetch_add(1, Ordering::Relaxed);
        Self(callers)
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn unavailable(reason: &str) -> Error {
    StoreError::Unavailable { reason: reason.to_owned() }.into()
}
