//! What the jobs do.

mod books;
mod expiry;
mod payments;
mod pruning;
mod sales;

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::{BooksEvent, Job, JobCounts, JobRun, StoreError};

pub use books::Reconciliation;
pub use expiry::{CouponExpiry, OrderExpiry};
pub use payments::PaymentReconciliation;
pub use pruning::Pruning;
pub use sales::DailySales;

/// Why a task runs now.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The run.
    pub run: JobRun,
    /// The job as it was before.
    pub record: Job,
}

/// A task that did not do all that it was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why, for operators.
    pub error: String,
    /// What it counted until then.
    pub counts: JobCounts,
}

/// Work that is done from time to time. It is dropped in the middle if its lease is lost or the process stops, and done
/// again: what it does twice is to be done once.
#[async_trait]
pub trait Task: Send + Sync {
    /// Does it, and says what came of it.
    async fn run(&self, occasion: &Occasion) -> Result<Done, Failed>;
}

/// What a task that did all that it was to do has to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// What it counted.
    pub counts: JobCounts,
    /// What it found not to add up, for others to hear of.
    pub books: Option<Arc<BooksEvent>>,
}

impl From<JobCounts> for Done {
    fn from(counts: JobCounts) -> Self {
        Self { counts, books: None }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error: error.to_string(), counts: JobCounts::new() }
    }
}

fn counts<const N: usize>(counts: [(&str, u64); N]) -> JobCounts {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// A failure if `failed` names any, told by the first.
fn unless_failed(failed: &[String], what: &str, counts: JobCounts) -> Result<Done, Failed> {
    match failed {
        [] => Ok(counts.into()),
        [first, ..] => Err(Failed { error: format!("{} {what}; the first: {first}", failed.len()), counts }),
    }
}
