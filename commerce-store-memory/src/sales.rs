//! Running sums of what was sold.

use commerce_core::{Currency, DailySales, Money, Popularity, ProductId, StoreError};

/// Units and money, summed wider than any amount may be: adding never fails and never loses anything. A sum past
/// the bounds is found out when it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SalesSum {
    quantity: i128,
    minor: i128,
    currency: Currency,
}

impl SalesSum {
    /// Nothing sold yet. A product keeps its currency.
    pub(crate) const fn nothing(currency: Currency) -> Self {
        Self { quantity: 0, minor: 0, currency }
    }

    pub(crate) const fn currency(&self) -> Currency {
        self.currency
    }

    pub(crate) fn count(&mut self, sold: &DailySales) {
        self.quantity += i128::from(sold.quantity);
        self.minor += i128::from(sold.revenue.minor());
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.quantity += other.quantity;
        self.minor += other.minor;
    }

    /// The figures of a product, if they are within the bounds.
    pub(crate) fn told(&self, product_id: ProductId) -> Result<Popularity, StoreError> {
        let beyond =
            || StoreError::Corrupt { what: format!("the sales of product {product_id} are beyond the bounds") };
        let minor = i64::try_from(self.minor).map_err(|_| beyond())?;
        Ok(Popularity {
            product_id,
            quantity: i64::try_from(self.quantity).map_err(|_| beyond())?,
            revenue: Money::new(minor, self.currency).map_err(|_| beyond())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use commerce_core::{Date, MAX_MINOR};

    use super::*;

    #[test]
    fn a_sum_past_the_bound_is_refused_and_comes_back_within_it() {
        let product_id = ProductId::MIN;
        let sold = |quantity, minor| {
            let revenue = Money::new(minor, Currency::KRW).expect("an amount");
            DailySales { product_id, date: Date::MIN, quantity, revenue }
        };
        let mut sum = SalesSum::nothing(Currency::KRW);
        sum.count(&sold(2, MAX_MINOR));
        assert_eq!(sum.told(product_id).map(|told| (told.quantity, told.revenue.minor())), Ok((2, MAX_MINOR)));
        sum.count(&sold(1, 1));
        assert!(matches!(sum.told(product_id), Err(StoreError::Corrupt { .. })));
        sum.count(&sold(-1, -5));
        assert_eq!(sum.told(product_id).map(|told| (told.quantity, told.revenue.minor())), Ok((2, MAX_MINOR - 4)));
        sum.count(&sold(i64::MAX, 0));
        assert!(matches!(sum.told(product_id), Err(StoreError::Corrupt { .. })));
    }
}
