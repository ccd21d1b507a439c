//! The same random commands, one by one and in batches, on the memory store and on PostgreSQL: same answers, same
//! rejections with the same numbers, and in the end the same state.

use std::sync::Arc;

use commerce_core::conformance::Snapshot;
use commerce_core::store::Outbox;
use commerce_core::{ClaimRequest, Clock, Date, Envelope, Error, ManualClock, Owner, Receipt, Store, Timestamp};
use commerce_store_memory::MemoryStore;
use commerce_store_postgres::PostgresStore;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::store_on;
use crate::support::script::{Step, opening, steps};
use crate::support::world::World;
use crate::support::{beginning, config, shop};

struct Pair {
    clock: Arc<ManualClock>,
    model: MemoryStore,
    store: Arc<PostgresStore>,
    world: World,
}

impl Pair {
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::new(beginning()));
        let model = MemoryStore::with_clock(shop(), Arc::clone(&clock) as Arc<dyn Clock>);
        let store = store_on(shop(), Arc::clone(&clock) as Arc<dyn Clock>).await;
        Self { clock, model, store: Arc::new(store), world: World::default() }
    }

    /// Sends these steps at once. They stand in the lane's queue in their order, so they are one batch, or a few.
    async fn send(&mut self, steps: &[Step]) {
        let moved: i64 = steps.iter().map(Step::moved_micros).sum();
        self.clock.set(Timestamp::from_micros((self.clock.now().as_micros() + moved).max(0)));
        let now = self.clock.now();
        let envelopes: Vec<Envelope> = steps.iter().map(|step| self.world.envelope(step, now)).collect();
        let mut answers = Vec::new();
        for envelope in envelopes.iter().cloned() {
            let store = Arc::clone(&self.store);
            answers.push(tokio::spawn(async move { store.execute(envelope).await }));
        }
        for (envelope, answer) in envelopes.into_iter().zip(answers) {
            let expected: Result<Receipt, Error> = self.model.execute(envelope.clone()).await;
            assert_eq!(answer.await.unwrap(), expected, "{envelope:?}");
            if let Ok(Receipt { outcome, replayed: false }) = expected {
                self.world.learn(&outcome);
            }
        }
    }

    /// Everything that can be read is the same.
    async fn compare(&self) {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let days: Vec<Date> = day("2026-02-20").iter_days().take(30).collect();
        let (expected, found) = (Snapshot::of(&self.model, &days).await, Snapshot::of(&*self.store, &days).await);
        assert_eq!(expected.difference(&found), None);
    }

    /// The same messages go out in the same order.
    async fn drain(&self) {
        self.clock.set("2027-01-01T00:00:00Z".parse().unwrap());
        let owner = Owner::new("relay").unwrap();
        let request = || ClaimRequest { owner: owner.clone(), limit: 7, hold: std::time::Duration::from_secs(5) };
        loop {
            let expected = self.model.claim(request()).await.unwrap();
            let found = self.store.claim(request()).await.unwrap();
            assert_eq!(found, expected);
            if expected.is_empty() {
                break;
            }
            for message in expected {
                let id = message.message.id;
                assert!(self.model.acknowledge(&owner, id).await.unwrap());
                assert!(self.store.acknowledge(&owner, id).await.unwrap());
            }
        }
        self.compare().await;
    }
}

fn play(steps: &[Step], batch: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut pair = Pair::open().await;
        for step in opening() {
            pair.send(&[step]).await;
        }
        for steps in steps.chunks(batch) {
            pair.send(steps).await;
        }
        pair.compare().await;
        pair.drain().await;
    });
}

#[test]
fn commands_one_by_one_and_in_batches_come_to_the_same_on_both_stores() {
    let mut runner = TestRunner::new(config(24, "tests/regressions/differential.txt"));
    let result = runner.run(&(steps(60), prop::sample::select(vec![1, 7, 60])), |(steps, batch)| {
        play(&steps, batch);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
