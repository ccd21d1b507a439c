//! Quotes, orders and their history on the wire.

use commerce_core::{
    AppliedCoupon as CoreApplied, Basket as CoreBasket, ChargeId, CouponId, CustomerId, IssuedCouponId, Name, Note,
    Order as CoreOrder, OrderChange, OrderEvent as CoreEvent, OrderId, OrderLine as CoreLine, PaymentId, ProductId,
    Quote as CoreQuote, Rejection, Rule, Sku, TraceStep, VariantId,
};

use super::cart::{CartLines, line};
use super::money::Money;
use super::refund::Refund;
use super::scalar::{Instant, Text, WireId};
use super::schema::{choices, request, response};

choices! {
    /// Where an order stands.
    OrderStatus = Pending | Processing | Paid | Shipped | Delivered | Cancelled | Refunded;
    /// What called an order off.
    CancelCause = Requested | Expired | Gateway;
    /// How an order is paid.
    PaymentMethod = Wallet | Card;
}

request! {
    /// One variant and how many of it.
    LineRequest {
        /// What to buy.
        variant_id: WireId<VariantId>,
        /// How many units: 1 to 1,000,000.
        quantity: i64,
    }

    /// What to price.
    QuoteRequest {
        /// One to a hundred lines; give these, or `cart`.
        lines: Option<Vec<LineRequest>>,
        /// What is in one's cart.
        cart: Option<CartLines>,
        /// The ids of one's own copies of coupons to use, each once, at most 10; with `best_coupons` those to choose from.
        coupons: Option<Vec<WireId<IssuedCouponId>>>,
        /// Uses those of one's copies that take off most together: of the ones in `coupons`, or of all available ones
        /// if that is absent. False if absent. Where more than 12 stackable ones apply, `too_many_coupons` says so: name those to
        /// choose from.
        best_coupons: Option<bool>,
    }

    /// What to buy.
    OrderRequest {
        /// One to a hundred lines; the same variant on two lines is one demand on stock. Give these, or `cart`.
        lines: Option<Vec<LineRequest>>,
        /// What is in one's cart; the order takes it out in the same step.
        cart: Option<CartLines>,
        /// The ids of one's own copies of coupons to use, each once, at most 10.
        coupons: Option<Vec<WireId<IssuedCouponId>>>,
        /// Pays it in the same step; absent leaves the order pending, to be paid before it expires.
        payment: Option<PaymentMethod>,
    }

    /// How to pay an order.
    PaymentRequest {
        /// The method.
        method: PaymentMethod,
    }

    /// Why an order is called off.
    CancelRequest {
        /// The reason, for the order's history.
        reason: Option<Text<Note>>,
    }
}

response! {
    /// The price rule that gave a unit price: of a time or of a quantity.
    PriceRule {
        /// Since when the scheduled price is in force, if it is one.
        scheduled_from: Option<Instant>,
        /// The tier's least quantity, if it is one.
        tier_from_quantity: Option<u32>,
    }

    /// One line: a snapshot of what was bought.
    OrderLine {
        /// The product.
        product_id: WireId<ProductId>,
        /// The variant.
        variant_id: WireId<VariantId>,
        /// The product's name when it was bought.
        product_name: Text<Name>,
        /// The option's name when it was bought.
        option_name: Option<Text<Name>>,
        /// The variant's SKU when it was bought.
        sku: Text<Sku>,
        /// What one unit cost.
        unit_price: Money,
        /// The price rule that said so; absent if it was base plus additional price.
        priced_by: Option<PriceRule>,
        /// How many units.
        quantity: u32,
        /// Unit price times quantity.
        subtotal: Money,
        /// The line's share of the discount.
        discount: Money,
    }

    /// A coupon that was used.
    AppliedCoupon {
        /// The customer's copy.
        issued_coupon_id: WireId<IssuedCouponId>,
        /// The campaign.
        coupon_id: WireId<CouponId>,
        /// The campaign's name.
        name: Text<Name>,
        /// What it took off.
        discount: Money,
    }

    /// Which payment pays an order, and how.
    OrderPayment {
        /// The payment's id.
        payment_id: WireId<PaymentId>,
        /// The method.
        method: PaymentMethod,
        /// The name at the gateway of the last attempt by card, for whom has to do their part there; in the answers of the
        /// calls that take a card payment further.
        charge_id: Option<WireId<ChargeId>>,
    }

    /// An order.
    Order {
        /// The order's id.
        id: WireId<OrderId>,
        /// Who bought.
        customer_id: WireId<CustomerId>,
        /// Where it stands.
        status: OrderStatus,
        /// What was bought.
        lines: Vec<OrderLine>,
        /// The coupons used, in the order they were taken off.
        coupons: Vec<AppliedCoupon>,
        /// Sum of the lines' subtotals.
        subtotal: Money,
        /// What the coupons took off.
        discount: Money,
        /// Subtotal less discount.
        total: Money,
        /// The payment, once there is one.
        payment: Option<OrderPayment>,
        /// Until when a pending order holds what it took.
        expires_at: Option<Instant>,
        /// The number of events in its history; the ETag.
        version: u64,
        /// When it was placed.
        placed_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// One step in an order's life; never changed.
    OrderEvent {
        /// The event's place in the history, from 1.
        sequence: u64,
        /// What happened: order.placed, order.payment_started, order.payment_failed, order.paid, order.cancelled,
        /// order.shipped, order.delivered, order.refund_started, order.refund_failed, order.refunded,
        /// order.partially_refunded.
        event: String,
        /// The status before; absent for the first event.
        from: Option<OrderStatus>,
        /// The status after.
        to: OrderStatus,
        /// What called the order off: a request, its time to be paid, or the gateway.
        cause: Option<CancelCause>,
        /// The reason, if one was given.
        reason: Option<Text<Note>>,
        /// What was given back by a refund, or is or was to be.
        refund: Option<Refund>,
        /// Who caused it.
        actor: String,
        /// When.
        at: Instant,
        /// The order as it was after this step.
        order: Order,
    }

    /// An order's history.
    OrderHistory {
        /// Its events, first to last; they replay to its status.
        items: Vec<OrderEvent>,
    }

    /// Why a rule refuses: the code and the words of the problem that an order would be answered with.
    Refusal {
        /// The stable code.
        code: String,
        /// The reason in words, with its numbers.
        detail: String,
    }

    /// One rule that was looked at, and what came of it.
    QuoteStep {
        /// The rule: unit_price, scheduled_price, price_tier, availability or coupon.
        rule: String,
        /// The variant that it is about, if it is about one.
        variant_id: Option<WireId<VariantId>>,
        /// The customer's copy that it is about, if it is about one.
        issued_coupon_id: Option<WireId<IssuedCouponId>>,
        /// What it gave: a price, or an amount off.
        gave: Option<Money>,
        /// Why it gave nothing.
        refused: Option<Refusal>,
        /// It could be used, and was passed over for the best: all that the best combination with it takes off.
        passed_over: Option<Money>,
    }

    /// What a basket would cost now; nothing is held.
    Quote {
        /// The lines as an order would keep them.
        lines: Vec<OrderLine>,
        /// The coupons that apply.
        coupons: Vec<AppliedCoupon>,
        /// Sum of the lines' subtotals.
        subtotal: Money,
        /// What the coupons take off.
        discount: Money,
        /// Subtotal less discount.
        total: Money,
        /// Every rule that was looked at, in the order it was.
        trace: Vec<QuoteStep>,
        /// The first rule that would refuse an order of this basket, the wallet's balance aside.
        refusal: Option<Refusal>,
    }
}

/// The core's basket; refused if a quantity is out of range.
pub fn basket(lines: &[LineRequest], coupons: Option<&[WireId<IssuedCouponId>]>) -> Result<CoreBasket, Rejection> {
    Ok(CoreBasket {
        lines: lines.iter().map(line).collect::<Result<Vec<_>, Rejection>>()?.into(),
        coupons: coupons.unwrap_or_default().iter().map(|id| id.0).collect(),
    })
}

impl From<commerce_core::PriceRule> for PriceRule {
    fn from(rule: commerce_core::PriceRule) -> Self {
        match rule {
            commerce_core::PriceRule::Scheduled { from } => {
                Self { scheduled_from: Some(Instant(from)), tier_from_quantity: None }
            }
            commerce_core::PriceRule::Tier { from_quantity } => {
                Self { scheduled_from: None, tier_from_quantity: Some(from_quantity) }
            }
        }
    }
}

impl From<&CoreLine> for OrderLine {
    fn from(line: &CoreLine) -> Self {
        Self {
            product_id: WireId(line.product_id),
            variant_id: WireId(line.variant_id),
            product_name: Text(line.product_name.clone()),
            option_name: line.option_name.clone().map(Text),
            sku: Text(line.sku.clone()),
            unit_price: Money(line.unit_price),
            priced_by: line.priced_by.map(PriceRule::from),
            quantity: line.quantity,
            subtotal: Money(line.subtotal),
            discount: Money(line.discount),
        }
    }
}

impl From<&CoreApplied> for AppliedCoupon {
    fn from(applied: &CoreApplied) -> Self {
        Self {
            issued_coupon_id: WireId(applied.issued_coupon_id),
            coupon_id: WireId(applied.coupon_id),
            name: Text(applied.name.clone()),
            discount: Money(applied.discount),
        }
    }
}

impl From<&CoreOrder> for Order {
    fn from(order: &CoreOrder) -> Self {
        let payment = |paid: commerce_core::OrderPayment| OrderPayment {
            payment_id: WireId(paid.payment_id),
            method: PaymentMethod(paid.method),
            charge_id: None,
        };
        Self {
            id: WireId(order.id),
            customer_id: WireId(order.customer_id),
            status: OrderStatus(order.status),
            lines: order.lines.iter().map(OrderLine::from).collect(),
            coupons: order.coupons.iter().map(AppliedCoupon::from).collect(),
            subtotal: Money(order.subtotal),
            discount: Money(order.discount),
            total: Money(order.total),
            payment: order.payment.map(payment),
            expires_at: order.expires_at.map(Instant),
            version: order.version,
            placed_at: Instant(order.placed_at),
            updated_at: Instant(order.updated_at),
        }
    }
}

impl Order {
    /// The same order with the last attempt at paying it by card.
    #[must_use]
    pub fn with_charge(mut self, charge: Option<ChargeId>) -> Self {
        if let Some(payment) = &mut self.payment {
            payment.charge_id = charge.map(WireId);
        }
        self
    }
}

impl From<&CoreEvent> for OrderEvent {
    fn from(event: &CoreEvent) -> Self {
        let (cause, reason, refund) = match &event.change {
            OrderChange::Cancelled { cause, reason } => (Some(CancelCause(*cause)), reason.clone(), None),
            OrderChange::PaymentFailed { reason } => (None, reason.clone(), None),
            OrderChange::RefundStarted { refund }
            | OrderChange::RefundFailed { refund }
            | OrderChange::Refunded { refund } => (None, None, Some(Refund::from(&**refund))),
            OrderChange::Placed
            | OrderChange::Paid
            | OrderChange::PaymentStarted { .. }
            | OrderChange::Shipped
            | OrderChange::Delivered => (None, None, None),
        };
        Self {
            sequence: event.sequence,
            event: event.type_name().to_owned(),
            from: event.from.map(OrderStatus),
            to: OrderStatus(event.to),
            cause,
            reason: reason.map(Text),
            refund,
            actor: event.actor.to_string(),
            at: Instant(event.at),
            order: Order::from(&*event.order),
        }
    }
}

impl From<&Rejection> for Refusal {
    fn from(rejection: &Rejection) -> Self {
        Self { code: rejection.code().to_owned(), detail: rejection.to_string() }
    }
}

impl From<&TraceStep> for QuoteStep {
    fn from(step: &TraceStep) -> Self {
        let (rule, variant_id, issued_coupon_id) = match step.rule {
            Rule::UnitPrice { variant_id } => ("unit_price", Some(WireId(variant_id)), None),
            Rule::ScheduledPrice { variant_id } => ("scheduled_price", Some(WireId(variant_id)), None),
            Rule::PriceTier { variant_id } => ("price_tier", Some(WireId(variant_id)), None),
            Rule::Availability { variant_id } => ("availability", Some(WireId(variant_id)), None),
            Rule::Coupon { issued_coupon_id } => ("coupon", None, Some(WireId(issued_coupon_id))),
        };
        Self {
            rule: rule.to_owned(),
            variant_id,
            issued_coupon_id,
            gave: step.gave.map(Money),
            refused: step.refused.as_ref().map(Refusal::from),
            passed_over: step.passed_over.map(Money),
        }
    }
}

impl From<&CoreQuote> for Quote {
    fn from(quote: &CoreQuote) -> Self {
        Self {
            lines: quote.lines.iter().map(OrderLine::from).collect(),
            coupons: quote.coupons.iter().map(AppliedCoupon::from).collect(),
            subtotal: Money(quote.subtotal),
            discount: Money(quote.discount),
            total: Money(quote.total),
            trace: quote.trace.iter().map(QuoteStep::from).collect(),
            refusal: quote.refusal.as_ref().map(Refusal::from),
        }
    }
}
