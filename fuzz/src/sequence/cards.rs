//! The books of charges and top-ups, and what their reports come to.

use std::collections::{BTreeMap, BTreeSet};

use commerce_core::{
    Charge, ChargeId, ChargePurpose, ChargeStatus, Command, CustomerId, Money, OrderId, OrderStatus, Timestamp, TopUp,
};

use super::books::Books;

/// What is known of charges, from outcomes alone.
#[derive(Debug, Default)]
pub(super) struct Cards {
    pub(super) ids: Vec<ChargeId>,
    pub(super) terms: BTreeMap<ChargeId, (CustomerId, Money)>,
    status: BTreeMap<ChargeId, ChargeStatus>,
    /// The charge that an order waits for.
    awaited: BTreeMap<OrderId, ChargeId>,
    /// The orders that were to be called off while one was awaited.
    asked_off: BTreeSet<OrderId>,
}

impl Cards {
    fn begin(&mut self, id: ChargeId, customer: CustomerId, amount: Money) {
        self.ids.push(id);
        assert!(self.terms.insert(id, (customer, amount)).is_none(), "{id} was given out twice");
        self.status.insert(id, ChargeStatus::Initiated);
    }
}

impl Books {
    pub(super) fn start(&mut self, charge: &Charge) {
        let Some(order) = charge.purpose.order_id() else { unreachable!("begun for an order: {charge:?}") };
        self.cards.begin(charge.id, charge.customer_id, charge.amount);
        self.cards.awaited.insert(order, charge.id);
        self.step_to(order, OrderStatus::Pending, OrderStatus::Processing);
    }

    pub(super) fn top_up(&mut self, top_up: &TopUp) {
        self.cards.begin(top_up.charge_id, top_up.customer_id, top_up.amount);
    }

    /// Books what a report came to; `command` is for the words of a failure.
    pub(super) fn settle(&mut self, command: &Command, charge: &Charge, at: Timestamp) {
        let before = self.cards.status.insert(charge.id, charge.status).unwrap_or(ChargeStatus::Initiated);
        if before == charge.status {
            return;
        }
        assert_ne!(before, ChargeStatus::Captured, "captured is the end: {command:?}");
        match charge.purpose {
            ChargePurpose::TopUp { .. } if charge.status == ChargeStatus::Captured => {
                self.move_money(charge.customer_id, charge.amount, 1);
            }
            ChargePurpose::TopUp { .. } => {}
            ChargePurpose::Order { order_id, .. } => self.settle_order(order_id, charge, at),
        }
    }

    /// An order is to be called off once the gateway lets go of its payment.
    pub(super) fn ask_off(&mut self, order: OrderId) {
        assert_eq!(self.orders[&order].status, OrderStatus::Processing);
        assert!(self.cards.asked_off.insert(order), "{order} was to be called off already");
    }

    fn settle_order(&mut self, order: OrderId, charge: &Charge, at: Timestamp) {
        let awaited = self.cards.awaited.get(&order) == Some(&charge.id);
        let from = self.orders[&order].status;
        match charge.status {
            ChargeStatus::Captured => {
                self.cards.awaited.remove(&order);
                self.step_to(order, from, OrderStatus::Paid);
                self.sell(order, at);
            }
            ChargeStatus::Failed if awaited && !self.cards.asked_off.contains(&order) => {
                self.cards.awaited.remove(&order);
                self.step_to(order, OrderStatus::Processing, OrderStatus::Pending);
            }
            ChargeStatus::Failed | ChargeStatus::Cancelled if awaited => {
                self.cards.awaited.remove(&order);
                self.step_to(order, OrderStatus::Processing, OrderStatus::Cancelled);
                self.give_back(order);
            }
            _ => {}
        }
    }
}
