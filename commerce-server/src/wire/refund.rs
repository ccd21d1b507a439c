//! Refunds on the wire.

use commerce_core::{
    Note, OrderId, PaymentId, Quantity, Refund as CoreRefund, RefundId, RefundLine as CoreLine,
    RefundLineRequest as CoreLineRequest, Rejection,
};

use super::money::Money;
use super::scalar::{Instant, Text, WireId};
use super::schema::{choices, request, response};

choices! {
    /// Where a refund's money goes.
    RefundDestination = Wallet | Gateway;
    /// Where a refund stands.
    RefundStatus = Pending | Succeeded | Failed;
}

request! {
    /// Units of one line to give back.
    RefundLineRequest {
        /// The line's place in the order, from 1.
        position: u32,
        /// How many units: 1 to 1,000,000.
        quantity: i64,
    }

    /// What to give back of an order.
    RefundRequest {
        /// The lines and their units, one named twice taken together; absent for everything that is left.
        lines: Option<Vec<RefundLineRequest>>,
        /// Whether the units go back into stock.
        restock: bool,
        /// Where the money goes; absent for the way it was paid.
        destination: Option<RefundDestination>,
        /// The reason, for the order's history and the wallet's.
        reason: Option<Text<Note>>,
    }
}

response! {
    /// Units of one line that were given back.
    RefundLine {
        /// The line's place in the order, from 1.
        position: u32,
        /// How many units.
        quantity: u32,
        /// What was returned for them: what was paid, their share of the discount taken off.
        amount: Money,
    }

    /// Money of an order given back.
    Refund {
        /// The refund's id.
        id: WireId<RefundId>,
        /// The order.
        order_id: WireId<OrderId>,
        /// The payment that is given back, in whole or in part.
        payment_id: WireId<PaymentId>,
        /// What is returned.
        lines: Vec<RefundLine>,
        /// Sum of the lines' amounts.
        total: Money,
        /// Where the money goes.
        destination: RefundDestination,
        /// Whether the units go back into stock, once the money is back.
        restock: bool,
        /// Where it stands: pending until the gateway has answered, if it goes through one.
        status: RefundStatus,
        /// The reason, if one was given.
        reason: Option<Text<Note>>,
        /// Why the gateway did not give it back, if it did not; its units can be refunded again.
        failure_reason: Option<Text<Note>>,
        /// When it was recorded.
        created_at: Instant,
        /// When its status last changed.
        updated_at: Instant,
    }

    /// An order's refunds.
    Refunds {
        /// The refunds, oldest first.
        items: Vec<Refund>,
    }
}

/// The core's lines; refused if a quantity is out of range.
pub fn lines(lines: Option<&[RefundLineRequest]>) -> Result<Option<Vec<CoreLineRequest>>, Rejection> {
    let line = |line: &RefundLineRequest| {
        Ok(CoreLineRequest { position: line.position, quantity: Quantity::new(line.quantity)? })
    };
    lines.map(|lines| lines.iter().map(line).collect()).transpose()
}

impl From<&CoreLine> for RefundLine {
    fn from(line: &CoreLine) -> Self {
        Self { position: line.position, quantity: line.quantity, amount: Money(line.amount) }
    }
}

impl From<&CoreRefund> for Refund {
    fn from(refund: &CoreRefund) -> Self {
        Self {
            id: WireId(refund.id),
            order_id: WireId(refund.order_id),
            payment_id: WireId(refund.payment_id),
            lines: refund.lines.iter().map(RefundLine::from).collect(),
            total: Money(refund.total),
            destination: RefundDestination(refund.destination),
            restock: refund.restock,
            status: RefundStatus(refund.status),
            reason: refund.reason.clone().map(Text),
            failure_reason: refund.failure_reason.clone().map(Text),
            created_at: Instant(refund.created_at),
            updated_at: Instant(refund.updated_at),
        }
    }
}
