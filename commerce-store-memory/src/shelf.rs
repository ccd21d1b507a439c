//! Products in every order that they are listed in.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use commerce_core::{Currency, NameKey, Product, ProductId, ProductPlace, ProductSort};

/// The places of all products.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    by_id: BTreeSet<ProductId>,
    by_name: BTreeSet<(Arc<str>, ProductId)>,
    by_price: BTreeSet<(Currency, i64, ProductId)>,
}

impl Shelf {
    pub(crate) fn insert(&mut self, product: &Product, name: &NameKey) {
        self.by_id.insert(product.id);
        self.by_name.insert((Arc::clone(&name.sort_key), product.id));
        self.by_price.insert((product.base_price.currency(), product.base_price.minor(), product.id));
    }

    pub(crate) fn remove(&mut self, product: &Product, name: &NameKey) {
        self.by_id.remove(&product.id);
        self.by_name.remove(&(Arc::clone(&name.sort_key), product.id));
        self.by_price.remove(&(product.base_price.currency(), product.base_price.minor(), product.id));
    }

    /// The products that come after a place, or all, in the order.
    pub(crate) fn after<'a>(
        &'a self,
        sort: ProductSort,
        place: Option<&ProductPlace>,
    ) -> Box<dyn Iterator<Item = ProductId> + 'a> {
        let price = place.map(|place| (place.price.currency(), place.price.minor(), place.id));
        match sort {
            ProductSort::Newest => {
                let end = place.map_or(Bound::Unbounded, |place| Bound::Excluded(place.id));
                Box::new(self.by_id.range((Bound::Unbounded, end)).rev().copied())
            }
            ProductSort::Name => {
                let start = place.map(|place| (Arc::clone(&place.name), place.id));
                let start = start.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(self.by_name.range((start, Bound::Unbounded)).map(|(_, id)| *id))
            }
            ProductSort::PriceUp => {
                let start = price.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(self.by_price.range((start, Bound::Unbounded)).map(|(.., id)| *id))
            }
            ProductSort::PriceDown => {
                let end = price.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(self.by_price.range((Bound::Unbounded, end)).rev().map(|(.., id)| *id))
            }
        }
    }
}
