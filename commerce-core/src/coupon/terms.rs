//! What a coupon takes its discount off, and which others it goes with.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::ProductId;

/// The most products that a coupon's scope may name.
pub const MAX_SCOPE: usize = 1_000;

/// The most coupons that one order may use.
pub const MAX_COUPONS: usize = 10;

/// The most stackable copies, of those that apply to a basket, among which the best combination is sought: every one
/// of their combinations is reckoned.
pub const MAX_CANDIDATES: usize = 12;

/// What a coupon takes its discount off. Its minimum is of the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponScope {
    /// All lines of the order.
    #[default]
    Order,
    /// The lines of these products, one to [`MAX_SCOPE`] of them; the others bear nothing of the discount.
    Products(BTreeSet<ProductId>),
}

impl CouponScope {
    /// Whether lines of a product are within it.
    #[must_use]
    pub fn covers(&self, product: ProductId) -> bool {
        match self {
            Self::Order => true,
            Self::Products(products) => products.contains(&product),
        }
    }

    /// Whether it is the whole order.
    #[must_use]
    pub const fn is_order(&self) -> bool {
        matches!(self, Self::Order)
    }

    /// The products that it names: none for the whole order.
    pub fn products(&self) -> impl Iterator<Item = ProductId> + '_ {
        let named = match self {
            Self::Order => None,
            Self::Products(products) => Some(products),
        };
        named.into_iter().flatten().copied()
    }
}

/// Whether a coupon goes with others on one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stacking {
    /// With none.
    #[default]
    Exclusive,
    /// With every other that is stackable too.
    Stackable,
}

impl Stacking {
    /// The stable text of the rule.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Stackable => "stackable",
        }
    }

    /// Whether it is what a campaign has that does not say.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        matches!(self, Self::Exclusive)
    }
}

/// Whether a priority is what a campaign has that does not say.
pub(crate) const fn no_priority(priority: &u16) -> bool {
    *priority == 0
}

/// Whether a campaign hands copies out to those without a code too, as one does that does not say.
pub(crate) const fn is_open(by_code: &bool) -> bool {
    !*by_code
}
