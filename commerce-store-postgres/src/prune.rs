//! Pruning: by index, a bounded number of rows a commit, passing by whatever somebody else has locked.

use async_trait::async_trait;
use commerce_core::store::Pruning;
use commerce_core::{StoreError, Timestamp};

use crate::PostgresStore;

/// Forgets messages. From when on they may be missing is written in the same commit, for the books.
macro_rules! forget {
    ($chosen:literal) => {
        concat!(
            "with chosen as materialized (select m.id from outbox_messages m where ",
            $chosen,
            " order by m.due_at limit $2 for update of m skip locked), \
             marked as (insert into outbox_pruned as p (only_row, before) \
               select true, $1 where exists (select 1 from chosen) \
               on conflict (only_row) do update set before = excluded.before where p.before < excluded.before) \
             delete from outbox_messages where id = any(array(select id from chosen))"
        )
    };
}

/// The subquery is asked for each message: it takes an entry of an index for each sink.
const SENT: &str = forget!(
    "m.status = 'sent' and m.due_at < $1 \
       and (select 1 from dead_letters l where l.message_id = m.id limit 1) is null \
       and (select 1 from sinks s join deliveries d on d.sink = s.name and d.message_id = m.id limit 1) is null"
);
/// A sink that is registered after this has begun comes after it. What is distributed to that one meanwhile is locked, and
/// passed by, or is not 'ready' any more when it has been locked here, which is looked at again then.
const UNWANTED: &str = forget!("m.status = 'ready' and m.due_at < $1 and not exists (select 1 from sinks)");
/// By the place of the row: it is locked, so it stays there. An engine without `ctid` names the key instead.
const KEYS: &str = "delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys \
     where created_at < $1 order by created_at limit $2 for update skip locked))";

pub(crate) const STATEMENTS: &[&str] = &[SENT, UNWANTED, KEYS];

impl PostgresStore {
    async fn prune(&self, statement: &'static str, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.change(move || Ok(sqlx::query(statement).bind(before.to_utc()).bind(i64::from(limit)))).await
    }
}

#[async_trait]
impl Pruning for PostgresStore {
    async fn prune_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sent = self.prune(SENT, before, limit).await?;
        let left = u32::try_from(u64::from(limit).saturating_sub(sent)).unwrap_or(0);
        Ok(sent + if left == 0 { 0 } else { self.prune(UNWANTED, before, left).await? })
    }

    async fn prune_keys(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.prune(KEYS, before, limit).await
    }
}
