//! Jobs and their runs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Jobs};
use commerce_core::{
    IdempotencyKey, Job, JobCounts, JobEnd, JobName, JobOutcome, JobPlan, JobRun, OperatorName, Page, PageRequest,
    RequestedRun, RunBegin, RunFinish, RunRequest, StoreError, Timestamp,
};

use crate::MemoryStore;
use crate::tables::Tables;

/// A job with its runs, and who asked for which.
#[derive(Debug, Default)]
pub(crate) struct JobRow {
    schedule: Option<String>,
    next_at: Option<Timestamp>,
    failures: u32,
    succeeded_at: Option<Timestamp>,
    runs: BTreeMap<u64, JobRun>,
    wishes: BTreeMap<(OperatorName, IdempotencyKey), Wish>,
}

#[derive(Debug)]
struct Wish {
    requested_at: Timestamp,
    /// The run that met it.
    run: Option<u64>,
}

impl JobRow {
    fn told(&self, name: &JobName) -> Job {
        Job {
            name: name.clone(),
            schedule: self.schedule.clone(),
            next_at: self.next_at,
            failures: self.failures,
            succeeded_at: self.succeeded_at,
            requested_at: self.waiting().map(|(_, at)| at),
            last_run: self.runs.last_key_value().map(|(_, run)| run.clone()),
        }
    }

    /// The first of the wishes that wait.
    fn waiting(&self) -> Option<(&OperatorName, Timestamp)> {
        let waiting = self.wishes.iter().filter(|(_, wish)| wish.run.is_none());
        let first = waiting.min_by_key(|((by, key), wish)| (wish.requested_at, by, key));
        first.map(|((by, _), wish)| (by, wish.requested_at))
    }

    fn begin(&mut self, token: FencingToken, begin: RunBegin, now: Timestamp) -> JobRun {
        for run in self.runs.values_mut().filter(|run| run.end.is_none()) {
            for wish in self.wishes.values_mut().filter(|wish| wish.run == Some(run.sequence)) {
                wish.run = None;
            }
            let counts = JobCounts::new();
            run.end = Some(JobEnd { finished_at: now, outcome: JobOutcome::Abandoned, counts });
            self.failures = self.failures.saturating_add(1);
        }
        let sequence = self.runs.last_key_value().map_or(0, |(last, _)| *last) + 1;
        let requested_by = self.waiting().map(|(by, _)| by.clone());
        for wish in self.wishes.values_mut().filter(|wish| wish.run.is_none()) {
            wish.run = Some(sequence);
        }
        let RunBegin { job, owner, scheduled_for } = begin;
        let run = JobRun { job, sequence, token, owner, scheduled_for, requested_by, started_at: now, end: None };
        self.runs.insert(sequence, run.clone());
        let kept = |of: u64| of + JobRun::KEPT > sequence;
        self.runs.retain(|of, _| kept(*of));
        self.wishes.retain(|_, wish| wish.run.is_none_or(kept));
        run
    }

    fn finish(&mut self, finish: RunFinish, now: Timestamp) -> bool {
        let run = self.runs.get_mut(&finish.sequence).filter(|run| run.end.is_none());
        let Some(run) = run else { return false };
        match finish.outcome {
            JobOutcome::Succeeded => (self.failures, self.succeeded_at) = (0, Some(run.started_at)),
            JobOutcome::Failed { .. } | JobOutcome::Abandoned => self.failures = self.failures.saturating_add(1),
        }
        run.end = Some(JobEnd { finished_at: now, outcome: finish.outcome, counts: finish.counts });
        self.next_at = finish.next_at;
        true
    }
}

/// Whether the token is the latest that was given for the job's lease.
fn guards(tables: &Tables, job: &JobName, token: FencingToken) -> bool {
    tables.leases.get(&job.lease()).is_some_and(|row| row.is_current(token))
}

#[async_trait]
impl Jobs for MemoryStore {
    async fn jobs(&self) -> Result<Vec<Job>, StoreError> {
        Ok(self.read()?.jobs.iter().map(|(name, row)| row.told(name)).collect())
    }

    async fn job(&self, name: &JobName) -> Result<Option<Job>, StoreError> {
        Ok(self.read()?.jobs.get(name).map(|row| row.told(name)))
    }

    async fn job_runs(&self, name: &JobName, page: PageRequest<u64>) -> Result<Page<JobRun, u64>, StoreError> {
        let tables = self.read()?;
        let runs = tables.jobs.get(name).map(|row| &row.runs);
        let runs = runs.into_iter().flat_map(|runs| crate::page::newest_first(runs, page.after));
        Ok(Page::cut(runs.map(|(_, run)| run.clone()), page.size(), |run| run.sequence))
    }

    async fn plan_job(&self, token: FencingToken, plan: JobPlan) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        if !guards(&tables, &plan.job, token) {
            return Ok(false);
        }
        let row = tables.jobs.entry(plan.job).or_default();
        (row.schedule, row.next_at) = (plan.schedule, plan.next_at);
        Ok(true)
    }

    async fn request_run(&self, request: RunRequest) -> Result<Option<RequestedRun>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let Some(row) = tables.jobs.get_mut(&request.job) else { return Ok(None) };
        let fresh = Wish { requested_at: now, run: None };
        let wish = row.wishes.entry((request.by, request.key)).or_insert(fresh);
        let run = wish.run.and_then(|run| row.runs.get(&run)).cloned();
        Ok(Some(RequestedRun { requested_at: wish.requested_at, run }))
    }

    async fn begin_run(&self, token: FencingToken, begin: RunBegin) -> Result<Option<JobRun>, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        if !guards(&tables, &begin.job, token) {
            return Ok(None);
        }
        Ok(tables.jobs.get_mut(&begin.job).map(|row| row.begin(token, begin, now)))
    }

    async fn finish_run(&self, token: FencingToken, finish: RunFinish) -> Result<bool, StoreError> {
        let mut tables = self.write()?;
        let now = self.clock_now();
        let (guarded, message) = (guards(&tables, &finish.job, token), finish.message());
        let row = tables.jobs.get_mut(&finish.job).filter(|_| guarded);
        let is_ended = row.is_some_and(|row| row.finish(finish, now));
        if let Some(message) = message.filter(|_| is_ended) {
            tables.outbox.enqueue(message);
        }
        Ok(is_ended)
    }
}
