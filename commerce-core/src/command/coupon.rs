//! Coupons and their copies.

use serde::{Deserialize, Serialize};

use crate::coupon::{CouponScope, Discount, Stacking, is_open, no_priority};
use crate::ids::{CouponId, CustomerId, IssuedCouponId};
use crate::money::Money;
use crate::text::{CouponCode, Name, Note};
use crate::time::Window;

/// Creates a coupon campaign. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCoupon {
    /// The code to claim it by, unique in the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CouponCode>,
    /// What customers read.
    pub name: Name,
    /// What it takes off.
    pub discount: Discount,
    /// What it takes that off: the whole order, or one to [`MAX_SCOPE`](crate::MAX_SCOPE) products that are there.
    #[serde(default, skip_serializing_if = "CouponScope::is_order")]
    pub scope: CouponScope,
    /// Whether it goes with other coupons on one order.
    #[serde(default, skip_serializing_if = "Stacking::is_default")]
    pub stacking: Stacking,
    /// Of several coupons of the same kind of scope, the one of higher priority goes first.
    #[serde(default, skip_serializing_if = "no_priority")]
    pub priority: u16,
    /// Whether only those who bring a code get a copy: its own, or one that is good for one copy.
    #[serde(default, skip_serializing_if = "is_open")]
    pub by_code: bool,
    /// The least that what it is taken off must come to, coupons before it taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_subtotal: Option<Money>,
    /// How many copies there are; 1 to [`MAX_QUANTITY`](crate::MAX_QUANTITY), none for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_quantity: Option<u32>,
    /// How many copies one customer may have; 1 to [`MAX_QUANTITY`](crate::MAX_QUANTITY).
    pub per_customer_limit: u32,
    /// When copies are handed out.
    pub window: Window,
    /// Whether copies are handed out.
    pub active: bool,
}

/// Changes what is given of a coupon. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCoupon {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// The version that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Switches the handing out on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// Adds codes to a coupon, each of which is good for one copy. Operators only. Whoever makes them up makes up the same
/// ones for the same request: codes are part of what a key is kept for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddCodes {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// One to [`MAX_CODES`](crate::MAX_CODES) codes that the shop does not have yet; random ones are
    /// [made of bits](CouponCode::of_bits).
    pub codes: Vec<CouponCode>,
}

/// How a coupon is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponRef {
    /// By its id.
    Id(CouponId),
    /// By its own code, or by one that is good for one copy.
    Code(CouponCode),
}

/// Hands a copy of a coupon to a customer, first come first served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueCoupon {
    /// Who gets the copy.
    pub customer_id: CustomerId,
    /// Which coupon.
    pub coupon: CouponRef,
}

/// Takes a customer's copy back that is available, for good. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeCoupon {
    /// Which copy.
    pub issued_coupon_id: IssuedCouponId,
    /// Why, in words that its customer reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

/// Marks a customer's copy as expired whose time is over. It could not be used any more as it was; lists and figures
/// of what is stored tell so too from then on. Operators and the shop itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireIssuedCoupon {
    /// Which copy.
    pub issued_coupon_id: IssuedCouponId,
}
