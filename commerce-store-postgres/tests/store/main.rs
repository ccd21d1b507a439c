//! The store on a real PostgreSQL, which the tests start themselves.
//!
//! `cargo test -p commerce-store-postgres` runs everything in its short form; `PROPTEST_CASES=1000` lengthens the
//! differential test.

mod conformance;
mod differential;
mod embedded;
mod faults;
mod harness;
mod plans;
mod proxy;
mod races;
mod statements;
#[path = "../../../commerce-store-memory/tests/support/mod.rs"]
#[expect(dead_code, reason = "the memory store's generator; its model is not needed here")]
mod support;
