//! Leases: one statement each, so that there is no moment between looking and taking.

use std::time::Duration;

use async_trait::async_trait;
use commerce_core::store::{FencingToken, Lease, LeaseRequest, Leases};
use commerce_core::{LeaseName, StoreError};

use crate::PostgresStore;
use crate::row::{corrupt, get_at, get_u64};

/// `$3` is the time by an injected clock; none takes the database's.
const ACQUIRE: &str = "insert into leases as l (name, token, owner, expires_at) \
     values ($1, 1, $2, least(coalesce($3, clock_timestamp()) + $4, '9999-12-31 23:59:59.999999+00')) \
     on conflict (name) do update set \
       token = case when l.owner = $2 and l.expires_at > coalesce($3, clock_timestamp()) then l.token \
                    else l.token + 1 end, \
       owner = excluded.owner, expires_at = excluded.expires_at \
     where l.owner is null or l.owner = $2 or l.expires_at <= coalesce($3, clock_timestamp()) \
     returning token, expires_at";
const RENEW: &str = "update leases set \
       expires_at = least(coalesce($4, clock_timestamp()) + $5, '9999-12-31 23:59:59.999999+00') \
     where name = $1 and owner = $2 and token = $3 and expires_at > coalesce($4, clock_timestamp()) \
     returning token, expires_at";
const RELEASE: &str = "update leases set owner = null, expires_at = null \
     where name = $1 and owner = $2 and token = $3 and expires_at > coalesce($4, clock_timestamp())";
const IS_CURRENT: &str = "select exists (select 1 from leases where name = $1 and token = $2)";

pub(crate) const STATEMENTS: &[&str] = &[ACQUIRE, RENEW, RELEASE, IS_CURRENT];

#[async_trait]
impl Leases for PostgresStore {
    async fn acquire(&self, request: LeaseRequest) -> Result<Option<Lease>, StoreError> {
        let now = self.statement_time();
        self.run_for_good(move |mut connection| {
            let LeaseRequest { name, owner, duration } = request.clone();
            async move {
                let query = sqlx::query(ACQUIRE).bind(name.as_str()).bind(owner.as_str()).bind(now);
                let Some(row) = query.bind(interval(duration)).fetch_optional(&mut *connection).await? else {
                    return Ok(None);
                };
                let token = FencingToken(get_u64(&row, "token")?);
                Ok(Some(Lease { name, owner, expires_at: get_at(&row, "expires_at")?, token }))
            }
        })
        .await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Option<Lease>, StoreError> {
        let (now, lease) = (self.statement_time(), lease.clone());
        self.run_for_good(move |mut connection| {
            let lease = lease.clone();
            async move {
                let query = sqlx::query(RENEW).bind(lease.name.as_str()).bind(lease.owner.as_str());
                let query = query.bind(number(lease.token)?).bind(now).bind(interval(duration));
                let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(None) };
                Ok(Some(Lease { expires_at: get_at(&row, "expires_at")?, ..lease }))
            }
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<bool, StoreError> {
        let (now, lease) = (self.statement_time(), lease.clone());
        self.run_for_good(move |mut connection| {
            let lease = lease.clone();
            async move {
                let query = sqlx::query(RELEASE).bind(lease.name.as_str()).bind(lease.owner.as_str());
                let done = query.bind(number(lease.token)?).bind(now).execute(&mut *connection).await?;
                Ok(done.rows_affected() == 1)
            }
        })
        .await
    }

    async fn is_current(&self, name: &LeaseName, token: FencingToken) -> Result<bool, StoreError> {
        let name = name.clone();
        self.run(move |pool| {
            let name = name.clone();
            async move {
                Ok(sqlx::query_scalar(IS_CURRENT).bind(name.as_str()).bind(number(token)?).fetch_one(&pool).await?)
            }
        })
        .await
    }
}

pub(crate) fn number(token: FencingToken) -> Result<i64, StoreError> {
    i64::try_from(token.0).map_err(|_| corrupt("a fencing token is beyond the bound"))
}

/// A duration in whole microseconds; what does not fit is a thousand years, which ends no earlier than any clock.
pub(crate) fn interval(duration: Duration) -> sqlx::postgres::types::PgInterval {
    const LONGEST: i64 = 1_000 * 366 * 86_400 * 1_000_000;
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(LONGEST).min(LONGEST);
    sqlx::postgres::types::PgInterval { months: 0, days: 0, microseconds }
}
