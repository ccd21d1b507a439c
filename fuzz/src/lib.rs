//! Properties that hold for every input, one module each, as plain functions over bytes.
//!
//! A fuzzer drives them (`fuzz_targets/`), and so do ordinary tests with a checked-in corpus (`tests/replay.rs`).
//! A property that does not hold panics: that is how a fuzzer is told.
//!
//! What an answer is compared with is written here a second time, and differently, from the rules in words;
//! nothing of it is shared with the code under test.

#![expect(clippy::expect_used, reason = "a property that does not hold panics")]

pub mod command_json;
#[cfg(feature = "server")]
pub mod cursor;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod http_body;
pub mod ids;
#[cfg(feature = "server")]
pub mod import;
pub mod money;
pub mod pricing;
pub mod sequence;
pub mod texts;
pub mod timestamp;

mod round_trip;
#[cfg(feature = "server")]
mod schema;
mod target;

pub use target::{TARGETS, Target, replay_files};
