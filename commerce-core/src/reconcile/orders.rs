//! Orders against their histories, payments, redemptions and messages.

use super::drift::Drift;
use super::movements::is_paid;
use crate::coupon::{Redemption, RedemptionStatus};
use crate::money::Money;
use crate::order::{AppliedCoupon, Order, OrderLine, OrderStatus, replay};
use crate::payment::PaymentStatus;
use crate::store::OrderFacts;

impl OrderFacts {
    pub(super) fn drifts(&self) -> impl Iterator<Item = Drift> {
        let single = [
            self.history_drift(),
            self.payment_drift(),
            self.wallet_payment_drift(),
            self.charge_drift(),
            self.refund_drift(),
            self.redemption_drift(),
            self.message_drift(),
        ];
        single.into_iter().flatten().chain(self.movement_drifts())
    }

    fn history_drift(&self) -> Option<Drift> {
        let Order { id, status, version, .. } = *self.order;
        let replayed = replay(&self.events);
        let as_told = self.events.last().is_some_and(|last| last.order == self.order);
        // Only what waits for its payment runs out.
        let term = match status {
            OrderStatus::Pending => self.order.expires_at.is_some(),
            OrderStatus::Processing => true,
            _ => self.order.expires_at.is_none(),
        };
        let sound = replayed == Some(status) && version == self.events.len() as u64 && as_told && term;
        (!sound).then_some(Drift::History { order_id: id, status, replayed })
    }

    fn payment_drift(&self) -> Option<Drift> {
        let order = &*self.order;
        let paid = self.payment.as_ref().filter(|p| p.status == PaymentStatus::Succeeded).map(|p| p.amount);
        let should_be_paid = is_paid(order.status).then_some(order.total);
        let lines_add_up = sum(order, order.lines.iter().map(|line| line.subtotal)) == Some(order.subtotal)
            && sum(order, order.lines.iter().map(|line| line.discount)) == Some(order.discount)
            && sum(order, order.coupons.iter().map(|coupon| coupon.discount)) == Some(order.discount)
            && order.subtotal.minus(order.discount) == Ok(order.total);
        let priced = |line: &OrderLine| line.unit_price.times(line.quantity) == Ok(line.subtotal);
        let named = order.payment.map(|payment| (payment.payment_id, payment.method));
        let recorded = self.payment.as_ref().map(|payment| (payment.id, payment.method));
        let theirs = self.payment.as_ref().is_none_or(|p| p.order_id == order.id && p.customer_id == order.customer_id);
        let sound =
            lines_add_up && order.lines.iter().all(priced) && paid == should_be_paid && named == recorded && theirs;
        (!sound).then_some(Drift::Payment { order_id: order.id, total: order.total, paid })
    }

    fn redemption_drift(&self) -> Option<Drift> {
        let order = &*self.order;
        let expected = match order.status {
            OrderStatus::Pending | OrderStatus::Processing => RedemptionStatus::Held,
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered => RedemptionStatus::Used,
            OrderStatus::Cancelled | OrderStatus::Refunded => RedemptionStatus::Released,
        };
        let fits = |redemption: &&Redemption| {
            let named = |c: &&AppliedCoupon| c.issued_coupon_id == redemption.issued_coupon_id;
            redemption.status == expected
                && order.coupons.iter().find(named).is_some_and(|c| c.discount == redemption.discount)
        };
        let fitting = self.redemptions.iter().filter(fits).count();
        let sound = fitting == order.coupons.len() && self.redemptions.len() == order.coupons.len();
        (!sound).then_some(Drift::Redemptions {
            order_id: order.id,
            coupons: order.coupons.len(),
            redemptions: fitting,
        })
    }

    fn message_drift(&self) -> Option<Drift> {
        let events = self.events.len() as u64;
        let each_once = self.undelivered.windows(2).all(|pair| pair[0] < pair[1]);
        let within = self.undelivered.iter().all(|sequence| (1..=events).contains(sequence));
        let sound = each_once && within && self.undelivered.len() as u64 + self.delivered == events;
        (!sound).then(|| Drift::Messages {
            order_id: self.order.id,
            events,
            undelivered: self.undelivered.clone(),
            delivered: self.delivered,
        })
    }
}

pub(super) fn sum(order: &Order, amounts: impl Iterator<Item = Money>) -> Option<Money> {
    let mut amounts = amounts;
    amounts.try_fold(Money::zero(order.currency()), |sum, amount| sum.plus(amount).ok())
}
