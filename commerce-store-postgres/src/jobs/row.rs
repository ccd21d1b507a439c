//! Jobs and their runs, read back.

use std::collections::BTreeMap;

use commerce_core::store::FencingToken;
use commerce_core::{Job, JobEnd, JobOutcome, JobRun, StoreError};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::row::{corrupt, get, get_at, get_at_opt, get_text, get_text_opt, get_u32, get_u64};

pub(super) fn job_of(row: &PgRow) -> Result<Job, StoreError> {
    let has_run = get::<Option<i64>>(row, "sequence")?.is_some();
    Ok(Job {
        name: get_text(row, "name")?,
        schedule: get(row, "schedule")?,
        next_at: get_at_opt(row, "next_at")?,
        failures: get_u32(row, "failures")?,
        succeeded_at: get_at_opt(row, "succeeded_at")?,
        requested_at: get_at_opt(row, "requested_at")?,
        last_run: has_run.then(|| run_of(row)).transpose()?,
    })
}

pub(super) fn run_of(row: &PgRow) -> Result<JobRun, StoreError> {
    Ok(JobRun {
        job: get_text(row, "job")?,
        sequence: get_u64(row, "sequence")?,
        token: FencingToken(get_u64(row, "token")?),
        owner: get_text(row, "owner")?,
        scheduled_for: get_at_opt(row, "scheduled_for")?,
        requested_by: get_text_opt(row, "requested_by")?,
        started_at: get_at(row, "started_at")?,
        end: end_of(row)?,
    })
}

fn end_of(row: &PgRow) -> Result<Option<JobEnd>, StoreError> {
    let Some(finished_at) = get_at_opt(row, "finished_at")? else { return Ok(None) };
    let outcome = match get::<&str>(row, "outcome")? {
        "succeeded" => JobOutcome::Succeeded,
        "failed" => JobOutcome::Failed { error: get(row, "error")? },
        "abandoned" => JobOutcome::Abandoned,
        other => return Err(corrupt(format_args!("{other:?} is no outcome of a run"))),
    };
    let counts: Json<BTreeMap<String, u64>> = get(row, "counts")?;
    Ok(Some(JobEnd { finished_at, outcome, counts: counts.0 }))
}
