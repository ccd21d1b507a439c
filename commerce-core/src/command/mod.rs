//! Every mutation as plain data, and the records that each may touch.

mod basket;
mod cart;
mod catalog;
mod coupon;
mod customer;
mod order;
mod payment;

use serde::{Deserialize, Serialize};

pub use self::basket::{Basket, BasketLines, CartLines, LineRequest, Quantity};
pub use self::cart::{AddCartItem, ClearCart, MergeCart, RemoveCartItem, UpdateCartItem};
pub use self::catalog::{
    AddVariant, AdjustStock, CreateProduct, ImportItem, ImportProducts, NewVariant, UpdateProduct, UpdateVariant,
};
pub use self::coupon::{
    AddCodes, CouponRef, CreateCoupon, ExpireIssuedCoupon, IssueCoupon, RevokeCoupon, UpdateCoupon,
};
pub use self::customer::{AdjustWallet, Deposit, RegisterCustomer};
pub use self::order::{CancelOrder, DeliverOrder, ExpireOrder, PayOrder, PlaceOrder, ShipOrder};
pub use self::payment::{RefundLineRequest, RefundOrder, RequestTopUp, SettleCharge, SettleRefund, StartCardPayment};
use crate::operation::Operation;

macro_rules! commands {
    ($($name:ident),+ $(,)?) => {
        /// Any mutation.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Command {
            $(#[doc = concat!("See [`", stringify!($name), "`](struct@", stringify!($name), ").")]
            $name($name),)+
        }

        impl Command {
            /// The kind of this command.
            #[must_use]
            pub const fn operation(&self) -> Operation {
                match self { $(Self::$name(_) => Operation::$name,)+ }
            }
        }

        $(impl From<$name> for Command {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })+
    };
}

commands! {
    RegisterCustomer,
    CreateProduct,
    UpdateProduct,
    AddVariant,
    ImportProducts,
    UpdateVariant,
    AdjustStock,
    Deposit,
    AdjustWallet,
    CreateCoupon,
    UpdateCoupon,
    AddCodes,
    IssueCoupon,
    RevokeCoupon,
    ExpireIssuedCoupon,
    AddCartItem,
    UpdateCartItem,
    RemoveCartItem,
    ClearCart,
    MergeCart,
    PlaceOrder,
    PayOrder,
    CancelOrder,
    ExpireOrder,
    ShipOrder,
    DeliverOrder,
    RefundOrder,
    SettleRefund,
    StartCardPayment,
    RequestTopUp,
    SettleCharge,
}

impl Command {
    /// How many fresh ids the command may take; [`Commerce`](crate::Commerce) reserves as many.
    #[must_use]
    pub fn ids_needed(&self) -> u32 {
        match self {
            Self::RegisterCustomer(_) | Self::AddVariant(_) | Self::CreateCoupon(_) | Self::IssueCoupon(_) => 1,
            Self::CreateProduct(c) => u32::try_from(c.variants.len()).unwrap_or(u32::MAX).saturating_add(1),
            Self::ImportProducts(c) => c.items.iter().map(ImportItem::ids_needed).fold(0, u32::saturating_add),
            // The order, its payment and its message.
            Self::PlaceOrder(_) => 3,
            // The payment, or the refund, and the message.
            Self::PayOrder(_) | Self::RefundOrder(_) => 2,
            // The charge, the payment and the message.
            Self::StartCardPayment(_) => 3,
            // The top-up and its charge.
            Self::RequestTopUp(_) => 2,
            // The message.
            Self::CancelOrder(_) | Self::SettleCharge(_) | Self::SettleRefund(_) => 1,
            Self::ExpireOrder(_) | Self::ShipOrder(_) | Self::DeliverOrder(_) => 1,
            Self::UpdateProduct(_)
            | Self::UpdateVariant(_)
            | Self::AdjustStock(_)
            | Self::Deposit(_)
            | Self::AdjustWallet(_)
            | Self::UpdateCoupon(_)
            | Self::AddCodes(_)
            | Self::RevokeCoupon(_)
            | Self::ExpireIssuedCoupon(_)
            | Self::AddCartItem(_)
            | Self::UpdateCartItem(_)
            | Self::RemoveCartItem(_)
            | Self::ClearCart(_)
            | Self::MergeCart(_) => 0,
        }
    }
}
