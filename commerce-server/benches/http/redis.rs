//! A Redis for the benchmark, if its client is built in.

use std::sync::Arc;

use commerce_core::{Gate, Store};

use crate::load::Outcome;

/// A Redis, or none.
pub(crate) struct Redis {
    #[cfg(feature = "redis")]
    server: crate::servers::redis::Redis,
}

/// Starts one.
#[cfg(feature = "redis")]
pub(crate) async fn start() -> Outcome<Redis> {
    Ok(Redis { server: crate::servers::redis::Redis::start().await })
}

/// Starts none.
#[cfg(not(feature = "redis"))]
pub(crate) async fn start() -> Outcome<Redis> {
    println!("without Redis: build with --features redis to have it in the table");
    Ok(Redis {})
}

impl Redis {
    /// A gate whose tally it keeps.
    #[cfg(feature = "redis")]
    pub(crate) fn gate(&self, store: &Arc<dyn Store>) -> Outcome<Option<Arc<dyn Gate>>> {
        let tally = Arc::new(commerce_server::gate::redis::InRedis::new(&self.server.url(), "bench")?);
        Ok(Some(commerce_server::gate::Doorway::new(Arc::clone(store), tally)))
    }

    /// None.
    #[cfg(not(feature = "redis"))]
    pub(crate) fn gate(&self, _: &Arc<dyn Store>) -> Outcome<Option<Arc<dyn Gate>>> {
        Ok(None)
    }
}
