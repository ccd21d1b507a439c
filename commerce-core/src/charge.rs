//! Charges: single attempts at having a payment gateway take money from a card, for an order or for a top-up.

use serde::{Deserialize, Serialize};

use crate::gateway::GatewayPayment;
use crate::ids::{ChargeId, CustomerId, OrderId, TopUpId};
use crate::money::Money;
use crate::rejection::Rejection;
use crate::text::{Name, Note};
use crate::time::Timestamp;

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargePurpose {
    /// To pay an order.
    Order {
        /// Which order.
        order_id: OrderId,
        /// Which of its payment's attempts this is: the one in flight if the payment counts no more than this.
        attempt: u32,
    },
    /// To top a wallet up.
    TopUp {
        /// Which top-up.
        top_up_id: TopUpId,
    },
}

impl ChargePurpose {
    /// The order, if it is for one.
    #[must_use]
    pub const fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::Order { order_id, .. } => Some(*order_id),
            Self::TopUp { .. } => None,
        }
    }
}

/// Where a charge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    /// Recorded; whether the gateway has heard of it is not known.
    Initiated,
    /// With the gateway, which has not decided.
    Pending,
    /// Captured, and what it is for is paid with it.
    Captured,
    /// Declined, or refused by the gateway.
    Failed,
    /// Called off at the gateway.
    Cancelled,
    /// Captured when there was nothing left to pay with it: to be given back.
    RefundDue,
    /// Captured, and given back.
    Refunded,
}

impl ChargeStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Initiated,
        Self::Pending,
        Self::Captured,
        Self::Failed,
        Self::Cancelled,
        Self::RefundDue,
        Self::Refunded,
    ];

    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Pending => "pending",
            Self::Captured => "captured",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::RefundDue => "refund_due",
            Self::Refunded => "refunded",
        }
    }

    /// Whether the gateway's decision is awaited.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Initiated | Self::Pending)
    }

    /// Whether something is still to be done: a decision to be heard, or money to be given back.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Initiated | Self::Pending | Self::RefundDue)
    }
}

/// One attempt at having a gateway take money. Its id is the idempotency key of everything that the gateway is asked
/// about it, so that asking again is asking for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The charge's id, and its name at the gateway.
    pub id: ChargeId,
    /// What it is for.
    pub purpose: ChargePurpose,
    /// Whose card.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: ChargeStatus,
    /// Why it failed, if it did.
    pub failure_reason: Option<Note>,
    /// The gateway's name for it, once known; unique.
    pub gateway_transaction_id: Option<Name>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Charge {
    /// Refuses what a gateway has on record under the charge's name unless it is what it was asked for.
    ///
    /// # Errors
    /// The first of amount, customer and transaction that differs, with both sides of it.
    pub fn check(&self, found: &GatewayPayment) -> Result<(), Rejection> {
        let (charge, transaction) = (self.id, &found.transaction_id);
        if found.amount != self.amount {
            return Err(Rejection::GatewayAmountMismatch { charge, expected: self.amount, found: found.amount });
        }
        if found.customer_id != self.customer_id {
            let (expected, found) = (self.customer_id, found.customer_id);
            return Err(Rejection::GatewayCustomerMismatch { charge, expected, found });
        }
        match self.gateway_transaction_id.as_ref().filter(|known| *known != transaction) {
            Some(expected) => {
                let (expected, found) = (expected.clone(), transaction.clone());
                Err(Rejection::GatewayTransactionMismatch { charge, expected, found })
            }
            None => Ok(()),
        }
    }
}

/// What there is to say of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeReport {
    /// The gateway's record of it, as looked up.
    Found(GatewayPayment),
    /// The gateway would not take the request, so that nothing will ever come of it.
    Refused {
        /// What the gateway said, if it said anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Note>,
    },
    /// What was captured has been given back.
    Refunded,
}

impl ChargeReport {
    /// The stable name of the kind of report; part of the key under which it is settled.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Found(found) => found.status.as_str(),
            Self::Refused { .. } => "refused",
            Self::Refunded => "returned",
        }
    }
}
