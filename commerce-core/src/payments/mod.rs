//! Money from cards: the steps between the shop and a payment gateway.
//!
//! The gateway is never called inside a transaction. A charge is recorded in one commit, the gateway is asked, and what
//! it says is settled in another. Whoever comes next takes a charge from where it stands: the request that began it, the
//! client's confirmation, the gateway's call and the sweep all do the same ([`Payments::advance`]), in any order and at
//! the same time. So a crash at any point loses nothing: the next of them asks the gateway by the charge's id, which is
//! the key of everything that it was ever asked about it.

mod calling_off;
mod refunds;
mod sweep;

use std::fmt;
use std::sync::Arc;

pub use sweep::{Open, Swept, Unsettled};
use thiserror::Error as ThisError;

use crate::charge::{Charge, ChargePurpose, ChargeReport, ChargeStatus};
use crate::command::{PlaceOrder, RequestTopUp, SettleCharge, StartCardPayment};
use crate::commerce::{Caller, Commerce};
use crate::gateway::{
    GatewayError, GatewayPayment, GatewayRefund, GatewayRefundStatus, GatewayRequest, GatewayStatus, PaymentGateway,
};
use crate::ids::{ChargeId, OrderId, TopUpId};
use crate::order::Order;
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::{Error, Receipt, Store, StoreError};
use crate::text::{IdempotencyKey, Note};
use crate::top_up::{TopUp, TopUpStatus};

/// How often a charge is taken a step further before it is left to the sweep: more often than there are steps.
const STEPS: usize = 8;

/// Why a charge could not be taken further for now. What has been committed stays so; the sweep comes back to it.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum PaymentError {
    /// The gateway did not do what it was asked.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The shop did not: a rule refused what the gateway says, or the store could not.
    #[error(transparent)]
    Shop(#[from] Error),
}

impl From<StoreError> for PaymentError {
    fn from(error: StoreError) -> Self {
        Self::Shop(error.into())
    }
}

impl From<Rejection> for PaymentError {
    fn from(rejection: Rejection) -> Self {
        Self::Shop(rejection.into())
    }
}

/// A shop that takes cards, through a gateway. Cloning is cheap.
#[derive(Clone)]
pub struct Payments {
    commerce: Commerce,
    gateway: Arc<dyn PaymentGateway>,
}

impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payments").field("commerce", &self.commerce).finish_non_exhaustive()
    }
}

/// What customers ask for.
impl Payments {
    /// Takes cards for `commerce` through `gateway`.
    #[must_use]
    pub fn new(commerce: Commerce, gateway: Arc<dyn PaymentGateway>) -> Self {
        Self { commerce, gateway }
    }

    fn store(&self) -> &dyn Store {
        &**self.commerce.store()
    }

    /// Places an order; if it is to be paid by card, begins that under the same key in a second commit, and takes it as
    /// far as the gateway lets it go at once. Answers the order as it is then, also when asked again: what broke off
    /// between the two commits goes on there. An order that cannot be paid by card any more by then is answered too.
    pub async fn place_order(&self, caller: Caller, command: PlaceOrder) -> Result<Receipt<Arc<Order>>, Error> {
        let by_card = command.payment == Some(PaymentMethod::Card);
        let placed = self.commerce.place_order(caller.clone(), command).await?;
        if !by_card {
            return Ok(placed);
        }
        let order_id = placed.outcome.id;
        let paid = match self.pay_order(caller, order_id).await {
            Ok(paid) => paid.outcome,
            Err(Error::Rejected(_)) => self.order(order_id).await?,
            // The order is there by now: the same key tells.
            Err(Error::Store(error)) => return Err(unknown(error).into()),
        };
        Ok(Receipt { outcome: paid, replayed: placed.replayed })
    }

    /// Pays a pending order by card: begins the payment, and takes it as far as the gateway lets it go at once. Answers
    /// the order as it is then: paid, pending again if it was declined, or processing if the gateway has not decided.
    ///
    /// Asked again under the same key, it takes the same payment further, and begins no other.
    pub async fn pay_order(&self, caller: Caller, order_id: OrderId) -> Result<Receipt<Arc<Order>>, Error> {
        let begun = self.commerce.start_card_payment(caller, StartCardPayment { order_id }).await?;
        self.try_advance(begun.outcome.id).await?;
        let order = self.order(order_id).await?;
        Ok(Receipt { outcome: order, replayed: begun.replayed })
    }

    /// Asks for a top-up, and takes it as far as the gateway lets it go at once.
    pub async fn top_up(&self, caller: Caller, command: RequestTopUp) -> Result<Receipt<Arc<TopUp>>, Error> {
        let asked = self.commerce.request_top_up(caller, command).await?;
        self.try_advance(asked.outcome.charge_id).await?;
        let top_up = self.top_up_now(asked.outcome.id).await?;
        Ok(Receipt { outcome: top_up, replayed: asked.replayed })
    }

    /// Asks the gateway where the card payment of an order stands, and settles it. Answers the order as it is then.
    pub async fn confirm_order(&self, order_id: OrderId) -> Result<Arc<Order>, Error> {
        if let Some(charge) = self.last_charge(order_id).await? {
            self.advance(charge.id).await.map_err(unavailable)?;
        }
        self.order(order_id).await
    }

    /// Asks the gateway where a top-up stands, and settles it. Answers the top-up as it is then.
    pub async fn confirm_top_up(&self, top_up: &TopUp) -> Result<Arc<TopUp>, Error> {
        self.advance(top_up.charge_id).await.map_err(unavailable)?;
        self.top_up_now(top_up.id).await
    }

    async fn order(&self, order: OrderId) -> Result<Arc<Order>, Error> {
        let found = self.store().order(order).await.map_err(unknown)?;
        found.ok_or(Error::Rejected(Rejection::OrderNotFound { order }))
    }

    async fn top_up_now(&self, id: TopUpId) -> Result<Arc<TopUp>, Error> {
        let missing = || StoreError::Corrupt { what: format!("top-up {id} was answered, and is not there") };
        Ok(self.store().top_up(id).await.map_err(unknown)?.ok_or_else(missing)?)
    }

    async fn last_charge(&self, order: OrderId) -> Result<Option<Arc<Charge>>, StoreError> {
        Ok(self.store().charges_of(order).await?.pop())
    }

    /// Takes a charge that is on record as far as it goes. A gateway that does not answer is no reason to fail: the
    /// charge stays in flight, and the sweep comes back to it.
    async fn try_advance(&self, charge: ChargeId) -> Result<(), Error> {
        match self.advance(charge).await {
            Ok(_) | Err(PaymentError::Gateway(_)) => Ok(()),
            Err(PaymentError::Shop(Error::Store(error))) => Err(unknown(error).into()),
            Err(PaymentError::Shop(rejected)) => Err(rejected),
        }
    }
}

/// The steps.
impl Payments {
    /// Takes a charge from where it stands as far as the gateway lets it go. Safe to call at any time, any number of
    /// times, from several places at once.
    pub async fn advance(&self, id: ChargeId) -> Result<Arc<Charge>, PaymentError> {
        let mut charge = self.charge(id).await?;
        for _ in 0..STEPS {
            charge = match charge.status {
                ChargeStatus::Initiated | ChargeStatus::Pending => {
                    let report = self.pursue(&charge).await?;
                    let settled = self.settle(id, report).await?;
                    if settled.status.is_in_flight() {
                        return Ok(settled);
                    }
                    settled
                }
                ChargeStatus::RefundDue => return self.give_back(&charge).await,
                ChargeStatus::Failed | ChargeStatus::Cancelled => match self.after_the_end(id).await? {
                    Some(report) => self.settle(id, report).await?,
                    None => return Ok(charge),
                },
                ChargeStatus::Captured | ChargeStatus::Refunded => return Ok(charge),
            };
            if !charge.status.is_open() {
                return Ok(charge);
            }
        }
        Ok(charge)
    }

    /// What there is to say of a charge that was taken for lost: that it is captured after all. What the gateway could
    /// still capture is called off.
    async fn after_the_end(&self, id: ChargeId) -> Result<Option<ChargeReport>, PaymentError> {
        let Some(found) = self.gateway.look_up(id).await? else { return Ok(None) };
        let found = match found.status {
            GatewayStatus::Pending | GatewayStatus::Approved => self.gateway.cancel(id).await?,
            _ => found,
        };
        Ok((found.status == GatewayStatus::Captured).then_some(ChargeReport::Found(found)))
    }

    /// Has the gateway go on with a charge in flight: hear of it, capture it once it is approved, or drop it once
    /// nobody waits for it any longer, or if it is not the payment that was asked for.
    async fn pursue(&self, charge: &Charge) -> Result<ChargeReport, PaymentError> {
        let found = match self.made_known(charge).await? {
            ChargeReport::Found(found) => found,
            refused => return Ok(refused),
        };
        if let Err(mismatch) = charge.check(&found) {
            return self.drop_mismatch(found, charge, &mismatch).await;
        }
        let found = match found.status {
            // Also one that the gateway hears of only now: an earlier request that comes later still finds it called off.
            GatewayStatus::Pending | GatewayStatus::Approved if !self.is_awaited(charge).await? => {
                self.gateway.cancel(charge.id).await?
            }
            GatewayStatus::Approved => self.gateway.capture(charge.id).await?,
            _ => found,
        };
        Ok(ChargeReport::Found(found))
    }

    /// Sees to it that a payment which is not the one that was asked for is not captured. One that is captured already is
    /// told as it is, to be refused: somebody has to look at that money.
    async fn drop_mismatch(
        &self,
        found: GatewayPayment,
        charge: &Charge,
        mismatch: &Rejection,
    ) -> Result<ChargeReport, PaymentError> {
        let found = match found.status {
            GatewayStatus::Pending | GatewayStatus::Approved => self.gateway.cancel(charge.id).await?,
            _ => found,
        };
        Ok(match found.status {
            // Nobody wants what it is for called off: it can be paid another way.
            GatewayStatus::Cancelled => ChargeReport::Refused { reason: note(&mismatch.to_string()) },
            _ => ChargeReport::Found(found),
        })
    }

    /// The gateway's record of a charge, made now if it has none.
    async fn made_known(&self, charge: &Charge) -> Result<ChargeReport, PaymentError> {
        if let Some(found) = self.gateway.look_up(charge.id).await? {
            return Ok(ChargeReport::Found(found));
        }
        let Charge { id: charge_id, customer_id, amount, .. } = *charge;
        match self.gateway.create(&GatewayRequest { charge_id, customer_id, amount }).await {
            Ok(found) => Ok(ChargeReport::Found(found)),
            Err(GatewayError::Refused { reason }) => Ok(ChargeReport::Refused { reason: note(&reason) }),
            Err(unavailable) => Err(unavailable.into()),
        }
    }

    /// Whether what the charge is for waits for it, nobody has called that off, and its time is not over.
    async fn is_awaited(&self, charge: &Charge) -> Result<bool, StoreError> {
        let store = self.store();
        let ends = match charge.purpose {
            ChargePurpose::Order { order_id, attempt } => {
                let (order, payment) = (store.order(order_id).await?, store.payment(order_id).await?);
                let wanted = payment.filter(|payment| payment.cancel_request.is_none());
                let order = order.filter(|order| wanted.is_some_and(|payment| payment.is_awaited(order, attempt)));
                order.map(|order| order.expires_at)
            }
            ChargePurpose::TopUp { top_up_id } => {
                let top_up = store.top_up(top_up_id).await?.filter(|top_up| top_up.status == TopUpStatus::Pending);
                top_up.map(|top_up| Some(top_up.expires_at))
            }
        };
        let Some(ends) = ends else { return Ok(false) };
        let now = store.now().await?;
        Ok(ends.is_none_or(|ends| now < ends))
    }

    /// Gives back what was captured and pays nothing.
    async fn give_back(&self, charge: &Charge) -> Result<Arc<Charge>, PaymentError> {
        let key = key(format!("charge-{}", charge.id))?;
        let refund = GatewayRefund { charge_id: charge.id, key, amount: charge.amount };
        match self.gateway.refund(&refund).await? {
            GatewayRefundStatus::Succeeded => self.settle(charge.id, ChargeReport::Refunded).await,
            GatewayRefundStatus::Pending => self.charge(charge.id).await,
            GatewayRefundStatus::Failed { reason } => {
                Err(GatewayError::Refused { reason: format!("the refund of charge {} failed: {reason}", charge.id) }
                    .into())
            }
        }
    }

    /// Books a report, once for each kind of it.
    async fn settle(&self, charge_id: ChargeId, report: ChargeReport) -> Result<Arc<Charge>, PaymentError> {
        let caller = Caller::new(Principal::System, key(format!("charge-{charge_id}-{}", report.as_str()))?);
        match self.commerce.settle_charge(caller, SettleCharge { charge_id, report }).await {
            // What was answered then may have been overtaken since.
            Ok(receipt) if receipt.replayed => self.charge(charge_id).await,
            Ok(receipt) => Ok(receipt.outcome),
            // The same kind of report in other words: it has been settled.
            Err(Error::Rejected(Rejection::IdempotencyKeyReused { .. })) => self.charge(charge_id).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn charge(&self, charge: ChargeId) -> Result<Arc<Charge>, PaymentError> {
        let found = self.store().charge(charge).await?;
        Ok(found.ok_or(Rejection::ChargeNotFound { charge })?)
    }
}

fn key(text: String) -> Result<IdempotencyKey, StoreError> {
    IdempotencyKey::new(text).map_err(|error| StoreError::Corrupt { what: error.to_string() })
}

/// A gateway's words as a reason, without what cannot be in one.
fn note(words: &str) -> Option<Note> {
    let plain: String = words.chars().filter(|c| !c.is_control()).take(Note::MAX).collect();
    Note::new(plain.trim()).ok()
}

/// The payment has begun by now: it takes the same key, or a look, to learn what came of it.
fn unknown(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { reason } => StoreError::Unknown { reason },
        other => other,
    }
}

/// To somebody who asked for the gateway's word and did not get it.
fn unavailable(error: PaymentError) -> Error {
    match error {
        PaymentError::Shop(error) => error,
        PaymentError::Gateway(error) => StoreError::Unavailable { reason: error.to_string() }.into(),
    }
}
