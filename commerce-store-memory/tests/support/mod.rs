//! Random command sequences and a small model of the shop, for any [`Store`](commerce_core::Store).
//!
//! * [`script`] generates what is attempted: shrinkable data that names records by position;
//! * [`world`] turns it into envelopes, knowing the ids that came back so far;
//! * [`model`] says what must come of each, from plain maps and arithmetic of its own, without the core's rules;
//! * [`check`] compares everything that a store lets one read with the model.
//!
//! A store's test brings a store on a [`ManualClock`](commerce_core::ManualClock) and calls [`Run`]; a differential
//! test sends the same envelopes to two stores.

pub(crate) mod check;
pub(crate) mod coverage;
pub(crate) mod model;
pub(crate) mod model_cards;
pub(crate) mod model_carts;
pub(crate) mod model_coupons;
pub(crate) mod model_orders;
mod model_prices;
pub(crate) mod script;
pub(crate) mod world;

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Clock, Envelope, Error, ManualClock, Receipt, Shop, Store, TimeZone, Timestamp};
use proptest::test_runner::{Config, FileFailurePersistence};

use crate::support::coverage::Coverage;
use crate::support::model::Model;
use crate::support::script::Step;
use crate::support::world::World;

/// The hours that the shop's zone is ahead of UTC, so that its midnight is not the clock's.
pub(crate) const ZONE_HOURS: i64 = 9;

/// How long a pending order holds, in seconds.
pub(crate) const TTL_SECONDS: u64 = 600;

/// The shop that the model knows.
pub(crate) fn shop() -> Shop {
    Shop { time_zone: TimeZone::Asia__Seoul, pending_order_ttl: Duration::from_secs(TTL_SECONDS) }
}

/// Where every sequence begins: half an hour before the shop's midnight.
pub(crate) fn beginning() -> Timestamp {
    "2026-03-01T14:30:00Z".parse().expect("an instant")
}

/// `count` cases, unless the environment asks for another number; failures are kept in `regressions`.
pub(crate) fn config(count: u32, regressions: &'static str) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    if asked { config } else { Config { cases: count, ..config } }
}

/// Waits for a future that needs no runtime.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// One sequence on one store, with the model beside it.
pub(crate) struct Run {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) world: World,
    pub(crate) model: Model,
}

impl Run {
    /// A run on an empty store that stands on `clock`, which it sets to the beginning.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Self {
        clock.set(beginning());
        Self { store, clock, world: World::default(), model: Model::default() }
    }

    /// Sends one step to the store, and holds the answer and everything that can be read against the model.
    pub(crate) async fn step(&mut self, step: &Step, seen: &mut Coverage) {
        let envelope = self.next(step);
        self.send(&envelope, seen).await;
        check::everything(&*self.store, &self.model, self.clock.now()).await;
    }

    /// Lets the step's time pass, and makes its request.
    pub(crate) fn next(&mut self, step: &Step) -> Envelope {
        let now = Timestamp::from_micros(self.clock.now().as_micros() + step.moved_micros());
        self.clock.set(now);
        self.world.envelope(step, now)
    }

    /// Sends a request to the store, and holds the answer against the model.
    pub(crate) async fn send(&mut self, envelope: &Envelope, seen: &mut Coverage) {
        let now = self.clock.now();
        let expected = self.model.verdict(envelope, now);
        let answer = self.store.execute(envelope.clone()).await;
        seen.answered(envelope, &answer);
        match (&answer, &expected) {
            (Ok(receipt), Ok(())) => self.accepted(envelope, receipt, now, seen),
            (Err(Error::Rejected(refused)), Err(code)) => assert_eq!(refused.code(), *code, "{envelope:?}"),
            _ => panic!("the model says {expected:?}, the store {answer:?} to {envelope:?}"),
        }
    }

    fn accepted(&mut self, envelope: &Envelope, receipt: &Receipt, now: Timestamp, seen: &mut Coverage) {
        match self.model.stored(envelope) {
            Some(before) => {
                assert!(receipt.replayed, "{envelope:?}");
                assert_eq!(&receipt.outcome, before, "a replay gives the stored outcome");
            }
            None => {
                assert!(!receipt.replayed, "{envelope:?}");
                self.model.accept(envelope, &receipt.outcome, now, seen);
                self.world.learn(&receipt.outcome);
            }
        }
    }
}
