//! Charges against what they are for: orders paid by card, and top-ups.

use super::drift::Drift;
use super::movements::is_paid;
use crate::charge::{Charge, ChargePurpose, ChargeStatus};
use crate::ids::ChargeId;
use crate::order::OrderStatus;
use crate::payment::PaymentMethod;
use crate::store::{OrderFacts, TopUpFacts, WalletPayment};
use crate::top_up::TopUpStatus;
use crate::wallet::WalletId;

impl OrderFacts {
    /// One captured charge for what a card paid, and what it paid with; one in flight for an order that waits for it,
    /// and else none, but for one that an earlier attempt's late capture overtook.
    pub(super) fn charge_drift(&self) -> Option<Drift> {
        let (order, payment) = (&*self.order, self.payment.as_deref());
        let by_card = is_paid(order.status) && payment.is_some_and(|p| p.method == PaymentMethod::Card);
        let of = |fits: fn(ChargeStatus) -> bool| self.charges.iter().filter(move |charge| fits(charge.status));
        let captured: Vec<_> = of(|status| status == ChargeStatus::Captured).map(|charge| &**charge).collect();
        let in_flight: Vec<_> = of(ChargeStatus::is_in_flight).map(|charge| &**charge).collect();
        let paid_with = |charge: &Charge| {
            let named = charge.gateway_transaction_id.as_ref();
            payment.is_some_and(|p| p.amount == charge.amount && p.gateway_transaction_id.as_ref() == named)
        };
        let paid = match &captured[..] {
            [] => !by_card,
            [charge] => by_card && paid_with(charge),
            _ => false,
        };
        let waits = match (order.status, &in_flight[..]) {
            (OrderStatus::Processing, [charge]) => attempt(charge) == payment.map(|payment| payment.attempts),
            (OrderStatus::Processing, _) => false,
            (_, []) => true,
            (_, [_]) => by_card,
            _ => false,
        };
        let sound = paid && waits && self.charges_are_its_attempts();
        (!sound).then(|| Drift::Charges {
            order_id: order.id,
            status: order.status,
            by_card: payment.filter(|_| by_card).map(|payment| payment.amount),
            captured: captured.iter().map(|charge| (charge.id, charge.amount)).collect(),
            in_flight: in_flight.iter().map(|charge| charge.id).collect(),
        })
    }

    /// Each of another attempt at its payment, in their order, of its customer and for its total.
    fn charges_are_its_attempts(&self) -> bool {
        let attempts = self.payment.as_ref().map_or(0, |payment| payment.attempts);
        let numbers: Vec<u32> = self.charges.iter().filter_map(|charge| attempt(charge)).collect();
        let theirs = |charge: &Charge| {
            charge.purpose.order_id() == Some(self.order.id)
                && charge.customer_id == self.order.customer_id
                && charge.amount == self.order.total
        };
        numbers.windows(2).all(|pair| pair[0] < pair[1])
            && numbers.iter().all(|number| (1..=attempts).contains(number))
            && self.charges.iter().all(|charge| theirs(charge))
    }
}

fn attempt(charge: &Charge) -> Option<u32> {
    match charge.purpose {
        ChargePurpose::Order { attempt, .. } => Some(attempt),
        ChargePurpose::TopUp { .. } => None,
    }
}

impl TopUpFacts {
    /// One charge, that stands as the top-up does; and one credit of its amount if the money came, none otherwise.
    pub(super) fn drift(&self) -> Option<Drift> {
        let top_up = &*self.top_up;
        let wallet_id = WalletId { customer_id: top_up.customer_id, currency: top_up.amount.currency() };
        let charged = match &self.charges[..] {
            [charge] => {
                let fits = match top_up.status {
                    TopUpStatus::Pending => charge.status.is_in_flight(),
                    TopUpStatus::Completed => charge.status == ChargeStatus::Captured,
                    TopUpStatus::Failed | TopUpStatus::Expired => {
                        !charge.status.is_in_flight() && charge.status != ChargeStatus::Captured
                    }
                };
                let theirs = (charge.id, charge.customer_id, charge.amount);
                fits && theirs == (top_up.charge_id, top_up.customer_id, top_up.amount)
            }
            _ => false,
        };
        let credited = match (&self.credits[..], top_up.status) {
            ([credit], TopUpStatus::Completed) => (credit.wallet_id, credit.amount) == (wallet_id, top_up.amount),
            ([], TopUpStatus::Pending | TopUpStatus::Failed | TopUpStatus::Expired) => true,
            _ => false,
        };
        let charges = |charge: &std::sync::Arc<Charge>| -> (ChargeId, ChargeStatus) { (charge.id, charge.status) };
        let credits = |credit: &WalletPayment| (credit.wallet_id, credit.amount);
        (!(charged && credited)).then(|| Drift::TopUp {
            top_up_id: top_up.id,
            status: top_up.status,
            amount: top_up.amount,
            charges: self.charges.iter().map(charges).collect(),
            credits: self.credits.iter().map(credits).collect(),
        })
    }
}
