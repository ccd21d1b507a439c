//! Decisions on charges: begin one for an order, and book what became of one at the gateway.
//!
//! Reports of one charge may come in any order and any number of times, from the client's confirmation, the gateway's
//! call and the sweep at once. So each is either a [`Step`] from where the charge stands, or changes nothing.

use std::sync::Arc;

use super::lifecycle::call_off;
use super::order::{
    book_sales, check_payable, check_transition, mark_paid, next_attempt, record, settle_coupons, visible,
};
use super::{Case, Decision, Outcome, top_up};
use crate::charge::{Charge, ChargePurpose, ChargeReport, ChargeStatus};
use crate::command::{SettleCharge, StartCardPayment};
use crate::coupon::RedemptionStatus;
use crate::gateway::{GatewayPayment, GatewayStatus};
use crate::ids::{ChargeId, OrderId};
use crate::order::{CancelCause, Order, OrderChange, OrderPayment, OrderStatus};
use crate::payment::{CancelRequest, Payment, PaymentMethod, PaymentStatus};
use crate::principal::Principal;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::text::Note;

pub(super) fn start<R: Records>(case: &Case<'_, R>, command: &StartCardPayment) -> Result<Decision, Rejection> {
    let order = visible(case, command.order_id)?;
    check_transition(order, OrderStatus::Processing)?;
    check_payable(case, order)?;
    if !order.total.is_positive() {
        return Err(Rejection::AmountNotPositive { amount: order.total });
    }
    // After this point it must succeed.
    let (now, mut ids) = (case.now(), case.ids());
    let id: ChargeId = ids.unused(|id| case.records.charge(id).is_some())?;
    let payment = next_attempt(case, order, (PaymentMethod::Card, PaymentStatus::Initiated), &mut ids)?;
    let attempt = payment.attempts;
    let charge = Arc::new(Charge {
        id,
        purpose: ChargePurpose::Order { order_id: order.id, attempt },
        customer_id: order.customer_id,
        amount: order.total,
        status: ChargeStatus::Initiated,
        failure_reason: None,
        gateway_transaction_id: None,
        created_at: now,
        updated_at: now,
    });
    let named = OrderPayment { payment_id: payment.id, method: PaymentMethod::Card };
    let changes =
        Changes { charges: vec![Arc::clone(&charge)], payments: vec![Arc::new(payment)], ..Changes::default() };
    let (change, name) = (OrderChange::PaymentStarted { attempt }, |next: &mut Order| next.payment = Some(named));
    let (order, event) = order.advanced(OrderStatus::Processing, change, case.principal, now, name)?;
    Ok(Decision { outcome: Outcome::Charge(charge), ..record(order, event, &mut ids, changes)? })
}

/// What a report means to a charge that stands where it does.
pub(super) enum Step {
    /// The gateway has it, and has not decided.
    Wait,
    /// The money came.
    Capture,
    /// It will not come.
    Fail(Option<Note>),
    /// It was called off.
    Cancel,
    /// What was to be given back has been.
    Return,
}

impl Step {
    /// Whether it lets go of what waits for the money, and moves none.
    const fn releases(&self) -> bool {
        matches!(self, Self::Fail(_) | Self::Cancel)
    }

    /// None if the report is old news.
    fn of(status: ChargeStatus, report: &ChargeReport) -> Option<Self> {
        let captured = matches!(report, ChargeReport::Found(found) if found.status == GatewayStatus::Captured);
        match status {
            ChargeStatus::Initiated | ChargeStatus::Pending => Self::in_flight(status, report),
            // Money that was taken for lost: it may still pay, or goes back.
            ChargeStatus::Failed | ChargeStatus::Cancelled => captured.then_some(Self::Capture),
            ChargeStatus::RefundDue => is_returned(report).then_some(Self::Return),
            ChargeStatus::Captured | ChargeStatus::Refunded => None,
        }
    }

    fn in_flight(status: ChargeStatus, report: &ChargeReport) -> Option<Self> {
        let found = match report {
            ChargeReport::Found(found) => &found.status,
            ChargeReport::Refused { reason } => return Some(Self::Fail(reason.clone())),
            ChargeReport::Refunded => return Some(Self::Fail(None)),
        };
        match found {
            GatewayStatus::Pending | GatewayStatus::Approved => {
                (status == ChargeStatus::Initiated).then_some(Self::Wait)
            }
            GatewayStatus::Captured => Some(Self::Capture),
            GatewayStatus::Declined { reason } => Some(Self::Fail(Some(reason.clone()))),
            GatewayStatus::Cancelled => Some(Self::Cancel),
            GatewayStatus::Refunded => Some(Self::Fail(None)),
        }
    }
}

fn is_returned(report: &ChargeReport) -> bool {
    match report {
        ChargeReport::Refunded => true,
        ChargeReport::Found(found) => found.status == GatewayStatus::Refunded,
        ChargeReport::Refused { .. } => false,
    }
}

pub(super) fn settle<R: Records>(case: &Case<'_, R>, command: &SettleCharge) -> Result<Decision, Rejection> {
    let charge =
        case.records.charge(command.charge_id).ok_or(Rejection::ChargeNotFound { charge: command.charge_id })?;
    let step = Step::of(charge.status, &command.report);
    let transaction = match &command.report {
        ChargeReport::Found(found) => match check_found(case, charge, found) {
            Ok(()) => Some(found.transaction_id.clone()),
            // Nothing waits for ever for money that will not come, whatever else the gateway has on record.
            Err(_) if step.as_ref().is_none_or(Step::releases) => None,
            Err(mismatch) => return Err(mismatch),
        },
        ChargeReport::Refused { .. } | ChargeReport::Refunded => None,
    };
    let Some(step) = step else {
        return Ok(Decision { changes: Changes::default(), outcome: Outcome::Charge(Arc::new(charge.clone())) });
    };
    let known = charge.gateway_transaction_id.clone();
    let charge = Charge { gateway_transaction_id: known.or(transaction), updated_at: case.now(), ..charge.clone() };
    match charge.purpose {
        ChargePurpose::Order { order_id, attempt } => {
            let order = case.records.order(order_id).ok_or(Rejection::OrderNotFound { order: order_id })?;
            let payment = case.records.payment(order_id);
            Attempt { order, payment, attempt, charge }.settle(case, step)
        }
        ChargePurpose::TopUp { top_up_id } => top_up::settle(case, charge, top_up_id, step),
    }
}

/// What the gateway has on record must be what it was asked for, and no other charge's.
fn check_found<R: Records>(case: &Case<'_, R>, charge: &Charge, found: &GatewayPayment) -> Result<(), Rejection> {
    charge.check(found)?;
    let transaction = &found.transaction_id;
    match case.records.charge_with_transaction(transaction).filter(|owner| *owner != charge.id) {
        Some(charge) => Err(Rejection::GatewayTransactionTaken { transaction: transaction.clone(), charge }),
        None => Ok(()),
    }
}

/// One attempt at paying an order by card, with what hangs on it.
struct Attempt<'a> {
    order: &'a Order,
    payment: Option<&'a Payment>,
    attempt: u32,
    /// As it is about to be, but for its status.
    charge: Charge,
}

impl Attempt<'_> {
    fn settle<R: Records>(self, case: &Case<'_, R>, step: Step) -> Result<Decision, Rejection> {
        match step {
            Step::Capture if self.order_waits(case) => self.pay(case),
            Step::Capture => Ok(self.alone(ChargeStatus::RefundDue)),
            Step::Return => Ok(self.alone(ChargeStatus::Refunded)),
            Step::Wait => self.wait(case),
            Step::Fail(reason) => self.fail(case, reason),
            Step::Cancel => self.cancel(case),
        }
    }

    /// Whether the order can still be paid. One whose payment is in flight does not run out.
    fn order_waits<R: Records>(&self, case: &Case<'_, R>) -> bool {
        self.order.status == OrderStatus::Processing || check_payable(case, self.order).is_ok()
    }

    /// Whether the order waits for this very attempt.
    fn is_current(&self) -> bool {
        self.payment.is_some_and(|payment| payment.is_awaited(self.order, self.attempt))
    }

    /// The charge in its new status, and nothing else.
    fn alone(self, status: ChargeStatus) -> Decision {
        let charge = Arc::new(Charge { status, ..self.charge });
        let changes = Changes { charges: vec![Arc::clone(&charge)], ..Changes::default() };
        Decision { changes, outcome: Outcome::Charge(charge) }
    }

    /// The payment in its new status.
    fn payment_now<R: Records>(&self, case: &Case<'_, R>, status: PaymentStatus) -> Result<Payment, Rejection> {
        let payment = self.payment.ok_or(Rejection::OrderNotFound { order: self.order.id })?;
        Ok(Payment { status, updated_at: case.now(), ..payment.clone() })
    }

    fn wait<R: Records>(self, case: &Case<'_, R>) -> Result<Decision, Rejection> {
        let payment = self.payment_now(case, PaymentStatus::Pending)?;
        let (order, current) = (self.order.clone(), self.is_current());
        let mut decision = self.alone(ChargeStatus::Pending);
        if current {
            decision.changes.payments.push(Arc::new(payment));
            decision.changes.orders.push(Arc::new(order));
        }
        Ok(decision)
    }

    fn pay<R: Records>(self, case: &Case<'_, R>) -> Result<Decision, Rejection> {
        let payment = Payment {
            method: PaymentMethod::Card,
            gateway_transaction_id: self.charge.gateway_transaction_id.clone(),
            ..self.payment_now(case, PaymentStatus::Succeeded)?
        };
        let order = self.order;
        let mut changes = self.alone(ChargeStatus::Captured).changes;
        settle_coupons(case, order, RedemptionStatus::Used, &mut changes);
        book_sales(case, order, &mut changes)?;
        let named = OrderPayment { payment_id: payment.id, method: PaymentMethod::Card };
        changes.payments.push(Arc::new(payment));
        advance(case, order, (OrderStatus::Paid, OrderChange::Paid), changes, |next| mark_paid(next, named))
    }

    fn fail<R: Records>(mut self, case: &Case<'_, R>, reason: Option<Note>) -> Result<Decision, Rejection> {
        self.charge.failure_reason.clone_from(&reason);
        let payment = Payment { failure_reason: reason.clone(), ..self.payment_now(case, PaymentStatus::Failed)? };
        let (order, current) = (self.order, self.is_current());
        let mut decision = self.alone(ChargeStatus::Failed);
        if !current {
            return Ok(decision);
        }
        let request = payment.cancel_request.clone();
        decision.changes.payments.push(Arc::new(payment));
        if let Some(request) = request {
            return end(case, order, decision, asked(&request));
        }
        let to = (OrderStatus::Pending, OrderChange::PaymentFailed { reason });
        advance(case, order, to, decision.changes, |_| {})
    }

    fn cancel<R: Records>(self, case: &Case<'_, R>) -> Result<Decision, Rejection> {
        let payment = self.payment_now(case, PaymentStatus::Cancelled)?;
        let (order, current) = (self.order, self.is_current());
        let mut decision = self.alone(ChargeStatus::Cancelled);
        if !current {
            return Ok(decision);
        }
        let request = payment.cancel_request.clone();
        decision.changes.payments.push(Arc::new(payment));
        // The gateway did as it was told, by somebody or because the time was over, or called it off by itself.
        let by_itself = |cause| (OrderChange::Cancelled { cause, reason: None }, case.principal);
        let step = match &request {
            Some(request) => asked(request),
            None if order.is_expired_at(case.now()) => by_itself(CancelCause::Expired),
            None => by_itself(CancelCause::Gateway),
        };
        end(case, order, decision, step)
    }
}

/// Called off in the name of whoever asked for it.
fn asked(request: &CancelRequest) -> (OrderChange, &Principal) {
    let change = OrderChange::Cancelled { cause: CancelCause::Requested, reason: request.reason.clone() };
    (change, &request.requested_by)
}

/// Calls the order off with its charge; the answer stays the charge.
fn end<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    charge: Decision,
    step: (OrderChange, &Principal),
) -> Result<Decision, Rejection> {
    Ok(Decision { outcome: charge.outcome, ..call_off(case, order, step, charge.changes)? })
}

/// Moves the order on with its charge; the answer is the charge.
fn advance<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    (to, change): (OrderStatus, OrderChange),
    changes: Changes,
    edit: impl FnOnce(&mut Order),
) -> Result<Decision, Rejection> {
    let id: OrderId = order.id;
    let charge = changes.charges.first().cloned().ok_or(Rejection::OrderNotFound { order: id })?;
    let (order, event) = order.advanced(to, change, case.principal, case.now(), edit)?;
    Ok(Decision { outcome: Outcome::Charge(charge), ..record(order, event, &mut case.ids(), changes)? })
}
