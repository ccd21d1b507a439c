//! Webhooks: a row each, written only over the version that was read.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Outbox, Webhooks};
use commerce_core::{RetiringSecret, SigningSecret, Store, StoreError, Webhook, WebhookChange, WebhookName};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::PostgresStore;
use crate::row::{corrupt, get, get_at, get_text, get_u64};

macro_rules! webhooks {
    ($rest:literal) => {
        concat!("select name, url, enabled, secret, retiring, version, created_at, updated_at from webhooks ", $rest)
    };
}

const ONE: &str = webhooks!("where name = $1");
const ALL: &str = webhooks!("order by name");
/// The sink is locked if it is there already, so that nobody removes it in between.
const INSERT: &str = "with registered as (insert into sinks as s (name, created_at) values ($2, $7) \
       on conflict (name) do update set created_at = s.created_at) \
     insert into webhooks (name, sink, url, enabled, secret, retiring, version, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, $6, 1, $7, $7) on conflict (name) do nothing";
const UPDATE: &str = "update webhooks set url = $2, enabled = $3, secret = $4, retiring = $5, version = $6, \
       updated_at = $7 where name = $1 and version = $6 - 1";

pub(crate) const STATEMENTS: &[&str] = &[ONE, ALL, INSERT, UPDATE];

/// How often a change is made anew because another one came first: more often than there are operators at it.
const TRIES: usize = 64;

impl PostgresStore {
    /// Writes a webhook over the version before it; `false` if that is not the one there.
    async fn write_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        let webhook = webhook.clone();
        let version = i64::try_from(webhook.version).map_err(corrupt)?;
        let changed = self.change(move || {
            let webhook = webhook.clone();
            let (name, updated_at) = (webhook.name.to_string(), webhook.updated_at.to_utc());
            let (url, secret) = (webhook.url.to_string(), webhook.secret.reveal().to_owned());
            let query = match version {
                1 => sqlx::query(INSERT).bind(name).bind(webhook.name.sink().to_string()),
                _ => sqlx::query(UPDATE).bind(name),
            };
            let query = query.bind(url).bind(webhook.enabled).bind(secret).bind(Json(webhook.retiring));
            Ok(if version == 1 { query.bind(updated_at) } else { query.bind(version).bind(updated_at) })
        });
        Ok(changed.await? == 1)
    }
}

#[async_trait]
impl Webhooks for PostgresStore {
    async fn change_webhook(
        &self,
        name: &WebhookName,
        change: &WebhookChange,
    ) -> Result<Option<Arc<Webhook>>, StoreError> {
        for _ in 0..TRIES {
            let (before, now) = (self.webhook(name).await?, Store::now(self).await?);
            let Some(after) = Webhook::changed(before.as_deref(), name, change, now) else { return Ok(None) };
            if before.as_deref() == Some(&after) {
                return Ok(before);
            }
            if self.write_webhook(&after).await? {
                return Ok(Some(Arc::new(after)));
            }
        }
        Err(StoreError::Unavailable { reason: format!("the webhook {name} was changed by others, again and again") })
    }

    async fn remove_webhook(&self, name: &WebhookName) -> Result<bool, StoreError> {
        // Its row goes with the sink's.
        Ok(self.webhook(name).await?.is_some() && self.remove_sink(&name.sink()).await?)
    }

    async fn webhook(&self, name: &WebhookName) -> Result<Option<Arc<Webhook>>, StoreError> {
        let name = name.clone();
        self.run(move |pool| {
            let name = name.clone();
            async move {
                let row = sqlx::query(ONE).bind(name.as_str()).fetch_optional(&pool).await?;
                Ok(row.as_ref().map(webhook_of).transpose()?)
            }
        })
        .await
    }

    async fn webhooks(&self) -> Result<Vec<Arc<Webhook>>, StoreError> {
        self.run(|pool| async move {
            let rows = sqlx::query(ALL).fetch_all(&pool).await?;
            Ok(rows.iter().map(webhook_of).collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn webhook_of(row: &PgRow) -> Result<Arc<Webhook>, StoreError> {
    let retiring: Json<Vec<RetiringSecret>> = get(row, "retiring")?;
    let secret: String = get(row, "secret")?;
    Ok(Arc::new(Webhook {
        name: get_text(row, "name")?,
        url: get_text(row, "url")?,
        enabled: get(row, "enabled")?,
        secret: SigningSecret::new(secret).map_err(corrupt)?,
        retiring: retiring.0,
        version: get_u64(row, "version")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    }))
}
