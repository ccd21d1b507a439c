//! The model's carts: maps of variants, the bounds once more by hand.

use std::collections::BTreeMap;

use commerce_core::{AddCartItem, Command, LineRequest, MergeCart, MergedCart, Quantity};

use crate::support::coverage::Coverage;
use crate::support::model::{Model, Verdict, refuse_if};

const MAX_LINES: usize = 100;
const MAX_UNITS: i64 = 1_000_000;
const MAX: i64 = 1_000_000_000_000_000;

/// What is known of one variant in a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) units: i64,
    pub(crate) price: i64,
    pub(crate) currency: String,
    pub(crate) added: i64,
}

pub(crate) type Items = BTreeMap<i64, Item>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Cart {
    pub(crate) items: Items,
    pub(crate) version: u64,
}

impl Cart {
    /// Oldest first, then by variant.
    fn in_order(&self) -> Vec<(i64, &Item)> {
        let mut items: Vec<_> = self.items.iter().map(|(variant, item)| (*variant, item)).collect();
        items.sort_by_key(|(variant, item)| (item.added, *variant));
        items
    }

    pub(crate) fn lines(&self) -> Vec<LineRequest> {
        let line = |(variant, item): (i64, &Item)| LineRequest {
            variant_id: variant.try_into().expect("an id"),
            quantity: Quantity::new(item.units).expect("a quantity"),
        };
        self.in_order().into_iter().map(line).collect()
    }

    /// The store's cart is this one.
    pub(crate) fn assert_is(&self, cart: &commerce_core::Cart) {
        let found = cart.items.iter().map(|item| {
            let price = (item.saved_price.minor(), item.saved_price.currency().to_string());
            (item.variant_id.get(), i64::from(item.quantity.get()), price, item.added_at.as_micros())
        });
        let expected = self.in_order().into_iter();
        let expected = expected.map(|(id, item)| (id, item.units, (item.price, item.currency.clone()), item.added));
        assert!(found.eq(expected), "{cart:?} is not {self:?}");
        assert_eq!((cart.version, cart.updated_at.is_some()), (self.version, self.version > 0), "{cart:?}");
    }
}

impl Model {
    /// The customer's cart, at that version.
    pub(super) fn cart_at(&self, customer: i64, version: Option<u64>) -> Result<Cart, &'static str> {
        refuse_if(!self.customers.contains_key(&customer), "customer_not_found")?;
        let cart = self.carts.get(&customer).cloned().unwrap_or_default();
        refuse_if(version.is_some_and(|version| version != cart.version), "version_mismatch")?;
        Ok(cart)
    }

    pub(super) fn has_item(&self, customer: i64, variant: i64, version: Option<u64>) -> Verdict {
        let cart = self.cart_at(customer, version)?;
        refuse_if(!cart.items.contains_key(&variant), "cart_item_not_found")
    }

    pub(super) fn add_item(&self, c: &AddCartItem, now: i64) -> Result<Items, &'static str> {
        let cart = self.cart_at(c.customer_id.get(), None)?;
        self.with(cart.items, c.variant_id.get(), i64::from(c.quantity.get()), now)
    }

    /// The items with more of a variant, or what refuses it.
    fn with(&self, mut items: Items, id: i64, units: i64, now: i64) -> Result<Items, &'static str> {
        let variant = self.variants.get(&id).ok_or("variant_not_found")?;
        let product = &self.products[&variant.product];
        refuse_if(!product.on_sale, "product_not_on_sale")?;
        refuse_if(!variant.active, "variant_inactive")?;
        let plain = product.base + variant.additional;
        refuse_if(plain > MAX, "amount_out_of_range")?;
        let price = variant.prices.unit(plain, units, now).0;
        if let Some(item) = items.get_mut(&id) {
            refuse_if(item.units + units > MAX_UNITS, "quantity_out_of_range")?;
            item.units += units;
            return Ok(items);
        }
        let mixed = items.values().any(|item| item.currency != product.currency);
        refuse_if(mixed, "currency_mismatch")?;
        refuse_if(items.len() >= MAX_LINES, "too_many_lines")?;
        items.insert(id, Item { units, price, currency: product.currency.clone(), added: now });
        Ok(items)
    }

    /// The customer's cart has these items from now on.
    pub(super) fn change(&mut self, customer: i64, items: Items) -> bool {
        let there = self.carts.get(&customer).cloned().unwrap_or_default();
        let changed = there.items != items;
        if changed {
            self.carts.insert(customer, Cart { items, version: there.version + 1 });
        }
        changed
    }

    pub(super) fn edited(&mut self, command: &Command, cart: &commerce_core::Cart, now: i64, seen: &mut Coverage) {
        let customer = cart.customer_id.get();
        let before = self.cart_at(customer, None).expect("a customer").items;
        let mut items = before.clone();
        match command {
            Command::AddCartItem(c) => {
                items = self.add_item(c, now).expect("accepted");
                if items.len() == before.len() {
                    seen.note("more of one item");
                }
            }
            Command::UpdateCartItem(c) => {
                items.get_mut(&c.variant_id.get()).expect("an item").units = i64::from(c.quantity.get());
            }
            Command::RemoveCartItem(c) => assert!(items.remove(&c.variant_id.get()).is_some()),
            Command::ClearCart(_) => items.clear(),
            _ => panic!("{cart:?} is no answer to {command:?}"),
        }
        if !self.change(customer, items) {
            seen.note("a cart changed by nothing");
        }
        self.carts.get(&customer).cloned().unwrap_or_default().assert_is(cart);
    }

    pub(super) fn merged(&mut self, c: &MergeCart, merged: &MergedCart, now: i64, seen: &mut Coverage) {
        let customer = c.customer_id.get();
        let mut items = self.cart_at(customer, None).expect("a customer").items;
        let mut refused = Vec::new();
        for line in &c.lines {
            match self.with(items.clone(), line.variant_id.get(), i64::from(line.quantity.get()), now) {
                Ok(with) => items = with,
                Err(code) => refused.push((*line, code)),
            }
        }
        let found = merged.refused.iter().map(|refused| (refused.line, refused.reason.code()));
        assert!(found.eq(refused.iter().copied()), "{merged:?} does not refuse {refused:?}");
        if !refused.is_empty() {
            seen.note("a line left out of a merge");
        }
        self.change(customer, items);
        self.carts.get(&customer).cloned().unwrap_or_default().assert_is(&merged.cart);
    }
}
