//! Orders, their payments and histories.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Orders;
use commerce_core::{
    CustomerId, Id, Order, OrderEvent, OrderId, OrderStatus, Page, PageRequest, Payment, Refund, RefundId, StoreError,
    Timestamp,
};
use sqlx::types::Json;

use super::{before, limit};
use crate::PostgresStore;
use crate::error::Failure;
use crate::load::{PAYMENTS, orders, orders_by_id, orders_of, payment_of, refunds, refunds_from, refunds_of};
use crate::row::get_id;

const ORDERS: &str = orders!("where customer_id = $3 and id < $1 order by id desc limit $2");
const ORDERS_OF_STATUS: &str = orders!("where customer_id = $3 and id < $1 and status = $4 order by id desc limit $2");
/// The statement's own start is the time: unlike a clock that runs, it can bound an index scan.
const DUE: &str = "select id from orders where status = 'pending' and expires_at <= coalesce($1, statement_timestamp()) \
     order by expires_at, id limit $2";
const PENDING: &str = refunds!("where status = 'pending' and id > $1 and updated_at < $3 order by id limit $2");
pub(crate) const HISTORY: &str = "select payload from order_events where order_id = $1 order by sequence";

pub(super) const STATEMENTS: &[&str] = &[ORDERS, ORDERS_OF_STATUS, DUE, PENDING, HISTORY];

#[async_trait]
impl Orders for PostgresStore {
    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        self.run(move |pool| async move {
            let mut connection = pool.acquire().await?;
            Ok(orders_by_id(&mut connection, &[id.get()]).await?.pop())
        })
        .await
    }

    async fn orders(
        &self,
        customer: CustomerId,
        status: Option<OrderStatus>,
        page: PageRequest<OrderId>,
    ) -> Result<Page<Arc<Order>, OrderId>, StoreError> {
        self.run(move |pool| async move {
            let mut connection = pool.acquire().await?;
            let statement = if status.is_some() { ORDERS_OF_STATUS } else { ORDERS };
            let query = sqlx::query(statement).bind(before(page)).bind(limit(&page)).bind(customer.get());
            let query = match status {
                Some(status) => query.bind(status.as_str()),
                None => query,
            };
            let rows = query.fetch_all(&mut *connection).await?;
            let orders = orders_of(&mut connection, &rows).await?;
            Ok(Page::cut(orders, page.size(), |order| order.id))
        })
        .await
    }

    async fn due_orders(&self, limit: u32) -> Result<Vec<OrderId>, StoreError> {
        let (now, page) = (self.statement_time(), PageRequest::<OrderId>::first(limit));
        self.run(move |pool| async move {
            let limit = i64::try_from(page.size()).unwrap_or(i64::MAX);
            let rows = sqlx::query(DUE).bind(now).bind(limit).fetch_all(&pool).await?;
            Ok(rows.iter().map(|row| get_id(row, "id")).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn payment(&self, order: OrderId) -> Result<Option<Arc<Payment>>, StoreError> {
        self.run(move |pool| async move {
            let row = sqlx::query(PAYMENTS).bind(vec![order.get()]).fetch_optional(&pool).await?;
            Ok(row.as_ref().map(payment_of).transpose()?.map(Arc::new))
        })
        .await
    }

    async fn refunds(&self, order: OrderId) -> Result<Vec<Arc<Refund>>, StoreError> {
        self.run(move |pool| async move {
            let mut connection = pool.acquire().await?;
            Ok(refunds_of(&mut connection, &[order.get()]).await?)
        })
        .await
    }

    async fn pending_refunds(
        &self,
        before: Timestamp,
        page: PageRequest<RefundId>,
    ) -> Result<Page<Arc<Refund>, RefundId>, StoreError> {
        self.run(move |pool| async move {
            let mut connection = pool.acquire().await?;
            let after = page.after.map_or(0, Id::get);
            let query = sqlx::query(PENDING).bind(after).bind(limit(&page)).bind(before.to_utc());
            let rows = query.fetch_all(&mut *connection).await?;
            Ok(Page::cut(refunds_from(&mut connection, &rows).await?, page.size(), |refund| refund.id))
        })
        .await
    }

    async fn history(&self, order: OrderId) -> Result<Vec<Arc<OrderEvent>>, StoreError> {
        self.run(move |pool| async move {
            let events: Vec<Json<OrderEvent>> =
                sqlx::query_scalar(HISTORY).bind(order.get()).fetch_all(&pool).await.map_err(Failure::from)?;
            Ok(events.into_iter().map(|event| Arc::new(event.0)).collect())
        })
        .await
    }
}
