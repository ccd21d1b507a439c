//! Decisions on carts, and how a cart looks now.

use std::sync::Arc;

use super::basket::{Demand, check_count, check_stock, sellable};
use super::{Case, Decision, Outcome, check_version};
use crate::cart::{Cart, CartItem, CartLine, CartView, MergedCart, RefusedLine, admit};
use crate::command::{AddCartItem, ClearCart, LineRequest, MergeCart, RemoveCartItem, UpdateCartItem};
use crate::ids::{CustomerId, VariantId};
use crate::money::Money;
use crate::price_rules::price_of;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::time::Timestamp;

pub(super) fn add<R: Records>(case: &Case<'_, R>, command: &AddCartItem) -> Result<Decision, Rejection> {
    let cart = current(case, command.customer_id, None)?;
    let line = LineRequest { variant_id: command.variant_id, quantity: command.quantity };
    let mut items = cart.items.clone();
    admit(&mut items, new_item(case.records, line, case.now())?)?;
    Ok(changed(case, &cart, items))
}

pub(super) fn update<R: Records>(case: &Case<'_, R>, command: &UpdateCartItem) -> Result<Decision, Rejection> {
    let cart = current(case, command.customer_id, command.expected_version)?;
    let place = place_of(&cart, command.variant_id)?;
    let mut items = cart.items.clone();
    items[place].quantity = command.quantity;
    Ok(changed(case, &cart, items))
}

pub(super) fn remove<R: Records>(case: &Case<'_, R>, command: &RemoveCartItem) -> Result<Decision, Rejection> {
    let cart = current(case, command.customer_id, command.expected_version)?;
    let place = place_of(&cart, command.variant_id)?;
    let mut items = cart.items.clone();
    items.remove(place);
    Ok(changed(case, &cart, items))
}

pub(super) fn clear<R: Records>(case: &Case<'_, R>, command: &ClearCart) -> Result<Decision, Rejection> {
    let cart = current(case, command.customer_id, command.expected_version)?;
    Ok(changed(case, &cart, Vec::new()))
}

pub(super) fn merge<R: Records>(case: &Case<'_, R>, command: &MergeCart) -> Result<Decision, Rejection> {
    check_count(&command.lines)?;
    let cart = current(case, command.customer_id, None)?;
    let (mut items, mut refused) = (cart.items.clone(), Vec::new());
    for line in &command.lines {
        let taken = new_item(case.records, *line, case.now()).and_then(|item| admit(&mut items, item));
        refused.extend(taken.err().map(|reason| RefusedLine { line: *line, reason }));
    }
    let (cart, changes) = next(case, &cart, items);
    Ok(Decision { changes, outcome: Outcome::MergedCart(Arc::new(MergedCart { cart, refused })) })
}

/// The customer's cart, at the version that was asked for.
fn current<R: Records>(
    case: &Case<'_, R>,
    customer: CustomerId,
    expected: Option<u64>,
) -> Result<Arc<Cart>, Rejection> {
    case.registered(customer)?;
    let cart = case.records.cart(customer).cloned().unwrap_or(Cart::empty(customer));
    check_version(expected, cart.version)?;
    Ok(Arc::new(cart))
}

fn place_of(cart: &Cart, variant: VariantId) -> Result<usize, Rejection> {
    let place = cart.items.iter().position(|item| item.variant_id == variant);
    place.ok_or(Rejection::CartItemNotFound { variant })
}

/// What a line would be in a cart: it must be for sale now.
fn new_item<R: Records>(records: &R, line: LineRequest, now: Timestamp) -> Result<CartItem, Rejection> {
    let (product, variant) = sellable(records, line.variant_id)?;
    let (saved_price, _) = price_of(product, variant, || u64::from(line.quantity.get()), now)?;
    Ok(CartItem { variant_id: line.variant_id, quantity: line.quantity, saved_price, added_at: now })
}

fn changed<R: Records>(case: &Case<'_, R>, cart: &Arc<Cart>, items: Vec<CartItem>) -> Decision {
    let (cart, changes) = next(case, cart, items);
    Decision { changes, outcome: Outcome::Cart(cart) }
}

/// The cart with these items, and what to write: nothing, if they are what is there already.
fn next<R: Records>(case: &Case<'_, R>, cart: &Arc<Cart>, items: Vec<CartItem>) -> (Arc<Cart>, Changes) {
    if items == cart.items {
        return (Arc::clone(cart), Changes::default());
    }
    let next = Arc::new(cart.changed(items, case.now()));
    (Arc::clone(&next), Changes { carts: vec![next], ..Changes::default() })
}

/// How the cart of `customer` looks: at present prices, with what can be bought now and what cannot, and why.
pub fn view_cart<R: Records>(records: &R, customer: CustomerId, now: Timestamp) -> Result<CartView, Rejection> {
    records.customer(customer).ok_or(Rejection::CustomerNotFound { customer })?;
    let cart = records.cart(customer).cloned().unwrap_or(Cart::empty(customer));
    let mut total = cart.items.first().map(|item| Money::zero(item.saved_price.currency()));
    let mut lines = Vec::with_capacity(cart.items.len());
    for item in &cart.items {
        lines.push(view_line(records, *item, now, &mut total)?);
    }
    Ok(CartView { cart: Arc::new(cart), lines, total })
}

/// An item next to its records; what it costs is added to the total if it can be bought.
fn view_line<R: Records>(
    records: &R,
    item: CartItem,
    now: Timestamp,
    total: &mut Option<Money>,
) -> Result<CartLine, Rejection> {
    let id = item.variant_id;
    let variant = records.variant(id).ok_or(Rejection::VariantNotFound { variant: id })?;
    let product =
        records.product(variant.product_id).ok_or(Rejection::ProductNotFound { product: variant.product_id })?;
    let units = u64::from(item.quantity.get());
    let unit_price = price_of(product, variant, || units, now).map(|(price, _)| price);
    let cost = || {
        sellable(records, id)?;
        check_stock(records, &Demand { variant, units })?;
        let subtotal = unit_price.clone()?.times(item.quantity.get())?;
        let sum = total.unwrap_or(Money::zero(subtotal.currency())).plus(subtotal)?;
        Ok::<_, Rejection>((subtotal, sum))
    };
    let (cost, refusal) = match cost() {
        Ok(cost) => (Some(cost), None),
        Err(refusal) => (None, Some(refusal)),
    };
    *total = cost.map(|(_, sum)| sum).or(*total);
    Ok(CartLine {
        item,
        product_id: product.id,
        product_name: product.name.clone(),
        option_name: variant.option_name.clone(),
        sku: variant.sku.clone(),
        unit_price: unit_price.ok(),
        on_hand: records.stock(id).map_or(0, |stock| stock.on_hand),
        subtotal: cost.map(|(subtotal, _)| subtotal),
        refusal,
    })
}
