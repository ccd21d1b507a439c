//! Payments and refunds that nobody has confirmed.

use std::time::Duration;

use async_trait::async_trait;
use commerce_core::Payments;

use super::{Done, Failed, Occasion, Task, counts, unless_failed};

/// Asks the gateway about every charge and refund that has been quiet for a while.
#[derive(Debug, Clone)]
pub struct PaymentReconciliation {
    /// Where to ask.
    pub payments: Payments,
    /// How long is a while.
    pub quiet: Duration,
}

#[async_trait]
impl Task for PaymentReconciliation {
    async fn run(&self, _: &Occasion) -> Result<Done, Failed> {
        let swept = self.payments.sweep(self.quiet).await?;
        let told = swept.unsettled.iter().map(|unsettled| format!("{}: {}", unsettled.what, unsettled.why));
        let unsettled: Vec<String> = told.collect();
        let counts = counts([
            ("looked_after", swept.looked_after),
            ("settled", swept.settled),
            ("unsettled", unsettled.len() as u64),
        ]);
        unless_failed(&unsettled, "charges and refunds could not be settled", counts)
    }
}
