//! How often products are looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Views;
use commerce_core::{PopularQuery, Product, ProductViews, StoreError};

use crate::PostgresStore;
use crate::load::product_of;
use crate::row::get_u64;

/// Ascending by id, so that two of these meet in one direction.
const ADD: &str = "insert into product_views as v (product_id, views) \
     select p.id, u.count from unnest($1::bigint[], $2::bigint[]) as u (id, count) join products p on p.id = u.id \
     order by p.id on conflict (product_id) do update set views = v.views + least(excluded.views, \
       9223372036854775807 - v.views)";
/// The array keeps the planner from reading all products for a number of rows that it cannot know.
const MOST: &str = "select p.id, p.name, p.description, p.base_price, p.currency, p.status, p.version, p.created_at, \
     p.updated_at, v.views from products p join product_views v on v.product_id = p.id where p.id = any(array( \
       select product_id from product_views order by views desc, product_id limit $1)) order by v.views desc, p.id";

pub(super) const STATEMENTS: &[&str] = &[ADD, MOST];

#[async_trait]
impl Views for PostgresStore {
    async fn add_views(&self, views: &[ProductViews]) -> Result<(), StoreError> {
        // One row a product: a statement cannot add to a row twice.
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        for views in views.iter().filter(|views| views.count > 0) {
            let sum = sums.entry(views.product_id.get()).or_default();
            *sum = sum.saturating_add(i64::try_from(views.count).unwrap_or(i64::MAX));
        }
        let (ids, counts): (Vec<i64>, Vec<i64>) = sums.into_iter().unzip();
        self.run(move |pool| {
            let query = sqlx::query(ADD).bind(ids.clone()).bind(counts.clone());
            async move {
                query.execute(&pool).await?;
                Ok(())
            }
        })
        .await
    }

    async fn most_viewed(&self, top: u32) -> Result<Vec<(u64, Arc<Product>)>, StoreError> {
        let limit = i64::from(top.min(PopularQuery::MAX_TOP));
        self.run(move |pool| async move {
            let rows = sqlx::query(MOST).bind(limit).fetch_all(&pool).await?;
            let viewed = |row| Ok::<_, StoreError>((get_u64(row, "views")?, Arc::new(product_of(row)?)));
            Ok(rows.iter().map(viewed).collect::<Result<_, _>>()?)
        })
        .await
    }
}
