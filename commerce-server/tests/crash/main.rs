//! `kill -9` of the real program on a real PostgreSQL that waits for its disk, under HTTP load.
//!
//! The clients keep their own record of what they were told. Whatever the kill interrupts, the record and the
//! database agree afterwards: nothing acknowledged is lost, nothing is done twice, and what a client could not know
//! is told by asking again under the same key. `COMMERCE_TEST_KILLS=1000` makes the run long.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

mod kills;
mod program;
mod record;
mod shop;
