//! Decisions on refunds: begin one, and book what became of one at the gateway.

use std::sync::Arc;

use super::lifecycle::return_stock;
use super::order::{check_transition, record, visible};
use super::{Case, Decision, FreshIds, Outcome};
use crate::command::{RefundLineRequest, RefundOrder, SettleRefund};
use crate::coupon::{IssuedCoupon, Redemption, RedemptionStatus};
use crate::inventory::StockReason;
use crate::money::{MAX_MINOR, Money};
use crate::order::{AppliedCoupon, MAX_LINES, Order, OrderChange, OrderStatus};
use crate::payment::PaymentMethod;
use crate::records::{Changes, Records};
use crate::refund::{Refund, RefundDestination, RefundLine, RefundReport, RefundStatus, Returned, is_refunded};
use crate::rejection::Rejection;
use crate::sales::DailySales;
use crate::wallet::{Wallet, WalletEntryKind, WalletId, WalletMove};

pub(super) fn refund<R: Records>(case: &Case<'_, R>, command: &RefundOrder) -> Result<Decision, Rejection> {
    check_shape(command.lines.as_deref())?;
    let order = visible(case, command.order_id)?;
    check_transition(order, OrderStatus::Refunded)?;
    let paid = order.payment.ok_or(Rejection::InvalidTransition {
        order: order.id,
        from: order.status,
        to: OrderStatus::Refunded,
    })?;
    let destination = offered(paid.method, command.destination)?;
    let earlier = case.records.refunds(order.id);
    let lines = returned_lines(order, earlier, command.lines.as_deref())?;
    let total = lines.iter().try_fold(Money::zero(order.currency()), |sum, line| sum.plus(line.amount))?;
    let wallet = match destination {
        RefundDestination::Wallet => Some(check_wallet(case, order, total)?),
        RefundDestination::Gateway => None,
    };

    // After this point it must succeed.
    let mut ids = case.ids();
    let refund = Refund {
        id: ids.unused(|id| earlier.iter().any(|refund| refund.id == id))?,
        order_id: order.id,
        payment_id: paid.payment_id,
        lines,
        total,
        destination,
        restock: command.restock,
        status: if wallet.is_some() { RefundStatus::Succeeded } else { RefundStatus::Pending },
        reason: command.reason.clone(),
        failure_reason: None,
        created_at: case.now(),
        updated_at: case.now(),
    };
    let Some(wallet) = wallet else {
        return noted(case, order, refund, &mut ids, |refund| OrderChange::RefundStarted { refund });
    };
    let mut changes = Changes::default();
    pay_back(case, order, &refund, wallet, &mut changes)?;
    returned(case, order, refund, &mut ids, changes)
}

pub(super) fn settle<R: Records>(case: &Case<'_, R>, command: &SettleRefund) -> Result<Decision, Rejection> {
    let order = visible(case, command.order_id)?;
    let known = case.records.refunds(order.id).iter().find(|refund| refund.id == command.refund_id);
    let refund = known.ok_or(Rejection::RefundNotFound { order: order.id, refund: command.refund_id })?;
    if refund.status != RefundStatus::Pending {
        return Ok(Decision { changes: Changes::default(), outcome: Outcome::Refund(Arc::clone(refund)) });
    }
    // After this point it must succeed.
    let settled =
        |status, failure_reason| Refund { status, failure_reason, updated_at: case.now(), ..Refund::clone(refund) };
    match &command.report {
        RefundReport::Returned => {
            returned(case, order, settled(RefundStatus::Succeeded, None), &mut case.ids(), Changes::default())
        }
        RefundReport::Refused { reason } => {
            let failed = settled(RefundStatus::Failed, reason.clone());
            noted(case, order, failed, &mut case.ids(), |refund| OrderChange::RefundFailed { refund })
        }
    }
}

/// Where the money of an order paid this way goes, if it may go there: the way it came, unless told otherwise.
pub(super) fn offered(paid: PaymentMethod, asked: Option<RefundDestination>) -> Result<RefundDestination, Rejection> {
    match (paid, asked) {
        (PaymentMethod::Wallet, Some(destination @ RefundDestination::Gateway)) => {
            Err(Rejection::RefundDestinationNotOffered { destination })
        }
        (PaymentMethod::Wallet, _) => Ok(RefundDestination::Wallet),
        (PaymentMethod::Card, asked) => Ok(asked.unwrap_or(RefundDestination::Gateway)),
    }
}

/// Records a step of a refund that moves nothing yet.
fn noted<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    refund: Refund,
    ids: &mut FreshIds,
    change: impl FnOnce(Arc<Refund>) -> OrderChange,
) -> Result<Decision, Rejection> {
    let refund = Arc::new(refund);
    let changes = Changes { refunds: vec![Arc::clone(&refund)], ..Changes::default() };
    let change = change(Arc::clone(&refund));
    let (order, event) = order.advanced(order.status, change, case.principal, case.now(), |_| ())?;
    Ok(Decision { outcome: Outcome::Refund(refund), ..record(order, event, ids, changes)? })
}

/// Books a refund whose money is back: its units, the sales of the day, and with the order's last unit its coupons. One
/// that is still on its way holds the order where it stands, however much has been asked for.
fn returned<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    refund: Refund,
    ids: &mut FreshIds,
    mut changes: Changes,
) -> Result<Decision, Rejection> {
    let refund = Arc::new(refund);
    changes.refunds.push(Arc::clone(&refund));
    if refund.restock {
        let units =
            refund.lines.iter().filter_map(|line| Some((line_at(order, line.position)?.variant_id, line.quantity)));
        return_stock(case, order.id, StockReason::Refund, units, &mut changes)?;
    }
    book_returns(case, order, &refund, &mut changes);
    // Looked up in any case, so that what a refund locks does not hang on those before it.
    let released = released_coupons(case, order);
    let others = case.records.refunds(order.id).iter().map(Arc::as_ref).filter(|other| other.id != refund.id);
    let to = if is_refunded(order, others.chain([&*refund])) { OrderStatus::Refunded } else { order.status };
    if to == OrderStatus::Refunded {
        changes.redemptions.extend(released.iter().map(|(redemption, _)| *redemption));
        changes.issued_coupons.extend(released.into_iter().filter_map(|(_, copy)| copy));
    }
    let change = OrderChange::Refunded { refund: Arc::clone(&refund) };
    let (order, event) = order.advanced(to, change, case.principal, case.now(), |_| ())?;
    Ok(Decision { outcome: Outcome::Refund(refund), ..record(order, event, ids, changes)? })
}

fn check_shape(lines: Option<&[RefundLineRequest]>) -> Result<(), Rejection> {
    match lines {
        Some([]) => Err(Rejection::NoLines),
        Some(lines) if lines.len() > MAX_LINES => Err(Rejection::TooManyLines { lines: lines.len(), max: MAX_LINES }),
        _ => Ok(()),
    }
}

/// The lines of a refund: those asked for, the same line twice taken together, or whatever is left of the order.
pub(super) fn returned_lines(
    order: &Order,
    earlier: &[Arc<Refund>],
    asked: Option<&[RefundLineRequest]>,
) -> Result<Vec<RefundLine>, Rejection> {
    let earlier = || earlier.iter().map(Arc::as_ref);
    let mut lines = Vec::new();
    for (position, line) in (1..).zip(order.lines.iter()) {
        let returned = Returned::of(order, position, earlier())?;
        let left = line.quantity.saturating_sub(returned.quantity);
        let requested = match asked {
            None => u64::from(left),
            Some(asked) => {
                let these = asked.iter().filter(|request| request.position == position);
                these.map(|request| u64::from(request.quantity.get())).sum()
            }
        };
        if requested == 0 {
            continue;
        }
        let quantity = u32::try_from(requested).ok().filter(|quantity| *quantity <= left);
        let quantity =
            quantity.ok_or(Rejection::RefundTooLarge { order: order.id, position, requested, refundable: left })?;
        lines.push(RefundLine { position, quantity, amount: returned.next(line, quantity)? });
    }
    let unknown = asked.unwrap_or_default().iter().find(|request| line_at(order, request.position).is_none());
    if let Some(request) = unknown {
        return Err(Rejection::OrderLineNotFound { order: order.id, position: request.position });
    }
    if lines.is_empty() {
        // Everything is on its way back already.
        return Err(Rejection::RefundTooLarge { order: order.id, position: 1, requested: 1, refundable: 0 });
    }
    Ok(lines)
}

/// A line by its place, from 1.
pub(super) fn line_at(order: &Order, position: u32) -> Option<&crate::order::OrderLine> {
    usize::try_from(position).ok().and_then(|position| order.lines.get(position.checked_sub(1)?))
}

/// The wallet that takes the money; refused if it would hold more than any amount may be. An operator then pays some
/// of it out, and refunds after that: money is never lost on the way, nor is a refund recorded that did not happen.
fn check_wallet<R: Records>(case: &Case<'_, R>, order: &Order, amount: Money) -> Result<Wallet, Rejection> {
    let id = WalletId { customer_id: order.customer_id, currency: order.currency() };
    let wallet = case.records.wallet(id).unwrap_or(Wallet::empty(id));
    if wallet.balance.plus(amount).is_ok() {
        return Ok(wallet);
    }
    Err(Rejection::WalletFull { balance: wallet.balance, amount, max: MAX_MINOR })
}

/// What comes back for nothing moves no money.
fn pay_back<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    refund: &Refund,
    wallet: Wallet,
    changes: &mut Changes,
) -> Result<(), Rejection> {
    if !refund.total.is_positive() {
        return Ok(());
    }
    let (wallet, entry) = wallet.moved(WalletMove {
        kind: WalletEntryKind::Refund,
        amount: refund.total,
        order_id: Some(order.id),
        top_up_id: None,
        actor: case.principal.clone(),
        memo: refund.reason.clone(),
        created_at: case.now(),
    })?;
    changes.wallets.push(wallet);
    changes.wallet_entries.push(entry);
    Ok(())
}

/// The coupons that the order used, as they are once it has given them back: each redemption, and its copy if it is
/// still in the order's hands.
fn released_coupons<R: Records>(case: &Case<'_, R>, order: &Order) -> Vec<(Redemption, Option<IssuedCoupon>)> {
    let released = |applied: &AppliedCoupon| {
        let used = case.records.redemption(applied.issued_coupon_id, order.id);
        let copy = case.records.issued_coupon(applied.issued_coupon_id);
        let used = used.filter(|redemption| redemption.status == RedemptionStatus::Used)?;
        let copy = copy.filter(|copy| copy.order_id == Some(order.id)).map(|copy| copy.given_back(case.now()));
        Some((Redemption { status: RedemptionStatus::Released, updated_at: case.now(), ..used }, copy))
    };
    order.coupons.iter().filter_map(released).collect()
}

/// Takes what came back off the sales of today.
fn book_returns<R: Records>(case: &Case<'_, R>, order: &Order, refund: &Refund, changes: &mut Changes) {
    let date = case.context.today();
    for line in &refund.lines {
        let Some(of) = line_at(order, line.position) else { continue };
        let (quantity, revenue) = (-i64::from(line.quantity), line.amount.negated());
        changes.sales.push(DailySales { product_id: of.product_id, date, quantity, revenue: revenue.into() });
    }
}
