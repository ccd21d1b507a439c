//! The sweep at work: every so often one process of those on the store looks after what nobody has confirmed.

use std::time::Duration;

use commerce_core::store::LeaseRequest;
use commerce_core::{Commerce, LeaseName, Owner, Payments, Store, StoreError, Swept};

/// Sweeps every `every`, for as long as it is polled. Of several processes one at a time does.
pub async fn sweep_for_ever(commerce: Commerce, payments: Payments, owner: Owner, every: Duration) {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match sweep_once(&**commerce.store(), &payments, &owner, every).await {
            Ok(None) => {}
            Ok(Some(swept)) => {
                for unsettled in &swept.unsettled {
                    tracing::warn!(what = %unsettled.what, why = %unsettled.why, "it could not be settled");
                }
                if swept.looked_after > 0 {
                    tracing::info!(
                        looked_after = swept.looked_after,
                        settled = swept.settled,
                        "charges and refunds swept"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "charges and refunds could not be swept"),
        }
    }
}

/// Sweeps once, what has been quiet for `quiet`, unless another process is at it.
async fn sweep_once(
    store: &dyn Store,
    payments: &Payments,
    owner: &Owner,
    quiet: Duration,
) -> Result<Option<Swept>, StoreError> {
    let unnamed = |error| StoreError::Corrupt { what: format!("{error}") };
    let name = LeaseName::new("payments:sweep").map_err(unnamed)?;
    // Long enough for a sweep, and to be taken over when its owner is gone; sweeping twice would do no harm.
    let request = LeaseRequest { name, owner: owner.clone(), duration: quiet.max(Duration::from_secs(60)) };
    let Some(lease) = store.acquire(request).await? else { return Ok(None) };
    let swept = payments.sweep(quiet).await;
    store.release(&lease).await?;
    swept.map(Some)
}
