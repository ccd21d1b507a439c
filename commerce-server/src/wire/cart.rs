//! Carts on the wire.

use commerce_core::{
    Basket as CoreBasket, BasketLines, Cart as CoreCart, CartItem as CoreItem, CartLine as CoreLine,
    CartLines as CoreCartLines, CartView as CoreView, IssuedCouponId, LineRequest as CoreLineRequest,
    MergedCart as CoreMerged, Name, ProductId, Quantity, RefusedLine as CoreRefused, Rejection, Sku, VariantId,
};

use super::money::Money;
use super::order::{LineRequest, Refusal};
use super::scalar::{Instant, Text, WireId};
use super::schema::{request, response};

request! {
    /// How many units of the variant.
    CartQuantity {
        /// The quantity from now on: 1 to 1,000,000.
        quantity: i64,
    }

    /// What was collected before signing in.
    CartMerge {
        /// One to a hundred lines.
        lines: Vec<LineRequest>,
    }

    /// All that is in one's cart.
    CartLines {
        /// The version of the cart that was read: refused if the cart has changed since. Absent takes whatever there is.
        version: Option<u64>,
    }
}

response! {
    /// One variant in a cart.
    CartItem {
        /// What.
        variant_id: WireId<VariantId>,
        /// How many units.
        quantity: u32,
        /// What one unit cost when the variant came into the cart.
        saved_price: Money,
        /// When the variant came into the cart.
        added_at: Instant,
    }

    /// A cart after an edit, as it is stored.
    Cart {
        /// What is in it, oldest first.
        items: Vec<CartItem>,
        /// Counts changes of the cart; its ETag as well.
        version: u64,
        /// When it last changed; absent before the first change.
        updated_at: Option<Instant>,
    }

    /// A line that was left out.
    RefusedLine {
        /// What was asked for.
        variant_id: WireId<VariantId>,
        /// How many units of it.
        quantity: u32,
        /// Why it was not taken.
        refusal: Refusal,
    }

    /// A cart after a merge.
    MergedCart {
        /// The cart with what could be taken.
        cart: Cart,
        /// What could not, in the order it was given.
        refused: Vec<RefusedLine>,
    }

    /// An item of a cart, next to what there is to know of it now.
    CartLine {
        /// The variant.
        variant_id: WireId<VariantId>,
        /// The product.
        product_id: WireId<ProductId>,
        /// The product's name.
        product_name: Text<Name>,
        /// The option's name.
        option_name: Option<Text<Name>>,
        /// The variant's SKU.
        sku: Text<Sku>,
        /// How many units.
        quantity: u32,
        /// What one unit cost when the variant came into the cart.
        saved_price: Money,
        /// What one unit costs now; absent if it is more than an amount can be.
        unit_price: Option<Money>,
        /// Whether these two differ.
        price_changed: bool,
        /// Units on hand now.
        stock: u64,
        /// Whether the line can be bought now.
        available: bool,
        /// Present price times quantity, for a line that can be bought.
        subtotal: Option<Money>,
        /// Why it cannot be bought now.
        refusal: Option<Refusal>,
        /// When the variant came into the cart.
        added_at: Instant,
    }

    /// A cart as it looks now; nothing is held.
    CartView {
        /// What is in it, oldest first.
        lines: Vec<CartLine>,
        /// What the lines that can be bought cost together; absent for an empty cart, which has no currency.
        total: Option<Money>,
        /// Counts changes of the cart; 0 before the first, its ETag from then on.
        version: u64,
        /// When it last changed; absent before the first change.
        updated_at: Option<Instant>,
    }
}

/// A line in the core's words; refused if the quantity is out of range.
pub fn line(line: &LineRequest) -> Result<CoreLineRequest, Rejection> {
    Ok(CoreLineRequest { variant_id: line.variant_id.0, quantity: Quantity::new(line.quantity)? })
}

/// The core's basket of what is in the cart.
#[must_use]
pub fn basket(cart: &CartLines, coupons: Option<&[WireId<IssuedCouponId>]>) -> CoreBasket {
    CoreBasket {
        lines: BasketLines::Cart(CoreCartLines { cart_version: cart.version }),
        coupons: coupons.unwrap_or_default().iter().map(|id| id.0).collect(),
    }
}

impl From<&CoreItem> for CartItem {
    fn from(item: &CoreItem) -> Self {
        Self {
            variant_id: WireId(item.variant_id),
            quantity: item.quantity.get(),
            saved_price: Money(item.saved_price),
            added_at: Instant(item.added_at),
        }
    }
}

impl From<&CoreCart> for Cart {
    fn from(cart: &CoreCart) -> Self {
        Self {
            items: cart.items.iter().map(CartItem::from).collect(),
            version: cart.version,
            updated_at: cart.updated_at.map(Instant),
        }
    }
}

impl From<&CoreRefused> for RefusedLine {
    fn from(refused: &CoreRefused) -> Self {
        Self {
            variant_id: WireId(refused.line.variant_id),
            quantity: refused.line.quantity.get(),
            refusal: Refusal::from(&refused.reason),
        }
    }
}

impl From<&CoreMerged> for MergedCart {
    fn from(merged: &CoreMerged) -> Self {
        Self { cart: Cart::from(&*merged.cart), refused: merged.refused.iter().map(RefusedLine::from).collect() }
    }
}

impl From<&CoreLine> for CartLine {
    fn from(line: &CoreLine) -> Self {
        Self {
            variant_id: WireId(line.item.variant_id),
            product_id: WireId(line.product_id),
            product_name: Text(line.product_name.clone()),
            option_name: line.option_name.clone().map(Text),
            sku: Text(line.sku.clone()),
            quantity: line.item.quantity.get(),
            saved_price: Money(line.item.saved_price),
            unit_price: line.unit_price.map(Money),
            price_changed: line.price_changed(),
            stock: line.on_hand,
            available: line.refusal.is_none(),
            subtotal: line.subtotal.map(Money),
            refusal: line.refusal.as_ref().map(Refusal::from),
            added_at: Instant(line.item.added_at),
        }
    }
}

impl From<&CoreView> for CartView {
    fn from(view: &CoreView) -> Self {
        Self {
            lines: view.lines.iter().map(CartLine::from).collect(),
            total: view.total.map(Money),
            version: view.cart.version,
            updated_at: view.cart.updated_at.map(Instant),
        }
    }
}
