//! Money from and to cards, and refunds.

use serde::{Deserialize, Serialize};

use super::basket::Quantity;
use crate::charge::ChargeReport;
use crate::ids::{ChargeId, CustomerId, OrderId, RefundId};
use crate::money::Money;
use crate::refund::{RefundDestination, RefundReport};
use crate::text::Note;

/// Units of one line of an order to give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLineRequest {
    /// The line's place in the order, from 1.
    pub position: u32,
    /// How many units.
    pub quantity: Quantity,
}

/// Gives money of a paid order back, for all of it or for units of its lines. Operators only.
///
/// What is returned is what was paid for those units, their share of the discount taken off (see
/// [`paid_for`](crate::paid_for)). Into a wallet it goes in the same commit. Through the gateway it is recorded as
/// [`Pending`](crate::RefundStatus::Pending), for [`Payments`](crate::Payments) to ask the gateway and settle: from then
/// on it counts, and its units are nobody else's to refund. Once every unit's money is really back the order is
/// [`Refunded`](crate::OrderStatus::Refunded), and its coupons are given back unless they have expired since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundOrder {
    /// Which order.
    pub order_id: OrderId,
    /// What to give back, a line named twice taken together; none for everything that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<RefundLineRequest>>,
    /// Whether the units go back into stock.
    pub restock: bool,
    /// Where the money goes; none for the way it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<RefundDestination>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

/// Books what became of a refund at the gateway: the money is back, or will not be given back this way and its units
/// can be refunded again. The gateway's word is final: on a refund that is settled a report changes nothing. The shop
/// itself and operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleRefund {
    /// Which order's.
    pub order_id: OrderId,
    /// Which refund.
    pub refund_id: RefundId,
    /// What became of it.
    pub report: RefundReport,
}

/// Begins a card payment of a pending order: records a [`Charge`](crate::Charge) for the gateway to be asked for. What
/// the order took stays taken while the charge is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartCardPayment {
    /// Which order.
    pub order_id: OrderId,
}

/// Asks for money from a card into a customer's wallet of the amount's currency: records a top-up, and the
/// [`Charge`](crate::Charge) that is to bring the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestTopUp {
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// More than zero.
    pub amount: Money,
}

/// Books what became of a charge at the gateway: the order is paid, released or cancelled, the wallet credited, or money
/// that nothing is left to pay with marked to be given back. The same report again, and one that a later one has
/// overtaken, change nothing. The shop itself and operators only.
///
/// A gateway's record must be of what it was asked for ([`Charge::check`](crate::Charge::check)): money of another amount
/// or customer pays nothing, and its report is refused until it is given back at the gateway. A record that brings no
/// money (declined, called off, given back) releases what waited for it, whatever else it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleCharge {
    /// Which charge.
    pub charge_id: ChargeId,
    /// What became of it.
    pub report: ChargeReport,
}
