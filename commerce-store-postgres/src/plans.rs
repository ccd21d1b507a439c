//! Plans, made anew when they are doubted.
//!
//! Lanes keep one plan a statement, made for the tables as they were then. Of a table that was nearly empty when it was
//! looked at last (keys that were pruned, a shop on its first day), an index read from end to end looks as good as one entry of
//! it, and stays the plan until the table is analyzed again: a minute, in which a sale fills it. So a batch that took long has
//! the next one make them anew, which takes a fraction of that.

use std::time::Duration;

use tokio::time::Instant;

/// How long batches take whose plans are not doubted: several times as long as most.
const LONG: Duration = Duration::from_millis(50);
/// How long plans are not doubted again: a database that is slow for other reasons makes them once in a while.
const TRUSTED: Duration = Duration::from_secs(1);

/// What is known of a connection's plans.
#[derive(Debug)]
pub(crate) struct Plans {
    made: Instant,
    doubted: bool,
}

impl Plans {
    /// Those of a connection that has none.
    pub(crate) fn new() -> Self {
        Self { made: Instant::now(), doubted: false }
    }

    /// They were used by a transaction that began then.
    pub(crate) fn used_since(&mut self, began: Instant) {
        self.doubted = began.elapsed() > LONG && self.made.elapsed() > TRUSTED;
    }

    /// Begins a transaction, with new plans if those there are doubted.
    pub(crate) fn begin(&mut self) -> &'static str {
        if std::mem::take(&mut self.doubted) {
            self.made = Instant::now();
            "discard plans; begin"
        } else {
            "begin"
        }
    }
}
