//! Jobs. What only the holder of a job's lease may write is written in a transaction that locks the lease first: who takes
//! it over comes before that, and the write is refused, or after the commit.

mod row;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commerce_core::store::{FencingToken, Jobs};
use commerce_core::{
    BooksEvent, Job, JobName, JobOutcome, JobPlan, JobRun, Page, PageRequest, RequestedRun, RunBegin, RunFinish,
    RunRequest, StoreError, Timestamp,
};
use sqlx::PgConnection;
use sqlx::types::Json;

use self::row::{job_of, run_of};
use crate::lease::number;
use crate::row::{corrupt, get, get_at, get_at_opt};
use crate::{PostgresStore, StoreErrorOr};

/// A job with its last run and its first wish that waits.
macro_rules! jobs {
    ($rest:literal) => {
        concat!(
            "select j.name, j.schedule, j.next_at, j.failures, j.succeeded_at, w.requested_at, r.job, r.sequence, \
               r.token, r.owner, r.scheduled_for, r.requested_by, r.started_at, r.finished_at, r.outcome, r.error, \
               r.counts from jobs j \
             left join lateral (select * from job_runs where job = j.name order by sequence desc limit 1) r on true \
             left join lateral (select min(requested_at) as requested_at from job_requests \
               where job = j.name and run is null) w on true ",
            $rest
        )
    };
}

/// A run, all of it.
macro_rules! run {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "job, sequence, token, owner, scheduled_for, requested_by, started_at, finished_at, outcome, error, counts",
            $after
        )
    };
}

const JOBS: &str = jobs!("order by j.name");
const JOB: &str = jobs!("where j.name = $1");
const RUNS: &str = run!("select ", " from job_runs where job = $1 and sequence < $2 order by sequence desc limit $3");
const RUN: &str = run!("select ", " from job_runs where job = $1 and sequence = $2");
/// The lease of the job, if the token is the latest: whoever takes it over waits until the commit.
const GUARD: &str = "select 1 from leases where name = $1 and token = $2 for share";
/// A job's writes come one after another. Wishes, which only name the job, need not wait for them.
const LOCK: &str = "select 1 from jobs where name = $1 for no key update";
const PLAN: &str = "insert into jobs as j (name, schedule, next_at) values ($1, $2, $3) \
     on conflict (name) do update set schedule = excluded.schedule, next_at = excluded.next_at";
/// None if there is no such job. Asked again it says when it was asked first.
const REQUEST: &str = "insert into job_requests as r (job, requested_by, key, requested_at) \
     select name, $2, $3, coalesce($4, statement_timestamp()) from jobs where name = $1 \
     on conflict (job, requested_by, key) do update set requested_at = r.requested_at returning requested_at, run";
/// The wishes that an abandoned run met wait again.
const ABANDON: &str = "with abandoned as (update job_runs set outcome = 'abandoned', counts = '{}', \
         finished_at = coalesce($2, statement_timestamp()) where job = $1 and outcome is null returning sequence), \
       handed_back as (update job_requests set run = null \
         where job = $1 and run in (select sequence from abandoned)) \
     update jobs set failures = failures + (select count(*) from abandoned) where name = $1";
/// Every wish that waits is met by the run to come; the one that was first has a name on it.
const MEET: &str = "with met as (update job_requests set run = $2 where job = $1 and run is null \
         returning requested_by, key, requested_at) \
     select requested_by from met order by requested_at, requested_by, key limit 1";
const NEXT: &str = "select coalesce(max(sequence), 0) + 1 from job_runs where job = $1";
const BEGIN: &str = run!(
    "insert into job_runs (job, sequence, token, owner, scheduled_for, requested_by, started_at) \
     values ($1, $2, $3, $4, $5, $6, coalesce($7, statement_timestamp())) returning ",
    ""
);
const FORGET_RUNS: &str = "delete from job_runs where job = $1 and sequence <= $2";
const FORGET_WISHES: &str = "delete from job_requests where job = $1 and run <= $2";
const FINISH: &str = "update job_runs set outcome = $3, error = $4, counts = $5, \
       finished_at = coalesce($6, statement_timestamp()) \
     where job = $1 and sequence = $2 and outcome is null returning started_at";
const FINISHED: &str = "update jobs set next_at = $2, failures = case when $3 then 0 else failures + 1 end, \
       succeeded_at = case when $3 then $4 else succeeded_at end where name = $1";
const TELL: &str = "with told as (insert into books_events (id, payload) values ($1, $2)) \
     insert into outbox_messages (id, order_id, sequence, event_type, status, due_at) \
     values ($1, null, 1, $3, 'ready', $4)";

pub(crate) const STATEMENTS: &[&str] = &[
    JOBS,
    JOB,
    RUNS,
    RUN,
    GUARD,
    LOCK,
    PLAN,
    REQUEST,
    ABANDON,
    MEET,
    NEXT,
    BEGIN,
    FORGET_RUNS,
    FORGET_WISHES,
    FINISH,
    FINISHED,
    TELL,
];

/// The time by an injected clock; none takes the database's.
type Time = Option<DateTime<Utc>>;

#[async_trait]
impl Jobs for PostgresStore {
    async fn jobs(&self) -> Result<Vec<Job>, StoreError> {
        self.run(|pool| async move {
            let rows = sqlx::query(JOBS).fetch_all(&pool).await?;
            Ok(rows.iter().map(job_of).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn job(&self, name: &JobName) -> Result<Option<Job>, StoreError> {
        let name = name.clone();
        self.run(move |pool| {
            let name = name.clone();
            async move {
                let row = sqlx::query(JOB).bind(name.as_str()).fetch_optional(&pool).await?;
                Ok(row.as_ref().map(job_of).transpose()?)
            }
        })
        .await
    }

    async fn job_runs(&self, name: &JobName, page: PageRequest<u64>) -> Result<Page<JobRun, u64>, StoreError> {
        let name = name.clone();
        self.run(move |pool| {
            let name = name.clone();
            async move {
                let size = page.size();
                let limit = i64::try_from(size).map_err(corrupt)?.saturating_add(1);
                let before = page.after.map_or(i64::MAX, |after| i64::try_from(after).unwrap_or(i64::MAX));
                let rows = sqlx::query(RUNS).bind(name.as_str()).bind(before).bind(limit).fetch_all(&pool).await?;
                let runs = rows.iter().map(run_of).collect::<Result<Vec<_>, _>>()?;
                Ok(Page::cut(runs, size, |run| run.sequence))
            }
        })
        .await
    }

    async fn plan_job(&self, token: FencingToken, plan: JobPlan) -> Result<bool, StoreError> {
        self.transaction(self.config.deadline, move |connection| {
            Box::pin(async move {
                if !guards(connection, &plan.job, token).await? {
                    return Ok(false);
                }
                let query = sqlx::query(PLAN).bind(plan.job.as_str()).bind(plan.schedule);
                query.bind(plan.next_at.map(Timestamp::to_utc)).execute(connection).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn request_run(&self, request: RunRequest) -> Result<Option<RequestedRun>, StoreError> {
        let now = self.statement_time();
        self.run_for_good(move |mut connection| {
            let RunRequest { job, by, key } = request.clone();
            async move {
                let query = sqlx::query(REQUEST).bind(job.as_str()).bind(by.as_str()).bind(key.as_str()).bind(now);
                let Some(wish) = query.fetch_optional(&mut *connection).await? else { return Ok(None) };
                let (requested_at, run): (_, Option<i64>) = (get_at(&wish, "requested_at")?, get(&wish, "run")?);
                let row = sqlx::query(RUN).bind(job.as_str()).bind(run).fetch_optional(&mut *connection).await?;
                Ok(Some(RequestedRun { requested_at, run: row.as_ref().map(run_of).transpose()? }))
            }
        })
        .await
    }

    async fn begin_run(&self, token: FencingToken, begin: RunBegin) -> Result<Option<JobRun>, StoreError> {
        let now = self.statement_time();
        self.transaction(self.config.deadline, move |connection| {
            Box::pin(async move {
                if !guards(connection, &begin.job, token).await? {
                    return Ok(None);
                }
                if !is_locked(connection, &begin.job).await? {
                    return Ok(None);
                }
                begun(connection, token, &begin, now).await.map(Some)
            })
        })
        .await
    }

    async fn finish_run(&self, token: FencingToken, finish: RunFinish) -> Result<bool, StoreError> {
        let now = self.statement_time();
        self.transaction(self.config.deadline, move |connection| {
            Box::pin(async move {
                if !guards(connection, &finish.job, token).await? || !is_locked(connection, &finish.job).await? {
                    return Ok(false);
                }
                finished(connection, &finish, now).await
            })
        })
        .await
    }
}

/// Whether the token is the latest that was given for the job's lease, and stays so until the transaction ends.
async fn guards(connection: &mut PgConnection, job: &JobName, token: FencingToken) -> Result<bool, StoreErrorOr> {
    let query = sqlx::query(GUARD).bind(job.lease().to_string()).bind(number(token)?);
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Whether there is such a job, which is then nobody else's to write until the transaction ends.
async fn is_locked(connection: &mut PgConnection, job: &JobName) -> Result<bool, StoreErrorOr> {
    Ok(sqlx::query(LOCK).bind(job.as_str()).fetch_optional(connection).await?.is_some())
}

async fn begun(
    connection: &mut PgConnection,
    token: FencingToken,
    begin: &RunBegin,
    now: Time,
) -> Result<JobRun, StoreErrorOr> {
    let job = begin.job.as_str();
    sqlx::query(ABANDON).bind(job).bind(now).execute(&mut *connection).await?;
    let sequence: i64 = sqlx::query_scalar(NEXT).bind(job).fetch_one(&mut *connection).await?;
    let asked: Option<String> =
        sqlx::query_scalar(MEET).bind(job).bind(sequence).fetch_optional(&mut *connection).await?;
    let query = sqlx::query(BEGIN).bind(job).bind(sequence).bind(number(token)?).bind(begin.owner.as_str());
    let query = query.bind(begin.scheduled_for.map(Timestamp::to_utc)).bind(asked).bind(now);
    let run = run_of(&query.fetch_one(&mut *connection).await?)?;
    let forgotten = sequence - i64::try_from(JobRun::KEPT).map_err(corrupt)?;
    sqlx::query(FORGET_RUNS).bind(job).bind(forgotten).execute(&mut *connection).await?;
    sqlx::query(FORGET_WISHES).bind(job).bind(forgotten).execute(connection).await?;
    Ok(run)
}

async fn finished(connection: &mut PgConnection, finish: &RunFinish, now: Time) -> Result<bool, StoreErrorOr> {
    let RunFinish { job, sequence, outcome, counts, next_at, books } = finish;
    let error = match outcome {
        // The one character that PostgreSQL's texts cannot hold.
        JobOutcome::Failed { error } => Some(error.replace('\0', "\u{fffd}")),
        JobOutcome::Succeeded | JobOutcome::Abandoned => None,
    };
    let query = sqlx::query(FINISH).bind(job.as_str()).bind(i64::try_from(*sequence).map_err(corrupt)?);
    let query = query.bind(outcome.as_str()).bind(error).bind(Json(counts)).bind(now);
    let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(false) };
    let started_at = get_at_opt(&row, "started_at")?.map(Timestamp::to_utc);
    let query = sqlx::query(FINISHED).bind(job.as_str()).bind(next_at.map(Timestamp::to_utc));
    query.bind(*outcome == JobOutcome::Succeeded).bind(started_at).execute(&mut *connection).await?;
    if let Some(books) = books {
        let query = sqlx::query(TELL).bind(books.id.get()).bind(Json(&**books)).bind(BooksEvent::TYPE_NAME);
        query.bind(books.at.to_utc()).execute(connection).await?;
    }
    Ok(true)
}
