//! Products, their variants, and customers.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Catalog, Customers};
use commerce_core::{
    Customer, CustomerId, Listing, Page, PageRequest, Product, ProductId, ProductPlace, ProductQuery, StoreError,
};
use sqlx::postgres::PgRow;

use super::products::ProductList;
use super::{before, limit};
use crate::PostgresStore;
use crate::load::{listed_variant_of, product_of};
use crate::row::{get, get_at, get_id, get_text, get_u64};

/// One statement, so that the product and its variants are of one moment.
const LISTING: &str = "select p.id, p.name, p.description, p.base_price, p.currency, p.status, p.version, p.created_at, \
     p.updated_at, v.id as variant_id, v.sku, v.option_name, v.additional_price, v.currency as variant_currency, \
     v.active, v.price_rules, v.version as variant_version, v.created_at as variant_created_at, v.updated_at as variant_updated_at, \
     s.on_hand, s.version as stock_version, coalesce(w.views, 0) as views \
     from products p left join product_variants v on v.product_id = p.id \
     left join product_stocks s on s.variant_id = v.id \
     left join product_views w on w.product_id = p.id where p.id = $1 order by v.id";
const CUSTOMER: &str = "select id, username, name, created_at from customers where id = $1";
const CUSTOMERS: &str = "select id, username, name, created_at from customers where id < $1 order by id desc limit $2";

pub(super) const STATEMENTS: &[&str] = &[LISTING, CUSTOMER, CUSTOMERS];

#[async_trait]
impl Catalog for PostgresStore {
    async fn product(&self, id: ProductId) -> Result<Option<Listing>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(LISTING).bind(id.get()).fetch_all(&pool).await?;
            let Some(first) = rows.first() else { return Ok(None) };
            let product = Arc::new(product_of(first)?);
            let has_variant = get::<Option<i64>>(first, "variant_id")?.is_some();
            let variants = rows.iter().filter(|_| has_variant).map(listed_variant_of).collect::<Result<_, _>>()?;
            Ok(Some(Listing { product, variants, views: get_u64(first, "views")? }))
        })
        .await
    }

    async fn products(
        &self,
        query: &ProductQuery,
        page: PageRequest<ProductPlace>,
    ) -> Result<Page<Arc<Product>, ProductPlace>, StoreError> {
        let asked = ProductList::new(query, page);
        self.run(move |pool| asked.clone().fetch(pool)).await
    }
}

#[async_trait]
impl Customers for PostgresStore {
    async fn customer(&self, id: CustomerId) -> Result<Option<Arc<Customer>>, StoreError> {
        self.run(move |pool| async move {
            let row = sqlx::query(CUSTOMER).bind(id.get()).fetch_optional(&pool).await?;
            Ok(row.as_ref().map(customer_of).transpose()?)
        })
        .await
    }

    async fn customers(&self, page: PageRequest<CustomerId>) -> Result<Page<Arc<Customer>, CustomerId>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(CUSTOMERS).bind(before(page)).bind(limit(&page)).fetch_all(&pool).await?;
            let customers = rows.iter().map(customer_of).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(customers, page.size(), |customer| customer.id))
        })
        .await
    }
}

fn customer_of(row: &PgRow) -> Result<Arc<Customer>, StoreError> {
    Ok(Arc::new(Customer {
        id: get_id(row, "id")?,
        username: get_text(row, "username")?,
        name: get_text(row, "name")?,
        created_at: get_at(row, "created_at")?,
    }))
}
