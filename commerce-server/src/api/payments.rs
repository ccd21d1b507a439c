//! Card payments and top-ups: what customers ask for, and what the gateway calls back with.

use std::sync::Arc;

use commerce_core::{CustomerId, OrderId, Rejection, RequestTopUp, TopUp as CoreTopUp, TopUpId};
use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag, customer, registered};
use crate::auth::{AsAnyone, AsCustomer};
use crate::extract::{Body, Called, Key, Limit, List};
use crate::gateway::Cards;
use crate::problem::Problem;
use crate::reply::{Created, Reply};
use crate::wire::order::Order;
use crate::wire::page::Page;
use crate::wire::payment::{Heard, Payment, TopUp, TopUpRequest};
use crate::wire::scalar::WireId;

pub(super) struct PaymentsApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Payments")]
impl PaymentsApi {
    /// An order's payment
    ///
    /// 404 until it was first tried. A customer reads their own, an operator any.
    #[oai(path = "/orders/:order_id/payment", method = "get", operation_id = "get_order_payment")]
    async fn payment(
        &self,
        who: AsAnyone,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
    ) -> Answer<Reply<Payment>> {
        let order = self.0.visible_order(&who.0, order_id.0.0).await?;
        let store = self.0.commerce()?.store();
        let payment = store.payment(order.id).await?.ok_or_else(unpaid)?;
        let charge = store.charges_of(order.id).await?.pop().map(|charge| charge.id);
        Ok(Reply::new(Payment::of(&payment, charge)))
    }

    /// Confirm a card payment
    ///
    /// After the customer has done their part: asks the gateway where the payment stands, and answers the order as it is
    /// then. Asking again asks the gateway again; nothing is paid twice.
    #[oai(path = "/orders/:order_id/payment/confirm", method = "post", operation_id = "confirm_order_payment")]
    async fn confirm(
        &self,
        me: AsCustomer,
        /// Which order.
        order_id: Path<WireId<OrderId>>,
    ) -> Answer<Reply<Order>> {
        let order = self.0.visible_order(&commerce_core::Principal::Customer(me.0), order_id.0.0).await?;
        let order = self.0.cards()?.payments.confirm_order(order.id).await?;
        Ok(Reply::new(Order::from(&*order)).version(order.version))
    }

    /// Top one's wallet up
    ///
    /// From a card: the wallet is credited once the gateway has captured the money.
    #[oai(path = "/me/top-ups", method = "post", operation_id = "request_top_up")]
    async fn top_up(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<TopUpRequest>,
    ) -> Answer<Created<TopUp>> {
        let command = RequestTopUp { customer_id: me.0, amount: body.0.amount.parse()? };
        Ok(Reply::of(&self.0.cards()?.payments.top_up(customer(me.0, key), command).await?))
    }

    /// One's top-ups, newest first
    ///
    /// Whatever became of them.
    #[oai(path = "/me/top-ups", method = "get", operation_id = "list_my_top_ups")]
    async fn top_ups(
        &self,
        me: AsCustomer,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<TopUp>>> {
        registered(self.0.commerce()?, me.0).await?;
        let list = List::new(self.0.app()?, format!("top-ups {}", me.0));
        let page = list.store().top_ups(me.0, list.request(limit.0, cursor.0.as_deref())?).await?;
        Ok(Reply::new(list.page(page, |top_up| TopUp::from(&*top_up))))
    }

    /// A top-up
    ///
    /// One's own.
    #[oai(path = "/me/top-ups/:top_up_id", method = "get", operation_id = "get_my_top_up")]
    async fn one_top_up(
        &self,
        me: AsCustomer,
        /// Which top-up.
        top_up_id: Path<WireId<TopUpId>>,
    ) -> Answer<Reply<TopUp>> {
        Ok(Reply::new(TopUp::from(&*self.own(me.0, top_up_id.0.0).await?)))
    }

    /// Confirm a top-up
    ///
    /// After the customer has done their part: asks the gateway where it stands, and answers the top-up as it is then.
    /// Asking again asks the gateway again; nothing is credited twice.
    #[oai(path = "/me/top-ups/:top_up_id/confirm", method = "post", operation_id = "confirm_top_up")]
    async fn confirm_top_up(
        &self,
        me: AsCustomer,
        /// Which top-up.
        top_up_id: Path<WireId<TopUpId>>,
    ) -> Answer<Reply<TopUp>> {
        let top_up = self.own(me.0, top_up_id.0.0).await?;
        Ok(Reply::new(TopUp::from(&*self.0.cards()?.payments.confirm_top_up(&top_up).await?)))
    }

    /// The gateway's call
    ///
    /// Signed as Standard Webhooks has it. A call is a hint to look the payment up: what it says of it is not relied on,
    /// so that calls may come in any order and any number of times. Anything but 2xx asks for the call again.
    #[oai(path = "/webhooks/payments", method = "post", operation_id = "receive_payment_webhook")]
    async fn called(&self, call: Called) -> Answer<Reply<Heard>> {
        let charge = self.0.cards()?.payments.heard(call.charge).await?;
        Ok(Reply::new(Heard { charge_status: charge.status.as_str().to_owned() }))
    }
}

impl PaymentsApi {
    /// The top-up, if it is the customer's.
    async fn own(&self, me: CustomerId, id: TopUpId) -> Answer<Arc<CoreTopUp>> {
        let found = self.0.commerce()?.store().top_up(id).await?;
        let missing = || {
            let problem = Problem::new(StatusCode::NOT_FOUND, "top_up_not_found", format!("there is no top-up {id}"));
            problem.with("top_up_id", id.to_string())
        };
        found.filter(|top_up| top_up.customer_id == me).ok_or_else(missing)
    }
}

fn unpaid() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "payment_not_found", "the order's payment has not been tried yet")
}

impl Shared {
    /// What the shop takes cards with.
    pub(super) fn cards(&self) -> Answer<&Cards> {
        Ok(self.app()?.cards.as_ref().ok_or(Rejection::PaymentMethodNotOffered)?)
    }
}
