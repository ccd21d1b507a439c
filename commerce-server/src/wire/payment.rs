//! Payments, top-ups and the gateway's calls on the wire.

use commerce_core::{
    Charge as CoreCharge, ChargeId, CustomerId, Name, Note, OrderId, Payment as CorePayment, PaymentId,
    TopUp as CoreTopUp, TopUpId,
};

use super::money::{Money, MoneyInput};
use super::order::PaymentMethod;
use super::scalar::{Instant, Text, WireId};
use super::schema::{choices, request, response};

choices! {
    /// Where a payment stands.
    PaymentStatus = Initiated | Pending | Succeeded | Failed | Cancelled;
    /// Where one attempt at having the gateway take money stands.
    ChargeStatus = Initiated | Pending | Captured | Failed | Cancelled | RefundDue | Refunded;
    /// Where a top-up stands.
    TopUpStatus = Pending | Completed | Failed | Expired;
}

request! {
    /// Money to be put from a card into one's wallet.
    TopUpRequest {
        /// More than zero; the wallet is the one of its currency.
        amount: MoneyInput,
    }
}

response! {
    /// The payment of an order.
    Payment {
        /// The payment's id.
        id: WireId<PaymentId>,
        /// The order it pays.
        order_id: WireId<OrderId>,
        /// How, as it was last tried.
        method: PaymentMethod,
        /// How much.
        amount: Money,
        /// Where it stands.
        status: PaymentStatus,
        /// How often it has been tried.
        attempts: u32,
        /// Why the last attempt that failed did, if one did.
        failure_reason: Option<Text<Note>>,
        /// The gateway's name for the attempt that captured it.
        gateway_transaction_id: Option<Text<Name>>,
        /// Who asked for the order to be cancelled while a card payment was under way, if anybody did.
        cancel_requested_by: Option<String>,
        /// Why, if they said.
        cancel_reason: Option<Text<Note>>,
        /// The name at the gateway of the last attempt by card.
        charge_id: Option<WireId<ChargeId>>,
        /// When it was first tried.
        created_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// One attempt at having the gateway take money for an order.
    Charge {
        /// Its name at the gateway.
        id: WireId<ChargeId>,
        /// How much.
        amount: Money,
        /// Where it stands: money that came too late to pay is `refund_due`, then `refunded`.
        status: ChargeStatus,
        /// Why it failed, if it did.
        failure_reason: Option<Text<Note>>,
        /// The gateway's name for it, once known.
        gateway_transaction_id: Option<Text<Name>>,
        /// When it began.
        created_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// Every attempt at having the gateway take money for an order.
    Charges {
        /// First to last.
        items: Vec<Charge>,
    }

    /// Money from a card into a wallet.
    TopUp {
        /// The top-up's id.
        id: WireId<TopUpId>,
        /// Whose wallet.
        customer_id: WireId<CustomerId>,
        /// How much.
        amount: Money,
        /// Where it stands; the wallet is credited once it is completed.
        status: TopUpStatus,
        /// Its name at the gateway.
        charge_id: WireId<ChargeId>,
        /// Why the money did not come, if it did not.
        failure_reason: Option<Text<Note>>,
        /// Until when the money is waited for.
        expires_at: Instant,
        /// When it was asked for.
        created_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// The gateway's call was heard.
    Heard {
        /// Where the charge stands by now: initiated, pending, captured, failed, cancelled, refund_due, refunded.
        charge_status: String,
    }
}

impl Payment {
    /// A payment, and its last attempt by card.
    #[must_use]
    pub fn of(payment: &CorePayment, charge: Option<ChargeId>) -> Self {
        let request = payment.cancel_request.as_ref();
        Self {
            id: WireId(payment.id),
            order_id: WireId(payment.order_id),
            method: PaymentMethod(payment.method),
            amount: Money(payment.amount),
            status: PaymentStatus(payment.status),
            attempts: payment.attempts,
            failure_reason: payment.failure_reason.clone().map(Text),
            gateway_transaction_id: payment.gateway_transaction_id.clone().map(Text),
            cancel_requested_by: request.map(|request| request.requested_by.to_string()),
            cancel_reason: request.and_then(|request| request.reason.clone()).map(Text),
            charge_id: charge.map(WireId),
            created_at: Instant(payment.created_at),
            updated_at: Instant(payment.updated_at),
        }
    }
}

impl From<&CoreCharge> for Charge {
    fn from(charge: &CoreCharge) -> Self {
        Self {
            id: WireId(charge.id),
            amount: Money(charge.amount),
            status: ChargeStatus(charge.status),
            failure_reason: charge.failure_reason.clone().map(Text),
            gateway_transaction_id: charge.gateway_transaction_id.clone().map(Text),
            created_at: Instant(charge.created_at),
            updated_at: Instant(charge.updated_at),
        }
    }
}

impl From<&CoreTopUp> for TopUp {
    fn from(top_up: &CoreTopUp) -> Self {
        Self {
            id: WireId(top_up.id),
            customer_id: WireId(top_up.customer_id),
            amount: Money(top_up.amount),
            status: TopUpStatus(top_up.status),
            charge_id: WireId(top_up.charge_id),
            failure_reason: top_up.failure_reason.clone().map(Text),
            expires_at: Instant(top_up.expires_at),
            created_at: Instant(top_up.created_at),
            updated_at: Instant(top_up.updated_at),
        }
    }
}
