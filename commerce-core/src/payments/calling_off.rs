//! Calling an order off whose card payment is in flight: at the gateway first, and then in the name of whoever asked.
//!
//! The gateway may call back before it has answered, and several may ask at once. One request calls the order off and keeps
//! its key; the others hear that it is cancelled, as they would of an order without a card payment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{PaymentError, Payments, report_key, unavailable};
use crate::charge::{Charge, ChargeReport, ChargeStatus};
use crate::command::CancelOrder;
use crate::commerce::Caller;
use crate::gateway::GatewayStatus;
use crate::idempotency::KeyScope;
use crate::ids::{ChargeId, OrderId};
use crate::operation::Operation;
use crate::order::{CancelCause, Order, OrderChange, OrderStatus};
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::{Error, Receipt};
use crate::text::Note;

/// Somebody's request that a charge be called off.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) caller: Caller,
    pub(super) reason: Option<Note>,
}

impl Wish {
    /// The name of the request, for the key under which it is booked: another request has another.
    pub(super) fn name(&self) -> String {
        let Caller { principal, key } = self.caller.clone();
        KeyScope { key, principal, operation: Operation::CancelOrder }.digest()
    }
}

/// The wishes that are on their way to the gateway, each charge's in the order in which they were made. Whoever hears in
/// this process that a charge was called off then knows whose wish it was. A call of the gateway's that another process
/// hears first is taken for its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes(Arc<Mutex<BTreeMap<(ChargeId, u64), Wish>>>);

impl Wishes {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<(ChargeId, u64), Wish>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first that was made and is on its way.
    pub(super) fn of(&self, charge: ChargeId) -> Option<Wish> {
        self.locked().range((charge, 0)..=(charge, u64::MAX)).next().map(|(_, wish)| wish.clone())
    }

    /// Known until the answer is dropped.
    fn make(&self, charge: ChargeId, wish: Wish) -> Made<'_> {
        let mut wishes = self.locked();
        let number = wishes.range((charge, 0)..=(charge, u64::MAX)).next_back().map_or(0, |((_, last), _)| last + 1);
        wishes.insert((charge, number), wish);
        Made { wishes: self, place: (charge, number) }
    }
}

struct Made<'a> {
    wishes: &'a Wishes,
    place: (ChargeId, u64),
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        self.wishes.locked().remove(&self.place);
    }
}

impl Payments {
    /// Calls an order off; one whose card payment is in flight is called off at the gateway first. If the gateway has
    /// captured the payment by then, the order is paid, and the answer is why it cannot be cancelled.
    ///
    /// # Errors
    /// As [`Commerce::cancel_order`](crate::Commerce::cancel_order): of several requests one calls the order off, and
    /// the same request again is answered as then. A gateway that gives no answer is [`StoreError::Unavailable`]: the
    /// order stands where it stood, and waits no longer than until its time to be paid is over.
    ///
    /// [`StoreError::Unavailable`]: crate::StoreError::Unavailable
    pub async fn cancel_order(&self, caller: Caller, command: CancelOrder) -> Result<Receipt<Arc<Order>>, Error> {
        let order_id = command.order_id;
        let wish = Wish { caller: caller.clone(), reason: command.reason.clone() };
        match self.commerce.cancel_order(caller.clone(), command.clone()).await {
            Err(Error::Rejected(Rejection::PaymentInProgress { .. })) => {}
            Err(Error::Rejected(refused @ Rejection::InvalidTransition { from: OrderStatus::Cancelled, .. })) => {
                return self.called_off_before(&wish, order_id, refused).await;
            }
            other => return other,
        }
        if let Some(charge) = self.last_charge(order_id).await? {
            let charge_now = self.call_off(&charge, wish).await.map_err(unavailable)?;
            let order = self.order(order_id).await?;
            if (charge_now, order.status) == (ChargeStatus::Cancelled, OrderStatus::Cancelled) {
                return Ok(Receipt { outcome: order, replayed: false });
            }
        }
        // Its payment came to something else meanwhile.
        self.commerce.cancel_order(caller, command).await
    }

    /// Calls a charge off at the gateway, and books what that comes to. Answers where it then stands; refused if the
    /// charge has had its end and its order cannot be called off any more.
    async fn call_off(&self, charge: &Charge, wish: Wish) -> Result<ChargeStatus, PaymentError> {
        let _made = self.wishes.make(charge.id, wish.clone());
        // A gateway that has not heard of it might hear of it later: it is to know that it is off.
        let report = match self.made_known(charge).await? {
            ChargeReport::Found(_) => ChargeReport::Found(self.gateway.cancel(charge.id).await?),
            refused => refused,
        };
        let status = match self.book(charge.id, report, Some(&wish)).await {
            Ok(booked) => booked.outcome.status,
            Err(Error::Rejected(Rejection::IdempotencyKeyReused { .. })) => {
                return Err(Rejection::IdempotencyKeyReused { key: wish.caller.key }.into());
            }
            Err(error) => return Err(error.into()),
        };
        if status != ChargeStatus::Cancelled {
            self.advance(charge.id).await?;
        }
        Ok(status)
    }

    /// The answer to a request about an order that is cancelled: the same as then, if it was this request that had it
    /// called off at the gateway.
    async fn called_off_before(
        &self,
        wish: &Wish,
        order_id: OrderId,
        refused: Rejection,
    ) -> Result<Receipt<Arc<Order>>, Error> {
        let Some(charge) = self.last_charge(order_id).await? else { return Err(refused.into()) };
        let key = report_key(charge.id, GatewayStatus::Cancelled.as_str(), Some(wish))?;
        let scope = KeyScope { key, principal: Principal::System, operation: Operation::SettleCharge };
        if self.store().used(&[scope]).await? != [true] {
            return Err(refused.into());
        }
        let last = self.store().history(order_id).await?.pop();
        let asked = last.filter(|event| event.actor == wish.caller.principal).map(|event| event.change.clone());
        match asked {
            Some(OrderChange::Cancelled { cause: CancelCause::Requested, reason }) if reason == wish.reason => {
                Ok(Receipt { outcome: self.order(order_id).await?, replayed: true })
            }
            Some(OrderChange::Cancelled { cause: CancelCause::Requested, .. }) => {
                Err(Rejection::IdempotencyKeyReused { key: wish.caller.key.clone() }.into())
            }
            _ => Err(refused.into()),
        }
    }
}
