//! Quotes and orders.

use std::sync::Arc;

use commerce_core::{
    Basket, Caller, CancelOrder, IssuedCouponId, Order as CoreOrder, OrderId, PayOrder, PaymentMethod, PlaceOrder,
    Receipt,
};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag, customer, registered};
use crate::auth::{AsAnyone, AsCustomer};
use crate::extract::{Body, Key, Limit, List};
use crate::problem::Problem;
use crate::reply::{Created, Reply};
use crate::wire::cart::{self, CartLines};
use crate::wire::order::{
    CancelRequest, LineRequest, Order, OrderEvent, OrderHistory, OrderRequest, OrderStatus, PaymentRequest, Quote,
    QuoteRequest, basket,
};
use crate::wire::page::Page;
use crate::wire::payment::{Charge, Charges};
use crate::wire::refund::{Refund, Refunds};
use crate::wire::scalar::WireId;

pub(super) struct OrdersApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Orders")]
impl OrdersApi {
    /// Price a basket
    ///
    /// Nothing is held or changed; the trace tells what each rule gave, or why it gave nothing. With `best_coupons` it
    /// finds the copies to use, and tells of each other one why it does not apply, or what it could have come to.
    #[oai(path = "/quotes", method = "post", operation_id = "create_quote")]
    async fn quote(&self, me: AsCustomer, body: Body<QuoteRequest>) -> Answer<Reply<Quote>> {
        let QuoteRequest { lines, cart, coupons, best_coupons } = body.0;
        let basket = chosen(lines.as_deref(), cart.as_ref(), coupons.as_deref())?;
        let commerce = self.0.commerce()?;
        let quote = if best_coupons.unwrap_or(false) {
            let among = coupons.map(|_| basket.coupons);
            commerce.quote_best(me.0, basket.lines, among).await?
        } else {
            commerce.quote(me.0, &basket).await?
        };
        Ok(Reply::new(Quote::from(&quote)))
    }

    /// Place an order
    ///
    /// Of lines, or of what is in one's cart. Takes its stock and coupon, and its money too if it is paid by wallet, all
    /// in one step or not at all; what was ordered from the cart leaves it in the same step. By card, the payment through
    /// the gateway begins at once: the answer is the order as far as the gateway has decided, with `charge_id` to do
    /// one's part there; the same request again goes on from there. Without a method the order waits to be paid.
    #[oai(path = "/orders", method = "post", operation_id = "place_order")]
    async fn place(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<OrderRequest>,
    ) -> Answer<Created<Order>> {
        let OrderRequest { lines, cart, coupons, payment } = body.0;
        let basket = chosen(lines.as_deref(), cart.as_ref(), coupons.as_deref())?;
        let command = PlaceOrder { customer_id: me.0, basket, payment: payment.map(|method| method.0) };
        let caller = customer(me.0, key);
        if command.payment == Some(PaymentMethod::Card) {
            return self.0.by_card(&self.0.cards()?.payments.place_order(caller, command).await?).await;
        }
        Ok(answer(&self.0.commerce()?.place_order(caller, command).await?))
    }

    /// One's orders, newest first
    ///
    /// Of one status, or of any.
    #[oai(path = "/orders", method = "get", operation_id = "list_orders")]
    async fn orders(
        &self,
        me: AsCustomer,
        /// Only orders of this status.
        status: Query<Option<OrderStatus>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<Order>>> {
        registered(self.0.commerce()?, me.0).await?;
        let status = status.0.map(|status| status.0);
        let name = format!("orders {} {}", me.0, status.map_or("", |status| status.as_str()));
        let list = List::new(self.0.app()?, name);
        let page = list.store().orders(me.0, status, list.request(limit.0, cursor.0.as_deref())?).await?;
        Ok(Reply::new(list.page(page, |order| Order::from(&*order))))
    }

    /// An order
    ///
    /// A customer reads their own; an operator reads any.
    #[oai(path = "/orders/:order_id", method = "get", operation_id = "get_order")]
    async fn order(
        &self,
        who: AsAnyone,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
    ) -> Answer<Reply<Order>> {
        let order = self.0.visible_order(&who.0, order_id.0.0).await?;
        Ok(Reply::new(Order::from(&*order)).version(order.version))
    }

    /// Pay an order
    ///
    /// A pending one, from one's wallet, or by card through the payment gateway: the answer then is the order as far as
    /// the gateway has decided. While it has not, the order is `processing`; `…/payment/confirm` asks again.
    #[oai(path = "/orders/:order_id/pay", method = "post", operation_id = "pay_order")]
    async fn pay(
        &self,
        me: AsCustomer,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<PaymentRequest>,
    ) -> Answer<Reply<Order>> {
        let (order_id, method, caller) = (order_id.0.0, body.0.method.0, customer(me.0, key));
        if let (PaymentMethod::Card, Ok(cards)) = (method, self.0.cards()) {
            return self.0.by_card(&cards.payments.pay_order(caller, order_id).await?).await;
        }
        Ok(answer(&self.0.commerce()?.pay_order(caller, PayOrder { order_id, method }).await?))
    }

    /// Cancel an order
    ///
    /// A pending one; everything that it took is given back. A card payment under way is called off at the gateway first:
    /// if that has captured it by then, the order is paid, and the answer says why it cannot be cancelled; if it gives no
    /// answer, the wish is kept and carried out once it does. A customer cancels their own, an operator any.
    #[oai(path = "/orders/:order_id/cancel", method = "post", operation_id = "cancel_order")]
    async fn cancel(
        &self,
        who: AsAnyone,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<CancelRequest>,
    ) -> Answer<Reply<Order>> {
        let command = CancelOrder { order_id: order_id.0.0, reason: body.0.reason.map(|reason| reason.0) };
        let caller = Caller::new(who.0, key.0);
        let cancelled = match self.0.cards() {
            Ok(cards) => cards.payments.cancel_order(caller, command).await,
            Err(_) => self.0.commerce()?.cancel_order(caller, command).await,
        };
        Ok(answer(&cancelled?))
    }

    /// An order's refunds
    ///
    /// Oldest first; a customer reads their own, an operator any.
    #[oai(path = "/orders/:order_id/refunds", method = "get", operation_id = "list_order_refunds")]
    async fn refunds(
        &self,
        who: AsAnyone,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
    ) -> Answer<Reply<Refunds>> {
        self.0.visible_order(&who.0, order_id.0.0).await?;
        let refunds = self.0.commerce()?.store().refunds(order_id.0.0).await?;
        Ok(Reply::new(Refunds { items: refunds.iter().map(|refund| Refund::from(&**refund)).collect() }))
    }

    /// An order's charges
    ///
    /// Every attempt at having the gateway take its money, first to last, with what came too late and went back; a customer
    /// reads their own, an operator any.
    #[oai(path = "/orders/:order_id/charges", method = "get", operation_id = "list_order_charges")]
    async fn charges(
        &self,
        who: AsAnyone,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
    ) -> Answer<Reply<Charges>> {
        self.0.visible_order(&who.0, order_id.0.0).await?;
        let charges = self.0.commerce()?.store().charges_of(order_id.0.0).await?;
        Ok(Reply::new(Charges { items: charges.iter().map(|charge| Charge::from(&**charge)).collect() }))
    }

    /// An order's history
    ///
    /// Every step, first to last; a customer reads their own, an operator any.
    #[oai(path = "/orders/:order_id/history", method = "get", operation_id = "get_order_history")]
    async fn history(
        &self,
        who: AsAnyone,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
    ) -> Answer<Reply<OrderHistory>> {
        self.0.visible_order(&who.0, order_id.0.0).await?;
        let events = self.0.commerce()?.store().history(order_id.0.0).await?;
        Ok(Reply::new(OrderHistory { items: events.iter().map(|event| OrderEvent::from(&**event)).collect() }))
    }
}

impl Shared {
    /// The answer to whoever pays by card: the order, and what its payment is called at the gateway.
    async fn by_card<const STATUS: u16>(&self, receipt: &Receipt<Arc<CoreOrder>>) -> Answer<Reply<Order, STATUS>> {
        let charge = self.commerce()?.store().charges_of(receipt.outcome.id).await?.pop().map(|charge| charge.id);
        Ok(Reply::of(receipt).map(|order: Order| order.with_charge(charge)).version(receipt.outcome.version))
    }
}

pub(super) fn answer<const STATUS: u16>(receipt: &Receipt<Arc<CoreOrder>>) -> Reply<Order, STATUS> {
    Reply::of(receipt).version(receipt.outcome.version)
}

/// The basket that a body asks for: its lines, or the cart's.
fn chosen(
    lines: Option<&[LineRequest]>,
    cart: Option<&CartLines>,
    coupons: Option<&[WireId<IssuedCouponId>]>,
) -> Answer<Basket> {
    match (lines, cart) {
        (Some(lines), None) => Ok(basket(lines, coupons)?),
        (None, Some(cart)) => Ok(cart::basket(cart, coupons)),
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::bad_request("invalid_body", "give lines or cart, and one of them only"))
        }
    }
}
