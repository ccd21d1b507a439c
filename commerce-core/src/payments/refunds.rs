//! Refunds through the gateway: the money goes back the way it came.
//!
//! As with charges: recorded in one commit, the gateway asked under the refund's own key, its word settled in another.
//! Whoever comes next asks again, under the same key, which is no second refund.

use std::sync::Arc;

use super::{PaymentError, Payments, key, note, unknown};
use crate::charge::{Charge, ChargePurpose, ChargeStatus};
use crate::command::{RefundOrder, SettleRefund};
use crate::commerce::Caller;
use crate::gateway::{GatewayError, GatewayRefund, GatewayRefundStatus};
use crate::ids::{ChargeId, OrderId, RefundId};
use crate::principal::Principal;
use crate::refund::{Refund, RefundReport, RefundStatus};
use crate::rejection::Rejection;
use crate::store::{Error, Receipt, StoreError};

impl Payments {
    /// Gives money of a paid order back, and if it goes through the gateway takes that as far as the gateway lets it go
    /// at once. Answers the refund as it is then. A gateway that does not answer, or not yet, leaves it pending; the
    /// sweep comes back to it.
    ///
    /// # Errors
    /// As [`Commerce::refund_order`](crate::Commerce::refund_order); the same key asks again.
    pub async fn refund_order(&self, caller: Caller, command: RefundOrder) -> Result<Receipt<Arc<Refund>>, Error> {
        let Receipt { outcome: begun, replayed } = self.commerce.refund_order(caller, command).await?;
        if begun.status != RefundStatus::Pending {
            return Ok(Receipt { outcome: begun, replayed });
        }
        let outcome = match self.advance_refund(begun.order_id, begun.id).await {
            Ok(refund) => refund,
            Err(PaymentError::Gateway(_)) => self.refund(begun.order_id, begun.id).await.map_err(unsure)?,
            Err(error) => return Err(unsure(error)),
        };
        Ok(Receipt { outcome, replayed })
    }

    /// The gateway has called about a charge: takes it, and the refunds of it that are pending, as far as they go.
    ///
    /// # Errors
    /// [`PaymentError`] if there is no such charge, or the gateway or the store does not answer; call again, or leave it
    /// to the sweep.
    pub async fn heard(&self, id: ChargeId) -> Result<Arc<Charge>, PaymentError> {
        let charge = self.advance(id).await?;
        if let (ChargeStatus::Captured, ChargePurpose::Order { order_id, .. }) = (charge.status, charge.purpose) {
            for refund in self.store().refunds(order_id).await? {
                if refund.status == RefundStatus::Pending {
                    self.advance_refund(order_id, refund.id).await?;
                }
            }
        }
        Ok(charge)
    }

    /// Takes a refund from where it stands as far as the gateway lets it go. Safe to call at any time, any number of
    /// times, from several places at once.
    ///
    /// # Errors
    /// As [`heard`](Self::heard).
    pub async fn advance_refund(&self, order: OrderId, id: RefundId) -> Result<Arc<Refund>, PaymentError> {
        let refund = self.refund(order, id).await?;
        if refund.status != RefundStatus::Pending {
            return Ok(refund);
        }
        match self.ask_back(&refund).await? {
            Some(report) => self.settle_refund(&refund, report).await,
            None => Ok(refund),
        }
    }

    /// The gateway's last word on a refund; none while it has not said it.
    async fn ask_back(&self, refund: &Refund) -> Result<Option<RefundReport>, PaymentError> {
        if !refund.total.is_positive() {
            // What comes back for nothing moves no money.
            return Ok(Some(RefundReport::Returned));
        }
        let charges = self.store().charges_of(refund.order_id).await?;
        let captured = charges.iter().find(|charge| charge.status == ChargeStatus::Captured);
        let missing = || StoreError::Corrupt {
            what: format!("order {} was paid by card, and no charge of it is captured", refund.order_id),
        };
        let charge_id = captured.ok_or_else(missing)?.id;
        let key = key(format!("refund-{}", refund.id))?;
        match self.gateway.refund(&GatewayRefund { charge_id, key, amount: refund.total }).await {
            Ok(GatewayRefundStatus::Succeeded) => Ok(Some(RefundReport::Returned)),
            Ok(GatewayRefundStatus::Pending) => Ok(None),
            Ok(GatewayRefundStatus::Failed { reason }) => Ok(Some(RefundReport::Refused { reason: Some(reason) })),
            Err(GatewayError::Refused { reason }) => Ok(Some(RefundReport::Refused { reason: note(&reason) })),
            Err(unavailable) => Err(unavailable.into()),
        }
    }

    /// Books the gateway's last word, once.
    async fn settle_refund(&self, refund: &Refund, report: RefundReport) -> Result<Arc<Refund>, PaymentError> {
        let (order_id, refund_id) = (refund.order_id, refund.id);
        let caller = Caller::new(Principal::System, key(format!("refund-{refund_id}-{}", report.as_str()))?);
        match self.commerce.settle_refund(caller, SettleRefund { order_id, refund_id, report }).await {
            // What was answered then is the end of it.
            Ok(receipt) => Ok(receipt.outcome),
            // Refused in other words: it has been settled.
            Err(Error::Rejected(Rejection::IdempotencyKeyReused { .. })) => self.refund(order_id, refund_id).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn refund(&self, order: OrderId, id: RefundId) -> Result<Arc<Refund>, PaymentError> {
        let found = self.store().refunds(order).await?.into_iter().find(|refund| refund.id == id);
        Ok(found.ok_or(Rejection::RefundNotFound { order, refund: id })?)
    }
}

/// The refund is on record by now: it takes the same key, or a look, to learn what came of it.
fn unsure(error: PaymentError) -> Error {
    match error {
        PaymentError::Shop(Error::Store(error)) => unknown(error).into(),
        PaymentError::Shop(rejected) => rejected,
        PaymentError::Gateway(error) => StoreError::Unknown { reason: error.to_string() }.into(),
    }
}
