//! Operators: jobs that come round by themselves.

use commerce_core::{JobName, RunRequest};
use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag, problem};
use crate::auth::AsOperator;
use crate::extract::{Key, Limit, List};
use crate::problem::Problem;
use crate::reply::{Accepted, Reply};
use crate::wire::job::{Job, JobRun, Jobs, RequestedRun};
use crate::wire::page::Page;

pub(super) struct AdminJobsApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin/jobs", tag = "Tag::AdminJobs")]
impl AdminJobsApi {
    /// List the jobs
    ///
    /// Each with when it runs next, and how its last run went.
    #[oai(path = "/", method = "get", operation_id = "list_jobs")]
    async fn list(&self, _staff: AsOperator) -> Answer<Reply<Jobs>> {
        let jobs = self.0.commerce()?.store().jobs().await?;
        Ok(Reply::new(Jobs { items: jobs.iter().map(Job::from).collect() }))
    }

    /// Read a job
    ///
    /// When it runs next, how its last run went, and how many have failed since one succeeded.
    #[oai(path = "/:job", method = "get", operation_id = "get_job")]
    async fn get(
        &self,
        _staff: AsOperator,
        /// Which job.
        job: Path<String>,
    ) -> Answer<Reply<Job>> {
        let found = self.0.commerce()?.store().job(&named(&job.0)?).await?;
        Ok(Reply::new(Job::from(&found.ok_or_else(|| not_found(&job.0))?)))
    }

    /// List the runs of a job
    ///
    /// Latest first; the last few hundred are kept.
    #[oai(path = "/:job/runs", method = "get", operation_id = "list_job_runs")]
    async fn runs(
        &self,
        _staff: AsOperator,
        /// Which job.
        job: Path<String>,
        /// How many at most.
        limit: Query<Option<Limit>>,
        /// Where to go on, from the page before.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<JobRun>>> {
        let (app, name) = (self.0.app()?, named(&job.0)?);
        if app.commerce.store().job(&name).await?.is_none() {
            return Err(not_found(&job.0));
        }
        let list = List::new(app, format!("runs of {name}"));
        let page = app.commerce.store().job_runs(&name, list.request(limit.0, cursor.0.as_deref())?).await;
        Ok(Reply::new(list.page(page.map_err(problem)?, |run| JobRun::from(&run))))
    }

    /// Run a job
    ///
    /// As soon as a process can, whatever its schedule; wishes that wait together are met by one run. Ask again under the
    /// same key to hear what became of it.
    #[oai(path = "/:job/runs", method = "post", operation_id = "run_job")]
    async fn run(
        &self,
        staff: AsOperator,
        /// Which job.
        job: Path<String>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
    ) -> Answer<Accepted<RequestedRun>> {
        let (app, name) = (self.0.app()?, named(&job.0)?);
        let request = RunRequest { job: name.clone(), by: staff.0, key: key.0 };
        let requested = app.commerce.store().request_run(request).await?;
        let requested = requested.ok_or_else(|| not_found(&job.0))?;
        app.asked.notify_one();
        Ok(Accepted::new(RequestedRun::of(name.to_string(), &requested)))
    }
}

fn named(job: &str) -> Answer<JobName> {
    JobName::new(job).map_err(|_| not_found(job))
}

fn not_found(job: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "job_not_found", format!("there is no job {job:?}")).with("job", job)
}
