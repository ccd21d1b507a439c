//! How often products are looked at: counted in the process, written now and then.

use std::collections::HashMap;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::ProductId;
use crate::store::{Store, StoreError};

/// Looks at a product that are to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductViews {
    /// Which product.
    pub product_id: ProductId,
    /// How many.
    pub count: u64,
}

/// Counts views in memory until they are [flushed](Self::flush): one write for all of them, not one a view.
///
/// What has not been flushed is lost when the process dies, so flush once more before it stops. A flush of which the
/// store cannot tell whether it took effect is repeated: a count may come out a little high, never low.
#[derive(Debug, Default)]
pub struct ViewCounter(Mutex<HashMap<ProductId, u64>>);

impl ViewCounter {
    /// Counts a look at a product.
    pub fn count(&self, product: ProductId) {
        self.add(product, 1);
    }

    /// Writes what has been counted since the last flush, and says how many views that were. They are kept if the
    /// store cannot take them.
    ///
    /// # Errors
    /// [`StoreError`] as the store says; what is kept is written by the next flush.
    pub async fn flush(&self, store: &dyn Store) -> Result<u64, StoreError> {
        let counted = take(&mut *self.counts());
        let mut views: Vec<ProductViews> =
            counted.into_iter().map(|(product_id, count)| ProductViews { product_id, count }).collect();
        if views.is_empty() {
            return Ok(0);
        }
        views.sort_unstable_by_key(|views| views.product_id);
        let written = store.add_views(&views).await;
        if written.is_err() {
            views.iter().for_each(|views| self.add(views.product_id, views.count));
        }
        written.map(|()| views.iter().map(|views| views.count).sum())
    }

    fn add(&self, product: ProductId, count: u64) {
        let mut counts = self.counts();
        let sum = counts.entry(product).or_default();
        *sum = sum.saturating_add(count);
    }

    /// Nothing panics under this lock, and a count is whole at any moment.
    fn counts(&self) -> MutexGuard<'_, HashMap<ProductId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
