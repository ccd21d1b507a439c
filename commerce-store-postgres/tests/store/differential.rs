//! The same random commands, one by one and in batches, on the memory store and on PostgreSQL: same answers, same
//! rejections with the same numbers, and in the end the same state. And again with connections that break and
//! backends that are ended in between, each command asked again under its key until it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use commerce_core::conformance::Snapshot;
use commerce_core::store::Outbox;
use commerce_core::{
    Audit, ClaimRequest, Clock, Date, Envelope, Error, Holder, ManualClock, PageRequest, Receipt, Store, Timestamp,
};
use commerce_store_memory::MemoryStore;
use commerce_store_postgres::PostgresStore;
use commerce_store_postgres_testkit::{Fate, Proxy};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::{Backstage, assert_sound, database, insist, open_at, proxied};
use crate::support::script::{Step, opening, step, steps};
use crate::support::world::World;
use crate::support::{beginning, config, shop};

struct Pair {
    clock: Arc<ManualClock>,
    model: MemoryStore,
    store: Arc<PostgresStore>,
    world: World,
}

impl Pair {
    async fn at(url: &str) -> Self {
        let clock = Arc::new(ManualClock::new(beginning()));
        let model = MemoryStore::with_clock(shop(), Arc::clone(&clock) as Arc<dyn Clock>);
        let time = Arc::clone(&clock) as Arc<dyn Clock>;
        let store = open_at(url, |config| (config.shop, config.clock, config.lanes) = (shop(), Some(time), 1)).await;
        Self { clock, model, store, world: World::default() }
    }

    /// Lets the time of these steps pass.
    fn pass(&self, steps: &[Step]) -> Timestamp {
        let moved: i64 = steps.iter().map(Step::moved_micros).sum();
        self.clock.set(Timestamp::from_micros((self.clock.now().as_micros() + moved).max(0)));
        self.clock.now()
    }

    /// Sends these steps at once. They stand in the lane's queue in their order, so they are one batch, or a few.
    async fn send(&mut self, steps: &[Step]) {
        let now = self.pass(steps);
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

    /// Sends one step while something breaks, and asks again under its key until it is answered. A read goes with
    /// it, and fails or tells the truth.
    async fn send_amid(&mut self, step: &Step, fault: Option<Fault>, scene: &mut Scene) {
        let now = self.pass(std::slice::from_ref(step));
        let envelope = self.world.envelope(step, now);
        let expected = self.model.execute(envelope.clone()).await;
        let after = self.model.order_facts(PageRequest::first(1_000)).await.unwrap();
        scene.play(fault).await;
        let answer = insist(&self.store, &envelope).await;
        match (&expected, &answer) {
            (Ok(expected), Ok(answer)) => {
                assert_eq!(answer.outcome, expected.outcome, "{fault:?} {envelope:?}");
                // What was done before its answer was lost is told as a replay.
                assert!(answer.replayed || !expected.replayed, "{fault:?} {envelope:?}");
            }
            _ => assert_eq!(answer, expected, "{fault:?} {envelope:?}"),
        }
        if let Ok(found) = self.store.order_facts(PageRequest::first(1_000)).await {
            assert_eq!(found, after);
        }
        if let Ok(Receipt { outcome, replayed: false }) = expected {
            self.world.learn(&outcome);
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
        let holder = Holder { sink: "books".parse().unwrap(), owner: "relay".parse().unwrap() };
        let waiting = self.model.backlog().await.unwrap();
        for store in [&self.model as &dyn Store, &*self.store] {
            store.register_sink(&holder.sink).await.unwrap();
            assert_eq!(store.distribute(u32::MAX).await.unwrap(), waiting);
        }
        let request = || ClaimRequest { holder: holder.clone(), limit: 7, hold: std::time::Duration::from_secs(5) };
        loop {
            let expected = self.model.claim(request()).await.unwrap();
            let found = self.store.claim(request()).await.unwrap();
            assert_eq!(found, expected);
            if expected.is_empty() {
                break;
            }
            for message in expected {
                let id = message.message.id;
                assert_eq!(self.model.acknowledge(&holder, &[id]).await.unwrap(), 1);
                assert_eq!(self.store.acknowledge(&holder, &[id]).await.unwrap(), 1);
            }
        }
        self.compare().await;
    }
}

fn play(steps: &[Step], batch: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut pair = Pair::at(&database().await.url).await;
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

/// Something that breaks while a command is under way.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The connections break at the message that is so many further on, and as often as said.
    Break { place: usize, times: usize },
    /// The commit is cut before it arrives.
    CommitLost,
    /// The commit arrives, and its answer does not.
    AnswerLost,
    /// The server ends every session.
    Ended,
    /// The server ends every session when it has got so many messages.
    EndedAmid { place: usize },
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    prop::option::of(prop_oneof![
        3 => (0..14_usize, 1..4_usize).prop_map(|(place, times)| Fault::Break { place, times }),
        2 => Just(Fault::CommitLost),
        2 => Just(Fault::AnswerLost),
        1 => Just(Fault::Ended),
        2 => (0..14_usize).prop_map(|place| Fault::EndedAmid { place }),
    ])
}

const END_SESSIONS: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
     where datname = current_database() and application_name = 'commerce'";

/// Where the faults happen.
struct Scene {
    proxy: Proxy,
    backstage: Arc<tokio::sync::Mutex<Backstage>>,
}

impl Scene {
    async fn play(&mut self, fault: Option<Fault>) {
        let seen = AtomicUsize::new(0);
        match fault {
            None => self.proxy.follow(|_| Fate::Pass),
            Some(Fault::Break { place, times }) => self.proxy.follow(move |_| {
                let at = seen.fetch_add(1, Ordering::SeqCst);
                if (place..place + times).contains(&at) { Fate::Cut } else { Fate::Pass }
            }),
            Some(fault @ (Fault::CommitLost | Fault::AnswerLost)) => self.proxy.follow(move |message| {
                let first = message.statement == "commit" && seen.fetch_add(1, Ordering::SeqCst) == 0;
                match fault {
                    Fault::CommitLost if first => Fate::Cut,
                    _ if first => Fate::CutAnswer,
                    _ => Fate::Pass,
                }
            }),
            Some(Fault::Ended) => {
                self.proxy.follow(|_| Fate::Pass);
                self.backstage.lock().await.count(END_SESSIONS).await;
            }
            Some(Fault::EndedAmid { place }) => {
                let backstage = Arc::clone(&self.backstage);
                self.proxy.follow(move |_| {
                    if seen.fetch_add(1, Ordering::SeqCst) == place {
                        let backstage = Arc::clone(&backstage);
                        tokio::spawn(async move { backstage.lock().await.count(END_SESSIONS).await });
                    }
                    Fate::Pass
                });
            }
        }
    }
}

fn play_amid(steps: &[(Step, Option<Fault>)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (database, proxy) = proxied().await;
        let mut pair = Pair::at(proxy.url()).await;
        let backstage = Backstage::at(&database.url).await;
        let mut scene = Scene { proxy, backstage: Arc::new(tokio::sync::Mutex::new(backstage)) };
        for step in opening() {
            pair.send(&[step]).await;
        }
        for (step, fault) in steps {
            pair.send_amid(step, *fault, &mut scene).await;
        }
        scene.play(None).await;
        scene.backstage.lock().await.until_quiet().await;
        pair.compare().await;
        pair.drain().await;
        assert_sound(&pair.store).await;
    });
}

#[test]
fn commands_amid_faults_come_to_the_same_as_without() {
    let mut runner = TestRunner::new(config(16, "tests/regressions/differential_amid_faults.txt"));
    let steps = prop::collection::vec((step(), fault()), 1..=60);
    let result = runner.run(&steps, |steps| {
        play_amid(&steps);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
