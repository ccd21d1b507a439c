//! Work that waits for nobody's request.

mod backoff;
mod managed;
pub mod prune;
pub mod relay;
pub mod scheduler;
mod sinks;

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Commerce, JobName, NodeId, Owner, Payments, TextError};

pub use self::managed::Managed;
use self::prune::Retention;
use self::relay::Backoff;
use self::scheduler::Scheduled;
use self::scheduler::cron::Schedule;
use self::scheduler::tasks::{
    CouponExpiry, DailySales, OrderExpiry, PaymentReconciliation, Pruning, Reconciliation, Task,
};
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

/// The jobs that the settings name, over a shop; the gateway's if it has one.
///
/// # Errors
/// [`TextError`] if a job's name were none; each of them is one.
pub fn jobs(settings: &Settings, commerce: &Commerce, payments: Option<Payments>) -> Result<Vec<Scheduled>, TextError> {
    let (store, shop, when) = (|| Arc::clone(commerce.store()), || commerce.clone(), &settings.jobs);
    let mut jobs: Vec<(&str, &Schedule, Arc<dyn Task>)> = vec![
        ("daily-sales", &when.job_daily_sales, Arc::new(DailySales(store()))),
        ("order-expiry", &when.job_order_expiry, Arc::new(OrderExpiry(shop()))),
        ("coupon-expiry", &when.job_coupon_expiry, Arc::new(CouponExpiry(shop()))),
        ("reconciliation", &when.job_reconciliation, Arc::new(Reconciliation(shop()))),
        ("pruning", &when.job_pruning, Arc::new(Pruning { store: store(), retention: retention(settings) })),
    ];
    if let Some(payments) = payments {
        let quiet = Duration::from_secs(settings.gateway_sweep);
        let task = PaymentReconciliation { payments, quiet };
        jobs.push(("payment-reconciliation", &when.job_payment_reconciliation, Arc::new(task)));
    }
    let scheduled = |(name, schedule, task): (&str, &Schedule, Arc<dyn Task>)| {
        Ok(Scheduled::new(JobName::new(name)?, schedule.clone(), task))
    };
    jobs.into_iter().map(scheduled).collect()
}

/// How the settings have a scheduler go about it.
///
/// # Errors
/// [`TextError`] if the process's name were none; it always is one.
pub fn scheduler_settings(settings: &Settings) -> Result<scheduler::Settings, TextError> {
    let seconds = Duration::from_secs;
    Ok(scheduler::Settings {
        owner: owner(settings.node_id)?,
        lease: seconds(60),
        renew: seconds(15),
        poll: seconds(1),
        grace: seconds(10),
        backoff: Backoff { first: seconds(10), most: seconds(900) },
    })
}

/// A name that no other process has: of several in containers each may be the first process of the first node.
fn owner(node: NodeId) -> Result<Owner, TextError> {
    Owner::new(format!("{}:{}:{:08x}", std::process::id(), node.get(), backoff::chance()))
}
