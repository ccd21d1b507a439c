//! The port to a payment gateway: what the shop asks of one, and what it may hear.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{ChargeId, CustomerId};
use crate::money::Money;
use crate::text::{IdempotencyKey, Name, Note};

/// Where a payment stands at its gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayStatus {
    /// The gateway, or the customer in front of it, has not decided.
    Pending,
    /// Approved: the money is set aside, and waits to be captured.
    Approved,
    /// Captured: the money is the shop's.
    Captured,
    /// Declined.
    Declined {
        /// Why, in the gateway's words.
        reason: Note,
    },
    /// Called off before it was captured.
    Cancelled,
    /// Captured, and given back in full.
    Refunded,
}

impl GatewayStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Captured => "captured",
            Self::Declined { .. } => "declined",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// A payment as the gateway has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayPayment {
    /// The gateway's name for it.
    pub transaction_id: Name,
    /// The customer whom the gateway was told of.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: GatewayStatus,
}

/// What a gateway is asked to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRequest {
    /// The shop's name for it: unique, and the idempotency key of the request.
    pub charge_id: ChargeId,
    /// Whose card.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
}

/// Money to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRefund {
    /// The captured charge that it is given back of.
    pub charge_id: ChargeId,
    /// The shop's name for this refund: unique within the charge, and the idempotency key of the request.
    pub key: IdempotencyKey,
    /// How much; all refunds of a charge together are at most what was captured.
    pub amount: Money,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayRefundStatus {
    /// Under way: asking again with the same key tells more, later.
    Pending,
    /// Given back.
    Succeeded,
    /// It will not be given back this way.
    Failed {
        /// Why, in the gateway's words.
        reason: Note,
    },
}

/// Why a gateway did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GatewayError {
    /// No answer, or none that tells: it may or may not have happened. Asking again with the same key, or looking
    /// up, tells.
    #[error("the payment gateway gave no answer: {reason}")]
    Unavailable {
        /// What is wrong, for operators.
        reason: String,
    },
    /// A definite no: nothing happened, and asking again is of no use.
    #[error("the payment gateway refused: {reason}")]
    Refused {
        /// What the gateway said.
        reason: String,
    },
}

/// A payment gateway.
///
/// # Contract
/// Every request is idempotent by its key: the same request again, at the same time or later, has no second effect and
/// tells where the payment stands now: a request to take a payment that comes late, after the payment was called off, finds
/// it called off. A refund that succeeded or failed stays so. Of a capture and a cancellation that race one wins, and both
/// hear which. Nothing is captured unless [`capture`](Self::capture) asked for it, or the gateway was set up to capture by itself.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// Asks the gateway to take a payment. Repeated, it tells where the payment stands.
    async fn create(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError>;

    /// Where a payment stands; none if the gateway has never heard of it.
    async fn look_up(&self, charge: ChargeId) -> Result<Option<GatewayPayment>, GatewayError>;

    /// Captures an approved payment. One that cannot be captured any more is told as it is.
    async fn capture(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError>;

    /// Calls a payment off that is not captured. One that cannot be called off any more is told as it is.
    async fn cancel(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError>;

    /// Gives captured money back.
    async fn refund(&self, refund: &GatewayRefund) -> Result<GatewayRefundStatus, GatewayError>;
}
