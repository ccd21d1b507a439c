//! An order's refunds against what was paid for it.

use std::sync::Arc;

use super::drift::Drift;
use super::orders::sum;
use crate::order::{Order, OrderChange, OrderLine, OrderStatus};
use crate::payment::{PaymentMethod, PaymentStatus};
use crate::refund::{Refund, RefundDestination, RefundStatus, Returned, is_refunded};
use crate::store::{OrderFacts, WalletPayment};

impl OrderFacts {
    pub(super) fn refund_drift(&self) -> Option<Drift> {
        let order = &*self.order;
        let refunds = || self.refunds.iter().map(Arc::as_ref);
        let paid = self.payment.as_ref().filter(|p| p.status == PaymentStatus::Succeeded).map(|p| p.amount);
        let refunded = refunds().filter(|refund| refund.counts()).map(|refund| i128::from(refund.total.minor())).sum();
        let told = self.events.iter().filter(|event| matches!(event.change, OrderChange::Refunded { .. })).count();
        let in_full = !self.refunds.is_empty() && is_refunded(order, refunds());
        let sound = (refunded == 0 || paid.is_some_and(|paid| refunded <= i128::from(paid.minor())))
            && (1..).zip(order.lines.iter()).all(|(position, line)| self.line_fits(position, line))
            && refunds().all(|refund| fits(refund, order))
            && in_full == (order.status == OrderStatus::Refunded)
            && self.history_tells_it()
            && self.wallets_were_given_it();
        let into_wallets = self.wallet_refunds.iter().map(|entry| i128::from(entry.amount.minor())).sum();
        let (order_id, refunds) = (order.id, self.refunds.len());
        (!sound).then_some(Drift::Refunds { order_id, paid, refunds, refunded, told, into_wallets })
    }

    /// No more is back of a line than was paid for it, and all of it once all of its units are.
    fn line_fits(&self, position: u32, line: &OrderLine) -> bool {
        let returned = Returned::of(&self.order, position, self.refunds.iter().map(Arc::as_ref));
        let (Ok(returned), Ok(total)) = (returned, line.total()) else { return false };
        match returned.quantity == line.quantity {
            true => returned.amount == total,
            false => returned.quantity < line.quantity && returned.amount.minor() <= total.minor(),
        }
    }

    /// One event for each refund that began at the gateway, one for each that failed there, one for each that went
    /// through.
    fn history_tells_it(&self) -> bool {
        let (mut began, mut failed, mut through) = (0, 0, 0);
        for event in &self.events {
            match &event.change {
                OrderChange::RefundStarted { .. } => began += 1,
                OrderChange::RefundFailed { .. } => failed += 1,
                OrderChange::Refunded { .. } => through += 1,
                _ => {}
            }
        }
        let count = |fits: &dyn Fn(&Refund) -> bool| self.refunds.iter().filter(|refund| fits(refund)).count();
        began == count(&|refund| refund.destination == RefundDestination::Gateway)
            && failed == count(&|refund| refund.status == RefundStatus::Failed)
            && through == count(&|refund| refund.status == RefundStatus::Succeeded)
    }

    /// One entry for each refund into the wallet that is of any money, in the wallet of the order's customer.
    fn wallets_were_given_it(&self) -> bool {
        let given = |refund: &&Arc<Refund>| {
            refund.destination == RefundDestination::Wallet
                && refund.status == RefundStatus::Succeeded
                && !refund.total.is_zero()
        };
        let mut expected: Vec<i64> = self.refunds.iter().filter(given).map(|refund| refund.total.minor()).collect();
        let mut found: Vec<i64> = self.wallet_refunds.iter().map(|entry| entry.amount.minor()).collect();
        expected.sort_unstable();
        found.sort_unstable();
        let theirs = |entry: &WalletPayment| {
            entry.wallet_id.customer_id == self.order.customer_id && entry.amount.currency() == self.order.currency()
        };
        expected == found && self.wallet_refunds.iter().all(theirs)
    }
}

/// Whether a refund is of this order and its payment, and the sum of its lines. Only what a card paid goes back through
/// the gateway, and only there is an answer waited for.
fn fits(refund: &Refund, order: &Order) -> bool {
    let there = |position: u32| usize::try_from(position).is_ok_and(|place| (1..=order.lines.len()).contains(&place));
    refund.order_id == order.id
        && sum(order, refund.lines.iter().map(|line| line.amount)) == Some(refund.total)
        && order.payment.is_some_and(|payment| payment.payment_id == refund.payment_id)
        && match refund.destination {
            RefundDestination::Wallet => refund.status == RefundStatus::Succeeded,
            RefundDestination::Gateway => order.payment.is_some_and(|payment| payment.method == PaymentMethod::Card),
        }
        && refund.lines.iter().all(|line| there(line.position))
}
