//! Carts: what a customer means to buy. A cart holds nothing: no stock, no price, no coupon.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{LineRequest, Quantity};
use crate::ids::{CustomerId, ProductId, VariantId};
use crate::money::Money;
use crate::order::MAX_LINES;
use crate::rejection::Rejection;
use crate::text::{Name, Sku};
use crate::time::Timestamp;

/// One variant in a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartItem {
    /// What.
    pub variant_id: VariantId,
    /// How many units.
    pub quantity: Quantity,
    /// What one unit cost when the variant came into the cart, of as many as came. Adding more later, or changing the quantity,
    /// leaves it: the customer is told of every change since then.
    pub saved_price: Money,
    /// When the variant came into the cart.
    pub added_at: Timestamp,
}

/// A customer's cart; each has one. A new version is a new value.
///
/// At most [`MAX_LINES`] items, each variant once, all in one currency, oldest first (then by variant). A cart stays
/// when it is emptied, so that its versions never come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What is in it.
    pub items: Vec<CartItem>,
    /// Counts changes of the cart; 0 before the first.
    pub version: u64,
    /// When it last changed; none before the first change.
    pub updated_at: Option<Timestamp>,
}

impl Cart {
    /// A cart that nothing was ever put into.
    #[must_use]
    pub const fn empty(customer_id: CustomerId) -> Self {
        Self { customer_id, items: Vec::new(), version: 0, updated_at: None }
    }

    /// The item of a variant, if it is in the cart.
    #[must_use]
    pub fn item(&self, variant: VariantId) -> Option<&CartItem> {
        self.items.iter().find(|item| item.variant_id == variant)
    }

    /// What an order of the cart asks for.
    #[must_use]
    pub fn lines(&self) -> Vec<LineRequest> {
        let line = |item: &CartItem| LineRequest { variant_id: item.variant_id, quantity: item.quantity };
        self.items.iter().map(line).collect()
    }

    /// The cart's next version, with these items.
    pub(crate) fn changed(&self, items: Vec<CartItem>, now: Timestamp) -> Self {
        Self { customer_id: self.customer_id, items, version: self.version + 1, updated_at: Some(now) }
    }
}

/// Puts `new` among the items, its quantity added to what is there of its variant. Refused beyond the bounds of a
/// cart, and then nothing has changed.
pub(crate) fn admit(items: &mut Vec<CartItem>, new: CartItem) -> Result<(), Rejection> {
    if let Some(known) = items.iter_mut().find(|item| item.variant_id == new.variant_id) {
        known.quantity = Quantity::new(i64::from(known.quantity) + i64::from(new.quantity))?;
        return Ok(());
    }
    if let Some(first) = items.first() {
        first.saved_price.same_currency(new.saved_price)?;
    }
    if items.len() >= MAX_LINES {
        return Err(Rejection::TooManyLines { lines: items.len() + 1, max: MAX_LINES });
    }
    items.push(new);
    // The clock may have run backwards.
    items.sort_unstable_by_key(|item| (item.added_at, item.variant_id));
    Ok(())
}

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedCart {
    /// The cart with what could be taken.
    pub cart: Arc<Cart>,
    /// What could not, in the order it was given.
    pub refused: Vec<RefusedLine>,
}

/// A line that a merge left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLine {
    /// The line as it was given.
    pub line: LineRequest,
    /// Why it was not taken.
    pub reason: Rejection,
}

/// A cart as it looks now: at present prices, with what can be bought. Nothing is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartView {
    /// The cart as it is stored.
    pub cart: Arc<Cart>,
    /// Its items, in their order.
    pub lines: Vec<CartLine>,
    /// What the lines that can be bought cost together; none for an empty cart, which has no currency.
    pub total: Option<Money>,
}

/// An item of a cart, next to the records as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartLine {
    /// The item as it was saved.
    pub item: CartItem,
    /// The product.
    pub product_id: ProductId,
    /// The product's name.
    pub product_name: Name,
    /// The option's name.
    pub option_name: Option<Name>,
    /// The variant's SKU.
    pub sku: Sku,
    /// What one unit costs now; none beyond the bounds of an amount, which `refusal` then tells.
    pub unit_price: Option<Money>,
    /// Units on hand now.
    pub on_hand: u64,
    /// Present price times quantity, for a line that can be bought.
    pub subtotal: Option<Money>,
    /// Why it cannot be bought now: the first rule that would refuse an order of the lines that can be bought before
    /// it, and this one.
    pub refusal: Option<Rejection>,
}

impl CartLine {
    /// Whether a unit costs something else than when the variant came into the cart.
    #[must_use]
    pub fn price_changed(&self) -> bool {
        self.unit_price != Some(self.item.saved_price)
    }
}
