//! Jobs, their runs, and roll-ups, as operators read them.

use std::collections::BTreeMap;

use commerce_core::{
    Job as CoreJob, JobOutcome, JobRun as CoreRun, RequestedRun as CoreRequested, RolledUp as CoreRolledUp,
};

use super::operations::Drift;
use super::scalar::{Day, Instant};
use super::schema::response;

response! {
    /// One run of a job.
    JobRun {
        /// The run's number among those of the job, from 1.
        run: u64,
        /// Where it stands: running, succeeded, failed, or abandoned by a process that was not heard of again.
        status: String,
        /// Which process runs it.
        owner: String,
        /// The fencing token that it runs under.
        token: u64,
        /// When it was to run; absent if it ran because an operator asked for it.
        scheduled_for: Option<Instant>,
        /// The operator who asked for it first, if one did.
        requested_by: Option<String>,
        /// When it began.
        started_at: Instant,
        /// When it ended.
        finished_at: Option<Instant>,
        /// How long it took, in milliseconds.
        duration_ms: Option<u64>,
        /// Why it failed.
        error: Option<String>,
        /// What it counted, by name.
        counts: BTreeMap<String, u64>,
    }

    /// A job: work that comes round by itself.
    Job {
        /// Its name.
        name: String,
        /// When it runs: a cron expression in the shop's time zone; absent if it only runs when asked to.
        schedule: Option<String>,
        /// When it is to run next by itself; without a schedule, when a run that failed is tried again.
        next_at: Option<Instant>,
        /// How many runs have failed since the last one that succeeded.
        failures: u32,
        /// When the last run that succeeded began.
        succeeded_at: Option<Instant>,
        /// When an operator first asked for a run that has not begun.
        requested_at: Option<Instant>,
        /// The run that began last.
        last_run: Option<JobRun>,
    }

    /// The jobs, by name.
    Jobs {
        /// The jobs.
        items: Vec<Job>,
    }

    /// A run that was asked for.
    RequestedRun {
        /// The job.
        job: String,
        /// When it was asked for under this key.
        requested_at: Instant,
        /// The run that met the wish, as it is now; absent as long as it waits. If its process died, the run that began in
        /// its place, once it has. Ask again under the same key, or read the job.
        run: Option<JobRun>,
    }

    /// A day's sales, told anew.
    RolledUp {
        /// The day, in the shop's time zone.
        date: Day,
        /// How many lines of orders and refunds fell on it.
        lines: u64,
        /// Of how many products.
        products: u64,
        /// How many products' sales were booked otherwise, and were put right.
        corrected: u64,
        /// The first hundred of them, as they were found.
        corrections: Vec<Drift>,
    }

    /// Days rolled up, the earliest first.
    RollUps {
        /// The days.
        items: Vec<RolledUp>,
    }
}

impl From<&CoreRun> for JobRun {
    fn from(run: &CoreRun) -> Self {
        let end = run.end.as_ref();
        let micros = end.map(|end| end.finished_at.as_micros().saturating_sub(run.started_at.as_micros()));
        Self {
            run: run.sequence,
            status: end.map_or("running", |end| end.outcome.as_str()).to_owned(),
            owner: run.owner.to_string(),
            token: run.token.0,
            scheduled_for: run.scheduled_for.map(Instant),
            requested_by: run.requested_by.as_ref().map(ToString::to_string),
            started_at: Instant(run.started_at),
            finished_at: end.map(|end| Instant(end.finished_at)),
            duration_ms: micros.map(|micros| u64::try_from(micros / 1_000).unwrap_or(0)),
            error: end.and_then(|end| match &end.outcome {
                JobOutcome::Failed { error } => Some(error.clone()),
                JobOutcome::Succeeded | JobOutcome::Abandoned => None,
            }),
            counts: end.map(|end| end.counts.clone()).unwrap_or_default(),
        }
    }
}

impl From<&CoreJob> for Job {
    fn from(job: &CoreJob) -> Self {
        Self {
            name: job.name.to_string(),
            schedule: job.schedule.clone(),
            next_at: job.next_at.map(Instant),
            failures: job.failures,
            succeeded_at: job.succeeded_at.map(Instant),
            requested_at: job.requested_at.map(Instant),
            last_run: job.last_run.as_ref().map(JobRun::from),
        }
    }
}

impl RequestedRun {
    /// What became of a wish for a run of `job`.
    #[must_use]
    pub fn of(job: String, requested: &CoreRequested) -> Self {
        let run = requested.run.as_ref().map(JobRun::from);
        Self { job, requested_at: Instant(requested.requested_at), run }
    }
}

impl From<&CoreRolledUp> for RolledUp {
    fn from(rolled_up: &CoreRolledUp) -> Self {
        Self {
            date: Day(rolled_up.date),
            lines: rolled_up.lines,
            products: rolled_up.products,
            corrected: rolled_up.corrected,
            corrections: rolled_up.corrections.iter().map(Drift::from).collect(),
        }
    }
}
