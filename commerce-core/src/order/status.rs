//! Where an order stands, and where it may go from there.

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed, not paid; holds its stock and coupon until it expires.
    Pending,
    /// A card payment is in flight.
    Processing,
    /// Paid.
    Paid,
    /// On its way.
    Shipped,
    /// With the customer.
    Delivered,
    /// Called off or expired before payment; everything given back.
    Cancelled,
    /// Paid back in full.
    Refunded,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Processing, Self::Paid, Self::Shipped, Self::Delivered, Self::Cancelled, Self::Refunded];

    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    /// Whether an order may begin in this status: pending, or paid in the commit that places it.
    #[must_use]
    pub const fn is_initial(self) -> bool {
        matches!(self, Self::Pending | Self::Paid)
    }

    /// The transition table (design, section 4): where an order in this status may go.
    #[must_use]
    pub const fn successors(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Processing, Self::Paid, Self::Cancelled],
            Self::Processing => &[Self::Pending, Self::Paid, Self::Cancelled],
            Self::Paid => &[Self::Shipped, Self::Refunded],
            Self::Shipped => &[Self::Delivered, Self::Refunded],
            Self::Delivered => &[Self::Refunded],
            Self::Cancelled | Self::Refunded => &[],
        }
    }

    /// Whether an order in this status may go to `to`.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        self.successors().contains(&to)
    }
}

#[cfg(test)]
mod tests {
    use super::OrderStatus::{Cancelled, Delivered, Paid, Pending, Processing, Refunded, Shipped};
    use super::*;

    /// The design's diagram, written out a second time: every pair not listed is refused.
    const ALLOWED: &[(OrderStatus, OrderStatus)] = &[
        (Pending, Paid),
        (Pending, Processing),
        (Pending, Cancelled),
        (Processing, Paid),
        (Processing, Pending),
        (Processing, Cancelled),
        (Paid, Shipped),
        (Shipped, Delivered),
        (Paid, Refunded),
        (Shipped, Refunded),
        (Delivered, Refunded),
    ];

    #[test]
    fn the_transition_table_is_the_designs_exhaustively() {
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                assert_eq!(from.may_become(to), ALLOWED.contains(&(from, to)), "{from:?} -> {to:?}");
            }
        }
    }
}
