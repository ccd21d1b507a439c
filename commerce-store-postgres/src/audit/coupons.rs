//! Coupons, and customers with their copies.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    CodeFacts, CouponCode, CouponFacts, CouponId, CustomerId, HeldCopy, HeldCount, HolderFacts, IssuedCoupon, OrderId,
    PageRequest, Redemption, RedemptionStatus, StoreError,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::{after, size};
use crate::load::{code_of, issued_coupon_of, redemption_of};
use crate::row::{corrupt, get, get_id, get_id_opt, get_u32, get_u64};
use crate::{PostgresStore, StoreErrorOr};

const COUPONS: &str = "select c.id, coalesce(i.issued, 0) as issued, c.total_quantity, \
       (select count(*) from issued_coupons k where k.coupon_id = c.id) as copies \
     from (select id, total_quantity from coupons where id > $1 order by id limit $2) c \
     left join coupon_issuances i on i.coupon_id = c.id order by c.id";
const CUSTOMERS: &str = "with page as materialized (select id from ( \
         (select id from customers where id > $1 order by id limit $2) union \
         (select customer_id from issued_coupons where customer_id > $1 \
           group by customer_id order by customer_id limit $2)) named order by id limit $2) \
     select p.id, c.there is true as is_there \
     from page p left join lateral (select true as there from customers where id = p.id limit 1) c on true \
     order by p.id";
const COPIES: &str = "select id, coupon_id, customer_id, ordinal, status, order_id, issued_at, expires_at, used_at, \
       revoked_by, revoked_for, revoked_at from issued_coupons where customer_id = any($1) order by customer_id, id";
const USES: &str = "select r.issued_coupon_id, r.order_id, r.coupon_id, r.discount, r.currency, r.status, \
       r.created_at, r.updated_at, o.there is true as order_is_there \
     from coupon_redemptions r \
     left join lateral (select true as there from orders where id = r.order_id limit 1) o on true \
     where r.issued_coupon_id = any($1) order by r.issued_coupon_id, r.order_id";
const LIMITS: &str = "select id, per_customer_limit from coupons where id = any($1)";

const CODES: &str = "select k.code, k.coupon_id, k.created_at, k.customer_id, k.issued_coupon_id, k.claimed_at, \
       c.coupon_id as copys_coupon_id, c.customer_id as copys_customer_id \
     from (select code, coupon_id, created_at, customer_id, issued_coupon_id, claimed_at from coupon_codes \
       where (coupon_id, code) > ($1, $2) and own is null order by coupon_id, code limit $3) k \
     left join lateral (select coupon_id, customer_id from issued_coupons where id = k.issued_coupon_id limit 1) c \
     on true order by k.coupon_id, k.code";

pub(super) const STATEMENTS: &[&str] = &[COUPONS, CUSTOMERS, COPIES, USES, LIMITS, CODES];

/// Counting the copies of a coupon reads them all, from its index: a campaign of millions takes its time.
const PATIENCE: Duration = Duration::from_secs(600);
const PATIENTLY: &str = "set local statement_timeout = '600s'";

impl PostgresStore {
    pub(super) async fn coupons_of(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError> {
        self.snapshot_within(PATIENCE, move |mut moment| async move {
            sqlx::query(PATIENTLY).execute(&mut *moment).await?;
            let rows = sqlx::query(COUPONS).bind(after(page)).bind(size(&page)).fetch_all(&mut *moment).await?;
            moment.rollback().await?;
            Ok(rows.iter().map(coupon_facts).collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(super) async fn codes_by(
        &self,
        page: PageRequest<(CouponId, CouponCode)>,
    ) -> Result<Vec<CodeFacts>, StoreError> {
        let limit = size(&page);
        // No code is empty.
        let (coupon, code) = page.after.map_or((0, String::new()), |(id, code)| (id.get(), code.to_string()));
        self.run(move |pool| {
            let query = sqlx::query(CODES).bind(coupon).bind(code.clone()).bind(limit);
            async move { Ok(query.fetch_all(&pool).await?.iter().map(code_facts).collect::<Result<_, _>>()?) }
        })
        .await
    }

    pub(super) async fn holders_of(&self, page: PageRequest<CustomerId>) -> Result<Vec<HolderFacts>, StoreError> {
        self.snapshot(move |mut moment| async move {
            let rows = sqlx::query(CUSTOMERS).bind(after(page)).bind(size(&page)).fetch_all(&mut *moment).await?;
            let customers = rows.iter().map(|row| Ok((get_id(row, "id")?, get(row, "is_there")?)));
            let customers: Vec<(CustomerId, bool)> = customers.collect::<Result<_, StoreError>>()?;
            let held = held(&mut moment, &customers).await?;
            moment.rollback().await?;
            Ok(held)
        })
        .await
    }
}

fn coupon_facts(row: &PgRow) -> Result<CouponFacts, StoreError> {
    let total: Option<i64> = get(row, "total_quantity")?;
    Ok(CouponFacts {
        coupon_id: get_id(row, "id")?,
        issued: get_u32(row, "issued")?,
        copies: get_u64(row, "copies")?,
        total_quantity: total.map(u32::try_from).transpose().map_err(corrupt)?,
    })
}

fn code_facts(row: &PgRow) -> Result<CodeFacts, StoreError> {
    let copy = get_id_opt(row, "copys_coupon_id")?.zip(get_id_opt(row, "copys_customer_id")?);
    Ok(CodeFacts { code: Arc::new(code_of(row)?), copy })
}

/// What these customers hold.
async fn held(
    connection: &mut PgConnection,
    customers: &[(CustomerId, bool)],
) -> Result<Vec<HolderFacts>, StoreErrorOr> {
    let empty = |&(customer_id, is_there): &(CustomerId, bool)| {
        (customer_id, HolderFacts { customer_id, is_there, counts: Vec::new(), copies: Vec::new() })
    };
    let mut holders: BTreeMap<CustomerId, HolderFacts> = customers.iter().map(empty).collect();
    let ids: Vec<i64> = customers.iter().map(|(id, _)| id.get()).collect();
    let rows = sqlx::query(COPIES).bind(ids).fetch_all(&mut *connection).await?;
    let copies = rows.iter().map(|row| Ok((issued_coupon_of(row)?, get_u64(row, "ordinal")?)));
    let copies: Vec<(IssuedCoupon, u64)> = copies.collect::<Result<_, StoreError>>()?;
    let mut uses = uses(connection, &copies).await?;
    let limits = limits(connection, &copies).await?;
    let mut counts: BTreeMap<(CustomerId, CouponId), HeldCount> = BTreeMap::new();
    for (copy, ordinal) in copies {
        let nothing = || HeldCount {
            coupon_id: copy.coupon_id,
            counted: 0,
            copies: 0,
            limit: limits.get(&copy.coupon_id.get()).copied(),
        };
        let count = counts.entry((copy.customer_id, copy.coupon_id)).or_insert_with(nothing);
        (count.counted, count.copies) = (count.counted.max(ordinal), count.copies + 1);
        let Some(holder) = holders.get_mut(&copy.customer_id) else { continue };
        let found = uses.remove(&copy.id.get()).unwrap_or_default();
        holder.copies.push(HeldCopy { copy, uses: found.live, lost_orders: found.lost });
    }
    for ((customer, _), count) in counts {
        holders.entry(customer).and_modify(|holder| holder.counts.push(count));
    }
    Ok(holders.into_values().collect())
}

/// The redemptions of a copy.
#[derive(Default)]
struct Uses {
    /// Those that were not given back.
    live: Vec<Redemption>,
    /// The orders, of any of them, that are not there.
    lost: Vec<OrderId>,
}

async fn uses(
    connection: &mut PgConnection,
    copies: &[(IssuedCoupon, u64)],
) -> Result<HashMap<i64, Uses>, StoreErrorOr> {
    let ids: Vec<i64> = copies.iter().map(|(copy, _)| copy.id.get()).collect();
    let mut uses: HashMap<i64, Uses> = HashMap::new();
    for row in sqlx::query(USES).bind(ids).fetch_all(connection).await? {
        let redemption = redemption_of(&row)?;
        let found = uses.entry(redemption.issued_coupon_id.get()).or_default();
        if !get::<bool>(&row, "order_is_there")? {
            found.lost.push(redemption.order_id);
        }
        if redemption.status != RedemptionStatus::Released {
            found.live.push(redemption);
        }
    }
    Ok(uses)
}

/// How many copies of each of their coupons one customer may have.
async fn limits(
    connection: &mut PgConnection,
    copies: &[(IssuedCoupon, u64)],
) -> Result<HashMap<i64, u32>, StoreErrorOr> {
    let mut ids: Vec<i64> = copies.iter().map(|(copy, _)| copy.coupon_id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = sqlx::query(LIMITS).bind(ids).fetch_all(connection).await?;
    let limit = |row: &PgRow| Ok((get(row, "id")?, get_u32(row, "per_customer_limit")?));
    Ok(rows.iter().map(limit).collect::<Result<_, StoreError>>()?)
}
