//! The store against the model, step by step.

use std::cell::RefCell;
use std::sync::Arc;

use commerce_core::ManualClock;
use commerce_store_memory::MemoryStore;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::coverage::Coverage;
use crate::support::script::{Step, opening, steps};
use crate::support::{Run, beginning, check, config, shop, wait};

/// How many times a thousand sequences are played until everything that can happen has happened.
const ROUNDS: usize = 64;

fn run() -> Run {
    let clock = Arc::new(ManualClock::new(beginning()));
    let store = MemoryStore::with_clock(shop(), Arc::clone(&clock) as Arc<dyn commerce_core::Clock>);
    Run::new(Arc::new(store), clock)
}

fn play(steps: &[Step], seen: &mut Coverage) {
    wait(async {
        let mut run = run();
        for step in opening().iter().chain(steps) {
            run.step(step, seen).await;
        }
        // Whatever was set back: by the last instant every message is due.
        run.clock.set("2027-01-01T00:00:00Z".parse().expect("an instant"));
        check::drained(&*run.store, &run.model).await;
    });
}

#[test]
fn the_store_does_what_the_model_says() {
    let seen = RefCell::new(Coverage::default());
    // What is rare comes in nearly every round of random sequences, what cannot happen in none.
    for _ in 0..ROUNDS {
        let mut runner = TestRunner::new(config(1_000, "tests/regressions/model.txt"));
        let result = runner.run(&steps(80), |steps| {
            play(&steps, &mut seen.borrow_mut());
            Ok(())
        });
        if let Err(failure) = result {
            panic!("{failure}");
        }
        if seen.borrow().missing().is_empty() {
            return;
        }
    }
    panic!("never seen: {:?} in {:#?}", seen.borrow().missing(), seen.borrow());
}

#[test]
fn the_opening_is_accepted_whole() {
    let mut seen = Coverage::default();
    play(&[], &mut seen);
    assert!(seen.refusals.is_empty(), "{seen:?}");
}

proptest! {
    #![proptest_config(config(200, "tests/regressions/replays.txt"))]

    /// Every request of a sequence, sent a second time at its end: nothing runs again.
    #[test]
    fn sequences_sent_twice_take_effect_once(steps in steps(40)) {
        let mut seen = Coverage::default();
        wait(async {
            let mut run = run();
            for step in opening().iter().chain(&steps) {
                run.step(step, &mut seen).await;
            }
            let (now, accepted) = (beginning(), run.model.accepted());
            for (envelope, outcome) in accepted {
                let receipt = run.store.execute(envelope).await.expect("the stored outcome");
                assert!(receipt.replayed && receipt.outcome == outcome);
            }
            run.clock.set(now);
            check::everything(&*run.store, &run.model, now).await;
        });
    }
}
