//! Codes that are good for one copy.

use serde::{Deserialize, Serialize};

use super::IssuedCoupon;
use crate::ids::{CouponId, CustomerId, IssuedCouponId};
use crate::rejection::Rejection;
use crate::text::CouponCode;
use crate::time::Timestamp;

/// The most codes that are added to a coupon at a time.
pub const MAX_CODES: usize = 10_000;

/// Whether so many codes may be added to a coupon at a time, so that nobody need make up more first.
///
/// # Errors
/// [`QuantityOutOfRange`](Rejection::QuantityOutOfRange) outside of 1 to [`MAX_CODES`].
pub fn check_codes(codes: u64) -> Result<(), Rejection> {
    let max = MAX_CODES as u64;
    if (1..=max).contains(&codes) {
        return Ok(());
    }
    let number = |codes: u64| i64::try_from(codes).unwrap_or(i64::MAX);
    Err(Rejection::QuantityOutOfRange { quantity: number(codes), min: 1, max: number(max) })
}

/// A code that is good for one copy of its coupon: whoever claims with it first has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SingleUseCode {
    /// The code, unique in the shop together with the codes of coupons themselves.
    pub code: CouponCode,
    /// What it is a code of.
    pub coupon_id: CouponId,
    /// When it was added.
    pub created_at: Timestamp,
    /// Who has claimed with it; none while it is free.
    pub claim: Option<CodeClaim>,
}

/// What became of a single-use code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeClaim {
    /// Who claimed with it.
    pub customer_id: CustomerId,
    /// The copy that they got.
    pub issued_coupon_id: IssuedCouponId,
    /// When.
    pub claimed_at: Timestamp,
}

impl SingleUseCode {
    /// The code once it has brought `copy`.
    pub(crate) fn claimed(&self, copy: &IssuedCoupon) -> Self {
        let (customer_id, issued_coupon_id, claimed_at) = (copy.customer_id, copy.id, copy.issued_at);
        Self { claim: Some(CodeClaim { customer_id, issued_coupon_id, claimed_at }), ..self.clone() }
    }
}

/// Codes that were added together; reading them is for the list of the coupon's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeBatch {
    /// What they are codes of.
    pub coupon_id: CouponId,
    /// How many.
    pub quantity: u32,
    /// When they were added.
    pub created_at: Timestamp,
}
