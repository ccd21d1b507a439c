//! The scheduler: jobs that come round by themselves, each under a lease, however many processes there are.
//!
//! A process looks every so often which jobs are due. Whoever gets the lease of one reads the record again, begins the run,
//! and renews the lease until it has ended; all that it writes about the run is refused once the lease has changed hands.
//! A run that is on record as under way is due for whoever gets its lease: its process died, or lost it.
//! What was missed while no process was there is due at once, and runs once. What fails is tried again after a while.

pub mod cron;
mod held;
pub mod tasks;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commerce_core::store::{Lease, LeaseRequest};
use commerce_core::{
    Job, JobName, JobOutcome, JobPlan, JobRun, Owner, RunBegin, RunFinish, Store, StoreError, Timestamp,
};
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use self::cron::Schedule;
use self::held::{Ended, while_held};
use self::tasks::{Done, Failed, Occasion, Task};
use super::backoff::{Backoff, chance};

/// How a scheduler goes about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who runs jobs: unique among the processes on the store.
    pub owner: Owner,
    /// How long a job's lease holds unless renewed: so long after a process has died another may go on.
    pub lease: Duration,
    /// How often it is renewed.
    pub renew: Duration,
    /// How long to wait between two looks when nothing is due before.
    pub poll: Duration,
    /// How long a run may go on when the process is told to stop.
    pub grace: Duration,
    /// How long to wait before a run that failed is tried again.
    pub backoff: Backoff,
}

/// A job, when it runs, and what it does.
pub struct Scheduled {
    name: JobName,
    schedule: Schedule,
    task: Arc<dyn Task>,
    /// Whether this process has put its schedule on record: the one that started last decides.
    planned: AtomicBool,
}

impl Scheduled {
    /// A job.
    #[must_use]
    pub fn new(name: JobName, schedule: Schedule, task: Arc<dyn Task>) -> Self {
        Self { name, schedule, task, planned: AtomicBool::new(false) }
    }

    fn is_planned(&self, record: Option<&Job>) -> bool {
        record.is_some() && self.planned.load(Ordering::Relaxed)
    }
}

/// What became of a job that was to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// Another process has its lease.
    Elsewhere,
    /// It was not due any more, or only to be planned.
    NotDue,
    /// It ran to its end, which is on record.
    Ran(JobOutcome),
    /// Its lease was lost, or its end could not be put on record: what becomes of it is its successor's.
    Lost,
}

/// Runs jobs until it is told to stop.
pub struct Scheduler {
    store: Arc<dyn Store>,
    settings: Settings,
    jobs: Vec<Scheduled>,
    woken: Arc<Notify>,
    stopped: watch::Sender<bool>,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler over a store, which looks at once when `woken` is notified.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settings: Settings, jobs: Vec<Scheduled>, woken: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { store, settings, jobs, woken, stopped: watch::Sender::new(false) })
    }

    /// Runs what is due until `stop` is ready. What is under way then may go on for a little while; what has not ended by
    /// then is recorded as stopped, and due again.
    pub async fn run(self: &Arc<Self>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let (mut running, mut tasks) = (HashSet::new(), JoinSet::new());
        loop {
            let pause = match self.due().await {
                Ok((due, pause)) => {
                    for place in due.into_iter().filter(|place| running.insert(*place)).collect::<Vec<_>>() {
                        tasks.spawn(Arc::clone(self).attempt_and_rest(place));
                    }
                    pause
                }
                Err(error) => {
                    tracing::warn!(%error, "the jobs could not be read");
                    self.settings.poll
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = self.woken.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(ended) = tasks.join_next() => match ended {
                    Ok(place) => drop(running.remove(&place)),
                    Err(error) => tracing::error!(%error, "a job broke down: it does not run here any more"),
                },
            }
        }
        self.stopped.send_replace(true);
        while tasks.join_next().await.is_some() {}
    }

    /// Leaves what is another process's, or could not be run, alone for a while; the place again.
    async fn attempt_and_rest(self: Arc<Self>, place: usize) -> usize {
        let attempt = self.attempt(place).await;
        if let Err(error) = &attempt {
            tracing::warn!(%error, job = %self.jobs[place].name, "a job could not be run");
        }
        if !matches!(attempt, Ok(Attempt::Ran(_) | Attempt::NotDue)) {
            let mut stopped = self.stopped.subscribe();
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
        place
    }

    /// Looks once, and runs what is due, all of it at the same time. Tells of each job that was to run.
    ///
    /// # Errors
    /// [`StoreError`] if the jobs could not be read, or one of them not be run.
    pub async fn pass(&self) -> Result<Vec<(JobName, Attempt)>, StoreError> {
        let (due, _) = self.due().await?;
        let attempts =
            due.into_iter().map(async |place| Ok((self.jobs[place].name.clone(), self.attempt(place).await?)));
        join_all(attempts).await.into_iter().collect()
    }

    /// The jobs that are to run or to be planned, and how long to wait for the next.
    async fn due(&self) -> Result<(Vec<usize>, Duration), StoreError> {
        let (records, now) = (self.store.jobs().await?, self.store.now().await?);
        let (mut due, mut pause) = (Vec::new(), self.settings.poll);
        for (place, job) in self.jobs.iter().enumerate() {
            let record = records.iter().find(|record| record.name == job.name);
            if !job.is_planned(record) || record.is_some_and(|record| record.is_due(now)) {
                due.push(place);
            } else if let Some(next_at) = record.and_then(|record| record.next_at) {
                let micros = next_at.as_micros().saturating_sub(now.as_micros());
                pause = pause.min(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
            }
        }
        Ok((due, pause))
    }

    async fn attempt(&self, place: usize) -> Result<Attempt, StoreError> {
        let job = &self.jobs[place];
        let Settings { owner, lease, .. } = &self.settings;
        let request = LeaseRequest { name: job.name.lease(), owner: owner.clone(), duration: *lease };
        let Some(lease) = self.store.acquire(request).await? else { return Ok(Attempt::Elsewhere) };
        let attempt = self.under(&lease, job).await;
        // One that was lost is not given up: it is somebody else's.
        self.store.release(&lease).await?;
        attempt
    }

    /// What another has done since this process looked is on record by now.
    async fn under(&self, lease: &Lease, job: &Scheduled) -> Result<Attempt, StoreError> {
        let (record, now) = (self.store.job(&job.name).await?, self.store.now().await?);
        let record = match record {
            Some(record) if job.is_planned(Some(&record)) => record,
            record => {
                let Some(planned) = self.plan(lease, job, record, now).await? else { return Ok(Attempt::Lost) };
                planned
            }
        };
        if !record.is_due(now) {
            return Ok(Attempt::NotDue);
        }
        // A run in the place of an abandoned one is for what that was for, though the schedule has changed meanwhile.
        let taken_over = record.under_way().and_then(|run| run.scheduled_for);
        let scheduled_for = record.next_at.filter(|at| *at <= now).or(taken_over);
        let begin = RunBegin { job: job.name.clone(), owner: self.settings.owner.clone(), scheduled_for };
        match self.store.begin_run(lease.token, begin).await? {
            Some(run) => self.go(lease, job, Occasion { run, record }).await,
            None => Ok(Attempt::Lost),
        }
    }

    /// Puts the schedule on record. One that is there already keeps its time, and whatever the new one says, a time that has
    /// been missed is kept: it is caught up with, unless the job is not to run by itself any more.
    async fn plan(
        &self,
        lease: &Lease,
        job: &Scheduled,
        record: Option<Job>,
        now: Timestamp,
    ) -> Result<Option<Job>, StoreError> {
        let schedule = job.schedule.text().map(str::to_owned);
        let same = record.as_ref().is_some_and(|record| record.schedule == schedule);
        if !same {
            let missed = record.and_then(|record| record.next_at).filter(|next_at| *next_at <= now);
            let next_at = job.schedule.next_after(now, self.store.shop().time_zone);
            let next_at = next_at.map(|next_at| missed.unwrap_or(next_at));
            let plan = JobPlan { job: job.name.clone(), schedule, next_at };
            if !self.store.plan_job(lease.token, plan).await? {
                return Ok(None);
            }
        }
        job.planned.store(true, Ordering::Relaxed);
        self.store.job(&job.name).await
    }

    async fn go(&self, lease: &Lease, job: &Scheduled, occasion: Occasion) -> Result<Attempt, StoreError> {
        // A task that panics has failed like any other.
        let task = AssertUnwindSafe(job.task.run(&occasion)).catch_unwind();
        let ended = while_held(&*self.store, lease, &self.settings, self.stopped.subscribe(), task).await;
        let failed = |error: &str| (JobOutcome::Failed { error: error.to_owned() }, Done::default());
        let (outcome, Done { counts, books }) = match ended {
            Ended::Done(Ok(Ok(done))) => (JobOutcome::Succeeded, done),
            Ended::Done(Ok(Err(Failed { error, counts }))) => (JobOutcome::Failed { error }, counts.into()),
            Ended::Done(Err(_)) => failed("it panicked"),
            Ended::Stopped => failed("its process was stopped"),
            Ended::Lost => {
                tracing::warn!(job = %job.name, run = occasion.run.sequence, "a job's lease was lost while it ran");
                return Ok(Attempt::Lost);
            }
        };
        self.tell(&occasion.run, &outcome);
        let next_at = self.next_at(job, &occasion.record, &outcome, self.store.now().await?);
        let (job, sequence) = (job.name.clone(), occasion.run.sequence);
        let finish = RunFinish { job, sequence, outcome: outcome.clone(), counts, next_at, books };
        let is_on_record = self.store.finish_run(lease.token, finish).await?;
        Ok(if is_on_record { Attempt::Ran(outcome) } else { Attempt::Lost })
    }

    /// When a job that has just ended runs next: by its schedule, or sooner if it failed, without a schedule too.
    fn next_at(&self, job: &Scheduled, record: &Job, outcome: &JobOutcome, now: Timestamp) -> Option<Timestamp> {
        let next_at = job.schedule.next_after(now, self.store.shop().time_zone);
        if *outcome == JobOutcome::Succeeded {
            return next_at;
        }
        let again = now.plus(self.settings.backoff.delay(record.failures.saturating_add(1), chance()));
        Some(next_at.map_or(again, |next_at| next_at.min(again)))
    }

    fn tell(&self, run: &JobRun, outcome: &JobOutcome) {
        match outcome {
            JobOutcome::Failed { error } => tracing::warn!(job = %run.job, run = run.sequence, error, "a job failed"),
            JobOutcome::Succeeded | JobOutcome::Abandoned => {
                tracing::debug!(job = %run.job, run = run.sequence, "a job is done");
            }
        }
    }
}
