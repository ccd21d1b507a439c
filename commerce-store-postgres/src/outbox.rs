//! The outbox: rows with a state each, never a cursor over ids, which do not follow the order of commits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::Outbox;
use commerce_core::{
    ClaimRequest, ClaimedMessage, DeadLetter, Event, MessageId, OrderEvent, OutboxMessage, Owner, Page, PageRequest,
    StoreError,
};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::PostgresStore;
use crate::lease::interval;
use crate::row::{corrupt, get, get_at, get_id, get_text, get_u32};

/// The earliest message of its order that is not delivered, if it is due; whoever else is claiming is passed by.
/// Materialized, so that the choice is made once.
const CLAIM: &str = "with ready as materialized ( \
       select m.id, m.due_at as was_due from outbox_messages m \
       where m.status = 'ready' and m.due_at <= coalesce($1, clock_timestamp()) \
         and not exists (select 1 from outbox_messages e \
           where e.order_id = m.order_id and e.status = 'ready' and e.sequence < m.sequence) \
       order by m.due_at, m.id limit $2 for update of m skip locked), \
     claimed as (update outbox_messages m set owner = $3, attempts = m.attempts + 1, \
         due_at = least(coalesce($1, clock_timestamp()) + $4, '9999-12-31 23:59:59.999999+00') \
       from ready where m.id = ready.id \
       returning m.id, m.order_id, m.sequence, m.attempts, m.due_at, ready.was_due) \
     select c.id, c.attempts - 1 as attempts, c.due_at, e.payload \
     from claimed c join order_events e on e.order_id = c.order_id and e.sequence = c.sequence \
     order by c.was_due, c.id";
const ACKNOWLEDGE: &str = "update outbox_messages set status = 'sent', owner = null \
     where id = $1 and status = 'ready' and owner = $2 and due_at > coalesce($3, clock_timestamp())";
const RETRY: &str = "update outbox_messages set owner = null, last_error = $4, \
       due_at = least(coalesce($3, clock_timestamp()) + $5, '9999-12-31 23:59:59.999999+00') \
     where id = $1 and status = 'ready' and owner = $2 and due_at > coalesce($3, clock_timestamp())";
const BURY: &str = "update outbox_messages set status = 'dead', owner = null, last_error = $4, \
       buried_at = coalesce($3, clock_timestamp()) \
     where id = $1 and status = 'ready' and owner = $2 and due_at > coalesce($3, clock_timestamp())";
const DEAD: &str = "select m.id, m.attempts, m.last_error, m.buried_at, e.payload from outbox_messages m \
     join order_events e on e.order_id = m.order_id and e.sequence = m.sequence \
     where m.status = 'dead' and m.id < $1 order by m.id desc limit $2";
const BACKLOG: &str = "select count(*) from outbox_messages where status = 'ready'";

pub(crate) const STATEMENTS: &[&str] = &[CLAIM, ACKNOWLEDGE, RETRY, BURY, DEAD, BACKLOG];

#[async_trait]
impl Outbox for PostgresStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<ClaimedMessage>, StoreError> {
        let now = self.statement_time();
        self.run(move |pool| {
            let ClaimRequest { owner, limit, hold } = request.clone();
            async move {
                let query = sqlx::query(CLAIM).bind(now).bind(i64::from(limit)).bind(owner.as_str());
                let rows = query.bind(interval(hold)).fetch_all(&pool).await?;
                Ok(rows.iter().map(claimed_of).collect::<Result<_, _>>()?)
            }
        })
        .await
    }

    async fn acknowledge(&self, owner: &Owner, message: MessageId) -> Result<bool, StoreError> {
        let (now, owner) = (self.statement_time(), owner.clone());
        self.run(move |pool| {
            let owner = owner.clone();
            async move {
                let query = sqlx::query(ACKNOWLEDGE).bind(message.get()).bind(owner.as_str()).bind(now);
                Ok(query.execute(&pool).await?.rows_affected() == 1)
            }
        })
        .await
    }

    async fn retry(&self, owner: &Owner, message: MessageId, error: &str, delay: Duration) -> Result<bool, StoreError> {
        let (now, owner, error) = (self.statement_time(), owner.clone(), storable(error));
        self.run(move |pool| {
            let (owner, error) = (owner.clone(), error.clone());
            async move {
                let query = sqlx::query(RETRY).bind(message.get()).bind(owner.as_str()).bind(now).bind(error);
                Ok(query.bind(interval(delay)).execute(&pool).await?.rows_affected() == 1)
            }
        })
        .await
    }

    async fn bury(&self, owner: &Owner, message: MessageId, error: &str) -> Result<bool, StoreError> {
        let (now, owner, error) = (self.statement_time(), owner.clone(), storable(error));
        self.run(move |pool| {
            let (owner, error) = (owner.clone(), error.clone());
            async move {
                let query = sqlx::query(BURY).bind(message.get()).bind(owner.as_str()).bind(now).bind(error);
                Ok(query.execute(&pool).await?.rows_affected() == 1)
            }
        })
        .await
    }

    async fn dead_letters(&self, page: PageRequest<MessageId>) -> Result<Page<DeadLetter, MessageId>, StoreError> {
        self.run(move |pool| async move {
            let before = page.after.map_or(i64::MAX, MessageId::get);
            let limit = i64::try_from(page.size()).map_err(corrupt)?.saturating_add(1);
            let rows = sqlx::query(DEAD).bind(before).bind(limit).fetch_all(&pool).await?;
            let letters = rows.iter().map(dead_of).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(letters, page.size(), |letter| letter.message.id))
        })
        .await
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        self.run(|pool| async move {
            let count: i64 = sqlx::query_scalar(BACKLOG).fetch_one(&pool).await?;
            Ok(u64::try_from(count).map_err(corrupt)?)
        })
        .await
    }
}

/// A relay's words, without the one character that PostgreSQL's texts cannot hold.
fn storable(error: &str) -> String {
    error.replace('\0', "\u{fffd}")
}

fn message_of(row: &PgRow) -> Result<OutboxMessage, StoreError> {
    let event: Json<OrderEvent> = get(row, "payload")?;
    Ok(OutboxMessage { id: get_id(row, "id")?, event: Event::Order(Arc::new(event.0)) })
}

fn claimed_of(row: &PgRow) -> Result<ClaimedMessage, StoreError> {
    Ok(ClaimedMessage {
        message: message_of(row)?,
        attempts: get_u32(row, "attempts")?,
        claimed_until: get_at(row, "due_at")?,
    })
}

fn dead_of(row: &PgRow) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        message: message_of(row)?,
        attempts: get_u32(row, "attempts")?,
        last_error: get_text(row, "last_error")?,
        buried_at: get_at(row, "buried_at")?,
    })
}
