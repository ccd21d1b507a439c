//! The kinds of mutation, by their stable names.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! operations {
    ($($name:ident = $text:literal;)+) => {
        /// The kind of a [`Command`](crate::Command): part of the scope of an idempotency key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Operation {
            $(#[doc = concat!("See [`", stringify!($name), "`](crate::", stringify!($name), ").")]
            $name,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable text of the operation; never renamed.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

operations! {
    RegisterCustomer = "register_customer";
    CreateProduct = "create_product";
    UpdateProduct = "update_product";
    AddVariant = "add_variant";
    ImportProducts = "import_products";
    UpdateVariant = "update_variant";
    AdjustStock = "adjust_stock";
    Deposit = "deposit";
    AdjustWallet = "adjust_wallet";
    CreateCoupon = "create_coupon";
    UpdateCoupon = "update_coupon";
    AddCodes = "add_codes";
    IssueCoupon = "issue_coupon";
    RevokeCoupon = "revoke_coupon";
    ExpireIssuedCoupon = "expire_issued_coupon";
    AddCartItem = "add_cart_item";
    UpdateCartItem = "update_cart_item";
    RemoveCartItem = "remove_cart_item";
    ClearCart = "clear_cart";
    MergeCart = "merge_cart";
    PlaceOrder = "place_order";
    PayOrder = "pay_order";
    CancelOrder = "cancel_order";
    ExpireOrder = "expire_order";
    ShipOrder = "ship_order";
    DeliverOrder = "deliver_order";
    RefundOrder = "refund_order";
    SettleRefund = "settle_refund";
    StartCardPayment = "start_card_payment";
    RequestTopUp = "request_top_up";
    SettleCharge = "settle_charge";
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
