//! Daily sales and what is popular.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Sales;
use commerce_core::{
    Currency, DailySales, Date, PopularQuery, Popularity, Product, Revenue, RolledUp, Store, StoreError,
};
use sqlx::postgres::PgRow;

use crate::PostgresStore;
use crate::load::product_of;
use crate::row::{get, get_currency, get_id, get_text};

/// A product keeps its currency, so its days can be added up.
const POPULAR: &str = "select p.id, p.name, p.description, p.base_price, p.currency, p.status, p.version, p.created_at, \
     p.updated_at, s.quantity, s.revenue::text, s.revenue_currency \
     from (select product_id, sum(quantity)::bigint as quantity, sum(revenue) as revenue, \
       min(currency) as revenue_currency \
       from product_sales_daily where sold_on between $1 and $2 group by product_id having sum(quantity) > 0 \
       order by 2 desc, 3 desc, 1 limit $3) s \
     join products p on p.id = s.product_id order by s.quantity desc, s.revenue desc, p.id";
const DAY: &str = "select sold_on, product_id, quantity, revenue::text, currency from product_sales_daily \
     where sold_on = $1 order by product_id";

pub(super) const STATEMENTS: &[&str] = &[POPULAR, DAY];

#[async_trait]
impl Sales for PostgresStore {
    async fn popular(&self, query: PopularQuery) -> Result<Vec<(Popularity, Arc<Product>)>, StoreError> {
        let today = self.now().await?.date_in(self.shop().time_zone);
        self.run(move |pool| async move {
            let first = query.first_day(today);
            let rows = sqlx::query(POPULAR)
                .bind(first)
                .bind(today)
                .bind(i64::from(query.top.min(PopularQuery::MAX_TOP)))
                .fetch_all(&pool)
                .await?;
            let ranked = |row: &PgRow| {
                let product = product_of(row)?;
                let revenue = revenue_of(row, "revenue_currency")?;
                let popularity = Popularity { product_id: product.id, quantity: get(row, "quantity")?, revenue };
                Ok::<_, StoreError>((popularity, Arc::new(product)))
            };
            Ok(rows.iter().map(ranked).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn daily_sales(&self, date: Date, currency: Option<Currency>) -> Result<Vec<DailySales>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(DAY).bind(date).fetch_all(&pool).await?;
            let mut days = rows.iter().map(daily_sales_of).collect::<Result<Vec<_>, _>>()?;
            days.retain(|day: &DailySales| currency.is_none_or(|currency| day.revenue.currency() == currency));
            Ok(days)
        })
        .await
    }

    async fn roll_up(&self, date: Date) -> Result<RolledUp, StoreError> {
        self.roll_up_day(date).await
    }
}

/// A day's sales of a product.
pub(crate) fn daily_sales_of(row: &PgRow) -> Result<DailySales, StoreError> {
    Ok(DailySales {
        product_id: get_id(row, "product_id")?,
        date: get(row, "sold_on")?,
        quantity: get(row, "quantity")?,
        revenue: revenue_of(row, "currency")?,
    })
}

/// A sum without a bound, read as digits.
fn revenue_of(row: &PgRow, currency: &'static str) -> Result<Revenue, StoreError> {
    Ok(Revenue::new(get_text(row, "revenue")?, get_currency(row, currency)?))
}
