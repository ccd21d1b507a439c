//! Jobs: work that comes round by itself, and what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{BooksEvent, Event, OutboxMessage};
use crate::store::FencingToken;
use crate::text::{IdempotencyKey, JobName, LeaseName, OperatorName, Owner};
use crate::time::Timestamp;

/// What a run counted, by name: `orders`, `corrected`.
pub type JobCounts = BTreeMap<String, u64>;

impl JobName {
    /// The lease that one has to hold to write about the job.
    #[must_use]
    pub fn lease(&self) -> LeaseName {
        LeaseName::of_job(self)
    }
}

/// A job: when it runs next, and how it has gone lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name; unique in the shop.
    pub name: JobName,
    /// When it runs by itself, as a cron expression in the shop's time zone; none if it only runs when asked to.
    pub schedule: Option<String>,
    /// When it is to run next by itself; without a schedule, when a run that failed is tried again.
    pub next_at: Option<Timestamp>,
    /// How many runs have failed or were abandoned since the last one that succeeded.
    pub failures: u32,
    /// When the last run that succeeded began.
    pub succeeded_at: Option<Timestamp>,
    /// When an operator first asked for a run that has not begun.
    pub requested_at: Option<Timestamp>,
    /// The run that began last.
    pub last_run: Option<JobRun>,
}

impl Job {
    /// Whether it is to run at `now`: its time has come, an operator asks for it, or it is [under way](Self::under_way).
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.requested_at.is_some() || self.under_way().is_some() || self.next_at.is_some_and(|at| at <= now)
    }

    /// The run that has not ended. Whoever gets the job's lease meanwhile knows that nobody goes on with it, and begins
    /// another in its place.
    #[must_use]
    pub fn under_way(&self) -> Option<&JobRun> {
        self.last_run.as_ref().filter(|run| run.end.is_none())
    }
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Which job.
    pub job: JobName,
    /// The run's place among those of the job, from 1.
    pub sequence: u64,
    /// The token of the lease that it began under.
    pub token: FencingToken,
    /// Which process runs it.
    pub owner: Owner,
    /// When it was to run; none if it ran because an operator asked for it, and for nothing else.
    pub scheduled_for: Option<Timestamp>,
    /// Who asked for it first, if anybody did.
    pub requested_by: Option<OperatorName>,
    /// When it began.
    pub started_at: Timestamp,
    /// What it came to, once it has ended.
    pub end: Option<JobEnd>,
}

impl JobRun {
    /// How many runs of a job are kept; older ones are forgotten as new ones begin.
    pub const KEPT: u64 = 300;
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// When it ended, or was found to have ended.
    pub finished_at: Timestamp,
    /// How.
    pub outcome: JobOutcome,
    /// What it counted.
    pub counts: JobCounts,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It did all that it was to do.
    Succeeded,
    /// It did not, or not all of it.
    Failed {
        /// Why, for operators.
        error: String,
    },
    /// Nobody heard of it again: its process died, or lost its lease. Found out when the next run began.
    Abandoned,
}

impl JobOutcome {
    /// The stable name of the outcome.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// When a job is to run from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPlan {
    /// Which job; one that is not known yet is from now on.
    pub job: JobName,
    /// When it runs by itself, as [`Job::schedule`].
    pub schedule: Option<String>,
    /// When it does next; none without a schedule.
    pub next_at: Option<Timestamp>,
}

/// An operator asks for a run as soon as possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// Of which job.
    pub job: JobName,
    /// Who asks.
    pub by: OperatorName,
    /// The asker's name for this wish: asked again under the same one, it is the same wish.
    pub key: IdempotencyKey,
}

/// What became of a wish for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedRun {
    /// When it was first asked for.
    pub requested_at: Timestamp,
    /// The run that began for it; none as long as it waits. Wishes that wait together are met by one run. If it was
    /// [abandoned](JobOutcome::Abandoned), the one that began in its place.
    pub run: Option<JobRun>,
}

/// A run that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunBegin {
    /// Of which job.
    pub job: JobName,
    /// Which process runs it.
    pub owner: Owner,
    /// When it was to run, if its time has come.
    pub scheduled_for: Option<Timestamp>,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFinish {
    /// Of which job.
    pub job: JobName,
    /// Which run.
    pub sequence: u64,
    /// How it ended.
    pub outcome: JobOutcome,
    /// What it counted.
    pub counts: JobCounts,
    /// When the job is to run next by itself.
    pub next_at: Option<Timestamp>,
    /// What it found not to add up, for others to hear of.
    pub books: Option<Arc<BooksEvent>>,
}

impl RunFinish {
    /// What is told in the commit that ends the run.
    #[must_use]
    pub fn message(&self) -> Option<OutboxMessage> {
        self.books.as_ref().map(|books| OutboxMessage { id: books.id, event: Event::Books(Arc::clone(books)) })
    }
}
