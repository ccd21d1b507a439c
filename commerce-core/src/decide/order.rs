//! Decisions on orders: place, pay.

use std::sync::Arc;

use super::basket::{Demand, check_shape, check_stock, checked_lines, demands, draft_lines, price_basket};
use super::{Case, Decision, FreshIds, Outcome};
use crate::command::{BasketLines, PayOrder, PlaceOrder};
use crate::coupon::{Redemption, RedemptionStatus};
use crate::event::{Event, OutboxMessage};
use crate::ids::OrderId;
use crate::inventory::{Stock, StockMove, StockReason};
use crate::money::Money;
use crate::order::{AppliedCoupon, Order, OrderChange, OrderEvent, OrderPayment, OrderStatus};
use crate::payment::{Payment, PaymentMethod, PaymentStatus};
use crate::pricing::Priced;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::sales::DailySales;
use crate::wallet::{Wallet, WalletEntryKind, WalletId, WalletMove};

pub(super) fn place<R: Records>(case: &Case<'_, R>, command: &PlaceOrder) -> Result<Decision, Rejection> {
    check_shape(&command.basket)?;
    let pays = command.payment == Some(PaymentMethod::Wallet);
    case.registered(command.customer_id)?;

    let lines = checked_lines(case.records, command.customer_id, &command.basket)?;
    let drafts = draft_lines(case.records, &lines)?;
    let demands = demands(&drafts);
    demands.iter().try_for_each(|demand| check_stock(case.records, demand))?;
    let priced = price_basket(case.records, command.customer_id, &drafts, &command.basket.coupons, case.context)?;
    let (priced, coupons) = all_apply(priced)?;
    let wallet_id = WalletId { customer_id: command.customer_id, currency: priced.total.currency() };
    if pays {
        check_balance(case, wallet_id, priced.total)?;
    } else if command.payment == Some(PaymentMethod::Card) && !priced.total.is_positive() {
        // No card is asked for nothing.
        return Err(Rejection::AmountNotPositive { amount: priced.total });
    }

    // After this point the order must succeed.
    let now = case.now();
    let mut ids = case.ids();
    let order_id: OrderId = ids.unused(|id| case.records.order(id).is_some())?;
    let mut order = Order {
        id: order_id,
        customer_id: command.customer_id,
        status: OrderStatus::Pending,
        lines: priced.lines.into(),
        coupons,
        subtotal: priced.subtotal,
        discount: priced.discount,
        total: priced.total,
        payment: None,
        expires_at: Some(now.plus(case.context.shop.pending_order_ttl)),
        version: 1,
        placed_at: now,
        updated_at: now,
    };
    let mut changes = Changes::default();
    if matches!(command.basket.lines, BasketLines::Cart(_)) {
        let cart = case.records.cart(command.customer_id);
        changes.carts.extend(cart.map(|cart| Arc::new(cart.changed(Vec::new(), now))));
    }
    take_stock(case, &demands, order_id, &mut changes)?;
    let redeemed = if pays { RedemptionStatus::Used } else { RedemptionStatus::Held };
    take_coupons(case, &order, redeemed, &mut changes);
    if pays {
        let payment = pay_from_wallet(case, &order, &mut ids, &mut changes)?;
        order.status = OrderStatus::Paid;
        mark_paid(&mut order, payment);
    }
    let (order, event) = order.begun(case.principal);
    record(order, event, &mut ids, changes)
}

pub(super) fn pay<R: Records>(case: &Case<'_, R>, command: &PayOrder) -> Result<Decision, Rejection> {
    if command.method == PaymentMethod::Card {
        return Err(Rejection::PaymentMethodNotOffered);
    }
    let order = visible(case, command.order_id)?;
    // Whether it may be paid at all comes before whether the wallet suffices.
    check_transition(order, OrderStatus::Paid)?;
    check_payable(case, order)?;
    check_balance(case, WalletId { customer_id: order.customer_id, currency: order.currency() }, order.total)?;
    // After this point it must succeed.
    let mut changes = Changes::default();
    let mut ids = case.ids();
    let payment = pay_from_wallet(case, order, &mut ids, &mut changes)?;
    settle_coupons(case, order, RedemptionStatus::Used, &mut changes);
    let settle = |next: &mut Order| mark_paid(next, payment);
    let (order, event) = order.advanced(OrderStatus::Paid, OrderChange::Paid, case.principal, case.now(), settle)?;
    record(order, event, &mut ids, changes)
}

/// The order, if it exists for the principal.
pub(super) fn visible<'a, R: Records>(case: &Case<'a, R>, id: OrderId) -> Result<&'a Order, Rejection> {
    let theirs = |order: &&Order| case.principal.sees(order.customer_id);
    case.records.order(id).filter(theirs).ok_or(Rejection::OrderNotFound { order: id })
}

/// Whether a customer or an operator may take the order there. One whose card payment is in flight goes where the
/// gateway says, and nowhere else.
pub(super) fn check_transition(order: &Order, to: OrderStatus) -> Result<(), Rejection> {
    match order.status {
        OrderStatus::Processing => Err(Rejection::PaymentInProgress { order: order.id }),
        from if from.may_become(to) => Ok(()),
        from => Err(Rejection::InvalidTransition { order: order.id, from, to }),
    }
}

/// Whether the order still waits to be paid, and its time to be is not over.
pub(super) fn check_payable<R: Records>(case: &Case<'_, R>, order: &Order) -> Result<(), Rejection> {
    check_transition(order, OrderStatus::Paid)?;
    match order.expires_at.filter(|_| order.is_expired_at(case.now())) {
        Some(expired_at) => Err(Rejection::OrderExpired { order: order.id, expired_at, now: case.now() }),
        None => Ok(()),
    }
}

/// Every coupon that an order names must apply: nobody pays more than they were shown.
fn all_apply(mut priced: Priced) -> Result<(Priced, Vec<AppliedCoupon>), Rejection> {
    let outcomes = std::mem::take(&mut priced.coupons);
    let coupons = outcomes.into_iter().map(|(_, outcome)| outcome).collect::<Result<Vec<_>, _>>()?;
    Ok((priced, coupons))
}

fn check_balance<R: Records>(case: &Case<'_, R>, wallet: WalletId, required: Money) -> Result<(), Rejection> {
    let balance = case.records.wallet(wallet).unwrap_or(Wallet::empty(wallet)).balance;
    if balance.covers(required)? { Ok(()) } else { Err(Rejection::InsufficientBalance { balance, required }) }
}

fn take_stock<R: Records>(
    case: &Case<'_, R>,
    demands: &[Demand<'_>],
    order_id: OrderId,
    changes: &mut Changes,
) -> Result<(), Rejection> {
    changes.stocks.reserve_exact(demands.len());
    changes.stock_entries.reserve_exact(demands.len());
    for demand in demands {
        let stock = case.records.stock(demand.variant.id).unwrap_or(Stock::empty(demand.variant.id));
        let units = i64::try_from(demand.units).unwrap_or(i64::MAX);
        let sold = stock.moved(order_move(case, order_id, StockReason::Order, -units));
        let (stock, entry) = sold.ok_or_else(|| Rejection::OutOfStock {
            variant: demand.variant.id,
            sku: demand.variant.sku.clone(),
            requested: demand.units,
            available: stock.on_hand,
        })?;
        changes.stocks.push(stock);
        changes.stock_entries.push(entry);
    }
    Ok(())
}

pub(super) fn order_move<R: Records>(
    case: &Case<'_, R>,
    order_id: OrderId,
    reason: StockReason,
    delta: i64,
) -> StockMove {
    StockMove {
        delta,
        reason,
        order_id: Some(order_id),
        actor: case.principal.clone(),
        note: None,
        created_at: case.now(),
    }
}

fn take_coupons<R: Records>(case: &Case<'_, R>, order: &Order, status: RedemptionStatus, changes: &mut Changes) {
    for applied in &order.coupons {
        let copy = case.records.issued_coupon(applied.issued_coupon_id);
        changes.issued_coupons.extend(copy.map(|copy| copy.taken(order.id, status, case.now())));
        changes.redemptions.push(Redemption {
            issued_coupon_id: applied.issued_coupon_id,
            order_id: order.id,
            coupon_id: applied.coupon_id,
            discount: applied.discount,
            status,
            created_at: case.now(),
            updated_at: case.now(),
        });
    }
}

/// Moves the order's redemptions on: used once it is paid, released once it is called off.
pub(super) fn settle_coupons<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    status: RedemptionStatus,
    changes: &mut Changes,
) {
    for applied in &order.coupons {
        let redemption = case.records.redemption(applied.issued_coupon_id, order.id);
        let Some(held) = redemption.filter(|redemption| redemption.status == RedemptionStatus::Held) else { continue };
        changes.redemptions.push(Redemption { status, updated_at: case.now(), ..held });
        let copy = case.records.issued_coupon(applied.issued_coupon_id);
        changes.issued_coupons.extend(copy.map(|copy| match status {
            RedemptionStatus::Released => copy.given_back(case.now()),
            RedemptionStatus::Held | RedemptionStatus::Used => copy.taken(order.id, status, case.now()),
        }));
    }
}

pub(super) fn mark_paid(order: &mut Order, payment: OrderPayment) {
    order.payment = Some(payment);
    order.expires_at = None;
}

/// Takes the total from the wallet, and books the payment and the sales of the day. An order that costs
/// nothing moves no money, but has its payment all the same.
fn pay_from_wallet<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    ids: &mut FreshIds,
    changes: &mut Changes,
) -> Result<OrderPayment, Rejection> {
    let (now, method) = (case.now(), PaymentMethod::Wallet);
    let payment = next_attempt(case, order, (method, PaymentStatus::Succeeded), ids)?;
    if order.total.is_positive() {
        let id = WalletId { customer_id: order.customer_id, currency: order.currency() };
        let wallet = case.records.wallet(id).unwrap_or(Wallet::empty(id));
        let (wallet, entry) = wallet.moved(WalletMove {
            kind: WalletEntryKind::Payment,
            amount: order.total.negated(),
            order_id: Some(order.id),
            top_up_id: None,
            actor: case.principal.clone(),
            memo: None,
            created_at: now,
        })?;
        changes.wallets.push(wallet);
        changes.wallet_entries.push(entry);
    }
    let paid = OrderPayment { payment_id: payment.id, method };
    changes.payments.push(Arc::new(payment));
    book_sales(case, order, changes)?;
    Ok(paid)
}

/// The order's payment, tried once more: the one and only, however often it is tried.
pub(super) fn next_attempt<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    (method, status): (PaymentMethod, PaymentStatus),
    ids: &mut FreshIds,
) -> Result<Payment, Rejection> {
    let now = case.now();
    if let Some(tried) = order.payment.and_then(|_| case.records.payment(order.id)) {
        let (attempts, failure_reason) = (tried.attempts.saturating_add(1), tried.failure_reason.clone());
        return Ok(Payment {
            method,
            status,
            attempts,
            failure_reason,
            gateway_transaction_id: None,
            cancel_request: None,
            updated_at: now,
            ..*tried
        });
    }
    Ok(Payment {
        id: ids.take()?,
        order_id: order.id,
        customer_id: order.customer_id,
        method,
        amount: order.total,
        status,
        attempts: 1,
        failure_reason: None,
        gateway_transaction_id: None,
        cancel_request: None,
        created_at: now,
        updated_at: now,
    })
}

pub(super) fn book_sales<R: Records>(
    case: &Case<'_, R>,
    order: &Order,
    changes: &mut Changes,
) -> Result<(), Rejection> {
    let date = case.context.today();
    changes.sales.reserve_exact(order.lines.len());
    for line in order.lines.iter() {
        let (product_id, quantity) = (line.product_id, i64::from(line.quantity));
        changes.sales.push(DailySales { product_id, date, quantity, revenue: line.total()?.into() });
    }
    Ok(())
}

/// The order's new value, the event that led there and the one message that tells of it.
pub(super) fn record(
    order: Arc<Order>,
    event: OrderEvent,
    ids: &mut FreshIds,
    mut changes: Changes,
) -> Result<Decision, Rejection> {
    let event = Arc::new(event);
    changes.messages.push(OutboxMessage { id: ids.take()?, event: Event::Order(Arc::clone(&event)) });
    changes.order_events.push(event);
    changes.orders.push(Arc::clone(&order));
    Ok(Decision { changes, outcome: Outcome::Order(order) })
}
