//! Carts.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::Carts;
use commerce_core::{Cart, CustomerId, StoreError};

use crate::PostgresStore;
use crate::load::{CARTS, carts_of};

#[async_trait]
impl Carts for PostgresStore {
    async fn cart(&self, customer: CustomerId) -> Result<Option<Arc<Cart>>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(CARTS).bind(vec![customer.get()]).fetch_all(&pool).await?;
            Ok(carts_of(&rows)?.pop())
        })
        .await
    }
}
