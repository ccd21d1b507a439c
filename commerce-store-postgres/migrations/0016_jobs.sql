-- Jobs that come round by themselves, who asked for them besides, and their runs.

create table jobs (
    name         text collate "C" not null,
    -- A cron expression; without one the job runs when it is asked for.
    schedule     text,
    next_at      timestamptz,
    failures     bigint not null default 0,
    -- When the last run that succeeded began.
    succeeded_at timestamptz,
    constraint jobs_pkey primary key (name),
    constraint jobs_failures_not_negative check (failures >= 0)
);

-- The last few hundred runs of each job.
create table job_runs (
    job           text collate "C" not null,
    sequence      bigint not null,
    -- Of the lease that it began under.
    token         bigint not null,
    owner         text not null,
    scheduled_for timestamptz,
    requested_by  text,
    started_at    timestamptz not null,
    finished_at   timestamptz,
    outcome       text,
    error         text,
    counts        json,
    constraint job_runs_pkey primary key (job, sequence),
    constraint job_runs_job_fkey foreign key (job) references jobs (name),
    constraint job_runs_sequence_positive check (sequence > 0),
    constraint job_runs_token_positive check (token > 0),
    constraint job_runs_outcome_known check (outcome in ('succeeded', 'failed', 'abandoned')),
    constraint job_runs_end_is_whole check
        ((outcome is null) = (finished_at is null) and (outcome is null) = (counts is null)),
    constraint job_runs_failed_have_error check ((error is not null) = (outcome is not null and outcome = 'failed'))
);
-- One at a time.
create unique index job_runs_under_way_key on job_runs (job) where outcome is null;

-- What operators asked for, and the run that met it.
create table job_requests (
    job          text collate "C" not null,
    requested_by text collate "C" not null,
    key          text collate "C" not null,
    requested_at timestamptz not null,
    run          bigint,
    constraint job_requests_pkey primary key (job, requested_by, key),
    constraint job_requests_job_fkey foreign key (job) references jobs (name)
);
create index job_requests_waiting on job_requests (job, requested_at) where run is null;
