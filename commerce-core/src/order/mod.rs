//! Orders: their lines, their state machine, their history.

mod status;

use std::sync::Arc;

pub use status::OrderStatus;

use serde::{Deserialize, Serialize};

use crate::ids::{CouponId, CustomerId, IssuedCouponId, OrderId, PaymentId, ProductId, VariantId};
use crate::money::{Currency, Money, MoneyError};
use crate::payment::PaymentMethod;
use crate::price_rules::PriceRule;
use crate::principal::Principal;
use crate::refund::Refund;
use crate::rejection::Rejection;
use crate::text::{Name, Note, Sku};
use crate::time::Timestamp;

/// The most lines one order, quote or cart may have (design, section 4, bounds).
pub const MAX_LINES: usize = 100;

/// One line of an order: a snapshot of what was bought. Later changes of the catalogue never touch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// The variant.
    pub variant_id: VariantId,
    /// The product's name when it was bought.
    pub product_name: Name,
    /// The option's name when it was bought.
    pub option_name: Option<Name>,
    /// The variant's SKU when it was bought.
    pub sku: Sku,
    /// What one unit cost.
    pub unit_price: Money,
    /// The price rule that said so; none if it was base plus additional price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_by: Option<PriceRule>,
    /// How many units.
    pub quantity: u32,
    /// Unit price times quantity.
    pub subtotal: Money,
    /// The line's share of the order's discount; the shares sum to the discount.
    pub discount: Money,
}

impl OrderLine {
    /// What the line costs after its share of the discount.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.subtotal.minus(self.discount)
    }
}

/// A coupon that an order used, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedCoupon {
    /// The customer's copy.
    pub issued_coupon_id: IssuedCouponId,
    /// The campaign.
    pub coupon_id: CouponId,
    /// The campaign's name.
    pub name: Name,
    /// What it took off.
    pub discount: Money,
}

/// An order. A new version is a new value; versions already handed out stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order's id.
    pub id: OrderId,
    /// Who bought.
    pub customer_id: CustomerId,
    /// Where it stands; the last event of its history led there.
    pub status: OrderStatus,
    /// What was bought; fixed once the order is placed.
    pub lines: Arc<[OrderLine]>,
    /// The coupons used.
    pub coupons: Vec<AppliedCoupon>,
    /// Sum of the lines' subtotals.
    pub subtotal: Money,
    /// What the coupons took off, at most the subtotal.
    pub discount: Money,
    /// Subtotal less discount.
    pub total: Money,
    /// The payment and its method, once there is one.
    pub payment: Option<OrderPayment>,
    /// Until when a pending order holds what it took; none once it is paid.
    pub expires_at: Option<Timestamp>,
    /// The number of events in its history.
    pub version: u64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which payment pays an order, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPayment {
    /// The payment.
    pub payment_id: PaymentId,
    /// How it is paid.
    pub method: PaymentMethod,
}

/// What happened to an order, besides the change of status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderChange {
    /// It was placed, and paid at once if the event leads to [`OrderStatus::Paid`].
    Placed,
    /// It was paid after it had been placed.
    Paid,
    /// A card payment began.
    PaymentStarted {
        /// Which attempt at its payment this is, from 1.
        attempt: u32,
    },
    /// A card payment came to nothing; the order waits to be paid another way.
    PaymentFailed {
        /// Why, if the gateway said.
        reason: Option<Note>,
    },
    /// It was called off.
    Cancelled {
        /// What called it off.
        cause: CancelCause,
        /// Why, in the words of whoever did, if they gave any.
        reason: Option<Note>,
    },
    /// It was handed over for delivery.
    Shipped,
    /// It reached its customer.
    Delivered,
    /// Money is to be given back through the gateway; the order stands where it stood.
    RefundStarted {
        /// What is on its way.
        refund: Arc<Refund>,
    },
    /// The gateway will not give money back; the order stands where it stood.
    RefundFailed {
        /// What was not given back, and why.
        refund: Arc<Refund>,
    },
    /// Money was given back: for all of it that was left, if the event leads to [`OrderStatus::Refunded`], or for a part,
    /// which leaves the order where it stands.
    Refunded {
        /// What was given back.
        refund: Arc<Refund>,
    },
}

impl OrderChange {
    /// Whether this can take an order from one status to another: along the transition table; nowhere for a refund of a
    /// part, and for one that is under way or failed.
    fn may_lead(&self, from: OrderStatus, to: OrderStatus) -> bool {
        let stays = from == to && from.may_become(OrderStatus::Refunded);
        match self {
            Self::RefundStarted { .. } | Self::RefundFailed { .. } => stays,
            Self::Refunded { .. } => stays || from.may_become(to),
            _ => from.may_become(to),
        }
    }
}

/// What called an order off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelCause {
    /// Its customer or an operator asked for it.
    Requested,
    /// Its time to be paid ran out.
    Expired,
    /// Its card payment was called off at the gateway.
    Gateway,
}

impl CancelCause {
    /// The stable text of the cause.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Expired => "expired",
            Self::Gateway => "gateway",
        }
    }
}

/// One step in an order's life. Appended, never changed; `(order, sequence)` is unique, without gaps, and
/// the events of an order replay to its status (see [`replay`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// The event's place in the order's history, from 1.
    pub sequence: u64,
    /// The status before; none for the first event.
    pub from: Option<OrderStatus>,
    /// The status after.
    pub to: OrderStatus,
    /// What happened.
    pub change: OrderChange,
    /// Who caused it.
    pub actor: Principal,
    /// When.
    pub at: Timestamp,
    /// The order as it was after this step: lines, coupons, totals and payment.
    pub order: Arc<Order>,
}

impl OrderEvent {
    /// The order whose history this belongs to.
    #[must_use]
    pub fn order_id(&self) -> OrderId {
        self.order.id
    }

    /// The stable name of the event type: `order.placed`, `order.paid`, `order.cancelled`, …
    ///
    /// It follows from the status reached, so that a wallet order, which is placed and paid in one commit,
    /// is one event: `order.paid`, from nothing.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match (&self.change, self.to) {
            (OrderChange::RefundStarted { .. }, _) => return "order.refund_started",
            (OrderChange::RefundFailed { .. }, _) => return "order.refund_failed",
            (OrderChange::Refunded { .. }, OrderStatus::Refunded) => {}
            (OrderChange::Refunded { .. }, _) => return "order.partially_refunded",
            _ => {}
        }
        match self.to {
            OrderStatus::Pending => match self.from {
                None => "order.placed",
                Some(_) => "order.payment_failed",
            },
            OrderStatus::Processing => "order.payment_started",
            OrderStatus::Paid => "order.paid",
            OrderStatus::Shipped => "order.shipped",
            OrderStatus::Delivered => "order.delivered",
            OrderStatus::Cancelled => "order.cancelled",
            OrderStatus::Refunded => "order.refunded",
        }
    }
}

/// Where a history leads: follows the events from nothing and checks each step against the transition
/// table and the sequence. `None` for an empty history or one that cannot have happened.
#[must_use]
pub fn replay(events: &[Arc<OrderEvent>]) -> Option<OrderStatus> {
    let mut status = None;
    for (sequence, event) in (1..).zip(events) {
        let allowed = match status {
            None => event.to.is_initial(),
            Some(from) => event.change.may_lead(from, event.to),
        };
        if event.sequence != sequence || event.from != status || !allowed || event.order.status != event.to {
            return None;
        }
        status = Some(event.to);
    }
    status
}

impl Order {
    /// The currency of every amount of the order.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.total.currency()
    }

    /// Whether the time in which it can be paid is over.
    #[must_use]
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// The order one step further, and the event that records it; refused unless the transition table has
    /// the step, or the change is one that leaves the order where it stands.
    pub(crate) fn advanced(
        &self,
        to: OrderStatus,
        change: OrderChange,
        actor: &Principal,
        at: Timestamp,
        edit: impl FnOnce(&mut Self),
    ) -> Result<(Arc<Self>, OrderEvent), Rejection> {
        if !change.may_lead(self.status, to) {
            return Err(Rejection::InvalidTransition { order: self.id, from: self.status, to });
        }
        let mut next = Self { status: to, version: self.version + 1, updated_at: at, ..self.clone() };
        edit(&mut next);
        Ok(Self::recorded(next, Some(self.status), change, actor, at))
    }

    /// A new order and the first event of its history.
    pub(crate) fn begun(self, actor: &Principal) -> (Arc<Self>, OrderEvent) {
        let at = self.placed_at;
        Self::recorded(self, None, OrderChange::Placed, actor, at)
    }

    fn recorded(
        order: Self,
        from: Option<OrderStatus>,
        change: OrderChange,
        actor: &Principal,
        at: Timestamp,
    ) -> (Arc<Self>, OrderEvent) {
        let order = Arc::new(order);
        let event = OrderEvent {
            sequence: order.version,
            from,
            to: order.status,
            change,
            actor: actor.clone(),
            at,
            order: Arc::clone(&order),
        };
        (order, event)
    }
}
