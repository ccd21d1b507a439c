//! Views in the background: counted by each read of a product, written together now and then.

use std::future::Future;
use std::time::Duration;

use crate::app::App;

/// Writes what was counted every `interval`, and once more when `stop` is ready: have it ready once no request is under
/// way any more, and nothing is lost.
pub async fn run(app: &App, interval: Duration, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        let stopped = tokio::select! {
            () = &mut stop => true,
            () = tokio::time::sleep(interval) => false,
        };
        if let Err(error) = app.views.flush(&**app.commerce.store()).await {
            tracing::warn!(%error, stopped, "views could not be written");
        }
        if stopped {
            return;
        }
    }
}
