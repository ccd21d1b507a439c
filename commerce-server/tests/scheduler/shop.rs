//! A shop on each store, schedulers for it, and tasks that tell what became of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::conformance::World;
use commerce_core::{Job, JobCounts, JobName, JobRun, ManualClock, PageRequest, Shop, TimeZone, Timestamp};
use commerce_server::work::relay::Backoff;
use commerce_server::work::scheduler::tasks::{Done, Failed, Occasion, Task};
use commerce_server::work::scheduler::{Scheduled, Scheduler, Settings};
use tokio::sync::{Notify, Semaphore};

use crate::stores;

pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Noon of 30 October in New York, two days before clocks are put back.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at("2026-10-30T16:00:00Z")))
}

fn shop() -> Shop {
    Shop { time_zone: TimeZone::America__New_York, ..Shop::default() }
}

pub(crate) fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

pub(crate) fn memory() -> World {
    stores::memory(shop(), clock())
}

pub(crate) async fn postgres() -> World {
    stores::postgres(stores::database().await, shop(), clock()).await
}

pub(crate) fn named(name: &str) -> JobName {
    name.parse().expect("a job's name")
}

/// A scheduler of one job called "it".
pub(crate) fn scheduler(world: &World, who: &str, schedule: &str, task: &Arc<impl Task + 'static>) -> Arc<Scheduler> {
    let settings = Settings {
        owner: who.parse().expect("an owner"),
        lease: LEASE,
        renew: Duration::from_millis(1),
        poll: Duration::from_millis(1),
        grace: Duration::ZERO,
        backoff: Backoff { first: Duration::from_secs(60), most: Duration::from_secs(600) },
    };
    let schedule = schedule.parse().expect("a schedule");
    let job = Scheduled::new(named("it"), schedule, Arc::clone(task) as Arc<dyn Task>);
    Scheduler::new(Arc::clone(world.commerce().store()), settings, vec![job], Arc::new(Notify::new()))
}

pub(crate) async fn job(world: &World) -> Job {
    world.store().job(&named("it")).await.expect("a read").expect("the job")
}

/// The runs, the first one first.
pub(crate) async fn runs(world: &World) -> Vec<JobRun> {
    let mut runs = world.store().job_runs(&named("it"), PageRequest::first(100)).await.expect("a read").items;
    runs.reverse();
    runs
}

/// Notes what it runs for, and fails if it is to.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) runs: Mutex<Vec<Option<Timestamp>>>,
    pub(crate) fails: AtomicBool,
}

#[async_trait]
impl Task for Noted {
    async fn run(&self, occasion: &Occasion) -> Result<Done, Failed> {
        self.runs.lock().expect("no panic").push(occasion.run.scheduled_for);
        let counts = JobCounts::from([("looked".to_owned(), 3)]);
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failed { error: "no answer".to_owned(), counts });
        }
        Ok(counts.into())
    }
}

/// Breaks down.
pub(crate) struct Broken;

#[async_trait]
impl Task for Broken {
    async fn run(&self, _: &Occasion) -> Result<Done, Failed> {
        panic!("in the middle of it")
    }
}

/// Says that it has begun, and never ends.
pub(crate) struct Stuck(pub(crate) Semaphore);

#[async_trait]
impl Task for Stuck {
    async fn run(&self, _: &Occasion) -> Result<Done, Failed> {
        self.0.add_permits(1);
        std::future::pending().await
    }
}
