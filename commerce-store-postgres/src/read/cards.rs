//! Charges and top-ups.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Charges, TopUps};
use commerce_core::{
    Charge, ChargeId, CustomerId, Id, OrderId, Page, PageRequest, StoreError, Timestamp, TopUp, TopUpId,
};
use sqlx::postgres::PgRow;

use super::{before, limit};
use crate::PostgresStore;
use crate::load::{CHARGES, TOP_UPS, charge_of, charges, top_up_of, top_ups};

const OF_ORDER: &str = charges!("where order_id = $1 order by attempt");
const OPEN: &str = charges!(
    "where status in ('initiated', 'pending', 'refund_due') and id > $1 and updated_at < $3 order by id limit $2"
);
const OF_CUSTOMER: &str = top_ups!("where customer_id = $3 and id < $1 order by id desc limit $2");

pub(super) const STATEMENTS: &[&str] = &[OF_ORDER, OPEN, OF_CUSTOMER];

fn all(rows: &[PgRow]) -> Result<Vec<Arc<Charge>>, StoreError> {
    rows.iter().map(|row| charge_of(row).map(Arc::new)).collect()
}

#[async_trait]
impl Charges for PostgresStore {
    async fn charge(&self, id: ChargeId) -> Result<Option<Arc<Charge>>, StoreError> {
        self.run(move |pool| async move {
            let row = sqlx::query(CHARGES).bind(vec![id.get()]).fetch_optional(&pool).await?;
            Ok(row.as_ref().map(charge_of).transpose()?.map(Arc::new))
        })
        .await
    }

    async fn charges_of(&self, order: OrderId) -> Result<Vec<Arc<Charge>>, StoreError> {
        self.run(move |pool| async move { Ok(all(&sqlx::query(OF_ORDER).bind(order.get()).fetch_all(&pool).await?)?) })
            .await
    }

    async fn open_charges(
        &self,
        before: Timestamp,
        page: PageRequest<ChargeId>,
    ) -> Result<Page<Arc<Charge>, ChargeId>, StoreError> {
        self.run(move |pool| async move {
            let after = page.after.map_or(0, Id::get);
            let query = sqlx::query(OPEN).bind(after).bind(limit(&page)).bind(before.to_utc());
            Ok(Page::cut(all(&query.fetch_all(&pool).await?)?, page.size(), |charge| charge.id))
        })
        .await
    }
}

#[async_trait]
impl TopUps for PostgresStore {
    async fn top_up(&self, id: TopUpId) -> Result<Option<Arc<TopUp>>, StoreError> {
        self.run(move |pool| async move {
            let row = sqlx::query(TOP_UPS).bind(vec![id.get()]).fetch_optional(&pool).await?;
            Ok(row.as_ref().map(top_up_of).transpose()?.map(Arc::new))
        })
        .await
    }

    async fn top_ups(
        &self,
        customer: CustomerId,
        page: PageRequest<TopUpId>,
    ) -> Result<Page<Arc<TopUp>, TopUpId>, StoreError> {
        self.run(move |pool| async move {
            let query = sqlx::query(OF_CUSTOMER).bind(before(page)).bind(limit(&page)).bind(customer.get());
            let rows = query.fetch_all(&pool).await?;
            let top_ups = rows.iter().map(|row| top_up_of(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(top_ups, page.size(), |top_up| top_up.id))
        })
        .await
    }
}
