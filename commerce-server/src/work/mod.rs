//! Work that waits for nobody's request.

mod backoff;
pub mod relay;
pub mod scheduler;

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Commerce, JobName, NodeId, Owner, Payments, SinkName, TextError};

use self::relay::Backoff;
use self::scheduler::Scheduled;
use self::scheduler::cron::Schedule;
use self::scheduler::tasks::{CouponExpiry, DailySales, OrderExpiry, PaymentReconciliation, Reconciliation, Task};
use crate::config::Settings;
use crate::sink::NamedSink;
use crate::sink::stdout::Stdout;
use crate::sink::webhook::{Endpoint, EndpointError, Webhook};

/// How many messages of a sink are claimed together.
const BATCH: u32 = 64;

/// Why the settings name a sink that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The webhook cannot be called.
    #[error("COMMERCE_SINK_WEBHOOK_URL (--sink-webhook-url): {0}")]
    Webhook(#[from] EndpointError),
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] TextError),
}

/// The sinks that the settings name.
///
/// # Errors
/// [`SinkError`], which names the setting: an address that is not public, a webhook without a secret.
pub fn sinks(settings: &Settings) -> Result<Vec<NamedSink>, SinkError> {
    let mut sinks: Vec<NamedSink> = Vec::new();
    if settings.sink_stdout {
        sinks.push((SinkName::new("stdout")?, Arc::new(Stdout)));
    }
    if let Some(url) = &settings.sink_webhook_url {
        let endpoint = Endpoint {
            url: url.clone(),
            secrets: settings.sink_webhook_secret.clone(),
            patience: Duration::from_secs(settings.sink_webhook_timeout),
            allow_private: settings.sink_webhook_private,
        };
        sinks.push((SinkName::new("webhook")?, Arc::new(Webhook::new(endpoint)?)));
    }
    Ok(sinks)
}

/// How the settings have a relay go about it. A claim holds for twice the time that a webhook may take, and 20 seconds.
///
/// # Errors
/// [`TextError`] if the process's name were none; it always is one.
pub fn relay_settings(settings: &Settings) -> Result<relay::Settings, TextError> {
    let seconds = Duration::from_secs;
    Ok(relay::Settings {
        owner: owner(settings.node_id)?,
        source: settings.event_source.clone(),
        batch: BATCH,
        // Half of it is left to whatever a sink is at.
        hold: seconds(settings.sink_webhook_timeout.saturating_mul(2).saturating_add(20)),
        poll: Duration::from_millis(settings.relay_interval),
        attempts: settings.relay_attempts,
        backoff: Backoff { first: seconds(settings.relay_backoff), most: seconds(settings.relay_backoff_max) },
    })
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
        ("reconciliation", &when.job_reconciliation, Arc::new(Reconciliation(store()))),
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
