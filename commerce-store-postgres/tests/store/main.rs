//! The store on a real PostgreSQL, which the tests start themselves.
//!
//! `cargo test -p commerce-store-postgres` runs everything in its short form; `PROPTEST_CASES=1000` lengthens the
//! differential tests, `COMMERCE_TEST_KILLS=1000` the one that kills the server.

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod away;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod carts;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod constraints;
#[cfg(test)]
mod contention;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod doubted;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod pruning;
#[cfg(test)]
mod races;
#[cfg(test)]
mod roll_up;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod shopping;
#[cfg(test)]
mod statements;
#[cfg(test)]
#[path = "../../../commerce-store-memory/tests/support/mod.rs"]
#[expect(dead_code, reason = "the memory store's generator; its model is not needed here")]
mod support;
mod unanswered;
#[cfg(test)]
mod vouching;
#[cfg(test)]
mod waits;
