//! Webhooks: a row each, written only over the version that was read, and only with the row of the request's key.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Outbox, Webhooks};
use commerce_core::{
    ChangedWebhook, Error, Fingerprint, Receipt, RetiringSecret, SigningSecret, Store, StoreError, Webhook,
    WebhookName, WebhookRecord, WebhookRequest, WebhookScope,
};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::error::Failure;
use crate::outbox::Statement;
use crate::row::{corrupt, get, get_at, get_text, get_u64};
use crate::{PostgresStore, StoreErrorOr};

macro_rules! webhooks {
    ($rest:literal) => {
        concat!("select name, url, enabled, secret, retiring, version, created_at, updated_at from webhooks ", $rest)
    };
}

const ONE: &str = webhooks!("where name = $1");
const ALL: &str = webhooks!("order by name");
const KEY: &str = "select fingerprint, outcome, created_at from idempotency_keys where principal = $1 and operation = $2 and key = $3";

/// What is written comes with the key, or not at all: a key that is there already fails the statement, and nothing is written
/// where the webhook is not as it was read.
macro_rules! with_key {
    ($change:literal, $from:literal) => {
        concat!(
            $change,
            " insert into idempotency_keys (principal, operation, key, fingerprint, outcome, created_at) \
             select $1, $2, $3, $4, $5::json, $6 from ",
            $from
        )
    };
}

/// The sink is locked if it is there already, so that nobody removes it in between.
const INSERT: &str = with_key!(
    "with registered as (insert into sinks as s (name, created_at) values ('webhook-' || $7, $6) \
       on conflict (name) do update set created_at = s.created_at), \
     written as (insert into webhooks (name, sink, url, enabled, secret, retiring, version, created_at, updated_at) \
       values ($7, 'webhook-' || $7, $9, $10, $11, $12, $8, $6, $6) on conflict (name) do nothing returning name)",
    "written"
);
const UPDATE: &str = with_key!(
    "with written as (update webhooks set url = $9, enabled = $10, secret = $11, retiring = $12, version = $8, \
       updated_at = $6 where name = $7 and version = $8 - 1 returning name)",
    "written"
);
/// Where all is as it should be already.
const KEEP: &str = with_key!("", "webhooks where name = $7 and version = $8");

pub(crate) const STATEMENTS: &[&str] = &[ONE, ALL, KEY, INSERT, UPDATE, KEEP];

/// How often a change is made anew because another one came first: more often than there are operators at it.
const TRIES: usize = 64;

impl PostgresStore {
    /// What is kept of the request's key.
    async fn webhook_record(&self, scope: &WebhookScope) -> Result<Option<WebhookRecord>, StoreError> {
        let scope = scope.clone();
        self.run(move |pool| {
            let (principal, key) = (scope.principal.to_string(), scope.key.to_string());
            let query = sqlx::query(KEY).bind(principal).bind(scope.operation).bind(key);
            async move { Ok(query.fetch_optional(&pool).await?.as_ref().map(record_of).transpose()?) }
        })
        .await
    }

    /// Writes a webhook over the one before it, with the request's key; `false` if either is not as it was read.
    async fn write_webhook(&self, scope: WebhookScope, change: Change) -> Result<bool, StoreError> {
        let version = i64::try_from(change.after.version).map_err(corrupt)?;
        self.run_for_good(move |mut connection| {
            let statement = change.bound(&scope, version);
            async move {
                match statement.execute(&mut *connection).await.map_err(Failure::from) {
                    Ok(done) => Ok(done.rows_affected() == 1),
                    Err(Failure::Overtaken(_)) => Ok(false),
                    Err(failure) => Err(StoreErrorOr::from(failure)),
                }
            }
        })
        .await
    }
}

/// A change that has been decided.
struct Change {
    is_there: bool,
    is_same: bool,
    after: Webhook,
    record: WebhookRecord,
}

impl Change {
    fn bound(&self, scope: &WebhookScope, version: i64) -> Statement<'static> {
        let Self { after, record, .. } = self;
        let statement = match (self.is_there, self.is_same) {
            (false, _) => INSERT,
            (true, false) => UPDATE,
            (true, true) => KEEP,
        };
        let query = sqlx::query(statement)
            .bind(scope.principal.to_string())
            .bind(scope.operation)
            .bind(scope.key.to_string())
            .bind(record.fingerprint.0.to_vec())
            .bind(Json(record.outcome.clone()))
            .bind(record.created_at.to_utc())
            .bind(after.name.to_string())
            .bind(version);
        if self.is_same {
            return query;
        }
        let (url, secret) = (after.url.to_string(), after.secret.reveal().to_owned());
        query.bind(url).bind(after.enabled).bind(secret).bind(Json(after.retiring.clone()))
    }
}

#[async_trait]
impl Webhooks for PostgresStore {
    async fn change_webhook(&self, request: &WebhookRequest) -> Result<Option<Receipt<ChangedWebhook>>, Error> {
        let (scope, name) = (request.scope(), &request.name);
        for _ in 0..TRIES {
            // A key that is free now was free when the webhook was read; what is written from now on the write finds out.
            let (before, now) = (self.webhook(name).await?, Store::now(self).await?);
            if let Some(record) = self.webhook_record(&scope).await? {
                return Ok(Some(request.replay(record, self.webhook(name).await?.as_deref())?));
            }
            let Some((after, record)) = request.carry_out(before.as_deref(), now) else { return Ok(None) };
            let is_same = before.as_deref() == Some(&after);
            let change = Change { is_there: before.is_some(), is_same, after: after.clone(), record: record.clone() };
            if self.write_webhook(scope.clone(), change).await? {
                return Ok(Some(request.done(record, &after)));
            }
        }
        let reason = format!("the webhook {name} was changed by others, again and again");
        Err(StoreError::Unavailable { reason }.into())
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

fn record_of(row: &PgRow) -> Result<WebhookRecord, StoreError> {
    let bytes: Vec<u8> = get(row, "fingerprint")?;
    let outcome: Json<_> = get(row, "outcome")?;
    Ok(WebhookRecord {
        fingerprint: Fingerprint(bytes.try_into().map_err(|_| corrupt("a fingerprint has 16 bytes"))?),
        outcome: outcome.0,
        created_at: get_at(row, "created_at")?,
    })
}
