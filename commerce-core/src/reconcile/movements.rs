//! Orders against what they moved in the ledgers of stocks and wallets.

use std::collections::BTreeMap;

use super::drift::Drift;
use crate::ids::VariantId;
use crate::inventory::StockReason;
use crate::money::Money;
use crate::order::{Order, OrderStatus};
use crate::payment::PaymentMethod;
use crate::store::OrderFacts;
use crate::wallet::WalletId;

impl OrderFacts {
    /// One row for each variant that the order took, and one for each that it gave back; no others.
    pub(super) fn movement_drifts(&self) -> impl Iterator<Item = Drift> + use<> {
        let order_id = self.order.id;
        let mut found: BTreeMap<(VariantId, &str), (StockReason, Vec<i64>)> = BTreeMap::new();
        for movement in &self.movements {
            let key = (movement.variant_id, movement.reason.as_str());
            found.entry(key).or_insert((movement.reason, Vec::new())).1.push(movement.delta);
        }
        let mut odd = Vec::new();
        for (variant_id, reason, units) in expected_movements(&self.order) {
            let (_, found) = found.remove(&(variant_id, reason.as_str())).unwrap_or((reason, Vec::new()));
            if found != [units] {
                odd.push(Drift::Movement { order_id, variant_id, reason, expected: Some(units), found });
            }
        }
        let extra = move |((variant_id, _), (reason, found))| Drift::Movement {
            order_id,
            variant_id,
            reason,
            expected: None,
            found,
        };
        odd.into_iter().chain(found.into_iter().map(extra))
    }

    /// One payment from the customer's wallet if that is how the order was paid; none otherwise.
    pub(super) fn wallet_payment_drift(&self) -> Option<Drift> {
        let expected = expected_wallet_payment(&self.order);
        let found: Vec<(WalletId, Money)> = self.wallet_payments.iter().map(|p| (p.wallet_id, p.amount)).collect();
        let sound = found.iter().eq(expected.iter());
        (!sound).then_some(Drift::WalletPayment { order_id: self.order.id, expected, found })
    }
}

/// What the order should have moved, by variant and reason.
fn expected_movements(order: &Order) -> impl Iterator<Item = (VariantId, StockReason, i64)> + use<> {
    let mut taken: BTreeMap<VariantId, i64> = BTreeMap::new();
    for line in order.lines.iter() {
        *taken.entry(line.variant_id).or_default() += i64::from(line.quantity);
    }
    let given_back = order.status == OrderStatus::Cancelled;
    taken.into_iter().flat_map(move |(variant, units)| {
        let back = given_back.then_some((variant, StockReason::Cancel, units));
        [Some((variant, StockReason::Order, -units)), back].into_iter().flatten()
    })
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
