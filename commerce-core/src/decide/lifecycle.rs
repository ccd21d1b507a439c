//! Decisions on what becomes of an order besides its payment: called off, expired, shipped, delivered.

use std::sync::Arc;

use super::order::{check_transition, order_move, record, settle_coupons, visible};
use super::{Case, Decision, Outcome};
use crate::command::{CancelOrder, ExpireOrder};
use crate::coupon::RedemptionStatus;
use crate::ids::{OrderId, VariantId};
use crate::inventory::{MAX_STOCK, Stock, StockReason};
use crate::order::{CancelCause, Order, OrderChange, OrderStatus};
use crate::payment::{CancelRequest, Payment};
use crate::principal::Principal;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;

pub(super) fn cancel<R: Records>(case: &Case<'_, R>, command: &CancelOrder) -> Result<Decision, Rejection> {
    let order = visible(case, command.order_id)?;
    if order.status == OrderStatus::Processing {
        return ask_off(case, order, command);
    }
    check_transition(order, OrderStatus::Cancelled)?;
    let change = OrderChange::Cancelled { cause: CancelCause::Requested, reason: command.reason.clone() };
    call_off(case, order, (change, case.principal), Changes::default())
}

/// Has an order called off once the gateway lets go of its payment. The first who asks is the one who does.
fn ask_off<R: Records>(case: &Case<'_, R>, order: &Order, command: &CancelOrder) -> Result<Decision, Rejection> {
    let payment = case.records.payment(order.id).filter(|payment| payment.cancel_request.is_none());
    let payment = payment.ok_or(Rejection::PaymentInProgress { order: order.id })?;
    let request = CancelRequest { requested_by: case.principal.clone(), reason: command.reason.clone() };
    let asked = Payment { cancel_request: Some(request), updated_at: case.now(), ..payment.clone() };
    let order = Arc::new(order.clone());
    let changes = Changes { payments: vec![Arc::new(asked)], orders: vec![Arc::clone(&order)], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::Order(order) })
}

pub(super) fn expire<R: Records>(case: &Case<'_, R>, command: &ExpireOrder) -> Result<Decision, Rejection> {
    let order = visible(case, command.order_id)?;
    check_transition(order, OrderStatus::Cancelled)?;
    if let Some(expires_at) = order.expires_at.filter(|_| !order.is_expired_at(case.now())) {
        return Err(Rejection::OrderNotExpired { order: order.id, expires_at, now: case.now() });
    }
    let change = OrderChange::Cancelled { cause: CancelCause::Expired, reason: None };
    call_off(case, order, (change, case.principal), Changes::default())
}

/// Ends an unpaid order and gives back what it held, besides the `changes` that come with it.
pub(super) fn call_off<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    (change, actor): (OrderChange, &Principal),
    mut changes: Changes,
) -> Result<Decision, Rejection> {
    let free = |next: &mut Order| next.expires_at = None;
    let (next, event) = order.advanced(OrderStatus::Cancelled, change, actor, case.now(), free)?;
    // After this point it must succeed.
    give_stock_back(case, order, &mut changes)?;
    settle_coupons(case, order, RedemptionStatus::Released, &mut changes);
    record(next, event, &mut case.ids(), changes)
}

pub(super) fn ship<R: Records>(case: &Case<'_, R>, order_id: OrderId) -> Result<Decision, Rejection> {
    step(case, order_id, OrderStatus::Shipped, OrderChange::Shipped)
}

pub(super) fn deliver<R: Records>(case: &Case<'_, R>, order_id: OrderId) -> Result<Decision, Rejection> {
    step(case, order_id, OrderStatus::Delivered, OrderChange::Delivered)
}

/// One step along the table that moves nothing but the order.
fn step<R: Records>(
    case: &Case<'_, R>,
    order_id: OrderId,
    to: OrderStatus,
    change: OrderChange,
) -> Result<Decision, Rejection> {
    let order = visible(case, order_id)?;
    check_transition(order, to)?;
    let (next, event) = order.advanced(to, change, case.principal, case.now(), |_| ())?;
    record(next, event, &mut case.ids(), Changes::default())
}

/// Returns what the order's lines took.
pub(super) fn give_stock_back<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    changes: &mut Changes,
) -> Result<(), Rejection> {
    let units = order.lines.iter().map(|line| (line.variant_id, line.quantity));
    return_stock(case, order.id, StockReason::Cancel, units, changes)
}

/// Puts units back on hand that `order_id` had taken, one movement a variant.
pub(super) fn return_stock<R: Records>(
    case: &Case<'_, R>,
    order_id: OrderId,
    reason: StockReason,
    lines: impl Iterator<Item = (VariantId, u32)>,
    changes: &mut Changes,
) -> Result<(), Rejection> {
    let mut units: Vec<(VariantId, i64)> = Vec::new();
    for (variant, quantity) in lines {
        match units.iter_mut().find(|(known, _)| *known == variant) {
            Some((_, n)) => *n += i64::from(quantity),
            None => units.push((variant, i64::from(quantity))),
        }
    }
    for (variant, delta) in units {
        let stock = case.records.stock(variant).unwrap_or(Stock::empty(variant));
        let returned = stock.moved(order_move(case, order_id, reason, delta));
        let (stock, entry) =
            returned.ok_or(Rejection::StockOutOfRange { variant, on_hand: stock.on_hand, delta, max: MAX_STOCK })?;
        changes.stocks.push(stock);
        changes.stock_entries.push(entry);
    }
    Ok(())
}
