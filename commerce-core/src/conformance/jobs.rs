//! Jobs: what only the holder of the lease may write, and what operators ask for.

use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::outbox::{bury, claim, drain};
use super::pages::{ITEMS, Order, walk};
use super::world::sound;
use crate::event::{Aggregate, BooksEvent, ClaimedMessage, DeadLetterFilter, Event, OutboxMessage};
use crate::ids::{OrderId, VariantId};
use crate::job::{Job, JobCounts, JobOutcome, JobPlan, JobRun, RequestedRun, RunBegin, RunFinish, RunRequest};
use crate::reconcile::{Drift, reconcile};
use crate::store::{FencingToken, Lease, LeaseRequest, PageRequest};
use crate::text::{IdempotencyKey, JobName, OperatorName, Owner};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

fn nightly() -> JobName {
    JobName::new("daily-sales").expect("a job's name")
}

fn owner(name: &str) -> Owner {
    Owner::new(name).expect("an owner")
}

async fn lease(world: &World, who: &str) -> Lease {
    let request = LeaseRequest { name: nightly().lease(), owner: owner(who), duration: MINUTE };
    sound(world.store().acquire(request).await).unwrap_or_else(|| panic!("{who} did not get the job's lease"))
}

/// A job on record, under a lease that `who` holds.
async fn planned(world: &World, who: &str) -> Lease {
    let lease = lease(world, who).await;
    let plan = JobPlan { job: nightly(), schedule: Some("0 0 * * *".to_owned()), next_at: Some(world.now()) };
    assert!(sound(world.store().plan_job(lease.token, plan).await), "the holder of the lease plans the job");
    lease
}

async fn begin(world: &World, lease: &Lease) -> Option<JobRun> {
    let begin = RunBegin { job: nightly(), owner: lease.owner.clone(), scheduled_for: Some(world.now()) };
    sound(world.store().begin_run(lease.token, begin).await)
}

async fn begun(world: &World, lease: &Lease) -> JobRun {
    begin(world, lease).await.unwrap_or_else(|| panic!("{} could not begin under its lease", lease.owner))
}

fn ended(world: &World, sequence: u64, outcome: JobOutcome) -> RunFinish {
    let counts = JobCounts::from([("lines".to_owned(), 7)]);
    RunFinish { job: nightly(), sequence, outcome, counts, next_at: Some(world.now().plus(HOUR)), books: None }
}

async fn finish(world: &World, token: FencingToken, sequence: u64, outcome: JobOutcome) -> bool {
    sound(world.store().finish_run(token, ended(world, sequence, outcome)).await)
}

async fn job(world: &World) -> Job {
    sound(world.store().job(&nightly()).await).expect("a job that is on record")
}

async fn runs(world: &World) -> Vec<JobRun> {
    sound(world.store().job_runs(&nightly(), PageRequest::first(1_000)).await).items
}

async fn ask(world: &World, who: &str, key: &str) -> Option<RequestedRun> {
    let (by, key) = (OperatorName::new(who).expect("a name"), IdempotencyKey::new(key).expect("a key"));
    sound(world.store().request_run(RunRequest { job: nightly(), by, key }).await)
}

fn failed() -> JobOutcome {
    JobOutcome::Failed { error: "no answer".to_owned() }
}

pub(super) async fn a_run_is_recorded_whole(world: World) {
    assert_eq!(sound(world.store().jobs().await), vec![], "the jobs of a new shop");
    let lease = planned(&world, "a").await;
    let due = world.now();
    let planned = Job {
        name: nightly(),
        schedule: Some("0 0 * * *".to_owned()),
        next_at: Some(due),
        failures: 0,
        succeeded_at: None,
        requested_at: None,
        last_run: None,
    };
    assert_eq!(sound(world.store().jobs().await), vec![planned.clone()], "the jobs, one planned");
    assert!(begin(&world, &Lease { token: FencingToken(lease.token.0 + 1), ..lease.clone() }).await.is_none());

    let run = begun(&world, &lease).await;
    let expected = JobRun {
        job: nightly(),
        sequence: 1,
        token: lease.token,
        owner: lease.owner.clone(),
        scheduled_for: Some(due),
        requested_by: None,
        started_at: due,
        end: None,
    };
    assert_eq!(run, expected, "the run that began");
    assert_eq!(job(&world).await, Job { last_run: Some(run), ..planned.clone() }, "the job, its run under way");
    world.wait(MINUTE / 2);
    let finished_at = world.now();
    assert!(finish(&world, lease.token, 1, failed()).await, "the holder ends its run");
    let end = |outcome| crate::job::JobEnd { finished_at, outcome, counts: JobCounts::from([("lines".to_owned(), 7)]) };
    let first = JobRun { end: Some(end(failed())), ..expected.clone() };
    let next_at = Some(finished_at.plus(HOUR));
    let after = Job { next_at, failures: 1, last_run: Some(first.clone()), ..planned };
    assert_eq!(job(&world).await, after, "the job, its run failed");
    assert!(!finish(&world, lease.token, 1, JobOutcome::Succeeded).await, "a run ends once");

    let second = begun(&world, &lease).await;
    assert!(finish(&world, lease.token, 2, JobOutcome::Succeeded).await, "the holder ends its second run");
    let second = JobRun { end: Some(end(JobOutcome::Succeeded)), ..second };
    let (succeeded_at, last_run) = (Some(finished_at), Some(second.clone()));
    assert_eq!(job(&world).await, Job { failures: 0, succeeded_at, last_run, ..after }, "the job, its run done");
    assert_eq!(runs(&world).await, vec![second, first], "the runs, latest first");
}

pub(super) async fn a_run_that_nobody_ends_is_abandoned(world: World) {
    let first = planned(&world, "a").await;
    begun(&world, &first).await;
    world.wait(MINUTE);
    let second = lease(&world, "b").await;
    let run = begun(&world, &second).await;
    assert_eq!((run.sequence, &run.owner), (2, &second.owner), "the successor's run");
    let ends: Vec<_> =
        runs(&world).await.into_iter().map(|run| run.end.map(|end| (end.finished_at, end.outcome))).collect();
    assert_eq!(ends, vec![None, Some((world.now(), JobOutcome::Abandoned))], "how the runs ended, latest first");
    assert_eq!(job(&world).await.failures, 1, "an abandoned run counts as failed");
}

pub(super) async fn a_paused_owner_writes_nothing(world: World) {
    let first = planned(&world, "a").await;
    let run = begun(&world, &first).await;
    // Nobody else has come: it may still say what became of its run, however late it is.
    world.wait(2 * MINUTE);
    assert!(finish(&world, first.token, run.sequence, failed()).await, "late, and without a successor");
    let run = begun(&world, &first).await;

    let second = lease(&world, "b").await;
    let before = (job(&world).await, runs(&world).await);
    assert!(!finish(&world, first.token, run.sequence, JobOutcome::Succeeded).await, "a paused owner ends its run");
    assert_eq!(begin(&world, &first).await, None, "a paused owner begins a run");
    let plan = JobPlan { job: nightly(), schedule: None, next_at: None };
    assert!(!sound(world.store().plan_job(first.token, plan.clone()).await), "a paused owner plans the job");
    let other = JobPlan { job: JobName::new("other").expect("a job's name"), ..plan };
    assert!(!sound(world.store().plan_job(first.token, other).await), "nor another job, under that job's lease");
    assert_eq!((job(&world).await, runs(&world).await), before, "the job and its runs, as the successor found them");

    let run = begun(&world, &second).await;
    assert!(sound(world.store().release(&second).await), "the successor gives the lease up");
    assert!(!finish(&world, first.token, run.sequence, failed()).await, "a paused owner, and the lease is free");
    assert!(finish(&world, second.token, run.sequence, JobOutcome::Succeeded).await, "the latest token is still that");
}

/// A report of books that do not add up is a message like any other, and is sent with the end of the run or not at all.
pub(super) async fn a_run_tells_of_books_that_do_not_add_up(world: World) {
    let lease = planned(&world, "a").await;
    let id = world.commerce().message_id().expect("an id");
    let drift = |n: u64| Drift::Stock {
        variant_id: VariantId::try_from(1).expect("an id"),
        on_hand: n,
        last_on_hand: None,
        version: u64::MAX,
        entries: 0,
    };
    let books = |run| {
        let drifts = (0..3).map(drift).collect();
        Arc::new(BooksEvent { id, job: nightly(), run, at: world.now(), count: 300, drifts })
    };
    let told = async |token, sequence| {
        let end = ended(&world, sequence, JobOutcome::Succeeded);
        sound(world.store().finish_run(token, RunFinish { books: Some(books(sequence)), ..end }).await)
    };

    let run = begun(&world, &lease).await;
    assert!(!told(FencingToken(lease.token.0 + 1), run.sequence).await, "ended under a token that nobody was given");
    assert!(!told(lease.token, run.sequence + 1).await, "ended a run that has not begun");
    assert_eq!(drain(&world).await, vec![], "messages of runs that were not ended");
    assert!(told(lease.token, run.sequence).await, "the holder ends its run");
    assert!(!told(lease.token, run.sequence).await, "a run ends once");

    let expected = vec![OutboxMessage { id, event: Event::Books(books(run.sequence)) }];
    let claimed = claim(&world, "relay", 16).await;
    let messages =
        |claimed: Vec<ClaimedMessage>| claimed.into_iter().map(|claimed| claimed.message).collect::<Vec<_>>();
    assert_eq!(messages(claimed), expected, "what the run tells");
    assert!(bury(&world, "relay", id).await, "it can be given up on");
    let about = |aggregate| DeadLetterFilter { aggregate: Some(aggregate), ..DeadLetterFilter::default() };
    let letters = async |filter| sound(world.store().dead_letters(&filter, PageRequest::first(16)).await).items;
    let other = OrderId::try_from(id.get()).expect("an id");
    assert_eq!(letters(about(Aggregate::Order(other))).await, vec![], "dead letters about an order of the same number");
    let dead = letters(about(Aggregate::Books(id))).await;
    assert_eq!(dead.into_iter().map(|letter| letter.message).collect::<Vec<_>>(), expected, "dead letters about it");
    assert_eq!(sound(world.store().replay(&about(Aggregate::Books(id)), 16).await), 1, "given back");
    assert_eq!(drain(&world).await, expected, "what is delivered after all");
    assert_eq!(sound(reconcile(world.store()).await).drifts, vec![], "the books, which are sound");
}

/// An owner that comes back and its successor: if the successor finds the run under way, the owner has not ended it, and
/// never will.
pub(super) async fn a_takeover_races_a_write(world: World) {
    const ROUNDS: usize = 24;
    let mut holder = planned(&world, "owner-0").await;
    for round in 1..=ROUNDS {
        let run = begun(&world, &holder).await;
        world.wait(MINUTE);
        let (token, sequence) = (holder.token, run.sequence);
        let task = move |world: World, n: usize| async move {
            if n == 0 {
                return (None, finish(&world, token, sequence, JobOutcome::Succeeded).await);
            }
            let lease = lease(&world, &format!("owner-{round}")).await;
            let found = job(&world).await.last_run.is_some_and(|run| run.end.is_some());
            (Some(lease), found)
        };
        let answers = world.race(2, task).await;
        let (ended, found) = (answers[0].1, answers[1].1);
        assert_eq!(
            ended, found,
            "round {round}: whether the owner ended its run, and whether its successor found it so"
        );
        let after = job(&world).await.last_run.is_some_and(|run| run.end.is_some());
        assert_eq!(after, found, "round {round}: whether the run has ended after all");
        holder = answers.into_iter().find_map(|(lease, _)| lease).expect("the successor's lease");
    }
}

pub(super) async fn a_wish_is_met_once(world: World) {
    assert_eq!(ask(&world, "mina", "now").await, None, "a run of a job that is not there");
    let lease = planned(&world, "a").await;
    let asked_at = world.now();
    let waits = Some(RequestedRun { requested_at: asked_at, run: None });
    assert_eq!(ask(&world, "mina", "now").await, waits, "asked for a run");
    world.wait(MINUTE / 4);
    assert_eq!(ask(&world, "mina", "now").await, waits, "asked again under the same key");
    assert!(ask(&world, "jun", "now").await.is_some(), "somebody else asks");
    assert_eq!(job(&world).await.requested_at, Some(asked_at), "when the job was first asked for");

    let run = begun(&world, &lease).await;
    let by = run.requested_by.as_ref().map(OperatorName::as_str);
    assert_eq!((by, job(&world).await.requested_at), (Some("mina"), None), "who asked first, and what waits");
    assert!(finish(&world, lease.token, run.sequence, JobOutcome::Succeeded).await);
    let met = ask(&world, "mina", "now").await.and_then(|asked| asked.run).expect("the run that met the wish");
    let shared = ask(&world, "jun", "now").await.and_then(|asked| asked.run).expect("the run that met both");
    assert_eq!((met.sequence, shared.sequence), (1, 1), "the run that both were met by");
    assert!(met.end.is_some() && job(&world).await.requested_at.is_none(), "it is told of, and not asked for again");

    assert!(ask(&world, "mina", "again").await.is_some_and(|asked| asked.run.is_none()), "another wish");
    let run = begun(&world, &lease).await;
    assert_eq!(run.requested_by.as_ref().map(OperatorName::as_str), Some("mina"), "who asked for the second run");
    assert!(finish(&world, lease.token, run.sequence, JobOutcome::Succeeded).await);
    assert_eq!(begun(&world, &lease).await.requested_by, None, "a run that nobody asked for");
}

/// Whoever was to run it is gone. The job's next time is far off, so only the run itself tells that it is due.
pub(super) async fn an_abandoned_wish_is_met_anew(world: World) {
    let first = lease(&world, "a").await;
    let next_at = Some(world.now().plus(HOUR));
    let plan = JobPlan { job: nightly(), schedule: Some("0 0 * * *".to_owned()), next_at };
    assert!(sound(world.store().plan_job(first.token, plan).await), "the holder of the lease plans the job");
    assert!(!job(&world).await.is_due(world.now()), "due before its time");
    let asked_at = world.now();
    assert!(ask(&world, "mina", "now").await.is_some_and(|asked| asked.run.is_none()), "asked for a run");
    let begin = async |lease: &Lease| {
        let begin = RunBegin { job: nightly(), owner: lease.owner.clone(), scheduled_for: None };
        sound(world.store().begin_run(lease.token, begin).await).expect("a run under the lease")
    };
    assert_eq!(begin(&first).await.sequence, 1, "the run that was asked for");
    world.wait(MINUTE / 4);
    assert!(ask(&world, "jun", "later").await.is_some_and(|asked| asked.run.is_none()), "asked for while one goes on");
    world.wait(MINUTE);

    let second = lease(&world, "b").await;
    let found = job(&world).await;
    assert!(found.is_due(world.now()), "a run that nobody ends is due again");
    assert_eq!(found.under_way().map(|run| run.sequence), Some(1), "the run that is under way");
    let run = begin(&second).await;
    let by = run.requested_by.as_ref().map(OperatorName::as_str);
    assert_eq!((run.sequence, by), (2, Some("mina")), "the successor's run, and who asked for it first");
    let met = ask(&world, "mina", "now").await.expect("a wish");
    assert_eq!((met.requested_at, met.run), (asked_at, Some(run)), "a wish whose first run was abandoned");
    let later = ask(&world, "jun", "later").await.and_then(|asked| asked.run).map(|run| run.sequence);
    assert_eq!(later, Some(2), "the wish that waited meanwhile");

    assert!(finish(&world, second.token, 2, failed()).await, "the successor ends its run");
    let after = job(&world).await;
    assert!(!after.is_due(world.now()) && after.under_way().is_none(), "due after its run has ended");
    assert_eq!(begin(&second).await.requested_by, None, "a run after that, which nobody asked for");
    let kept = ask(&world, "mina", "now").await.and_then(|asked| asked.run).map(|run| run.sequence);
    assert_eq!(kept, Some(2), "a wish whose run has ended");
}

pub(super) async fn racing_wishes_are_all_met(world: World) {
    const ASKERS: usize = 24;
    let lease = planned(&world, "a").await;
    let task = |world: World, n: usize| {
        let lease = lease.clone();
        async move {
            if n.is_multiple_of(8) {
                // Each begins on its own; what another has begun is abandoned.
                return begin(&world, &lease).await.map(|run| run.sequence);
            }
            ask(&world, "mina", &format!("wish-{n}")).await.expect("the job is there");
            None
        }
    };
    world.race(ASKERS, task).await;
    let last = begun(&world, &lease).await.sequence;
    for n in (0..ASKERS).filter(|n| !n.is_multiple_of(8)) {
        let met = ask(&world, "mina", &format!("wish-{n}")).await.and_then(|asked| asked.run);
        assert!(met.is_some_and(|run| run.sequence <= last), "wish {n} is met by one of {last} runs");
    }
    assert_eq!(job(&world).await.requested_at, None, "wishes that wait after a run began");
}

pub(super) async fn runs_of_a_job(world: World) {
    let lease = planned(&world, "a").await;
    assert!(ask(&world, "mina", "first").await.is_some());
    let run = async || begun(&world, &lease).await.sequence;
    let mut before = vec![run().await];
    assert!(finish(&world, lease.token, before[0], JobOutcome::Succeeded).await, "the run that was asked for");
    while before.len() < ITEMS {
        before.push(run().await);
    }
    let page = async |request| sound(world.store().job_runs(&nightly(), request).await).map(|run| run.sequence);
    walk("a job's runs", Order::NewestFirst, &before, page, run).await;

    let mut last = 0;
    while last < JobRun::KEPT + 2 {
        last = run().await;
    }
    let kept: Vec<u64> = runs(&world).await.iter().map(|run| run.sequence).collect();
    let expected: Vec<u64> = (last - JobRun::KEPT + 1..=last).rev().collect();
    assert_eq!(kept, expected, "the runs that are kept, of {last}");
    // The run that met it is forgotten, and the wish with it.
    let asked = ask(&world, "mina", "first").await.map(|asked| asked.run);
    assert_eq!(asked, Some(None), "a wish whose run is forgotten, asked again");
}
