//! A way around the rules, for testing the tests: behind the feature `sabotage`, which nothing else enables.

use commerce_core::{Changes, StoreError};

use crate::MemoryStore;

impl MemoryStore {
    /// Writes changes that nobody decided on, in one commit: what a broken store would do. The conformance suite
    /// is tried on stores that are broken this way, to see that it notices.
    pub fn write_undecided(&self, changes: Changes) -> Result<(), StoreError> {
        self.write()?.commit(|tables| tables.apply(changes));
        Ok(())
    }
}
