//! Orders against what they moved in the ledgers of stocks and wallets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::drift::Drift;
use crate::ids::VariantId;
use crate::inventory::StockReason;
use crate::money::Money;
use crate::order::{Order, OrderStatus};
use crate::payment::PaymentMethod;
use crate::refund::{Refund, RefundLine, RefundStatus};
use crate::store::OrderFacts;
use crate::wallet::WalletId;

impl OrderFacts {
    /// One row for each variant that the order took, one for each that it gave back, and one for each that a refund put
    /// back; no others.
    pub(super) fn movement_drifts(&self) -> impl Iterator<Item = Drift> + use<> {
        let order_id = self.order.id;
        let mut moved = expected_movements(&self.order, &self.refunds);
        for movement in &self.movements {
            let key = (movement.variant_id, movement.reason.as_str());
            moved.entry(key).or_insert_with(|| Moved::of(movement.reason)).found.push(movement.delta);
        }
        moved.into_iter().filter_map(move |((variant_id, _), mut moved)| {
            // Refunds that were booked by several nodes are not in the order of their ids.
            moved.expected.sort_unstable();
            moved.found.sort_unstable();
            let Moved { reason, expected, found } = moved;
            (expected != found).then_some(Drift::Movement { order_id, variant_id, reason, expected, found })
        })
    }

    /// One payment from the customer's wallet if that is how the order was paid; none otherwise.
    pub(super) fn wallet_payment_drift(&self) -> Option<Drift> {
        let expected = expected_wallet_payment(&self.order);
        let found: Vec<(WalletId, Money)> = self.wallet_payments.iter().map(|p| (p.wallet_id, p.amount)).collect();
        let sound = found.iter().eq(expected.iter());
        (!sound).then_some(Drift::WalletPayment { order_id: self.order.id, expected, found })
    }
}

/// What an order moved of a variant for one reason, row by row.
struct Moved {
    reason: StockReason,
    expected: Vec<i64>,
    found: Vec<i64>,
}

impl Moved {
    const fn of(reason: StockReason) -> Self {
        Self { reason, expected: Vec::new(), found: Vec::new() }
    }
}

/// What the order should have moved, by variant and reason.
fn expected_movements(order: &Order, refunds: &[Arc<Refund>]) -> BTreeMap<(VariantId, &'static str), Moved> {
    let mut all = BTreeMap::new();
    let mut expect = |reason: StockReason, lines: &mut dyn Iterator<Item = (VariantId, i64)>| {
        let mut units: BTreeMap<VariantId, i64> = BTreeMap::new();
        for (variant, moved) in lines {
            *units.entry(variant).or_default() += moved;
        }
        for (variant, units) in units {
            let moved = all.entry((variant, reason.as_str())).or_insert_with(|| Moved::of(reason));
            moved.expected.push(units);
        }
    };
    let lines = || order.lines.iter().map(|line| (line.variant_id, i64::from(line.quantity)));
    expect(StockReason::Order, &mut lines().map(|(variant, units)| (variant, -units)));
    if order.status == OrderStatus::Cancelled {
        expect(StockReason::Cancel, &mut lines());
    }
    for refund in refunds.iter().filter(|refund| refund.restock && refund.status == RefundStatus::Succeeded) {
        let returned = |line: &RefundLine| {
            let place = usize::try_from(line.position).ok()?.checked_sub(1)?;
            Some((order.lines.get(place)?.variant_id, i64::from(line.quantity)))
        };
        expect(StockReason::Refund, &mut refund.lines.iter().filter_map(returned));
    }
    all
}

/// The wallet that paid, and what was taken from it. What costs nothing moves no money.
fn expected_wallet_payment(order: &Order) -> Option<(WalletId, Money)> {
    let by_wallet = order.payment.is_some_and(|payment| payment.method == PaymentMethod::Wallet);
    let charged = by_wallet && is_paid(order.status) && !order.total.is_zero();
    let wallet_id = WalletId { customer_id: order.customer_id, currency: order.currency() };
    charged.then_some((wallet_id, order.total.negated()))
}

/// Whether an order in this status has been paid.
pub(super) const fn is_paid(status: OrderStatus) -> bool {
    match status {
        OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Refunded => true,
        OrderStatus::Pending | OrderStatus::Processing | OrderStatus::Cancelled => false,
    }
}
