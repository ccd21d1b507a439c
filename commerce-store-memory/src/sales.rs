//! Running sums of what was sold.

use commerce_core::{Currency, Popularity, ProductId, Revenue};

/// Units and money of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SalesSum {
    pub(crate) quantity: i64,
    pub(crate) revenue: Revenue,
}

impl SalesSum {
    /// Nothing sold yet. A product keeps its currency.
    pub(crate) const fn nothing(currency: Currency) -> Self {
        Self { quantity: 0, revenue: Revenue::zero(currency) }
    }

    /// No number of orders comes near the limit of either.
    pub(crate) const fn add(&mut self, quantity: i64, revenue: Revenue) {
        self.quantity = self.quantity.saturating_add(quantity);
        self.revenue = self.revenue.plus(revenue);
    }

    /// The standing of the product.
    pub(crate) const fn told(&self, product_id: ProductId) -> Popularity {
        Popularity { product_id, quantity: self.quantity, revenue: self.revenue }
    }
}
