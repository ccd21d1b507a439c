//! What the server and its gateway say to each other, as JSON. Amounts are strings of major units, ids the shop's own.

use commerce_core::{
    ChargeId, CustomerId, GatewayPayment, GatewayRefundStatus, GatewayRequest, GatewayStatus, Money, Name, Note,
};
use serde::{Deserialize, Serialize};

/// An amount of money, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Major units.
    pub amount: String,
    /// The code of ISO 4217.
    pub currency: String,
}

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self { amount: money.major().to_string(), currency: money.currency().code().to_owned() }
    }
}

impl Amount {
    /// The amount, if it is one.
    pub fn money(&self) -> Result<Money, commerce_core::MoneyError> {
        Money::parse(&self.amount, commerce_core::Currency::from_code(&self.currency)?)
    }
}

/// `POST /v1/payments`: what the gateway is to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// The shop's name for it; the idempotency key.
    pub reference: ChargeId,
    /// Whose card.
    pub customer: CustomerId,
    /// How much.
    pub amount: Amount,
}

impl From<&GatewayRequest> for NewPayment {
    fn from(request: &GatewayRequest) -> Self {
        Self { reference: request.charge_id, customer: request.customer_id, amount: request.amount.into() }
    }
}

/// A payment, as the gateway tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The gateway's name for it.
    pub id: Name,
    /// The shop's.
    pub reference: ChargeId,
    /// Whose card.
    pub customer: CustomerId,
    /// How much.
    pub amount: Amount,
    /// Where it stands: pending, approved, captured, declined, cancelled or refunded.
    pub status: String,
    /// Why it was declined, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

impl Payment {
    /// The payment of `charge` as it goes over the wire.
    #[must_use]
    pub fn of(charge: ChargeId, payment: &GatewayPayment) -> Self {
        let reason = match &payment.status {
            GatewayStatus::Declined { reason } => Some(reason.clone()),
            _ => None,
        };
        Self {
            id: payment.transaction_id.clone(),
            reference: charge,
            customer: payment.customer_id,
            amount: payment.amount.into(),
            status: payment.status.as_str().to_owned(),
            reason,
        }
    }

    /// The payment of `charge`, if that is what this is; the reason in words why not otherwise.
    pub fn read(self, charge: ChargeId) -> Result<GatewayPayment, String> {
        if self.reference != charge {
            return Err(format!("asked about {charge}, it told of {}", self.reference));
        }
        let status = match (self.status.as_str(), self.reason) {
            ("pending", _) => GatewayStatus::Pending,
            ("approved", _) => GatewayStatus::Approved,
            ("captured", _) => GatewayStatus::Captured,
            ("cancelled", _) => GatewayStatus::Cancelled,
            ("refunded", _) => GatewayStatus::Refunded,
            ("declined", Some(reason)) => GatewayStatus::Declined { reason },
            ("declined", None) => GatewayStatus::Declined { reason: Note::new("declined").map_err(|e| e.to_string())? },
            (unknown, _) => return Err(format!("there is no status {unknown:?}")),
        };
        let amount = self.amount.money().map_err(|error| error.to_string())?;
        Ok(GatewayPayment { transaction_id: self.id, customer_id: self.customer, amount, status })
    }
}

/// `POST /v1/payments/{reference}/refunds`: what the gateway is to give back. The idempotency key is a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// How much.
    pub amount: Amount,
}

/// A refund, as the gateway tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Where it stands: pending, succeeded or failed.
    pub status: String,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

impl From<&GatewayRefundStatus> for Refund {
    fn from(status: &GatewayRefundStatus) -> Self {
        let (status, reason) = match status {
            GatewayRefundStatus::Pending => ("pending", None),
            GatewayRefundStatus::Succeeded => ("succeeded", None),
            GatewayRefundStatus::Failed { reason } => ("failed", Some(reason.clone())),
        };
        Self { status: status.to_owned(), reason }
    }
}

impl Refund {
    /// Where it stands; the reason in words if that cannot be told.
    pub fn read(self) -> Result<GatewayRefundStatus, String> {
        match (self.status.as_str(), self.reason) {
            ("pending", _) => Ok(GatewayRefundStatus::Pending),
            ("succeeded", _) => Ok(GatewayRefundStatus::Succeeded),
            ("failed", Some(reason)) => Ok(GatewayRefundStatus::Failed { reason }),
            (unknown, _) => Err(format!("there is no status {unknown:?} of a refund")),
        }
    }
}

/// A refusal: nothing happened, and asking again is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub error: String,
}

/// What the gateway calls back with: that something happened to a payment or a refund of it, and what the payment was
/// like then. The server takes
/// it as a hint, and looks the payment up: what was true when a call was made may not be when it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `payment.approved`, `payment.captured`, `refund.succeeded`, `refund.failed`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The payment.
    pub data: Payment,
}

/// The part of a [`Notice`] that is acted on; a gateway may say more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hint {
    /// About what.
    pub data: HintData,
}

/// What a [`Hint`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HintData {
    /// The shop's name for the payment.
    pub reference: ChargeId,
}
