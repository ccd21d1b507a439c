//! The outbox: rows with a state each, never a cursor over ids, which do not follow the order of commits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::Outbox;
use commerce_core::{
    Aggregate, BooksEvent, ClaimRequest, ClaimedMessage, DeadLetter, DeadLetterFilter, DeadLetterKey, Event, Holder,
    MessageId, OrderEvent, OutboxMessage, Page, PageRequest, SinkName, SinkStatus, StoreError,
};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::types::Json;

use crate::lease::interval;
use crate::row::{corrupt, get, get_at, get_at_opt, get_id, get_text, get_u32, get_u64};
use crate::{Connection, PostgresStore, StoreErrorOr};

const REGISTER: &str = "insert into sinks (name, created_at) values ($1, coalesce($2, statement_timestamp())) \
     on conflict do nothing";
/// What is on its way there goes with it.
const REMOVE: &str = "delete from sinks where name = $1";
/// Counting what waits reads what waits.
const STATUS: &str = "with counted as (select sink, count(*) as backlog, min(happened_at) as oldest_at \
       from deliveries group by sink), \
     buried as (select sink, count(*) as dead_letters from dead_letters group by sink) \
     select s.name, s.created_at, coalesce(c.backlog, 0) as backlog, c.oldest_at, \
       coalesce(b.dead_letters, 0) as dead_letters \
     from sinks s left join counted c on c.sink = s.name left join buried b on b.sink = s.name order by s.name";
/// The sinks are locked against removal first, and none that is there is left out; whoever else is distributing is passed
/// by. A message of an aggregate may then be distributed before its predecessor, which a claim looks out for.
const DISTRIBUTE: &str = "with registered as materialized (select name from sinks order by name for key share), \
     ready as materialized (select m.id, m.order_id, m.sequence, m.due_at from outbox_messages m \
       where m.status = 'ready' and exists (select 1 from registered) \
       order by m.due_at, m.id limit $1 for update of m skip locked), \
     given as (insert into deliveries (sink, message_id, order_id, sequence, happened_at, due_at, attempts) \
       select s.name, r.id, r.order_id, r.sequence, r.due_at, r.due_at, 0 from ready r cross join registered s) \
     update outbox_messages m set status = 'sent' from ready r where m.id = r.id";
const BACKLOG: &str = "select count(*) from outbox_messages where status = 'ready'";
/// The earliest message of its order that is not delivered, if it is due; whoever else is claiming is passed by, and so is
/// what somebody holds. Nothing comes before the first message of an order. Materialized, so that the choice is made once.
/// What is written `|| ''` is found, or is not to be looked for, by its index: see the migration.
const CLAIM: &str = "with ready as materialized ( \
       select d.message_id, d.sink, d.due_at from deliveries d \
       where d.sink || '' = $1 and d.due_at <= coalesce($2, statement_timestamp()) \
         and (d.claimed_until is null or d.claimed_until <= coalesce($2, statement_timestamp())) \
         and (d.sequence = 1 \
           or not exists (select 1 from deliveries e \
             where e.order_id = d.order_id and e.sequence < d.sequence and e.sink = d.sink) \
           and not exists (select 1 from outbox_messages m \
             where m.order_id = d.order_id and m.sequence < d.sequence and m.status || '' = 'ready')) \
       order by d.due_at, d.message_id limit $3 for update of d skip locked), \
     claimed as (update deliveries d set owner = $4, attempts = d.attempts + 1, \
         claimed_until = least(coalesce($2, statement_timestamp()) + $5, '9999-12-31 23:59:59.999999+00') \
       from ready r where d.message_id = r.message_id and d.sink = r.sink \
       returning d.message_id, d.order_id, d.sequence, d.attempts, d.claimed_until, r.due_at) \
     select c.message_id, c.attempts - 1 as attempts, c.claimed_until, e.payload, b.payload as books \
     from claimed c left join order_events e on e.order_id = c.order_id and e.sequence = c.sequence \
       left join books_events b on c.order_id is null and b.id = c.message_id \
     order by c.due_at, c.message_id";

/// Deliveries that somebody holds: the parameters that every word on them begins with. Such a word waits for the disk: were
/// it undone by a crash, nobody would look at the message before the end of its claim.
macro_rules! held {
    ($verb:literal, $rest:literal) => {
        concat!(
            $verb,
            " where (select set_config('synchronous_commit', 'on', true)) is not null \
               and sink = $1 and owner = $2 and message_id = any($3) \
               and claimed_until > coalesce($4, statement_timestamp())",
            $rest
        )
    };
}

const ACKNOWLEDGE: &str = held!("delete from deliveries", "");
const HAND_BACK: &str = held!(
    "update deliveries set owner = null, claimed_until = null, attempts = attempts - 1, \
       due_at = coalesce($4, statement_timestamp())",
    ""
);
const RETRY: &str = held!(
    "update deliveries set owner = null, claimed_until = null, last_error = $5, \
       due_at = least(coalesce($4, statement_timestamp()) + $6, '9999-12-31 23:59:59.999999+00')",
    ""
);
const BURY: &str = held!(
    "with buried as (delete from deliveries",
    " returning message_id, sink, order_id, sequence, happened_at, attempts) \
     insert into dead_letters (message_id, sink, order_id, sequence, happened_at, attempts, last_error, buried_at) \
     select message_id, sink, order_id, sequence, happened_at, attempts, $5, coalesce($4, statement_timestamp()) \
     from buried"
);

/// Dead letters that a filter takes; the core says which those are. Messages come as a range, so that the key leads there.
macro_rules! taken {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " where l.message_id between $1 and $2 and ($3::text is null or l.sink = $3) \
               and ($4::bigint is null or l.order_id = $4) and ($5::timestamptz is null or l.buried_at < $5)",
            $rest
        )
    };
}

const DEAD: &str = taken!(
    "select l.message_id, l.sink, l.attempts, l.last_error, l.buried_at, e.payload, b.payload as books \
     from dead_letters l left join order_events e on e.order_id = l.order_id and e.sequence = l.sequence \
       left join books_events b on l.order_id is null and b.id = l.message_id",
    " and (l.message_id, l.sink) < ($6, $7) order by l.message_id desc, l.sink desc limit $8"
);
const REPLAY: &str = taken!(
    "with chosen as materialized (select l.message_id, l.sink from dead_letters l",
    " order by l.message_id, l.sink limit $6 for update of l skip locked), \
     risen as (delete from dead_letters l using chosen c where l.message_id = c.message_id and l.sink = c.sink \
       returning l.message_id, l.sink, l.order_id, l.sequence, l.happened_at) \
     insert into deliveries (sink, message_id, order_id, sequence, happened_at, due_at, attempts) \
     select sink, message_id, order_id, sequence, happened_at, coalesce($7, statement_timestamp()), 0 from risen"
);
const DISCARD: &str = taken!(
    "with chosen as materialized (select l.message_id, l.sink from dead_letters l",
    " order by l.message_id, l.sink limit $6 for update of l skip locked) \
     delete from dead_letters l using chosen c where l.message_id = c.message_id and l.sink = c.sink"
);

pub(crate) const STATEMENTS: &[&str] =
    &[REGISTER, REMOVE, STATUS, DISTRIBUTE, BACKLOG, CLAIM, ACKNOWLEDGE, HAND_BACK, RETRY, BURY, DEAD, REPLAY, DISCARD];

pub(crate) type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// A statement with its parameters, as often as it takes.
pub(crate) trait Bound: Fn() -> Result<Statement<'static>, StoreError> + Send + Sync + 'static {}

impl<F: Fn() -> Result<Statement<'static>, StoreError> + Send + Sync + 'static> Bound for F {}

/// How many rows it changed.
async fn changed(statement: Result<Statement<'static>, StoreError>, mut on: Connection) -> Result<u64, StoreErrorOr> {
    Ok(statement?.execute(&mut *on).await?.rows_affected())
}

impl PostgresStore {
    /// Runs a step and says how many rows it changed.
    pub(crate) async fn change(&self, bound: impl Bound) -> Result<u64, StoreError> {
        self.step(move |connection| changed(bound(), connection)).await
    }

    /// The same of what an operator wishes: it is durable when this returns.
    async fn change_for_good(&self, bound: impl Bound) -> Result<u64, StoreError> {
        self.run_for_good(move |connection| changed(bound(), connection)).await
    }

    /// The same of a step with messages that `holder` holds; `more` binds what comes after them and the time.
    async fn settle(
        &self,
        statement: &'static str,
        (holder, messages): (&Holder, &[MessageId]),
        more: impl Fn(Statement<'static>) -> Statement<'static> + Send + Sync + 'static,
    ) -> Result<u64, StoreError> {
        let (now, holder) = (self.statement_time(), holder.clone());
        let ids: Vec<i64> = messages.iter().map(|id| id.get()).collect();
        self.change(move || {
            let query = sqlx::query(statement).bind(holder.sink.to_string()).bind(holder.owner.to_string());
            Ok(more(query.bind(ids.clone()).bind(now)))
        })
        .await
    }
}

#[async_trait]
impl Outbox for PostgresStore {
    async fn register_sink(&self, sink: &SinkName) -> Result<bool, StoreError> {
        let (now, sink) = (self.statement_time(), sink.clone());
        let changed = self.change_for_good(move || Ok(sqlx::query(REGISTER).bind(sink.to_string()).bind(now))).await?;
        Ok(changed == 1)
    }

    async fn remove_sink(&self, sink: &SinkName) -> Result<bool, StoreError> {
        let sink = sink.clone();
        Ok(self.change_for_good(move || Ok(sqlx::query(REMOVE).bind(sink.to_string()))).await? == 1)
    }

    async fn sinks(&self) -> Result<Vec<SinkStatus>, StoreError> {
        self.run(|pool| async move {
            let rows = sqlx::query(STATUS).fetch_all(&pool).await?;
            Ok(rows.iter().map(status_of).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn distribute(&self, limit: u32) -> Result<u64, StoreError> {
        self.change(move || Ok(sqlx::query(DISTRIBUTE).bind(i64::from(limit)))).await
    }

    async fn news(&self, heard: u64) -> Result<u64, StoreError> {
        Ok(self.news.after(heard).await)
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        self.run(|pool| async move {
            let count: i64 = sqlx::query_scalar(BACKLOG).fetch_one(&pool).await?;
            Ok(u64::try_from(count).map_err(corrupt)?)
        })
        .await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<ClaimedMessage>, StoreError> {
        let now = self.statement_time();
        self.step(move |mut connection| {
            let ClaimRequest { holder: Holder { sink, owner }, limit, hold } = request.clone();
            async move {
                let query = sqlx::query(CLAIM).bind(sink.as_str()).bind(now).bind(i64::from(limit));
                let query = query.bind(owner.as_str()).bind(interval(hold));
                let rows = query.fetch_all(&mut *connection).await?;
                Ok(rows.iter().map(claimed_of).collect::<Result<_, _>>()?)
            }
        })
        .await
    }

    async fn acknowledge(&self, holder: &Holder, messages: &[MessageId]) -> Result<u64, StoreError> {
        self.settle(ACKNOWLEDGE, (holder, messages), |query| query).await
    }

    async fn hand_back(&self, holder: &Holder, messages: &[MessageId]) -> Result<u64, StoreError> {
        self.settle(HAND_BACK, (holder, messages), |query| query).await
    }

    async fn retry(
        &self,
        holder: &Holder,
        message: MessageId,
        error: &str,
        delay: Duration,
    ) -> Result<bool, StoreError> {
        let error = storable(error);
        let more = move |query: Statement<'static>| query.bind(error.clone()).bind(interval(delay));
        Ok(self.settle(RETRY, (holder, &[message]), more).await? == 1)
    }

    async fn bury(&self, holder: &Holder, message: MessageId, error: &str) -> Result<bool, StoreError> {
        let error = storable(error);
        Ok(self.settle(BURY, (holder, &[message]), move |query| query.bind(error.clone())).await? == 1)
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: PageRequest<DeadLetterKey>,
    ) -> Result<Page<DeadLetter, DeadLetterKey>, StoreError> {
        let filter = filter.clone();
        self.run(move |pool| {
            let (filter, page) = (filter.clone(), page.clone());
            async move {
                let size = page.size();
                let limit = i64::try_from(size).map_err(corrupt)?.saturating_add(1);
                let before =
                    page.after.map_or((i64::MAX, String::new()), |key| (key.message.get(), key.sink.to_string()));
                let query = bind_filter(sqlx::query(DEAD), &filter).bind(before.0).bind(before.1);
                let rows = query.bind(limit).fetch_all(&pool).await?;
                let letters = rows.iter().map(dead_of).collect::<Result<Vec<_>, _>>()?;
                Ok(Page::cut(letters, size, DeadLetter::key))
            }
        })
        .await
    }

    async fn replay(&self, filter: &DeadLetterFilter, limit: u32) -> Result<u64, StoreError> {
        let (now, filter) = (self.statement_time(), filter.clone());
        self.change_for_good(move || Ok(bind_filter(sqlx::query(REPLAY), &filter).bind(i64::from(limit)).bind(now)))
            .await
    }

    async fn discard(&self, filter: &DeadLetterFilter, limit: u32) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.change_for_good(move || Ok(bind_filter(sqlx::query(DISCARD), &filter).bind(i64::from(limit)))).await
    }
}

fn bind_filter(query: Statement<'static>, filter: &DeadLetterFilter) -> Statement<'static> {
    let (order, books) = match filter.aggregate {
        Some(Aggregate::Order(order)) => (Some(order.get()), None),
        // A message that is about itself.
        Some(Aggregate::Books(books)) => (None, Some(books)),
        None => (None, None),
    };
    let named = || [filter.message, books].into_iter().flatten().map(MessageId::get);
    let (first, last) = (named().max().unwrap_or(0), named().min().unwrap_or(i64::MAX));
    let query = query.bind(first).bind(last).bind(filter.sink.as_ref().map(ToString::to_string));
    query.bind(order).bind(filter.buried_before.map(|instant| instant.to_utc()))
}

/// A relay's words, without the one character that PostgreSQL's texts cannot hold.
fn storable(error: &str) -> String {
    error.replace('\0', "\u{fffd}")
}

fn status_of(row: &PgRow) -> Result<SinkStatus, StoreError> {
    Ok(SinkStatus {
        name: get_text(row, "name")?,
        created_at: get_at(row, "created_at")?,
        backlog: get_u64(row, "backlog")?,
        oldest_at: get_at_opt(row, "oldest_at")?,
        dead_letters: get_u64(row, "dead_letters")?,
    })
}

fn message_of(row: &PgRow) -> Result<OutboxMessage, StoreError> {
    let id = get_id(row, "message_id")?;
    let (order, books): (Option<Json<OrderEvent>>, Option<Json<BooksEvent>>) =
        (get(row, "payload")?, get(row, "books")?);
    let event = match (order, books) {
        (Some(order), None) => Event::Order(Arc::new(order.0)),
        (None, Some(books)) => Event::Books(Arc::new(books.0)),
        _ => return Err(corrupt(format!("message {id} tells of nothing"))),
    };
    Ok(OutboxMessage { id, event })
}

fn claimed_of(row: &PgRow) -> Result<ClaimedMessage, StoreError> {
    Ok(ClaimedMessage {
        message: message_of(row)?,
        attempts: get_u32(row, "attempts")?,
        claimed_until: get_at(row, "claimed_until")?,
    })
}

fn dead_of(row: &PgRow) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        sink: get_text(row, "sink")?,
        message: message_of(row)?,
        attempts: get_u32(row, "attempts")?,
        last_error: get_text(row, "last_error")?,
        buried_at: get_at(row, "buried_at")?,
    })
}
