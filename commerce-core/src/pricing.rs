//! Pricing: what a basket costs and why. Nothing here reads a store or changes anything.

use serde::{Deserialize, Serialize};

use crate::catalog::{Product, Variant};
use crate::coupon::{Coupon, IssuedCoupon};
use crate::ids::{IssuedCouponId, VariantId};
use crate::money::{Currency, Money};
use crate::order::{AppliedCoupon, OrderLine};
use crate::price_rules::{PriceRule, price_of};
use crate::rejection::Rejection;
use crate::stacking;
use crate::time::Timestamp;

/// A line of a basket, with the records that price it.
#[derive(Debug, Clone, Copy)]
pub struct DraftLine<'a> {
    /// The product.
    pub product: &'a Product,
    /// The variant of it.
    pub variant: &'a Variant,
    /// How many units.
    pub quantity: u32,
}

/// A copy of a coupon that a basket is to use, with its campaign.
#[derive(Debug, Clone, Copy)]
pub struct CouponUse<'a> {
    /// The customer's copy.
    pub copy: &'a IssuedCoupon,
    /// The campaign.
    pub coupon: &'a Coupon,
}

/// A priced basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The lines, each with its share of the discount; in the order of the basket.
    pub lines: Vec<OrderLine>,
    /// What became of each coupon, in the order they were taken off: what it took off, or why it gave nothing.
    pub coupons: Vec<(IssuedCouponId, Result<AppliedCoupon, Rejection>)>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// Sum of what the coupons took off; at most the subtotal.
    pub discount: Money,
    /// Subtotal less discount.
    pub total: Money,
}

/// Prices `drafts` with `coupons` at `now` (design, section 4, pricing). A coupon that does not apply gives
/// nothing and says why; refused altogether are an empty basket, mixed currencies and sums past the bounds.
///
/// Coupons of products go first, those of the whole order after them; within either the higher priority, then the
/// lower id of the copy. Each is reckoned on what those before it have left of the lines in its scope, and those lines
/// bear it in proportion to what was left of them. An exclusive one goes with no other.
///
/// Guarantees: `0 ≤ discount ≤ subtotal`, `total = subtotal − discount`, no line below zero, and the lines' shares sum
/// to the discount to the minor unit.
pub fn price(drafts: &[DraftLine<'_>], coupons: &[CouponUse<'_>], now: Timestamp) -> Result<Priced, Rejection> {
    let currency = drafts.first().ok_or(Rejection::NoLines)?.product.base_price.currency();
    let mut lines = Vec::with_capacity(drafts.len());
    let mut subtotal = Money::zero(currency);
    for draft in drafts {
        let line = price_line(draft, drafts, currency, now)?;
        subtotal = subtotal.plus(line.subtotal)?;
        lines.push(line);
    }

    let coupons = stacking::take_off(&mut lines, coupons, now)?;
    let mut discount = Money::zero(currency);
    for applied in coupons.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()) {
        discount = discount.plus(applied.discount)?;
    }
    Ok(Priced { lines, coupons, subtotal, discount, total: subtotal.minus(discount)? })
}

fn price_line(
    draft: &DraftLine<'_>,
    drafts: &[DraftLine<'_>],
    currency: Currency,
    now: Timestamp,
) -> Result<OrderLine, Rejection> {
    let same = |other: &&DraftLine<'_>| other.variant.id == draft.variant.id;
    let units = || drafts.iter().filter(same).map(|draft| u64::from(draft.quantity)).sum();
    let (unit_price, priced_by) = price_of(draft.product, draft.variant, units, now)?;
    let subtotal = unit_price.times(draft.quantity)?;
    Ok(OrderLine {
        product_id: draft.product.id,
        variant_id: draft.variant.id,
        product_name: draft.product.name.clone(),
        option_name: draft.variant.option_name.clone(),
        sku: draft.variant.sku.clone(),
        unit_price,
        priced_by,
        quantity: draft.quantity,
        subtotal,
        discount: Money::zero(currency),
    })
}

/// What a basket would cost now. Nothing is held: prices, stock and coupons may change before the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The lines as an order would keep them.
    pub lines: Vec<OrderLine>,
    /// The coupons that apply.
    pub coupons: Vec<AppliedCoupon>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// What the coupons take off.
    pub discount: Money,
    /// Subtotal less discount.
    pub total: Money,
    /// Every rule that was looked at, in the order it was.
    pub trace: Vec<TraceStep>,
    /// The first rule that would refuse an order of this basket paid by wallet, the wallet's balance aside.
    pub refusal: Option<Rejection>,
}

/// One rule that was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// The rule.
    pub rule: Rule,
    /// What it gave: a price, or an amount off. None for a rule that only permits, or that refused.
    pub gave: Option<Money>,
    /// Why it gave nothing.
    pub refused: Option<Rejection>,
    /// It could be used, and was passed over for the best: all that the best combination with it takes off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<Money>,
}

/// A rule of pricing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A variant's unit price: base plus additional.
    UnitPrice {
        /// Which variant.
        variant_id: VariantId,
    },
    /// A scheduled price of a variant, instead of its unit price.
    ScheduledPrice {
        /// Which variant.
        variant_id: VariantId,
    },
    /// A quantity tier of a variant, instead of its unit price.
    PriceTier {
        /// Which variant.
        variant_id: VariantId,
    },
    /// Enough units on hand for all lines of a variant together.
    Availability {
        /// Which variant.
        variant_id: VariantId,
    },
    /// A coupon.
    Coupon {
        /// Which copy.
        issued_coupon_id: IssuedCouponId,
    },
}

fn price_rule(line: &OrderLine) -> Rule {
    let variant_id = line.variant_id;
    match line.priced_by {
        None => Rule::UnitPrice { variant_id },
        Some(PriceRule::Scheduled { .. }) => Rule::ScheduledPrice { variant_id },
        Some(PriceRule::Tier { .. }) => Rule::PriceTier { variant_id },
    }
}

impl Quote {
    /// A quote of a priced basket, with the stock's word on each variant.
    pub(crate) fn of(priced: Priced, availability: Vec<(VariantId, Option<Rejection>)>) -> Self {
        let price_steps = priced.lines.iter().map(|line| TraceStep {
            rule: price_rule(line),
            gave: Some(line.unit_price),
            refused: None,
            passed_over: None,
        });
        let stock_steps = availability.into_iter().map(|(variant_id, refused)| TraceStep {
            rule: Rule::Availability { variant_id },
            gave: None,
            refused,
            passed_over: None,
        });
        let coupon_steps = priced.coupons.iter().map(|(issued_coupon_id, result)| TraceStep {
            rule: Rule::Coupon { issued_coupon_id: *issued_coupon_id },
            gave: result.as_ref().ok().map(|applied| applied.discount),
            refused: result.as_ref().err().cloned(),
            passed_over: None,
        });
        let trace: Vec<TraceStep> = price_steps.chain(stock_steps).chain(coupon_steps).collect();
        let refusal = trace.iter().find_map(|step| step.refused.clone());
        Self {
            coupons: priced.coupons.into_iter().filter_map(|(_, result)| result.ok()).collect(),
            lines: priced.lines,
            subtotal: priced.subtotal,
            discount: priced.discount,
            total: priced.total,
            trace,
            refusal,
        }
    }

    /// The same, telling of the copies that were looked at and not chosen. They refuse nothing.
    pub(crate) fn passing_over(mut self, others: Vec<(IssuedCouponId, Result<Money, Rejection>)>) -> Self {
        let step = |(issued_coupon_id, reason): (IssuedCouponId, Result<Money, Rejection>)| TraceStep {
            rule: Rule::Coupon { issued_coupon_id },
            gave: None,
            passed_over: reason.as_ref().ok().copied(),
            refused: reason.err(),
        };
        self.trace.extend(others.into_iter().map(step));
        self
    }
}
