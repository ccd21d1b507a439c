//! Random command sequences on the memory store, against a small independent model of the shop.
//!
//! After every step the store has answered as the model says, and everything that can be read from it is as the
//! model has it: stock = Σ ledger, balance = Σ entries, issued = copies ≤ cap, histories that replay, one message a
//! transition, sales and popularity. Over the whole run every refusal and transition must have been met.
//!
//! `cargo test -p commerce-store-memory --test model` takes seconds; the long form is
//! `PROPTEST_CASES=20000 cargo test -p commerce-store-memory --test model --release`. A failure shrinks to a few
//! steps, and is kept in `tests/regressions/model.txt`, which later runs try first.

#[cfg(test)]
mod keys;
#[cfg(test)]
mod sequences;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
