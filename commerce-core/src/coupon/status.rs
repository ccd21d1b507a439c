//! Where campaigns, copies and their uses stand.

use serde::{Deserialize, Serialize};

/// Where a campaign stands; follows from its terms, the counter and the time, and is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponStatus {
    /// Its window has not begun.
    Scheduled,
    /// Copies can be had.
    Active,
    /// All copies are out.
    SoldOut,
    /// Its window is over.
    Expired,
    /// Switched off by an operator.
    Inactive,
}

impl CouponStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::SoldOut => "sold_out",
            Self::Expired => "expired",
            Self::Inactive => "inactive",
        }
    }
}

/// Where a customer's copy stands, as stored. An available copy whose time is over counts as expired at once
/// (see [`IssuedCoupon::status_at`](crate::IssuedCoupon::status_at)); a sweep writes it down later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuedCouponStatus {
    /// Can be used.
    Available,
    /// Held by an order that is not paid yet.
    Held,
    /// Used by a paid order.
    Used,
    /// Its time is over.
    Expired,
    /// Taken back by an operator.
    Revoked,
}

impl IssuedCouponStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Held => "held",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Where one use of a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionStatus {
    /// The order is not paid yet.
    Held,
    /// The order is paid.
    Used,
    /// The order gave the copy back.
    Released,
}

impl RedemptionStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Used => "used",
            Self::Released => "released",
        }
    }
}
