//! Sequences of commands on the store in memory: whatever is asked, by whomever, under whatever key, the books
//! stay exact.
//!
//! After every step: a refusal or a replay left no trace; what was decided in place is what is decided on just
//! the records that [`keys`](commerce_core::keys) names; and the outcome survives being stored as JSON. At the
//! end: the store agrees with books that were kept apart from it (`books`), reconciles, hands out exactly one
//! message a transition in sequence, and answers every key as it did the first time.

mod action;
mod books;
mod cards;
mod carts;
mod check;
mod parts;
mod step;
mod world;

use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};

use arbitrary::Unstructured;

#[cfg(feature = "server")]
pub(crate) use check::Snapshot;
use step::Step;
use world::World;

/// More steps than this show nothing that fewer do not.
const MAX_STEPS: usize = 96;

/// Plays the steps that the input describes.
pub fn run(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let mut world = World::furnished();
    let mut before = check::Snapshot::of(&world.store);
    for _ in 0..MAX_STEPS {
        if bytes.is_empty() {
            break;
        }
        let Ok(step) = bytes.arbitrary::<Step>() else { break };
        let Some(envelope) = step.envelope(&mut world) else { continue };
        let played = world.play(envelope);
        let after = check::Snapshot::of(&world.store);
        check::step(&world, &played, &before, &after);
        before = after;
    }
    check::end(&mut world);
}

/// The answer of a store that never waits.
///
/// # Panics
/// If it waits after all.
pub fn answer<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the store in memory waited for something"),
    }
}
