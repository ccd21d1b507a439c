//! The books, proved from time to time.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::{JobCounts, Report, Store, reconcile};

use super::{Failed, Occasion, Task, counts};

/// Reconciles the whole store.
#[derive(Clone)]
pub struct Reconciliation(pub Arc<dyn Store>);

/// How many drifts are told one by one.
const TOLD: usize = 100;

#[async_trait]
impl Task for Reconciliation {
    async fn run(&self, _: &Occasion) -> Result<JobCounts, Failed> {
        let Report { stocks, wallets, coupons, copies, orders, top_ups, sales, drifts, .. } =
            reconcile(&*self.0).await?;
        for drift in drifts.iter().take(TOLD) {
            tracing::error!(%drift, "the books do not add up");
        }
        Ok(counts([
            ("stocks", stocks),
            ("wallets", wallets),
            ("coupons", coupons),
            ("copies", copies),
            ("orders", orders),
            ("top_ups", top_ups),
            ("sales", sales),
            ("drifts", drifts.len() as u64),
        ]))
    }
}
