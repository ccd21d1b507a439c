//! Work that waits for nobody's request.

mod backoff;
mod managed;
pub mod prune;
pub mod relay;
mod sinks;

use std::time::Duration;

use commerce_core::{NodeId, Owner, TextError};

pub use self::managed::Managed;
use self::prune::Retention;
use self::relay::Backoff;
pub use self::sinks::{SinkError, sinks};
use crate::config::Settings;

/// How many messages of a sink are claimed together.
const BATCH: u32 = 256;

/// How the settings have a relay go about it. A claim holds for twice the time that a sink may take, and 20 seconds.
///
/// # Errors
/// [`TextError`] if the process's name were none; it always is one.
pub fn relay_settings(settings: &Settings) -> Result<relay::Settings, TextError> {
    let seconds = Duration::from_secs;
    let patience = settings.sink_webhook_timeout.max(settings.brokers.sink_broker_timeout);
    Ok(relay::Settings {
        owner: owner(settings.node_id)?,
        source: settings.event_source.clone(),
        batch: BATCH,
        // Half of it is left to whatever a sink is at.
        hold: seconds(patience.saturating_mul(2).saturating_add(20)),
        poll: Duration::from_millis(settings.relay_interval),
        attempts: settings.relay_attempts,
        backoff: Backoff { first: seconds(settings.relay_backoff), most: seconds(settings.relay_backoff_max) },
    })
}

/// How often to look what operators have made of their webhooks.
const REFRESH: Duration = Duration::from_secs(2);

/// How the settings have the webhooks called that operators manage.
#[must_use]
pub fn managed(settings: &Settings) -> Managed {
    let patience = Duration::from_secs(settings.sink_webhook_timeout);
    Managed { patience, allow_private: settings.sink_webhook_private, refresh: REFRESH }
}

/// For how long the settings have records kept that nobody asks for any more.
#[must_use]
pub fn retention(settings: &Settings) -> Retention {
    let seconds = Duration::from_secs;
    Retention { messages: seconds(settings.outbox_retention), keys: seconds(settings.key_retention) }
}

/// A name that no other process has: of several in containers each may be the first process of the first node.
fn owner(node: NodeId) -> Result<Owner, TextError> {
    Owner::new(format!("{}:{}:{:08x}", std::process::id(), node.get(), backoff::chance()))
}
