//! Orders.

use serde::{Deserialize, Serialize};

use super::basket::Basket;
use crate::ids::{CustomerId, OrderId};
use crate::payment::PaymentMethod;
use crate::text::Note;

/// Places an order: takes its stock and coupon, and its money too if paid by wallet, in one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// Who buys.
    pub customer_id: CustomerId,
    /// What.
    pub basket: Basket,
    /// By wallet: paid in the same commit. By card, or none: the order is left pending, to be paid before it expires;
    /// [`Payments::place_order`](crate::Payments::place_order) begins the card payment next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentMethod>,
}

/// Pays a pending order from its customer's wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayOrder {
    /// Which order.
    pub order_id: OrderId,
    /// How.
    pub method: PaymentMethod,
}

/// Calls a pending order off and gives everything back. One whose card payment is in flight is only marked to be called
/// off, which [`Payments`](crate::Payments) then asks of the gateway: the answer is the order as it still is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

/// Calls a pending order off whose time to be paid is over, and gives everything back. Operators and the shop itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireOrder {
    /// Which order.
    pub order_id: OrderId,
}

/// Says that a paid order is on its way. Operators only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipOrder {
    /// Which order.
    pub order_id: OrderId,
}

/// Says that a shipped order has reached its customer. Operators only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverOrder {
    /// Which order.
    pub order_id: OrderId,
}
