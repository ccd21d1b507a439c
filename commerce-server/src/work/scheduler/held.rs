//! Work that goes on only while a lease is held.

use std::time::Instant;

use commerce_core::Store;
use commerce_core::store::Lease;
use tokio::sync::watch;

use super::Settings;

/// How work under a lease ended.
pub(super) enum Ended<T> {
    /// By itself.
    Done(T),
    /// The lease was lost: somebody else may be at it.
    Lost,
    /// It was told to stop, and took too long over it.
    Stopped,
}

/// Does the work, and renews the lease meanwhile.
pub(super) async fn while_held<T>(
    store: &dyn Store,
    lease: &Lease,
    settings: &Settings,
    stopped: watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Ended<T> {
    tokio::select! {
        // What is done is done, even if it is too late for anything else.
        biased;
        done = work => Ended::Done(done),
        () = lost(store, lease, settings) => Ended::Lost,
        () = out_of_time(stopped, settings) => Ended::Stopped,
    }
}

/// Ready when the lease is not held any more, or may not be: a store that cannot be asked does not say.
async fn lost(store: &dyn Store, lease: &Lease, settings: &Settings) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(settings.renew).await;
        let asked = Instant::now();
        match store.renew(lease, settings.lease).await {
            Ok(Some(_)) => renewed = asked,
            Ok(None) => return,
            Err(error) if renewed.elapsed() < settings.lease => {
                tracing::warn!(%error, lease = %lease.name, "a lease could not be renewed");
            }
            Err(_) => return,
        }
    }
}

async fn out_of_time(mut stopped: watch::Receiver<bool>, settings: &Settings) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(settings.grace).await;
}
