//! Payments: one per order, however often and whichever way it is tried.

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, OrderId, PaymentId};
use crate::money::Money;
use crate::order::{Order, OrderStatus};
use crate::principal::Principal;
use crate::text::{Name, Note};
use crate::time::Timestamp;

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// From the customer's wallet, in the commit that places or pays the order.
    Wallet,
    /// By card through a payment gateway.
    Card,
}

impl PaymentMethod {
    /// The stable text of the method.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Card => "card",
        }
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Recorded, the gateway not asked yet.
    Initiated,
    /// The gateway has been asked and has not answered.
    Pending,
    /// Captured.
    Succeeded,
    /// Declined.
    Failed,
    /// Called off.
    Cancelled,
}

impl PaymentStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Somebody's wish that an order be called off whose card payment is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// Who asked; the order's history names them once it is called off.
    pub requested_by: Principal,
    /// Why, in their words, if they gave any.
    pub reason: Option<Note>,
}

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The payment's id; each attempt by card has a [`Charge`](crate::Charge) with an id of its own.
    pub id: PaymentId,
    /// The order it pays.
    pub order_id: OrderId,
    /// Who pays.
    pub customer_id: CustomerId,
    /// How, as it was last tried.
    pub method: PaymentMethod,
    /// How much: the order's total.
    pub amount: Money,
    /// Where it stands.
    pub status: PaymentStatus,
    /// How often it has been tried.
    pub attempts: u32,
    /// Why the last attempt that failed did, if one did; kept when a later one succeeds.
    pub failure_reason: Option<Note>,
    /// The gateway's name for the attempt that captured it, if a gateway took part.
    pub gateway_transaction_id: Option<Name>,
    /// Who asked for the order to be called off while the last attempt was in flight, if anybody did. It is called off in
    /// their name once the gateway lets go of the money, and paid if that was captured first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_request: Option<CancelRequest>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Payment {
    /// Whether `order`, which this pays, waits for that very attempt at it.
    pub(crate) fn is_awaited(&self, order: &Order, attempt: u32) -> bool {
        order.status == OrderStatus::Processing && self.attempts == attempt
    }
}
