//! The endpoints that operators have events sent to.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Error, Receipt, StoreError};
use crate::text::WebhookName;
use crate::webhook::{ChangedWebhook, Webhook, WebhookRequest};

/// Keeps webhooks, each with its sink.
///
/// # Contract
/// A webhook and its [sink](WebhookName::sink) come in one commit and go in one: there is no webhook without its sink,
/// and removing either removes both, with what was not delivered and the dead letters. Changes of one webhook take effect
/// one after another, each as [`Webhook::changed`] says of what the one before it has left.
///
/// A change runs once per key, like a command, and a key is forgotten with theirs
/// ([`prune_keys`](super::Pruning::prune_keys)): what is kept of it ([`WebhookRecord`](crate::WebhookRecord)) is written
/// in its commit. Before anything else the key is looked up in the request's [scope](WebhookRequest::scope). If it is
/// there nothing runs, whatever has become of the webhook since, even that it was removed; [`WebhookRequest::replay`]
/// says what is answered. Of equal requests that race under one key exactly one runs. What makes no change for want of a
/// webhook leaves its key free.
#[async_trait]
pub trait Webhooks {
    /// Changes a webhook, once per key; none if there is none, and the change makes none.
    async fn change_webhook(&self, request: &WebhookRequest) -> Result<Option<Receipt<ChangedWebhook>>, Error>;

    /// Removes a webhook with its sink. `false` if there is none.
    async fn remove_webhook(&self, name: &WebhookName) -> Result<bool, StoreError>;

    /// A webhook.
    async fn webhook(&self, name: &WebhookName) -> Result<Option<Arc<Webhook>>, StoreError>;

    /// Every webhook, by name: as many as operators have made.
    async fn webhooks(&self) -> Result<Vec<Arc<Webhook>>, StoreError>;
}
