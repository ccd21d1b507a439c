//! The broken store's jobs: the memory store's, but for the fault.

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Jobs, Leases};
use commerce_core::{
    Job, JobName, JobOutcome, JobPlan, JobRun, Page, PageRequest, RequestedRun, RunBegin, RunFinish, RunRequest, Store,
    StoreError,
};

use crate::fault::Fault;
use crate::store::Broken;

type Answer<T> = Result<T, StoreError>;

impl Broken {
    /// The token that a write about the job is made under; none if it is not made.
    async fn written_under(&self, job: &JobName, token: FencingToken) -> Answer<Option<FencingToken>> {
        let name = job.lease();
        match self.fault {
            Fault::IgnoresTokens => {}
            Fault::ChecksTokensEarly => {
                // As if it had looked a moment ago: who held the lease just before passes too.
                let next = FencingToken(token.0 + 1);
                if !self.inner.is_current(&name, token).await? && !self.inner.is_current(&name, next).await? {
                    return Ok(None);
                }
            }
            _ => return Ok(Some(token)),
        }
        let mut latest = token;
        while !self.inner.is_current(&name, latest).await? {
            latest.0 += 1;
        }
        Ok(Some(latest))
    }
}

#[async_trait]
impl Jobs for Broken {
    async fn jobs(&self) -> Answer<Vec<Job>> {
        self.inner.jobs().await
    }

    async fn job(&self, name: &JobName) -> Answer<Option<Job>> {
        self.inner.job(name).await
    }

    async fn job_runs(&self, name: &JobName, page: PageRequest<u64>) -> Answer<Page<JobRun, u64>> {
        let mut found = self.inner.job_runs(name, self.asks(page)).await?;
        if self.is(Fault::HidesAbandoned) {
            let hidden = |run: &&mut JobRun| run.end.as_ref().is_some_and(|end| end.outcome == JobOutcome::Abandoned);
            found.items.iter_mut().filter(hidden).for_each(|run| run.end = None);
        }
        Ok(self.answers(page, found, |sequence| i64::try_from(sequence).unwrap_or(i64::MAX), |run| run.sequence))
    }

    async fn plan_job(&self, token: FencingToken, plan: JobPlan) -> Answer<bool> {
        let Some(token) = self.written_under(&plan.job, token).await? else { return Ok(false) };
        self.inner.plan_job(token, plan).await
    }

    async fn request_run(&self, request: RunRequest) -> Answer<Option<RequestedRun>> {
        if self.is(Fault::ForgetsWishes) {
            let requested_at = Store::now(&*self.inner).await?;
            let known = self.inner.job(&request.job).await?;
            return Ok(known.map(|_| RequestedRun { requested_at, run: None }));
        }
        let job = request.job.clone();
        let mut answer = self.inner.request_run(request).await?;
        if let Some(RequestedRun { run: Some(run), .. }) = answer.as_mut().filter(|_| self.is(Fault::AnswersAbandoned))
        {
            let runs = self.inner.job_runs(&job, PageRequest::first(1_000)).await?.items;
            let abandoned = |run: &JobRun| run.end.as_ref().is_some_and(|end| end.outcome == JobOutcome::Abandoned);
            let before = runs.into_iter().find(|other| other.sequence + 1 == run.sequence && abandoned(other));
            *run = before.unwrap_or_else(|| run.clone());
        }
        Ok(answer)
    }

    async fn begin_run(&self, token: FencingToken, begin: RunBegin) -> Answer<Option<JobRun>> {
        let Some(token) = self.written_under(&begin.job, token).await? else { return Ok(None) };
        self.inner.begin_run(token, begin).await
    }

    async fn finish_run(&self, token: FencingToken, finish: RunFinish) -> Answer<bool> {
        if self.is(Fault::ForgetsEnds) {
            return Ok(true);
        }
        let Some(token) = self.written_under(&finish.job, token).await? else { return Ok(false) };
        if self.is(Fault::KeepsBooksToItself) {
            return self.inner.finish_run(token, RunFinish { books: None, ..finish }).await;
        }
        self.inner.finish_run(token, finish).await
    }
}
