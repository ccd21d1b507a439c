//! A variant's price rules: prices for a time, and prices by quantity.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalog::{Product, Variant, unit_price};
use crate::command::Quantity;
use crate::inventory::MAX_QUANTITY;
use crate::money::{Currency, Money, MoneyError};
use crate::rejection::Rejection;
use crate::time::{Timestamp, Window};

/// The price of a unit for whoever buys so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTier {
    /// The least quantity: units of the variant over all lines of the basket; 2 or more.
    pub from_quantity: Quantity,
    /// What each of them costs then.
    pub unit_price: Money,
}

impl PriceTier {
    /// The price of a unit for whoever buys `from_quantity` or more.
    ///
    /// # Errors
    /// [`QuantityOutOfRange`](Rejection::QuantityOutOfRange) below 2, where it would be the price itself, and above
    /// [`MAX_QUANTITY`].
    pub fn new(from_quantity: i64, unit_price: Money) -> Result<Self, Rejection> {
        Ok(Self { from_quantity: least_quantity(from_quantity)?, unit_price })
    }
}

/// What a tier may begin with.
fn least_quantity(quantity: i64) -> Result<Quantity, Rejection> {
    let refused = Rejection::QuantityOutOfRange { quantity, min: 2, max: i64::from(MAX_QUANTITY) };
    Quantity::new(quantity).ok().filter(|quantity| quantity.get() >= 2).ok_or(refused)
}

/// The price of a unit for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledPrice {
    /// When; half-open.
    pub window: Window,
    /// What a unit costs then, instead of base plus additional price.
    pub unit_price: Money,
}

/// The price rules of a variant: at most [`PriceRules::MAX`] of each kind, in the product's currency.
///
/// A scheduled price that is in force replaces base plus additional price. The tier of the quantity (of all units of the
/// variant in the basket, on however many lines) then applies if it is lower.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRules {
    /// Ascending by quantity, each quantity once.
    #[serde(default)]
    pub tiers: Vec<PriceTier>,
    /// Ascending by time, none into another; only the last may be without an end.
    #[serde(default)]
    pub scheduled: Vec<ScheduledPrice>,
}

impl PriceRules {
    /// The most rules of each kind.
    pub const MAX: usize = 50;

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiers.is_empty() && self.scheduled.is_empty()
    }

    /// Refused: more than [`PriceRules::MAX`] of a kind, tiers or windows out of order, a quantity below 2, an empty
    /// window, a negative price, another currency.
    pub(crate) fn check(&self, currency: Currency) -> Result<(), Rejection> {
        let rules = self.tiers.len().max(self.scheduled.len());
        if rules > Self::MAX {
            return Err(Rejection::TooManyPriceRules { rules, max: Self::MAX });
        }
        let tiers = self.tiers.iter().map(|tier| tier.unit_price);
        for price in tiers.chain(self.scheduled.iter().map(|scheduled| scheduled.unit_price)) {
            Money::zero(currency).same_currency(price)?;
            if price.is_negative() {
                return Err(Rejection::NegativePrice { price });
            }
        }
        self.check_tiers()?;
        self.check_windows()
    }

    fn check_tiers(&self) -> Result<(), Rejection> {
        let mut before = Quantity::ONE.get();
        for tier in &self.tiers {
            let quantity = tier.from_quantity.get();
            least_quantity(i64::from(quantity))?;
            if quantity <= before {
                return Err(Rejection::PriceTiersUnordered { quantity, before });
            }
            before = quantity;
        }
        Ok(())
    }

    fn check_windows(&self) -> Result<(), Rejection> {
        let mut before: Option<Window> = None;
        for ScheduledPrice { window, .. } in &self.scheduled {
            if let Some(until) = window.until.filter(|until| *until <= window.from) {
                return Err(Rejection::EmptyWindow { from: window.from, until });
            }
            if before.is_some_and(|before| before.until.is_none_or(|until| window.from < until)) {
                return Err(Rejection::ScheduledPricesOverlap { from: window.from });
            }
            before = Some(*window);
        }
        Ok(())
    }

    /// What the rules make of a price without rules.
    fn apply(&self, plain: Money, units: u64, now: Timestamp) -> (Money, Option<PriceRule>) {
        let in_force = |price: &&ScheduledPrice| !price.window.is_before(now) && !price.window.is_over(now);
        let scheduled = self.scheduled.iter().find(in_force);
        let price = scheduled.map_or(plain, |price| price.unit_price);
        let rule = scheduled.map(|price| PriceRule::Scheduled { from: price.window.from });
        let tier = self.tiers.iter().rev().find(|tier| u64::from(tier.from_quantity.get()) <= units);
        match tier {
            Some(tier) if tier.unit_price.minor() < price.minor() => {
                (tier.unit_price, Some(PriceRule::Tier { from_quantity: tier.from_quantity.get() }))
            }
            _ => (price, rule),
        }
    }
}

/// The price rule that gave a unit price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceRule {
    /// A scheduled price.
    Scheduled {
        /// Since when it is in force.
        from: Timestamp,
    },
    /// A quantity tier.
    Tier {
        /// The tier's least quantity.
        from_quantity: u32,
    },
}

impl fmt::Display for PriceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduled { from } => write!(f, "scheduled:{from}"),
            Self::Tier { from_quantity } => write!(f, "tier:{from_quantity}"),
        }
    }
}

impl FromStr for PriceRule {
    type Err = String;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let rule = match text.split_once(':') {
            Some(("scheduled", from)) => from.parse().ok().map(|from| Self::Scheduled { from }),
            Some(("tier", quantity)) => quantity.parse().ok().map(|from_quantity| Self::Tier { from_quantity }),
            _ => None,
        };
        rule.ok_or_else(|| format!("{text:?} is not a price rule"))
    }
}

/// What one unit of `variant` costs at `now` for whoever buys `units` of it, and which price rule says so: base plus
/// additional price if none does. `units` is asked only of a variant with rules.
pub fn price_of(
    product: &Product,
    variant: &Variant,
    units: impl FnOnce() -> u64,
    now: Timestamp,
) -> Result<(Money, Option<PriceRule>), MoneyError> {
    let plain = unit_price(product, variant)?;
    Ok(variant.price_rules.as_ref().map_or((plain, None), |rules| rules.apply(plain, units(), now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_says_what_it_may_begin_with() {
        let price = Money::zero(Currency::KRW);
        for quantity in [i64::MIN, -1, 0, 1, 1_000_001, i64::MAX] {
            let refused = Rejection::QuantityOutOfRange { quantity, min: 2, max: 1_000_000 };
            assert_eq!(PriceTier::new(quantity, price), Err(refused));
        }
        for quantity in [2, 1_000_000] {
            assert_eq!(PriceTier::new(quantity, price).map(|tier| i64::from(tier.from_quantity.get())), Ok(quantity));
        }
    }
}
