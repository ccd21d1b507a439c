//! Operators: what becomes of paid orders.

use commerce_core::{
    DeliverOrder, OrderId, PaymentMethod, Principal, RefundDestination, RefundOrder, Rejection, ShipOrder,
};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::orders::answer;
use super::{Answer, Shared, Tag, operator};
use crate::auth::AsOperator;
use crate::extract::{Body, Key};
use crate::reply::{Created, Reply};
use crate::wire::order::Order;
use crate::wire::refund::{Refund, RefundRequest, lines};
use crate::wire::scalar::WireId;

pub(super) struct AdminOrdersApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin/orders", tag = "Tag::AdminOrders")]
impl AdminOrdersApi {
    /// Ship an order
    ///
    /// A paid one is on its way.
    #[oai(path = "/:order_id/ship", method = "post", operation_id = "ship_order")]
    async fn ship(
        &self,
        staff: AsOperator,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
    ) -> Answer<Reply<Order>> {
        let command = ShipOrder { order_id: order_id.0.0 };
        Ok(answer(&self.0.commerce()?.ship_order(operator(staff.0, key), command).await?))
    }

    /// Deliver an order
    ///
    /// A shipped one has reached its customer.
    #[oai(path = "/:order_id/deliver", method = "post", operation_id = "deliver_order")]
    async fn deliver(
        &self,
        staff: AsOperator,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
    ) -> Answer<Reply<Order>> {
        let command = DeliverOrder { order_id: order_id.0.0 };
        Ok(answer(&self.0.commerce()?.deliver_order(operator(staff.0, key), command).await?))
    }

    /// Refund an order
    ///
    /// All that is left of it, or units of its lines: what was paid for them, their share of the discount taken off. What
    /// was paid by card goes back through the gateway unless it is to go into the wallet; the answer then is the refund
    /// as far as the gateway has decided. While it has not, the refund is `pending`, and counts; the same request again
    /// asks the gateway again.
    #[oai(path = "/:order_id/refunds", method = "post", operation_id = "refund_order")]
    async fn refund(
        &self,
        staff: AsOperator,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<RefundRequest>,
    ) -> Answer<Created<Refund>> {
        let RefundRequest { lines: asked, restock, destination, reason } = body.0;
        let command = RefundOrder {
            order_id: order_id.0.0,
            lines: lines(asked.as_deref())?,
            restock,
            destination: destination.map(|destination| destination.0),
            reason: reason.map(|reason| reason.0),
        };
        let caller = operator(staff.0, key);
        let refunded = match self.0.cards() {
            Ok(cards) => cards.payments.refund_order(caller, command).await?,
            Err(_) => {
                self.has_its_way(&caller.principal, &command).await?;
                self.0.commerce()?.refund_order(caller, command).await?
            }
        };
        Ok(Reply::of(&refunded))
    }
}

impl AdminOrdersApi {
    /// Without a gateway nothing goes back through one: it would stay on its way for ever.
    async fn has_its_way(&self, staff: &Principal, command: &RefundOrder) -> Answer<()> {
        let order = self.0.visible_order(staff, command.order_id).await?;
        let by_card = order.payment.is_some_and(|payment| payment.method == PaymentMethod::Card);
        if by_card && command.destination != Some(RefundDestination::Wallet) {
            let destination = RefundDestination::Gateway;
            return Err(Rejection::RefundDestinationNotOffered { destination }.into());
        }
        Ok(())
    }
}
