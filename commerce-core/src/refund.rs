//! Refunds: what is given back of a paid order, and how much that is.
//!
//! A refund names units of lines. What it returns follows from how many units of the line have been returned
//! altogether, so that the parts of a line sum to what was paid for it, however it is cut up.

use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, PaymentId, RefundId};
use crate::money::{Money, MoneyError};
use crate::order::{Order, OrderLine};
use crate::text::Note;
use crate::time::Timestamp;

/// Where a refund's money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundDestination {
    /// Into the customer's wallet.
    Wallet,
    /// Back the way it came, through the payment gateway.
    Gateway,
}

impl RefundDestination {
    /// The stable text of the destination.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Gateway => "gateway",
        }
    }
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Its money and its units are nobody else's to refund; the gateway has not answered.
    Pending,
    /// The money is back.
    Succeeded,
    /// The gateway will not give it back; its units can be refunded again, another way.
    Failed,
}

impl RefundStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// Units of one line that a refund returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The line's place in the order, from 1.
    pub position: u32,
    /// How many units.
    pub quantity: u32,
    /// What is returned for them: what was paid, their share of the discount taken off.
    pub amount: Money,
}

/// Money of an order given back. The refunds of an order never sum to more than its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The refund's id, and its idempotency key at a gateway.
    pub id: RefundId,
    /// The order.
    pub order_id: OrderId,
    /// The payment that is given back, in whole or in part.
    pub payment_id: PaymentId,
    /// What is returned, in the order of the lines.
    pub lines: Vec<RefundLine>,
    /// Sum of the lines' amounts.
    pub total: Money,
    /// Where the money goes.
    pub destination: RefundDestination,
    /// Whether the units go back into stock, in the commit in which it succeeds.
    pub restock: bool,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why, if it was said.
    pub reason: Option<Note>,
    /// Why it failed, if it did and the gateway said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Note>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

impl Refund {
    /// Whether its units count as returned, or as on their way back.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !matches!(self.status, RefundStatus::Failed)
    }
}

/// The gateway's last word on a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReport {
    /// The money is back.
    Returned,
    /// It will not be given back this way.
    Refused {
        /// What the gateway said, if it said anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Note>,
    },
}

impl RefundReport {
    /// The stable name of the kind of report; part of the key under which it is settled.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Refused { .. } => "refused",
        }
    }
}

/// What was paid for the first `units` of a line: its share of the line's total, rounded down. For all of them it is
/// the total itself, so the differences between two counts sum to it to the minor unit.
///
/// # Errors
/// [`MoneyError`] if the line's total is beyond what money may be, which no order's is.
pub fn paid_for(line: &OrderLine, units: u32) -> Result<Money, MoneyError> {
    let total = line.total()?;
    if units >= line.quantity {
        return Ok(total);
    }
    let share = i128::from(total.minor()) * i128::from(units) / i128::from(line.quantity);
    // Within the bound: it is less than the total.
    Money::new(i64::try_from(share).unwrap_or(i64::MAX), total.currency())
}

/// What has been returned of one line, or is on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// Units.
    pub quantity: u32,
    /// What was returned for them.
    pub amount: Money,
}

impl Returned {
    /// Of the line at `position`, by the refunds of its order.
    ///
    /// # Errors
    /// [`MoneyError`] if they come to more than money may be, or are of another currency: no order's do.
    pub fn of<'a>(
        order: &Order,
        position: u32,
        refunds: impl IntoIterator<Item = &'a Refund>,
    ) -> Result<Self, MoneyError> {
        let lines = refunds.into_iter().filter(|refund| refund.counts()).flat_map(|refund| &refund.lines);
        let mut sum = Self { quantity: 0, amount: Money::zero(order.currency()) };
        for line in lines.filter(|line| line.position == position) {
            sum = Self { quantity: sum.quantity.saturating_add(line.quantity), amount: sum.amount.plus(line.amount)? };
        }
        Ok(sum)
    }

    /// What to return for `quantity` more units: what was paid for all that are then returned, less what was returned
    /// before. Never negative, and never more than is left of the line.
    ///
    /// # Errors
    /// [`MoneyError`] if what was returned is of another currency than the line.
    pub fn next(self, line: &OrderLine, quantity: u32) -> Result<Money, MoneyError> {
        let due = paid_for(line, self.quantity.saturating_add(quantity))?.minus(self.amount)?;
        Ok(if due.is_negative() { Money::zero(due.currency()) } else { due })
    }
}

/// Whether every unit of the order is back: the refunds that went through name all of them.
#[must_use]
pub fn is_refunded<'a>(order: &Order, refunds: impl IntoIterator<Item = &'a Refund> + Clone) -> bool {
    let back = |position: u32| -> u64 {
        let through = refunds.clone().into_iter().filter(|refund| refund.status == RefundStatus::Succeeded);
        let lines = through.flat_map(|refund| &refund.lines).filter(|line| line.position == position);
        lines.map(|line| u64::from(line.quantity)).sum()
    };
    (1..).zip(order.lines.iter()).all(|(position, line)| back(position) >= u64::from(line.quantity))
}
