//! Webhooks that operators manage.

use commerce_core::{SinkName, Webhook as CoreWebhook, WebhookName, WebhookState, WebhookUrl};

use super::scalar::{Instant, Text};
use super::schema::{request, response};

request! {
    /// How a webhook is to be.
    WebhookRequest {
        /// Where events are POSTed to: https://host/path or http://host:port/path.
        url: Text<WebhookUrl>,
        /// Whether they are; if not, they wait. True if absent.
        enabled: Option<bool>,
    }

    /// How a webhook's secret is to be replaced.
    SecretRotation {
        /// For how many seconds the present one signs beside the new one, at most 604,800; a day if absent.
        overlap_seconds: Option<u32>,
    }
}

response! {
    /// An endpoint that events are POSTed to, signed as Standard Webhooks.
    Webhook {
        /// Its name.
        name: Text<WebhookName>,
        /// Its sink, which has its backlog and its dead letters.
        sink: Text<SinkName>,
        /// Where events are POSTed to.
        url: Text<WebhookUrl>,
        /// Whether they are; if not, they wait.
        enabled: bool,
        /// Until when secrets that were replaced sign beside the present one, latest first.
        retiring_until: Vec<Instant>,
        /// When it was made.
        created_at: Instant,
        /// When it was changed last.
        updated_at: Instant,
    }

    /// Every webhook.
    Webhooks {
        /// By name.
        items: Vec<Webhook>,
    }

    /// A webhook, and the secret that this very request made.
    WebhookWithSecret {
        /// The webhook.
        webhook: Webhook,
        /// What its calls are signed with, from now on: shown to this request and its retries alone. Absent if the request
        /// made none, or if it has been replaced since.
        secret: Option<String>,
    }
}

impl From<&CoreWebhook> for Webhook {
    fn from(webhook: &CoreWebhook) -> Self {
        Self::from(&WebhookState::from(webhook))
    }
}

impl From<&WebhookState> for Webhook {
    fn from(webhook: &WebhookState) -> Self {
        Self {
            name: Text(webhook.name.clone()),
            sink: Text(webhook.name.sink()),
            url: Text(webhook.url.clone()),
            enabled: webhook.enabled,
            retiring_until: webhook.retiring_until.iter().copied().map(Instant).collect(),
            created_at: Instant(webhook.created_at),
            updated_at: Instant(webhook.updated_at),
        }
    }
}
