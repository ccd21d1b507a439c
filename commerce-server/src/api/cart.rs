//! A customer's cart.

use std::sync::Arc;

use commerce_core::{
    AddCartItem, Cart as CoreCart, ClearCart, MergeCart, Receipt, Rejection, RemoveCartItem, UpdateCartItem, VariantId,
};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use super::{Answer, Shared, Tag, customer};
use crate::auth::AsCustomer;
use crate::extract::{Body, IfMatch, Key};
use crate::reply::Reply;
use crate::wire::cart::{Cart, CartMerge, CartQuantity, CartView, MergedCart, line};
use crate::wire::order::LineRequest;
use crate::wire::scalar::WireId;

pub(super) struct CartApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/me/cart", tag = "Tag::Cart")]
impl CartApi {
    /// One's cart
    ///
    /// As it looks now: saved and present prices, what can be bought, and why the rest cannot. Nothing is held.
    #[oai(path = "/", method = "get", operation_id = "get_my_cart")]
    async fn cart(&self, me: AsCustomer) -> Answer<Reply<CartView>> {
        let view = self.0.commerce()?.cart(me.0).await?;
        let reply = Reply::new(CartView::from(&view));
        // A cart that nothing was ever put into is no record yet.
        Ok(if view.cart.version == 0 { reply } else { reply.version(view.cart.version) })
    }

    /// Empty the cart
    ///
    /// An empty one stays as it is.
    #[oai(path = "/", method = "delete", operation_id = "clear_my_cart")]
    async fn clear(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// The ETag that was read: refuses the change if the cart has changed since.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Answer<Reply<Cart>> {
        let command = ClearCart { customer_id: me.0, expected_version: if_match.0 };
        Ok(answer(&self.0.commerce()?.clear_cart(customer(me.0, key), command).await?))
    }

    /// Put something into the cart
    ///
    /// More of it, if it is there already. It must be for sale; the units are not held.
    #[oai(path = "/items", method = "post", operation_id = "add_my_cart_item")]
    async fn add(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<LineRequest>,
    ) -> Answer<Reply<Cart>> {
        let line = line(&body.0)?;
        let command = AddCartItem { customer_id: me.0, variant_id: line.variant_id, quantity: line.quantity };
        Ok(answer(&self.0.commerce()?.add_cart_item(customer(me.0, key), command).await?))
    }

    /// Change how many
    ///
    /// Of a variant that is in the cart.
    #[oai(path = "/items/:variant_id", method = "patch", operation_id = "update_my_cart_item")]
    async fn update(
        &self,
        me: AsCustomer,
        /// Which variant.
        variant_id: Path<WireId<VariantId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// The ETag that was read: refuses the change if the cart has changed since.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: Body<CartQuantity>,
    ) -> Answer<Reply<Cart>> {
        let command = UpdateCartItem {
            customer_id: me.0,
            variant_id: variant_id.0.0,
            quantity: body.0.quantity.try_into()?,
            expected_version: if_match.0,
        };
        Ok(answer(&self.0.commerce()?.update_cart_item(customer(me.0, key), command).await?))
    }

    /// Take something out of the cart
    ///
    /// A variant that is there, with all its units.
    #[oai(path = "/items/:variant_id", method = "delete", operation_id = "remove_my_cart_item")]
    async fn remove(
        &self,
        me: AsCustomer,
        /// Which variant.
        variant_id: Path<WireId<VariantId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// The ETag that was read: refuses the change if the cart has changed since.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
    ) -> Answer<Reply<Cart>> {
        let command = RemoveCartItem { customer_id: me.0, variant_id: variant_id.0.0, expected_version: if_match.0 };
        Ok(answer(&self.0.commerce()?.remove_cart_item(customer(me.0, key), command).await?))
    }

    /// Merge what was collected before signing in
    ///
    /// Line by line: quantities add up; a line that cannot be taken is left out and told with its reason.
    #[oai(path = "/merge", method = "post", operation_id = "merge_my_cart")]
    async fn merge(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<CartMerge>,
    ) -> Answer<Reply<MergedCart>> {
        let lines = body.0.lines.iter().map(line).collect::<Result<Vec<_>, Rejection>>()?;
        let command = MergeCart { customer_id: me.0, lines };
        let receipt = self.0.commerce()?.merge_cart(customer(me.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.cart.version))
    }
}

fn answer(receipt: &Receipt<Arc<CoreCart>>) -> Reply<Cart> {
    Reply::of(receipt).version(receipt.outcome.version)
}
