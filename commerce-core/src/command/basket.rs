//! What is to be bought, and how much of it.

use serde::{Deserialize, Serialize};

use crate::ids::{IssuedCouponId, VariantId};
use crate::inventory::MAX_QUANTITY;
use crate::rejection::Rejection;

/// A number of units to buy: 1 to [`MAX_QUANTITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(u32);

impl Quantity {
    /// One unit.
    pub const ONE: Self = Self(1);

    /// Checks a number of units.
    pub fn new(quantity: i64) -> Result<Self, Rejection> {
        u32::try_from(quantity)
            .ok()
            .filter(|q| (1..=MAX_QUANTITY).contains(q))
            .map(Self)
            .ok_or(Rejection::QuantityOutOfRange { quantity, min: 1, max: i64::from(MAX_QUANTITY) })
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = Rejection;
    fn try_from(quantity: i64) -> Result<Self, Rejection> {
        Self::new(quantity)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}

/// One variant and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRequest {
    /// What to buy.
    pub variant_id: VariantId,
    /// How many units.
    pub quantity: Quantity,
}

/// Where the lines of a basket come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BasketLines {
    /// From the request: one to [`MAX_LINES`](crate::MAX_LINES) lines; the same variant on two lines is one demand on
    /// stock.
    Given(Vec<LineRequest>),
    /// From the customer's [`Cart`](crate::Cart), whatever is in it when the command runs. An order takes them out of
    /// it in the same commit; a refused one, and a quote, leave it as it is.
    Cart(CartLines),
}

/// All lines of the customer's cart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLines {
    /// The version of the cart that the caller read; none takes whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart_version: Option<u64>,
}

impl BasketLines {
    /// The lines that the request itself has: none if they are the cart's.
    #[must_use]
    pub fn given(&self) -> &[LineRequest] {
        match self {
            Self::Given(lines) => lines,
            Self::Cart(_) => &[],
        }
    }
}

impl From<Vec<LineRequest>> for BasketLines {
    fn from(lines: Vec<LineRequest>) -> Self {
        Self::Given(lines)
    }
}

/// What to price: lines, and the copies of coupons to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    /// The lines.
    pub lines: BasketLines,
    /// The customer's copies to use, each once, at most [`MAX_COUPONS`](crate::MAX_COUPONS). In which order they are
    /// given does not matter: see [`price`](crate::price).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<IssuedCouponId>,
}
