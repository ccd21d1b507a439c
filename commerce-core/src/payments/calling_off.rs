//! Calling an order off whose card payment is in flight: on record first, and then at the gateway.
//!
//! The wish is a commit of its own, so that whoever hears of the payment's end, in whichever process, books it in the name
//! of whoever asked; and one whose request broke off is taken up by the next who looks after the charge.

use std::sync::Arc;

use super::{PaymentError, Payments, unknown};
use crate::command::CancelOrder;
use crate::commerce::Caller;
use crate::ids::OrderId;
use crate::order::{Order, OrderStatus};
use crate::rejection::Rejection;
use crate::store::{Error, Receipt, StoreError};

impl Payments {
    /// Calls an order off; one whose card payment is in flight is called off at the gateway first. If the gateway has
    /// captured the payment by then, the order is paid, and the answer is why it cannot be cancelled.
    ///
    /// # Errors
    /// As [`Commerce::cancel_order`](crate::Commerce::cancel_order): of several requests one calls the order off, and
    /// the same request again is answered as then. A gateway that gives no answer is [`StoreError::Unknown`]: the wish is
    /// on record, and the sweep comes back to it.
    pub async fn cancel_order(&self, caller: Caller, command: CancelOrder) -> Result<Receipt<Arc<Order>>, Error> {
        let order_id = command.order_id;
        match self.commerce.cancel_order(caller.clone(), command.clone()).await {
            Ok(asked) if asked.outcome.status == OrderStatus::Processing => {
                let outcome = self.called_off(order_id).await?;
                Ok(Receipt { outcome, replayed: asked.replayed })
            }
            // Somebody else asked for the same before.
            Err(Error::Rejected(Rejection::PaymentInProgress { .. })) => {
                self.pursue_order(order_id).await?;
                self.commerce.cancel_order(caller, command).await
            }
            answered => answered,
        }
    }

    /// What became of an order that is to be called off.
    async fn called_off(&self, order_id: OrderId) -> Result<Arc<Order>, Error> {
        let mut order = self.order(order_id).await?;
        if order.status == OrderStatus::Processing {
            self.pursue_order(order_id).await?;
            order = self.order(order_id).await?;
        }
        match order.status {
            OrderStatus::Cancelled => Ok(order),
            OrderStatus::Processing => {
                let reason = format!("the gateway has not let go of the payment of order {order_id} yet");
                Err(StoreError::Unknown { reason }.into())
            }
            from => Err(Rejection::InvalidTransition { order: order_id, from, to: OrderStatus::Cancelled }.into()),
        }
    }

    /// Takes the last charge of an order as far as the gateway lets it go.
    async fn pursue_order(&self, order_id: OrderId) -> Result<(), Error> {
        let Some(charge) = self.last_charge(order_id).await.map_err(unknown)? else { return Ok(()) };
        match self.advance(charge.id).await {
            Ok(_) => Ok(()),
            Err(PaymentError::Shop(Error::Store(error))) => Err(unknown(error).into()),
            Err(PaymentError::Shop(rejected)) => Err(rejected),
            Err(PaymentError::Gateway(error)) => Err(StoreError::Unknown { reason: error.to_string() }.into()),
        }
    }
}
