//! From a basket to a price: what orders and quotes have in common.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Context, Records, check_version};
use crate::cart::Cart;
use crate::catalog::{Product, ProductStatus, Variant};
use crate::command::{Basket, BasketLines, LineRequest};
use crate::coupon::{Coupon, MAX_COUPONS};
use crate::ids::{CustomerId, IssuedCouponId, VariantId};
use crate::order::MAX_LINES;
use crate::pricing::{CouponUse, DraftLine, Priced, Quote, price};
use crate::rejection::Rejection;
use crate::stacking::choose;

/// What a basket asks of one variant, over all its lines.
pub(super) struct Demand<'a> {
    pub(super) variant: &'a Variant,
    pub(super) units: u64,
}

/// Prices a basket of `customer` without changing anything. A coupon that does not apply and stock that does
/// not suffice show in the trace and in [`Quote::refusal`]; a basket that cannot be priced at all is refused.
pub fn quote<R: Records>(
    records: &R,
    customer: CustomerId,
    basket: &Basket,
    context: &Context<'_>,
) -> Result<Quote, Rejection> {
    check_shape(basket)?;
    records.customer(customer).ok_or(Rejection::CustomerNotFound { customer })?;
    let lines = checked_lines(records, customer, basket)?;
    let drafts = draft_lines(records, &lines)?;
    let stock = |demand: &Demand<'_>| (demand.variant.id, check_stock(records, demand).err());
    let availability = demands(&drafts).iter().map(stock).collect();
    let priced = price_basket(records, customer, &drafts, &basket.coupons, context)?;
    Ok(Quote::of(priced, availability))
}

/// The same with those of the basket's coupons that take off most together: the permissible combination of the highest
/// discount, of equal ones the one of fewest copies. The basket's coupons are candidates here, any number of them; of
/// the stackable ones that apply at most [`MAX_CANDIDATES`](crate::MAX_CANDIDATES). The trace tells of each that was
/// not taken why it does not apply, or what the best combination with it would take off.
pub fn quote_best<R: Records>(
    records: &R,
    customer: CustomerId,
    basket: &Basket,
    context: &Context<'_>,
) -> Result<Quote, Rejection> {
    check_given(&basket.lines)?;
    check_once(&basket.coupons)?;
    records.customer(customer).ok_or(Rejection::CustomerNotFound { customer })?;
    let lines = checked_lines(records, customer, basket)?;
    let drafts = draft_lines(records, &lines)?;
    let stock = |demand: &Demand<'_>| (demand.variant.id, check_stock(records, demand).err());
    let availability = demands(&drafts).iter().map(stock).collect();
    let candidates = coupon_uses(records, customer, &basket.coupons)?;
    let full = price(&drafts, &[], context.now)?;
    let choice = choose(&full.lines, &candidates, context.now)?;
    let priced = price(&drafts, &choice.taken, context.now)?;
    Ok(Quote::of(priced, availability).passing_over(choice.passed_over))
}

/// What the basket alone tells: it has lines, not too many, and coupons, each once; quantities are checked by their
/// type.
pub(super) fn check_shape(basket: &Basket) -> Result<(), Rejection> {
    check_given(&basket.lines)?;
    let coupons = basket.coupons.len();
    if coupons > MAX_COUPONS {
        return Err(Rejection::TooManyCoupons { coupons, max: MAX_COUPONS });
    }
    check_once(&basket.coupons)
}

fn check_given(lines: &BasketLines) -> Result<(), Rejection> {
    match lines {
        BasketLines::Given(lines) => check_count(lines),
        BasketLines::Cart(_) => Ok(()),
    }
}

fn check_once(copies: &[IssuedCouponId]) -> Result<(), Rejection> {
    let mut known = BTreeSet::new();
    let twice = copies.iter().find(|copy| !known.insert(**copy));
    twice.map_or(Ok(()), |copy| Err(Rejection::CouponGivenTwice { issued_coupon: *copy }))
}

/// One to [`MAX_LINES`] lines.
pub(super) fn check_count(lines: &[LineRequest]) -> Result<(), Rejection> {
    match lines.len() {
        0 => Err(Rejection::NoLines),
        1..=MAX_LINES => Ok(()),
        lines => Err(Rejection::TooManyLines { lines, max: MAX_LINES }),
    }
}

/// The lines of a basket: its own, or those in the customer's cart.
pub(super) fn basket_lines<'a, R: Records>(
    records: &R,
    customer: CustomerId,
    lines: &'a BasketLines,
) -> Cow<'a, [LineRequest]> {
    match lines {
        BasketLines::Given(lines) => Cow::Borrowed(lines),
        BasketLines::Cart(_) => Cow::Owned(records.cart(customer).map_or_else(Vec::new, Cart::lines)),
    }
}

/// The same, refused if the cart is empty or not at the version that was asked for. A cart keeps its own bounds.
pub(super) fn checked_lines<'a, R: Records>(
    records: &R,
    customer: CustomerId,
    basket: &'a Basket,
) -> Result<Cow<'a, [LineRequest]>, Rejection> {
    let lines = basket_lines(records, customer, &basket.lines);
    if let BasketLines::Cart(wanted) = &basket.lines {
        check_version(wanted.cart_version, records.cart(customer).map_or(0, |cart| cart.version))?;
        check_count(&lines)?;
    }
    Ok(lines)
}

/// The records behind the lines, each of which must be on sale.
pub(super) fn draft_lines<'a, R: Records>(
    records: &'a R,
    lines: &[LineRequest],
) -> Result<Vec<DraftLine<'a>>, Rejection> {
    lines.iter().map(|line| draft_line(records, line)).collect()
}

fn draft_line<'a, R: Records>(records: &'a R, line: &LineRequest) -> Result<DraftLine<'a>, Rejection> {
    let (product, variant) = sellable(records, line.variant_id)?;
    Ok(DraftLine { product, variant, quantity: line.quantity.get() })
}

pub(super) fn sellable<R: Records>(records: &R, id: VariantId) -> Result<(&Product, &Variant), Rejection> {
    let variant = records.variant(id).ok_or(Rejection::VariantNotFound { variant: id })?;
    let product =
        records.product(variant.product_id).ok_or(Rejection::ProductNotFound { product: variant.product_id })?;
    if product.status != ProductStatus::OnSale {
        return Err(Rejection::ProductNotOnSale { product: product.id, status: product.status });
    }
    if !variant.active {
        return Err(Rejection::VariantInactive { variant: id });
    }
    Ok((product, variant))
}

/// The demand on each variant, in the order of the basket; the same variant on two lines is one demand.
pub(super) fn demands<'a>(drafts: &[DraftLine<'a>]) -> Vec<Demand<'a>> {
    let mut demands: Vec<Demand<'a>> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let units = u64::from(draft.quantity);
        // At most a hundred lines: a scan beats a map.
        match demands.iter_mut().find(|demand| demand.variant.id == draft.variant.id) {
            Some(demand) => demand.units += units,
            None => demands.push(Demand { variant: draft.variant, units }),
        }
    }
    demands
}

pub(super) fn check_stock<R: Records>(records: &R, demand: &Demand<'_>) -> Result<(), Rejection> {
    let available = records.stock(demand.variant.id).map_or(0, |stock| stock.on_hand);
    if demand.units <= available {
        return Ok(());
    }
    Err(Rejection::OutOfStock {
        variant: demand.variant.id,
        sku: demand.variant.sku.clone(),
        requested: demand.units,
        available,
    })
}

/// The price of the lines with the customer's own copies.
pub(super) fn price_basket<R: Records>(
    records: &R,
    customer: CustomerId,
    drafts: &[DraftLine<'_>],
    coupons: &[IssuedCouponId],
    context: &Context<'_>,
) -> Result<Priced, Rejection> {
    price(drafts, &coupon_uses(records, customer, coupons)?, context.now)
}

/// The customer's own copies with their campaigns; someone else's copy does not exist.
fn coupon_uses<'a, R: Records>(
    records: &'a R,
    customer: CustomerId,
    coupons: &[IssuedCouponId],
) -> Result<Vec<CouponUse<'a>>, Rejection> {
    let usage = |id: &IssuedCouponId| {
        let not_found = Rejection::IssuedCouponNotFound { issued_coupon: *id };
        let copy = records.issued_coupon(*id).filter(|copy| copy.customer_id == customer).ok_or(not_found)?;
        let coupon: &Coupon =
            records.coupon(copy.coupon_id).ok_or(Rejection::CouponNotFound { coupon: copy.coupon_id })?;
        Ok(CouponUse { copy, coupon })
    };
    coupons.iter().map(usage).collect()
}
