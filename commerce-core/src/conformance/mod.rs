//! The suite that every store must pass: the [`Store`] contract, case by case.
//!
//! A store's author writes a [`Harness`], a factory of empty stores on a given clock, and stamps the cases:
//!
//! ```ignore
//! struct Mine;
//!
//! #[async_trait::async_trait]
//! impl Harness for Mine {
//!     async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened {
//!         Opened::new(Arc::new(MyStore::with_clock(shop, clock)))
//!     }
//! }
//!
//! commerce_core::store_conformance!(Mine);
//! ```
//!
//! Each case becomes a test of its own name, on an empty store and a runtime with several threads, so that its
//! races are races. No case can be left out: the macro and [`CASES`] come from one list, and a case that is not
//! on it is dead code, which the lints refuse. After every case the books are reconciled; any
//! [`Drift`](crate::Drift) fails it.
//!
//! [`World`] and [`Snapshot`] serve other tests as well: a shop in a known state, and all of a store's state as
//! one value.
#![expect(clippy::expect_used, clippy::panic, reason = "a broken promise is a failed test")]

mod atomicity;
mod cards;
mod carts;
mod catalog;
mod codes;
mod copies;
mod coupons;
mod gateway_refunds;
mod idempotency;
mod imports;
mod jobs;
mod leases;
mod lifecycle;
mod list;
mod orders;
mod outbox;
mod pages;
mod prices;
mod pruning;
mod reads;
mod refunds;
mod refusals;
mod rejections;
mod roll_up;
mod sales;
mod script;
mod shop;
mod sinks;
mod snapshot;
mod stock;
mod uniqueness;
mod views;
mod wallets;
mod webhooks;
mod world;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use list::CASES;
pub use snapshot::Snapshot;
pub use world::{World, basket, cart_basket, krw, operator, split};

use crate::admission::Gate;
use crate::decide::Shop;
use crate::reconcile::reconcile;
use crate::store::Store;
use crate::time::ManualClock;

/// Makes empty stores for the suite.
#[async_trait]
pub trait Harness: Send + Sync {
    /// An empty store, with these settings, that reads its time from `clock` and from nowhere else.
    async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened;
}

/// A store for one case, and whatever must live as long as it does.
pub struct Opened {
    store: Arc<dyn Store>,
    guard: Arc<dyn Any + Send + Sync>,
    gate: Option<Arc<dyn Gate>>,
}

impl Opened {
    /// A store that needs nothing around it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, guard: Arc::new(()), gate: None }
    }

    /// A store and a guard, dropped after it: a database to remove, a container to stop.
    #[must_use]
    pub fn guarded(store: Arc<dyn Store>, guard: impl Any + Send + Sync) -> Self {
        Self { store, guard: Arc::new(guard), gate: None }
    }

    /// The same store, with a gate in front of every command: nobody must be able to tell.
    #[must_use]
    pub fn behind(self, gate: Arc<dyn Gate>) -> Self {
        Self { gate: Some(gate), ..self }
    }
}

/// Names the type; a store need not be printable.
impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

/// One promise of the contract, and how to try it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of its test.
    pub name: &'static str,
    /// What a store promises, in words.
    pub promise: &'static str,
    body: fn(World) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("promise", &self.promise).finish_non_exhaustive()
    }
}

impl Case {
    /// The case of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }
}

/// A case that a store did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which case.
    pub case: &'static str,
    /// What was promised.
    pub promise: &'static str,
    /// What was found, with the numbers.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  promised: {}\n  found: {}", self.case, self.promise, self.found)
    }
}

impl std::error::Error for Failure {}

/// How long a case may take before it counts as hung; far beyond what any takes.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Tries one case on a fresh store, within a [runtime](runtime()) of several threads; then reconciles the store's
/// books. A case that takes longer than `patience` counts as hung; [`PATIENCE`] is plenty.
pub async fn try_case(harness: &dyn Harness, case: &Case, patience: Duration) -> Result<(), Failure> {
    let failed = |found: String| Failure { case: case.name, promise: case.promise, found };
    let world = World::open(harness).await;
    // A task of its own, so that its panic is a value here. Only the tasks that a case races need be `Send`.
    let local = tokio::task::LocalSet::new();
    let task = local.spawn_local((case.body)(world.clone()));
    match tokio::time::timeout(patience, local.run_until(task)).await {
        Err(_) => return Err(failed(format!("no end after {} s: a deadlock?", patience.as_secs()))),
        Ok(Err(ended)) => return Err(failed(words(ended))),
        Ok(Ok(())) => {}
    }
    match reconcile(world.store()).await {
        Ok(report) if report.drifts.is_empty() => Ok(()),
        Ok(report) => Err(failed(format!("the books do not add up afterwards: {:?}", report.drifts))),
        Err(error) => Err(failed(format!("the books cannot be read afterwards: {error}"))),
    }
}

/// Tries the case of that name on a runtime of its own, and panics if the store does not pass. What
/// [`store_conformance!`](crate::store_conformance) stamps.
pub fn check(harness: &dyn Harness, name: &str) {
    let case = Case::named(name).unwrap_or_else(|| panic!("there is no case {name}"));
    if let Err(failure) = runtime().block_on(try_case(harness, case, PATIENCE)) {
        panic!("{failure}");
    }
}

/// A runtime for cases: more threads than one, so that tasks run at the same time.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("threads to run on")
}

/// What a task that panicked said.
fn words(ended: tokio::task::JoinError) -> String {
    let Ok(payload) = ended.try_into_panic() else { return "the case was stopped".to_owned() };
    match payload.downcast::<String>() {
        Ok(words) => *words,
        Err(payload) => payload.downcast_ref::<&str>().map_or("a panic without words", |words| words).to_owned(),
    }
}
