//! A Redis for the benchmark.

use std::sync::Arc;

use commerce_core::{Gate, Store};
use commerce_server::gate::Doorway;
use commerce_server::gate::redis::InRedis;

use crate::load::Outcome;
use crate::servers::redis::Redis;

/// A gate whose tally it keeps.
pub(crate) fn gate(redis: &Redis, store: &Arc<dyn Store>) -> Outcome<Arc<dyn Gate>> {
    let tally = Arc::new(InRedis::new(&redis.url(), "bench")?);
    Ok(Doorway::new(Arc::clone(store), tally))
}
