//! Operators: endpoints that events are sent to.
//!
//! A secret is made from the request's key, so that a retry is shown the same one: it is kept with the endpoint, and
//! shown to nobody who does not come with that key. A retry runs nothing: it is told what the endpoint was then, and its
//! secret for as long as that is still the present one.

use std::time::Duration;

use commerce_core::{Receipt, WebhookChange, WebhookName, WebhookRequest as Request};
use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::{Answer, Shared, Tag, operator};
use crate::auth::AsOperator;
use crate::extract::{Body, Key};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::secrets::Purpose;
use crate::sink::webhook::address;
use crate::wire::scalar::Text;
use crate::wire::webhook::{SecretRotation, Webhook, WebhookRequest, WebhookWithSecret, Webhooks};

/// For how long a secret that was replaced signs, in seconds, unless it is said: a day for whoever verifies.
const OVERLAP: u32 = 86_400;
/// For how long it may at most.
const MAX_OVERLAP: u32 = 7 * 86_400;

pub(super) struct AdminWebhooksApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::AdminDelivery")]
impl AdminWebhooksApi {
    /// Webhooks
    ///
    /// Every endpoint that operators have events sent to; never its secret.
    #[oai(path = "/webhooks", method = "get", operation_id = "list_webhooks")]
    async fn list(&self, _staff: AsOperator) -> Answer<Reply<Webhooks>> {
        let webhooks = self.0.commerce()?.store().webhooks().await?;
        Ok(Reply::new(Webhooks { items: webhooks.iter().map(|webhook| Webhook::from(&**webhook)).collect() }))
    }

    /// Read a webhook
    ///
    /// Never its secret.
    #[oai(path = "/webhooks/:webhook", method = "get", operation_id = "get_webhook")]
    async fn read(
        &self,
        _staff: AsOperator,
        /// Which webhook.
        webhook: Path<Text<WebhookName>>,
    ) -> Answer<Reply<Webhook>> {
        let name = webhook.0.0;
        let found = self.0.commerce()?.store().webhook(&name).await?.ok_or_else(|| not_found(&name))?;
        Ok(Reply::new(Webhook::from(&*found)).version(found.version))
    }

    /// Make or change a webhook
    ///
    /// One that is new gets what happens from now on (the first of all sinks also what happened before and has waited for one,
    /// as far as it is kept: a week, unless it is set otherwise), and a secret to verify its calls with (Standard Webhooks), which is
    /// shown in this answer alone, and to retries for as long as it is the present one. A retry changes nothing, whatever has
    /// become of the webhook since: it is told what this request came to. Whoever delivers events hears of it within seconds.
    /// While it is disabled events wait.
    #[oai(path = "/webhooks/:webhook", method = "put", operation_id = "put_webhook")]
    async fn put(
        &self,
        staff: AsOperator,
        /// Which webhook.
        webhook: Path<Text<WebhookName>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<WebhookRequest>,
    ) -> Answer<Reply<WebhookWithSecret>> {
        let (app, name) = (self.0.app()?, webhook.0.0);
        let url = body.0.url.0;
        address(url.as_str(), app.telling.private_webhooks).map_err(|error| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "webhook_url_refused", error.to_string())
        })?;
        let caller = operator(staff.0, key);
        let secret = app.secrets.of(&caller, &name, Purpose::Put).map_err(unwritable)?;
        let change = WebhookChange::Put { url, enabled: body.0.enabled.unwrap_or(true), secret };
        self.change(Request { caller, name, change }).await
    }

    /// Replace a webhook's secret
    ///
    /// The new one is shown in this answer alone, and to retries for as long as it is the present one. It signs within about
    /// two seconds, once every process has heard of it: until then calls may carry signatures of the old one alone, also
    /// with an overlap of 0. The one that it replaces signs beside it for a while, so that whoever verifies may change over
    /// in peace. A retry changes nothing: a secret that has been replaced since stays so, and is not shown again.
    #[oai(path = "/webhooks/:webhook/rotate-secret", method = "post", operation_id = "rotate_webhook_secret")]
    async fn rotate(
        &self,
        staff: AsOperator,
        /// Which webhook.
        webhook: Path<Text<WebhookName>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<SecretRotation>,
    ) -> Answer<Reply<WebhookWithSecret>> {
        let (app, name) = (self.0.app()?, webhook.0.0);
        let seconds = body.0.overlap_seconds.unwrap_or(OVERLAP);
        if seconds > MAX_OVERLAP {
            let detail =
                format!("a secret that is replaced signs for {MAX_OVERLAP} seconds at most, not for {seconds}");
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "overlap_out_of_range", detail);
            return Err(problem.with("max_seconds", MAX_OVERLAP).with("overlap_seconds", seconds));
        }
        let caller = operator(staff.0, key);
        let secret = app.secrets.of(&caller, &name, Purpose::Rotate).map_err(unwritable)?;
        let change = WebhookChange::Rotate { secret, overlap: Duration::from_secs(seconds.into()) };
        self.change(Request { caller, name, change }).await
    }

    /// Remove a webhook
    ///
    /// With its sink, what was not delivered to it and its dead letters; answers it as it was. Can be repeated as it is.
    #[oai(path = "/webhooks/:webhook", method = "delete", operation_id = "remove_webhook")]
    async fn remove(
        &self,
        staff: AsOperator,
        /// Which webhook.
        webhook: Path<Text<WebhookName>>,
    ) -> Answer<Reply<Webhook>> {
        let (store, name) = (self.0.commerce()?.store(), webhook.0.0);
        let found = store.webhook(&name).await?.ok_or_else(|| not_found(&name))?;
        if !store.remove_webhook(&name).await? {
            return Err(not_found(&name));
        }
        tracing::info!(operator = %staff.0, webhook = %name, "a webhook was removed");
        Ok(Reply::new(Webhook::from(&*found)))
    }
}

impl AdminWebhooksApi {
    async fn change(&self, request: Request) -> Answer<Reply<WebhookWithSecret>> {
        let changed = self.0.commerce()?.store().change_webhook(&request).await?;
        let Receipt { outcome, replayed } = changed.ok_or_else(|| not_found(&request.name))?;
        let secret = outcome.secret.map(|secret| secret.reveal().to_owned());
        let answer = WebhookWithSecret { webhook: Webhook::from(&outcome.webhook), secret };
        Ok(Reply::new(answer).version(outcome.webhook.version).replayed(replayed))
    }
}

fn not_found(name: &WebhookName) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "webhook_not_found", format!("there is no webhook {name}"))
}

fn unwritable(error: commerce_core::TextError) -> Problem {
    tracing::error!(%error, "a secret could not be made");
    crate::problem::framework::internal()
}
