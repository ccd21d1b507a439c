//! Jobs on record: what is planned, asked for, under way and done. Written by whoever holds the job's lease.

use async_trait::async_trait;

use super::{FencingToken, Page, PageRequest, StoreError};
use crate::job::{Job, JobPlan, JobRun, RequestedRun, RunBegin, RunFinish, RunRequest};
use crate::text::JobName;

/// Jobs and their runs.
///
/// # Contract
/// What is written under a [`FencingToken`] is written if that is the latest that was given for the
/// [job's lease](JobName::lease), and looked at in the same commit: once the lease has changed hands its former holder
/// writes nothing, and tells nothing, however long it was away. A job has at most one run that has not ended.
#[async_trait]
pub trait Jobs {
    /// Every job on record, by name.
    async fn jobs(&self) -> Result<Vec<Job>, StoreError>;

    /// A job.
    async fn job(&self, name: &JobName) -> Result<Option<Job>, StoreError>;

    /// The last [`JobRun::KEPT`] runs of a job, latest first, keyed by sequence. Empty for an unknown job.
    async fn job_runs(&self, name: &JobName, page: PageRequest<u64>) -> Result<Page<JobRun, u64>, StoreError>;

    /// Puts a job on record, or changes when it runs next; `false` if the token is not the latest.
    async fn plan_job(&self, token: FencingToken, plan: JobPlan) -> Result<bool, StoreError>;

    /// Asks for a run as soon as possible, once per operator and key: asked again, it tells what became of it. None if
    /// there is no such job. A wish is forgotten with the run that met it.
    async fn request_run(&self, request: RunRequest) -> Result<Option<RequestedRun>, StoreError>;

    /// Begins a run, which meets every wish that waits; one that has not ended is [abandoned](crate::JobOutcome), and the
    /// wishes that it met wait again, for this one. None if the token is not the latest, or there is no such job.
    async fn begin_run(&self, token: FencingToken, begin: RunBegin) -> Result<Option<JobRun>, StoreError>;

    /// Ends a run, and sends its [message](RunFinish::message) on its way in the same commit; `false` if the token is not
    /// the latest, or the run is not under way.
    async fn finish_run(&self, token: FencingToken, finish: RunFinish) -> Result<bool, StoreError>;
}
