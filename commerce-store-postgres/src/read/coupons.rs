//! Coupons and customers' copies.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Coupons;
use commerce_core::{
    CopyPlace, Coupon, CouponCode, CouponId, CustomerId, IssuedCoupon, IssuedCouponId, Page, PageRequest,
    SingleUseCode, StoreError, Timestamp,
};
use sqlx::postgres::PgRow;

use super::{before, limit};
use crate::PostgresStore;
use crate::load::{COUPONS as COUPONS_BY_ID, code_of, codes, copies, coupon_of, coupons, issued_coupon_of};
use crate::row::{corrupt, get_at, get_id};

const COUPONS: &str = coupons!("where c.id < $1 order by c.id desc limit $2");
const COPIES: &str = copies!("where customer_id = $3 and id < $1 order by id desc limit $2");
const COPIES_OF: &str =
    copies!("where coupon_id = $3 and (customer_id, id) > ($1, $4) order by customer_id, id limit $2");
/// The statement's own start is the time: unlike a clock that runs, it can bound an index scan.
const ENDED: &str = "select ends_at, id from coupons where (ends_at, id) > ($1, $3) \
     and ends_at <= coalesce($4, statement_timestamp()) order by ends_at, id limit $2";

const CODES_OF: &str = codes!("where coupon_id = $3 and own is null and code > $1 order by code limit $2");

pub(super) const STATEMENTS: &[&str] = &[COUPONS, COPIES, COPIES_OF, ENDED, CODES_OF];

#[async_trait]
impl Coupons for PostgresStore {
    async fn coupon(&self, id: CouponId) -> Result<Option<(Arc<Coupon>, u32)>, StoreError> {
        self.run(move |pool| async move {
            let row = sqlx::query(COUPONS_BY_ID).bind(vec![id.get()]).fetch_optional(&pool).await?;
            let coupon = row.as_ref().map(coupon_of).transpose()?;
            Ok(coupon.map(|(coupon, issued)| (Arc::new(coupon), issued)))
        })
        .await
    }

    async fn coupons(&self, page: PageRequest<CouponId>) -> Result<Page<(Arc<Coupon>, u32), CouponId>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(COUPONS).bind(before(page)).bind(limit(&page)).fetch_all(&pool).await?;
            let coupons = rows.iter().map(coupon_of).collect::<Result<Vec<_>, _>>()?;
            let shared = coupons.into_iter().map(|(coupon, issued)| (Arc::new(coupon), issued));
            Ok(Page::cut(shared, page.size(), |(coupon, _)| coupon.id))
        })
        .await
    }

    async fn issued_coupons(
        &self,
        customer: CustomerId,
        page: PageRequest<IssuedCouponId>,
    ) -> Result<Page<(IssuedCoupon, Arc<Coupon>), IssuedCouponId>, StoreError> {
        self.run(move |pool| async move {
            let query = sqlx::query(COPIES).bind(before(page)).bind(limit(&page)).bind(customer.get());
            let copies = query.fetch_all(&pool).await?.iter().map(issued_coupon_of).collect::<Result<Vec<_>, _>>()?;
            let mut ids: Vec<i64> = copies.iter().map(|copy| copy.coupon_id.get()).collect();
            ids.sort_unstable();
            ids.dedup();
            let rows = sqlx::query(COUPONS_BY_ID).bind(ids).fetch_all(&pool).await?;
            let coupons = rows.iter().map(coupon_of).collect::<Result<Vec<_>, _>>()?;
            let campaigns: HashMap<CouponId, Arc<Coupon>> =
                coupons.into_iter().map(|(coupon, _)| (coupon.id, Arc::new(coupon))).collect();
            let with_campaign = |copy: IssuedCoupon| {
                let campaign = campaigns.get(&copy.coupon_id).cloned();
                campaign.map(|campaign| (copy, campaign)).ok_or_else(|| corrupt("a copy of no coupon"))
            };
            let copies = copies.into_iter().map(with_campaign).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(copies, page.size(), |(copy, _)| copy.id))
        })
        .await
    }

    async fn copies_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CopyPlace>,
    ) -> Result<Page<IssuedCoupon, CopyPlace>, StoreError> {
        let (customer, copy) = page.after.map_or((0, 0), |(customer, copy)| (customer.get(), copy.get()));
        self.run(move |pool| async move {
            let query = sqlx::query(COPIES_OF).bind(customer).bind(limit(&page)).bind(coupon.get()).bind(copy);
            let rows = query.fetch_all(&pool).await?;
            let copies = rows.iter().map(issued_coupon_of).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(copies, page.size(), |copy| (copy.customer_id, copy.id)))
        })
        .await
    }

    async fn codes_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CouponCode>,
    ) -> Result<Page<Arc<SingleUseCode>, CouponCode>, StoreError> {
        let (limit, size) = (limit(&page), page.size());
        // No code is empty.
        let after = page.after.map(|code| code.to_string()).unwrap_or_default();
        self.run(move |pool| {
            let after = after.clone();
            async move {
                let query = sqlx::query(CODES_OF).bind(after).bind(limit).bind(coupon.get());
                let rows = query.fetch_all(&pool).await?;
                let codes = rows.iter().map(|row| code_of(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
                Ok(Page::cut(codes, size, |code| code.code.clone()))
            }
        })
        .await
    }

    async fn ended_coupons(
        &self,
        from: Timestamp,
        page: PageRequest<(Timestamp, CouponId)>,
    ) -> Result<Page<(Timestamp, CouponId), (Timestamp, CouponId)>, StoreError> {
        let now = self.statement_time();
        let (end, id) = page.after.map_or((from, 0), |(end, id)| (end, id.get()));
        self.run(move |pool| async move {
            let query = sqlx::query(ENDED).bind(end.to_utc()).bind(limit(&page)).bind(id).bind(now);
            let rows = query.fetch_all(&pool).await?;
            let place = |row: &PgRow| Ok((get_at(row, "ends_at")?, get_id(row, "id")?));
            let ended = rows.iter().map(place).collect::<Result<Vec<_>, StoreError>>()?;
            Ok(Page::cut(ended, page.size(), |place| *place))
        })
        .await
    }
}
