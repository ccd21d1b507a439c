//! The model's card payments and top-ups: which report of the gateway counts, and what it moves.

use std::collections::BTreeMap;

use commerce_core::{
    ChargeReport, ChargeStatus, GatewayStatus, OrderStatus, Outcome, PaymentMethod, Principal, RequestTopUp,
    SettleCharge, StartCardPayment, TopUpStatus,
};

use crate::support::coverage::Coverage;
use crate::support::model::{CopyState, Model, Verdict, refuse_if, wallet_key};

const MAX: i64 = 1_000_000_000_000_000;

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Order(i64),
    TopUp(i64),
}

#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) purpose: For,
    customer: i64,
    amount: commerce_core::Money,
    pub(crate) status: ChargeStatus,
    transaction: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct TopUp {
    pub(crate) customer: i64,
    pub(crate) status: TopUpStatus,
    expires: i64,
}

/// What comes from cards.
#[derive(Debug, Default)]
pub(crate) struct Cards {
    pub(crate) charges: BTreeMap<i64, Charge>,
    pub(crate) top_ups: BTreeMap<i64, TopUp>,
}

/// What a report comes to, in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Wait,
    Came,
    Never,
    Off,
    Back,
}

fn word(report: &ChargeReport) -> Word {
    match report {
        ChargeReport::Refused { .. } => Word::Never,
        ChargeReport::Refunded => Word::Back,
        ChargeReport::Found(found) => match found.status {
            GatewayStatus::Pending | GatewayStatus::Approved => Word::Wait,
            GatewayStatus::Captured => Word::Came,
            GatewayStatus::Declined { .. } => Word::Never,
            GatewayStatus::Cancelled => Word::Off,
            GatewayStatus::Refunded => Word::Back,
        },
    }
}

impl Model {
    pub(super) fn start(&self, principal: &Principal, c: &StartCardPayment, now: i64) -> Verdict {
        let order = self.visible(principal, c.order_id.get())?;
        refuse_if(order.status() == OrderStatus::Processing, "payment_in_progress")?;
        refuse_if(order.status() != OrderStatus::Pending, "invalid_transition")?;
        refuse_if(now >= order.expires, "order_expired")?;
        refuse_if(order.total == 0, "amount_not_positive")
    }

    pub(super) fn started(&mut self, c: &StartCardPayment, begun: &commerce_core::Charge, seen: &mut Coverage) {
        let order = self.advance(c.order_id.get(), OrderStatus::Processing);
        let (customer, purpose) = (order.customer, For::Order(c.order_id.get()));
        assert_eq!((begun.amount.minor(), begun.amount.currency().code()), (order.total, order.currency.as_str()));
        let order = self.orders.get_mut(&c.order_id.get()).expect("an order");
        order.attempts += 1;
        order.tried = Some(PaymentMethod::Card);
        order.in_flight = Some(begun.id.get());
        let (status, transaction) = (ChargeStatus::Initiated, None);
        let charge = Charge { purpose, customer, amount: begun.amount, status, transaction };
        assert!(self.cards.charges.insert(begun.id.get(), charge).is_none());
        seen.note("pending -> processing");
    }

    pub(super) fn request(&self, c: &RequestTopUp) -> Verdict {
        refuse_if(c.amount.minor() <= 0, "amount_not_positive")?;
        refuse_if(!self.customers.contains_key(&c.customer_id.get()), "customer_not_found")
    }

    pub(super) fn requested(&mut self, c: &RequestTopUp, asked: &commerce_core::TopUp, expires: i64) {
        let (id, customer) = (asked.id.get(), c.customer_id.get());
        let top_up = TopUp { customer, status: TopUpStatus::Pending, expires };
        assert!(self.cards.top_ups.insert(id, top_up).is_none());
        let (status, transaction) = (ChargeStatus::Initiated, None);
        let charge = Charge { purpose: For::TopUp(id), customer, amount: c.amount, status, transaction };
        assert!(self.cards.charges.insert(asked.charge_id.get(), charge).is_none());
    }

    pub(super) fn report(&self, c: &SettleCharge) -> Verdict {
        let id = c.charge_id.get();
        let charge = self.cards.charges.get(&id).ok_or("charge_not_found")?;
        // What brings no money is heard, whatever else it says.
        let flies = matches!(charge.status, ChargeStatus::Initiated | ChargeStatus::Pending);
        let brings = match word(&c.report) {
            Word::Wait => charge.status == ChargeStatus::Initiated,
            Word::Came => flies || matches!(charge.status, ChargeStatus::Failed | ChargeStatus::Cancelled),
            Word::Back => charge.status == ChargeStatus::RefundDue,
            Word::Never | Word::Off => false,
        };
        if brings {
            return self.is_of(id, charge, &c.report);
        }
        Ok(())
    }

    /// Whether the gateway's record is of what it was asked for.
    fn is_of(&self, id: i64, charge: &Charge, report: &ChargeReport) -> Verdict {
        let ChargeReport::Found(found) = report else { return Ok(()) };
        refuse_if(found.amount != charge.amount, "gateway_amount_mismatch")?;
        refuse_if(found.customer_id.get() != charge.customer, "gateway_customer_mismatch")?;
        let told = Some(found.transaction_id.to_string());
        refuse_if(charge.transaction.is_some() && charge.transaction != told, "gateway_transaction_mismatch")?;
        let elsewhere = self.cards.charges.iter().any(|(other, charge)| *other != id && charge.transaction == told);
        refuse_if(elsewhere, "gateway_transaction_taken")
    }

    pub(super) fn reported(&mut self, c: &SettleCharge, outcome: &Outcome, now: i64, seen: &mut Coverage) {
        let id = c.charge_id.get();
        let charge = self.cards.charges[&id].clone();
        let flies = matches!(charge.status, ChargeStatus::Initiated | ChargeStatus::Pending);
        let lost = matches!(charge.status, ChargeStatus::Failed | ChargeStatus::Cancelled);
        let next = match word(&c.report) {
            Word::Wait if charge.status == ChargeStatus::Initiated => Some(ChargeStatus::Pending),
            Word::Came if flies || lost => Some(self.came(id, charge.purpose, now, seen)),
            Word::Never | Word::Back if flies => Some(self.never(id, charge.purpose, now, seen)),
            Word::Off if flies => Some(self.charge_off(id, charge.purpose, now, seen)),
            Word::Back if charge.status == ChargeStatus::RefundDue => {
                seen.note("money given back");
                Some(ChargeStatus::Refunded)
            }
            _ => None,
        };
        let is_of = self.is_of(id, &charge, &c.report).is_ok();
        let charge = self.cards.charges.get_mut(&id).expect("a charge");
        if let Some(status) = next {
            charge.status = status;
            if !is_of {
                seen.note("released by a record of something else");
            } else if let ChargeReport::Found(found) = &c.report {
                charge.transaction.get_or_insert(found.transaction_id.to_string());
            }
        } else {
            seen.note("old news");
        }
        let Outcome::Charge(after) = outcome else { panic!("{outcome:?}") };
        let transaction = after.gateway_transaction_id.as_ref().map(ToString::to_string);
        assert_eq!((after.status, transaction), (charge.status, charge.transaction.clone()), "{c:?}");
    }

    /// The money came.
    fn came(&mut self, id: i64, purpose: For, now: i64, seen: &mut Coverage) -> ChargeStatus {
        let paid = match purpose {
            For::Order(order) => self.came_for_order(order, now, seen),
            For::TopUp(top_up) => self.came_for_top_up(id, top_up, seen),
        };
        if !paid {
            seen.note("money to be given back");
        }
        if paid { ChargeStatus::Captured } else { ChargeStatus::RefundDue }
    }

    fn came_for_order(&mut self, id: i64, now: i64, seen: &mut Coverage) -> bool {
        let order = &self.orders[&id];
        let waits = match order.status() {
            OrderStatus::Processing => true,
            OrderStatus::Pending => now < order.expires,
            _ => false,
        };
        if waits {
            let from = order.status();
            seen.note(if from == OrderStatus::Processing { "processing -> paid" } else { "pending -> paid by card" });
            if order.asked_off {
                seen.note("paid though it was to be called off");
            }
            let order = self.orders.get_mut(&id).expect("an order");
            (order.in_flight, order.tried) = (None, Some(PaymentMethod::Card));
            self.paid_with(id, now, false, seen);
        }
        waits
    }

    fn came_for_top_up(&mut self, charge: i64, id: i64, seen: &mut Coverage) -> bool {
        let (top_up, amount) = (self.cards.top_ups[&id].clone(), self.cards.charges[&charge].amount);
        if top_up.status != TopUpStatus::Pending {
            return false;
        }
        let wallet = wallet_key(top_up.customer, amount);
        let fits = self.balance(&wallet) + amount.minor() <= MAX;
        if fits {
            self.wallets.entry(wallet).or_default().push(amount.minor());
        }
        seen.note(if fits { "top-up completed" } else { "top-up too large for its wallet" });
        self.end(id, if fits { TopUpStatus::Completed } else { TopUpStatus::Failed });
        fits
    }

    /// The money will not come.
    fn never(&mut self, id: i64, purpose: For, now: i64, seen: &mut Coverage) -> ChargeStatus {
        match purpose {
            For::Order(order) if self.orders[&order].in_flight == Some(id) && self.orders[&order].asked_off => {
                self.orders.get_mut(&order).expect("an order").in_flight = None;
                self.called_off(order, now, seen);
                seen.note("called off once it was declined");
            }
            For::Order(order) if self.orders[&order].in_flight == Some(id) => {
                self.orders.get_mut(&order).expect("an order").in_flight = None;
                self.advance(order, OrderStatus::Pending);
                seen.note("processing -> pending");
            }
            For::Order(_) => {}
            For::TopUp(top_up) => {
                self.end(top_up, TopUpStatus::Failed);
                seen.note("top-up failed");
            }
        }
        ChargeStatus::Failed
    }

    /// It was called off.
    fn charge_off(&mut self, id: i64, purpose: For, now: i64, seen: &mut Coverage) -> ChargeStatus {
        match purpose {
            For::Order(order) if self.orders[&order].in_flight == Some(id) => {
                self.orders.get_mut(&order).expect("an order").in_flight = None;
                self.called_off(order, now, seen);
                seen.note("processing -> cancelled");
            }
            For::Order(_) => {}
            For::TopUp(top_up) => {
                let late = now >= self.cards.top_ups[&top_up].expires;
                self.end(top_up, if late { TopUpStatus::Expired } else { TopUpStatus::Failed });
                seen.note(if late { "top-up expired" } else { "top-up called off" });
            }
        }
        ChargeStatus::Cancelled
    }

    fn end(&mut self, top_up: i64, status: TopUpStatus) {
        self.cards.top_ups.get_mut(&top_up).expect("a top-up").status = status;
    }

    /// What an order that ends unpaid, or is refunded, gives back.
    pub(super) fn give_back(
        &mut self,
        units: BTreeMap<i64, i64>,
        copies: Vec<(i64, i64)>,
        now: i64,
        seen: &mut Coverage,
    ) {
        for (variant, units) in units {
            self.variants.get_mut(&variant).expect("a variant").ledger.push(units);
        }
        for (copy, _) in copies {
            let copy = self.copies.get_mut(&copy).expect("a copy");
            let late = copy.expires.is_some_and(|end| now >= end);
            copy.state = if late { CopyState::Expired } else { CopyState::Available };
            seen.note(if late { "coupon given back too late" } else { "coupon given back" });
        }
    }
}
