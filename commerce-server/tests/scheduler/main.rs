//! Jobs come round by themselves, once each, whatever becomes of the processes that run them.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

#[path = "../stores/each.rs"]
mod each;
mod shop;
#[path = "../stores/mod.rs"]
mod stores;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use commerce_core::conformance::{World, basket};
use commerce_core::{JobOutcome, OrderStatus, RunRequest};
use commerce_server::work::scheduler::tasks::{CouponExpiry, DailySales, OrderExpiry, Reconciliation};
use commerce_server::work::scheduler::{Attempt, Scheduler};
use tokio::sync::{Semaphore, oneshot};

use crate::each::on_every_store;
use crate::shop::{Broken, LEASE, Noted, Stuck, at, job, named, runs, scheduler};

fn failed(error: &str) -> JobOutcome {
    JobOutcome::Failed { error: error.to_owned() }
}

/// Four processes meet at every hour, the one that comes twice among them.
async fn each_time_comes_once(world: World) {
    let task = Arc::new(Noted::default());
    let schedulers = ["a", "b", "c", "d"].map(|who| scheduler(&world, who, "0 * * * *", &task));
    for scheduler in &schedulers {
        scheduler.pass().await.expect("a look");
    }
    assert_eq!(job(&world).await.next_at, Some(at("2026-10-30T17:00:00Z")), "planned, and not run");
    world.set_clock("2026-11-01T04:30:00Z");
    let mut expected = vec![Some(at("2026-10-30T17:00:00Z"))];
    for hour in ["04:30", "05:00", "06:00", "07:00"] {
        world.set_clock(&format!("2026-11-01T{hour}:00Z"));
        if hour != "04:30" {
            expected.push(Some(world.now()));
        }
        let pass = |_: World, n: usize| {
            let scheduler = Arc::clone(&schedulers[n]);
            async move { scheduler.pass().await.expect("a look") }
        };
        let ran = world.race(4, pass).await.concat().iter().filter(|(_, what)| matches!(what, Attempt::Ran(_))).count();
        assert_eq!(ran, 1, "runs at {hour}");
    }
    assert_eq!(*task.runs.lock().expect("no panic"), expected, "what was missed ran once, and every hour after");
    let runs = runs(&world).await;
    assert!(runs.iter().all(|run| run.end.as_ref().is_some_and(|end| end.counts["looked"] == 3)), "{runs:?}");
    assert_eq!(job(&world).await.next_at, Some(at("2026-11-01T08:00:00Z")));
}

async fn what_fails_is_tried_again_after_a_while(world: World) {
    let task = Arc::new(Noted::default());
    let scheduler = scheduler(&world, "a", "0 0 * * *", &task);
    scheduler.pass().await.expect("a look");
    world.set_clock("2026-10-31T04:00:00Z");
    task.fails.store(true, Ordering::SeqCst);
    for (failures, least, most) in [(1, 30, 60), (2, 60, 120), (3, 120, 240)] {
        let ran = scheduler.pass().await.expect("a look");
        assert_eq!(ran, [(named("it"), Attempt::Ran(failed("no answer")))]);
        let job = job(&world).await;
        let end = job.last_run.and_then(|run| run.end).expect("an end");
        assert_eq!((job.failures, &end.outcome, end.counts["looked"]), (failures, &failed("no answer"), 3));
        let again = job.next_at.expect("a time");
        let (earliest, latest) = [least, most].map(|seconds| world.now().plus(Duration::from_secs(seconds))).into();
        assert!((earliest..=latest).contains(&again), "{again} after {failures} failures, at {}", world.now());
        assert_eq!(scheduler.pass().await.expect("a look"), [], "not before its time");
        world.clock().set(again);
    }
    task.fails.store(false, Ordering::SeqCst);
    scheduler.pass().await.expect("a look");
    let job = job(&world).await;
    assert_eq!((job.failures, job.next_at), (0, Some(at("2026-11-01T04:00:00Z"))), "back to its schedule");
}

async fn a_panic_is_a_failure(world: World) {
    let broken = scheduler(&world, "a", "0 0 * * *", &Arc::new(Broken));
    broken.pass().await.expect("a look");
    world.set_clock("2026-10-31T04:00:00Z");
    let ran = broken.pass().await.expect("a look");
    assert_eq!(ran, [(named("it"), Attempt::Ran(failed("it panicked")))]);
    assert_eq!(job(&world).await.failures, 1);
}

/// The run of `a` gets stuck for longer than its lease, and `b` goes on: what `a` says then comes too late.
async fn take_over(world: &World, a: Arc<Scheduler>, stuck: &Stuck, b: &Scheduler) {
    let lost = tokio::spawn(async move { a.pass().await.expect("a look") });
    drop(stuck.0.acquire().await.expect("it began"));
    assert_eq!(b.pass().await.expect("a look"), [(named("it"), Attempt::Elsewhere)], "while the lease holds");
    world.wait(LEASE);
    assert_eq!(b.pass().await.expect("a look"), [(named("it"), Attempt::Ran(JobOutcome::Succeeded))]);
    assert_eq!(lost.await.expect("a look"), [(named("it"), Attempt::Lost)]);
}

/// A process that was away for longer than its lease: another goes on, and what the first one says comes too late.
async fn a_lost_lease_ends_a_run(world: World) {
    let (stuck, sound) = (Arc::new(Stuck(Semaphore::new(0))), Arc::new(Noted::default()));
    let (a, b) = (scheduler(&world, "a", "0 * * * *", &stuck), scheduler(&world, "b", "0 * * * *", &sound));
    for scheduler in [&a, &b] {
        scheduler.pass().await.expect("a look");
    }
    world.set_clock("2026-10-30T17:00:00Z");
    take_over(&world, a, &stuck, &b).await;
    let outcomes: Vec<_> = runs(&world).await.into_iter().filter_map(|run| run.end.map(|end| end.outcome)).collect();
    assert_eq!(outcomes, [JobOutcome::Abandoned, JobOutcome::Succeeded]);
}

async fn an_operator_starts_what_is_off(world: World) {
    let task = Arc::new(Noted::default());
    let scheduler = scheduler(&world, "a", "off", &task);
    scheduler.pass().await.expect("a look");
    world.set_clock("2027-10-30T17:00:00Z");
    assert_eq!(scheduler.pass().await.expect("a look"), [], "it does not run by itself");
    let (by, key) = ("mina".parse().expect("a name"), "now".parse().expect("a key"));
    world.store().request_run(RunRequest { job: named("it"), by, key }).await.expect("an answer");
    assert_eq!(scheduler.pass().await.expect("a look").len(), 1);
    assert_eq!(scheduler.pass().await.expect("a look"), [], "it was asked for once");
    let (job, run) = (job(&world).await, runs(&world).await.remove(0));
    assert_eq!((job.schedule, job.next_at), (None, None));
    assert_eq!((run.scheduled_for, run.requested_by.as_ref().map(|by| by.as_str())), (None, Some("mina")));
}

/// A run that an operator started is taken over like any other, and met under the same key by the one that comes after it.
async fn a_run_that_was_asked_for_is_taken_over(world: World) {
    let (stuck, sound) = (Arc::new(Stuck(Semaphore::new(0))), Arc::new(Noted::default()));
    let (a, b) = (scheduler(&world, "a", "off", &stuck), scheduler(&world, "b", "off", &sound));
    for scheduler in [&a, &b] {
        scheduler.pass().await.expect("a look");
    }
    let ask = async || {
        let (by, key) = ("mina".parse().expect("a name"), "now".parse().expect("a key"));
        let asked = world.store().request_run(RunRequest { job: named("it"), by, key }).await.expect("an answer");
        asked.expect("the job").run
    };
    assert_eq!(ask().await, None);
    take_over(&world, a, &stuck, &b).await;
    assert_eq!(b.pass().await.expect("a look"), [], "it was asked for once");
    let run = ask().await.expect("the run that met it");
    assert_eq!((run.sequence, run.end.map(|end| end.outcome)), (2, Some(JobOutcome::Succeeded)));
    assert_eq!(run.requested_by.as_ref().map(|by| by.as_str()), Some("mina"));
}

/// What an operator asked for is tried again as well, and then is off as before.
async fn what_is_off_and_fails_is_tried_again(world: World) {
    let task = Arc::new(Noted::default());
    let scheduler = scheduler(&world, "a", "off", &task);
    scheduler.pass().await.expect("a look");
    task.fails.store(true, Ordering::SeqCst);
    let (by, key) = ("mina".parse().expect("a name"), "now".parse().expect("a key"));
    world.store().request_run(RunRequest { job: named("it"), by, key }).await.expect("an answer");
    assert_eq!(scheduler.pass().await.expect("a look"), [(named("it"), Attempt::Ran(failed("no answer")))]);
    let again = job(&world).await.next_at.expect("a time");
    assert!(again > world.now() && again <= world.now().plus(Duration::from_secs(60)), "{again}");
    assert_eq!(scheduler.pass().await.expect("a look"), [], "not before its time");
    task.fails.store(false, Ordering::SeqCst);
    world.clock().set(again);
    assert_eq!(scheduler.pass().await.expect("a look"), [(named("it"), Attempt::Ran(JobOutcome::Succeeded))]);
    assert_eq!(job(&world).await.next_at, None);
}

/// The process that starts last decides when a job runs; the same schedule keeps a time that was missed.
async fn a_schedule_is_what_was_set_last(world: World) {
    let task = Arc::new(Noted::default());
    scheduler(&world, "a", "0 * * * *", &task).pass().await.expect("a look");
    scheduler(&world, "b", "0 0 * * *", &task).pass().await.expect("a look");
    let job = job(&world).await;
    assert_eq!((job.schedule.as_deref(), job.next_at), (Some("0 0 * * *"), Some(at("2026-10-31T04:00:00Z"))));
    world.set_clock("2026-11-05T12:00:00Z");
    let ran = scheduler(&world, "c", "0 0 * * *", &task).pass().await.expect("a look");
    assert_eq!(ran, [(named("it"), Attempt::Ran(JobOutcome::Succeeded))], "missed while nobody was there");
}

/// A schedule that changes while nobody is there drops no time that came meanwhile; one that is switched off does.
async fn what_was_missed_under_another_schedule_is_caught_up(world: World) {
    let task = Arc::new(Noted::default());
    scheduler(&world, "a", "0 0 * * *", &task).pass().await.expect("a look");
    let missed = job(&world).await.next_at;
    world.set_clock("2026-11-05T12:00:00Z");
    let ran = scheduler(&world, "b", "30 3 * * *", &task).pass().await.expect("a look");
    assert_eq!(ran, [(named("it"), Attempt::Ran(JobOutcome::Succeeded))], "missed, under the schedule before");
    let (next, run) = (job(&world).await, runs(&world).await.remove(0));
    assert_eq!((next.schedule.as_deref(), next.next_at), (Some("30 3 * * *"), Some(at("2026-11-06T08:30:00Z"))));
    assert_eq!((run.scheduled_for, missed), (missed, Some(at("2026-10-31T04:00:00Z"))));

    world.set_clock("2026-11-07T12:00:00Z");
    let off = scheduler(&world, "c", "off", &task).pass().await.expect("a look");
    assert_eq!(off, [(named("it"), Attempt::NotDue)], "what is off does not run by itself");
    assert_eq!(job(&world).await.next_at, None);
}

async fn a_run_is_stopped_with_its_process(world: World) {
    let stuck = Arc::new(Stuck(Semaphore::new(0)));
    let stopped = scheduler(&world, "a", "0 * * * *", &stuck);
    stopped.pass().await.expect("a look");
    world.set_clock("2026-10-30T17:00:00Z");
    let (tell, told) = oneshot::channel::<()>();
    let at_work = tokio::spawn(async move { stopped.run(async { drop(told.await) }).await });
    drop(stuck.0.acquire().await.expect("it began"));
    drop(tell);
    at_work.await.expect("it stops");
    let ended = job(&world).await;
    let outcome = ended.last_run.and_then(|run| run.end).map(|end| end.outcome);
    assert_eq!(outcome, Some(failed("its process was stopped")));
    // Another goes on at once: the lease was given back.
    world.wait(Duration::from_secs(60));
    let other = scheduler(&world, "b", "0 * * * *", &Arc::new(Noted::default()));
    assert_eq!(other.pass().await.expect("a look"), [(named("it"), Attempt::Ran(JobOutcome::Succeeded))]);
}

/// Days that no process was there for are rolled up when one is: each of them, and 1 November has 25 hours.
async fn missed_days_are_rolled_up(world: World) {
    let task = Arc::new(DailySales(Arc::clone(world.commerce().store())));
    let scheduler = scheduler(&world, "a", "10 0 * * *", &task);
    let (customer, variant) = (world.customer_with(100_000).await, world.variant(1_000, 100).await);
    let mut counts = Vec::new();
    for (sold_at, run_at) in [
        ("2026-10-30T16:00:00Z", "2026-10-30T16:00:00Z"),
        ("2026-10-31T03:59:59Z", "2026-10-31T04:10:00Z"),
        ("2026-11-01T05:30:00Z", "2026-11-01T05:30:00Z"),
        ("2026-11-02T04:59:59Z", "2026-11-04T18:00:00Z"),
        ("2026-11-04T18:00:00Z", "2026-11-05T05:10:00Z"),
    ] {
        world.set_clock(sold_at);
        world.buy(customer, basket(&[(variant, 1)])).await;
        world.set_clock(run_at);
        scheduler.pass().await.expect("a look");
        if let Some(end) = job(&world).await.last_run.and_then(|run| run.end) {
            assert_eq!(end.outcome, JobOutcome::Succeeded);
            counts.push(["days", "lines", "corrected"].map(|name| end.counts[name]));
        }
    }
    // The 30th; nothing on the 31st; 1 November and the two days after; the 4th.
    assert_eq!(counts, [[1, 2, 0], [1, 0, 0], [3, 2, 0], [1, 1, 0]]);
}

async fn times_that_are_over_are_ended(world: World) {
    let task = Arc::new(OrderExpiry(world.commerce().clone()));
    let orders = scheduler(&world, "a", "*/5 * * * * *", &task);
    orders.pass().await.expect("a look");
    let (customer, variant) = (world.customer_with(100_000).await, world.variant(1_000, 100).await);
    let order = world.place(customer, basket(&[(variant, 1)])).await;
    world.wait(Duration::from_secs(1_800));
    orders.pass().await.expect("a look");
    assert_eq!(world.order(order.id).await.status, OrderStatus::Cancelled);
    assert_eq!(runs(&world).await[0].end.as_ref().map(|end| end.counts["ended"]), Some(1));
}

async fn copies_are_marked_from_where_the_last_run_was(world: World) {
    let task = Arc::new(CouponExpiry(world.commerce().clone()));
    let copies = scheduler(&world, "a", "0 * * * *", &task);
    copies.pass().await.expect("a look");
    let customer = world.customer_with(1_000).await;
    for (ends_at, run_at) in
        [("2026-10-30T16:59:59Z", "2026-10-30T17:00:00Z"), ("2026-10-30T17:30:00Z", "2026-10-30T18:00:00Z")]
    {
        let coupon = world.coupon(|coupon| coupon.window.until = Some(at(ends_at))).await;
        world.issue(coupon, customer).await;
        world.set_clock(run_at);
        copies.pass().await.expect("a look");
    }
    let marked: Vec<_> = runs(&world).await.iter().filter_map(|run| Some(run.end.as_ref()?.counts["marked"])).collect();
    assert_eq!(marked, [1, 1]);
}

async fn the_books_are_proved(world: World) {
    let task = Arc::new(Reconciliation(world.commerce().clone()));
    let books = scheduler(&world, "a", "0 4 * * *", &task);
    books.pass().await.expect("a look");
    let (customer, variant) = (world.customer_with(100_000).await, world.variant(1_000, 100).await);
    world.buy(customer, basket(&[(variant, 1)])).await;
    world.set_clock("2026-10-31T08:00:00Z");
    books.pass().await.expect("a look");
    let end = runs(&world).await.remove(0).end.expect("an end");
    assert_eq!((end.outcome, end.counts["orders"], end.counts["drifts"]), (JobOutcome::Succeeded, 1, 0));
}

on_every_store!(
    each_time_comes_once,
    what_fails_is_tried_again_after_a_while,
    a_panic_is_a_failure,
    a_lost_lease_ends_a_run,
    an_operator_starts_what_is_off,
    a_run_that_was_asked_for_is_taken_over,
    what_is_off_and_fails_is_tried_again,
    a_schedule_is_what_was_set_last,
    what_was_missed_under_another_schedule_is_caught_up,
    a_run_is_stopped_with_its_process,
    missed_days_are_rolled_up,
    times_that_are_over_are_ended,
    copies_are_marked_from_where_the_last_run_was,
    the_books_are_proved,
);
