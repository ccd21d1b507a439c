//! The books, proved from time to time.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::{BooksEvent, Commerce, Report, reconcile};

use super::{Done, Failed, Occasion, Task, counts};

/// Reconciles the whole store, and tells of what does not add up.
#[derive(Clone)]
pub struct Reconciliation(pub Commerce);

#[async_trait]
impl Task for Reconciliation {
    async fn run(&self, occasion: &Occasion) -> Result<Done, Failed> {
        let store = self.0.store();
        let Report { stocks, wallets, coupons, copies, orders, top_ups, sales, mut drifts, .. } =
            reconcile(&**store).await?;
        let (at, count) = (store.now().await?, drifts.len() as u64);
        drifts.truncate(BooksEvent::TOLD);
        for drift in &drifts {
            tracing::error!(%drift, "the books do not add up");
        }
        let counts = counts([
            ("stocks", stocks),
            ("wallets", wallets),
            ("coupons", coupons),
            ("copies", copies),
            ("orders", orders),
            ("top_ups", top_ups),
            ("sales", sales),
            ("drifts", count),
        ]);
        if drifts.is_empty() {
            return Ok(counts.into());
        }
        let (job, run) = (occasion.run.job.clone(), occasion.run.sequence);
        match self.0.message_id() {
            Some(id) => Ok(Done { counts, books: Some(Arc::new(BooksEvent { id, job, run, at, count, drifts })) }),
            None => Err(Failed { error: format!("{count} drifts, and no id is left to tell of them"), counts }),
        }
    }
}
