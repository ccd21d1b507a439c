//! The endpoints that operators have events sent to.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::text::WebhookName;
use crate::webhook::{Webhook, WebhookChange};

/// Keeps webhooks, each with its sink.
///
/// # Contract
/// A webhook and its [sink](WebhookName::sink) come in one commit and go in one: there is no webhook without its sink, and
/// removing either removes both, with what was not delivered and the dead letters. Changes of one webhook take effect one
/// after another, each as [`Webhook::changed`] says of what the one before it has left.
#[async_trait]
pub trait Webhooks {
    /// Changes the webhook of this name and answers it as it is then; none if there is none, and the change makes none.
    async fn change_webhook(
        &self,
        name: &WebhookName,
        change: &WebhookChange,
    ) -> Result<Option<Arc<Webhook>>, StoreError>;

    /// Removes a webhook with its sink. `false` if there is none.
    async fn remove_webhook(&self, name: &WebhookName) -> Result<bool, StoreError>;

    /// A webhook.
    async fn webhook(&self, name: &WebhookName) -> Result<Option<Arc<Webhook>>, StoreError>;

    /// Every webhook, by name: as many as operators have made.
    async fn webhooks(&self) -> Result<Vec<Arc<Webhook>>, StoreError>;
}
