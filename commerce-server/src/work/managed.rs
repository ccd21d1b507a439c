//! The endpoints that operators manage: a task each, begun, ended and begun anew as they change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{SigningSecret, StoreError, Webhook, WebhookName, WebhookUrl};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::relay::{Relay, Signals};
use crate::gateway::signature::WebhookSecret;
use crate::sink::webhook::{self, Endpoint, EndpointError};

/// How endpoints that operators manage are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// How long an endpoint may take over an answer.
    pub patience: Duration,
    /// Whether one may have an address that is not public.
    pub allow_private: bool,
    /// How often to look what has become of them.
    pub refresh: Duration,
}

/// What a task was begun with: another one is begun when it changes.
#[derive(PartialEq)]
struct Terms {
    url: WebhookUrl,
    secrets: Vec<SigningSecret>,
}

/// An endpoint that is called, or cannot be.
struct Called {
    terms: Terms,
    task: Option<(watch::Sender<bool>, AbortHandle)>,
}

impl Called {
    fn is_dead(&self) -> bool {
        self.task.as_ref().is_some_and(|(_, task)| task.is_finished())
    }

    /// Has the task finish what it is at and hand the rest back.
    fn stop(&self) {
        if let Some((stop, _)) = &self.task {
            stop.send_replace(true);
        }
    }
}

/// Sees to it that every endpoint that is enabled is called, as it is by now, until all are to stop. Whether there are any
/// is told to `wanted`.
pub(super) async fn attend(
    relay: Arc<Relay>,
    managed: Managed,
    mut signals: Signals,
    wanted: impl Fn(bool) + Send + 'static,
) {
    let (mut called, mut tasks) = (BTreeMap::<WebhookName, Called>::new(), JoinSet::new());
    while !signals.is_stopped() {
        // One that panicked is begun anew.
        called.retain(|_, called| !called.is_dead());
        while tasks.try_join_next().is_some() {}
        match look(&relay).await {
            Ok(found) => {
                wanted(!found.is_empty());
                adjust(&mut called, found, |name, terms| begin(&relay, &managed, &signals, &mut tasks, name, terms));
            }
            Err(error) => tracing::warn!(%error, "webhooks could not be read"),
        }
        signals.wait(managed.refresh, std::future::pending()).await;
    }
    called.values().for_each(Called::stop);
    while tasks.join_next().await.is_some() {}
}

/// Every endpoint, and how it is to be called, if it is.
async fn look(relay: &Relay) -> Result<Vec<(WebhookName, Option<Terms>)>, StoreError> {
    let webhooks = relay.store().webhooks().await?;
    if webhooks.is_empty() {
        return Ok(Vec::new());
    }
    // Secrets end by the store's clock, as they were said to.
    let now = relay.store().now().await?;
    let terms =
        |webhook: &Webhook| Terms { url: webhook.url.clone(), secrets: webhook.secrets_at(now).cloned().collect() };
    Ok(webhooks.iter().map(|webhook| (webhook.name.clone(), webhook.enabled.then(|| terms(webhook)))).collect())
}

/// Ends what is no more, or is otherwise than it was, and begins what is new.
fn adjust(
    called: &mut BTreeMap<WebhookName, Called>,
    found: Vec<(WebhookName, Option<Terms>)>,
    mut begin: impl FnMut(&WebhookName, Terms) -> Called,
) {
    let mut before = std::mem::take(called);
    for (name, terms) in found {
        let Some(terms) = terms else { continue };
        let same = before.remove_entry(&name).filter(|(_, called)| {
            let same = called.terms == terms;
            if !same {
                called.stop();
            }
            same
        });
        let (name, now) = same.unwrap_or_else(|| {
            let now = begin(&name, terms);
            (name, now)
        });
        called.insert(name, now);
    }
    before.values().for_each(Called::stop);
}

fn begin(
    relay: &Arc<Relay>,
    managed: &Managed,
    signals: &Signals,
    tasks: &mut JoinSet<()>,
    name: &WebhookName,
    terms: Terms,
) -> Called {
    let sink = match sink(managed, &terms) {
        Ok(sink) => sink,
        Err(error) => {
            tracing::error!(webhook = %name, %error, "a webhook cannot be called: what is for it waits");
            return Called { terms, task: None };
        }
    };
    let (stop, stopped) = watch::channel(false);
    let task = tasks.spawn(Arc::clone(relay).serve(name.sink(), Arc::new(sink), signals.until(stopped)));
    tracing::info!(webhook = %name, "events are delivered");
    Called { terms, task: Some((stop, task)) }
}

fn sink(managed: &Managed, terms: &Terms) -> Result<webhook::Webhook, EndpointError> {
    let url = webhook::address(terms.url.as_str(), managed.allow_private)?;
    let secrets = terms.secrets.iter().filter_map(|secret| WebhookSecret::parse(secret.reveal())).collect();
    webhook::Webhook::new(Endpoint { url, secrets, patience: managed.patience, allow_private: managed.allow_private })
}
