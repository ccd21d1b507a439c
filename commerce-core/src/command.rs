//! Every mutation as plain data, and the records that each may touch.

use serde::{Deserialize, Serialize};

use crate::catalog::ProductStatus;
use crate::charge::ChargeReport;
use crate::coupon::{CouponScope, Discount, Stacking, no_priority};
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, ProductId, RefundId, VariantId};
use crate::inventory::MAX_QUANTITY;
use crate::money::Money;
use crate::operation::Operation;
use crate::payment::PaymentMethod;
use crate::refund::{RefundDestination, RefundReport};
use crate::rejection::Rejection;
use crate::text::{CouponCode, Name, Note, Sku, Username};
use crate::time::Window;

/// A number of units to buy: 1 to [`MAX_QUANTITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(u32);

impl Quantity {
    /// One unit.
    pub const ONE: Self = Self(1);

    /// Checks a number of units.
    pub fn new(quantity: i64) -> Result<Self, Rejection> {
        u32::try_from(quantity)
            .ok()
            .filter(|q| (1..=MAX_QUANTITY).contains(q))
            .map(Self)
            .ok_or(Rejection::QuantityOutOfRange { quantity, min: 1, max: i64::from(MAX_QUANTITY) })
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = Rejection;
    fn try_from(quantity: i64) -> Result<Self, Rejection> {
        Self::new(quantity)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}

/// One variant and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRequest {
    /// What to buy.
    pub variant_id: VariantId,
    /// How many units.
    pub quantity: Quantity,
}

/// Registers a customer. Operators register anyone under a fresh id; a customer registers only itself,
/// under the id that its token names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterCustomer {
    /// The id to register; none takes a fresh one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Unique in the shop.
    pub username: Username,
    /// What to call them.
    pub name: Name,
}

/// A variant to be created with its product, or added to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVariant {
    /// Unique in the shop.
    pub sku: Sku,
    /// The option in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_name: Option<Name>,
    /// Added to the base price; not negative, in the base price's currency.
    pub additional_price: Money,
    /// Units on hand from the start, booked as an adjustment; at most [`MAX_STOCK`](crate::MAX_STOCK).
    pub stock: u64,
}

/// Creates a product with its variants. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateProduct {
    /// What customers read.
    pub name: Name,
    /// More to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Note>,
    /// The price before a variant's addition.
    pub base_price: Money,
    /// Whether it may be sold at once.
    pub status: ProductStatus,
    /// One to [`MAX_LINES`](crate::MAX_LINES) variants.
    pub variants: Vec<NewVariant>,
}

/// Changes what is given of a product. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateProduct {
    /// Which product.
    pub product_id: ProductId,
    /// The version that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// A new base price, in the same currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_price: Option<Money>,
    /// A new status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProductStatus>,
}

/// Adds a variant to a product. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddVariant {
    /// Which product.
    pub product_id: ProductId,
    /// The variant.
    pub variant: NewVariant,
}

/// Changes what is given of a variant. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateVariant {
    /// Which variant.
    pub variant_id: VariantId,
    /// The version that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// A new additional price, in the same currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_price: Option<Money>,
    /// Switches it on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// Books a movement of stock by hand. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustStock {
    /// Which variant.
    pub variant_id: VariantId,
    /// Units to add, or to take if negative; not zero; the stock stays within 0 to
    /// [`MAX_STOCK`](crate::MAX_STOCK).
    pub delta: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// Puts money into a customer's wallet of the amount's currency. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// More than zero.
    pub amount: Money,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Note>,
}

/// Corrects a customer's wallet, up or down, never below zero. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustWallet {
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// Not zero.
    pub amount: Money,
    /// Why; a correction without a reason helps nobody later.
    pub memo: Note,
}

/// Creates a coupon campaign. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCoupon {
    /// The code to claim it by, unique in the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CouponCode>,
    /// What customers read.
    pub name: Name,
    /// What it takes off.
    pub discount: Discount,
    /// What it takes that off: the whole order, or one to [`MAX_SCOPE`](crate::MAX_SCOPE) products that are there.
    #[serde(default, skip_serializing_if = "CouponScope::is_order")]
    pub scope: CouponScope,
    /// Whether it goes with other coupons on one order.
    #[serde(default, skip_serializing_if = "Stacking::is_default")]
    pub stacking: Stacking,
    /// Of several coupons of the same kind of scope, the one of higher priority goes first.
    #[serde(default, skip_serializing_if = "no_priority")]
    pub priority: u16,
    /// The least that what it is taken off must come to, coupons before it taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_subtotal: Option<Money>,
    /// How many copies there are; 1 to [`MAX_QUANTITY`], none for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_quantity: Option<u32>,
    /// How many copies one customer may have; 1 to [`MAX_QUANTITY`].
    pub per_customer_limit: u32,
    /// When copies are handed out.
    pub window: Window,
    /// Whether copies are handed out.
    pub active: bool,
}

/// Changes what is given of a coupon. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCoupon {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// The version that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Switches the handing out on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// How a coupon is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponRef {
    /// By its id.
    Id(CouponId),
    /// By its code.
    Code(CouponCode),
}

/// Hands a copy of a coupon to a customer, first come first served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueCoupon {
    /// Who gets the copy.
    pub customer_id: CustomerId,
    /// Which coupon.
    pub coupon: CouponRef,
}

/// Where the lines of a basket come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BasketLines {
    /// From the request: one to [`MAX_LINES`](crate::MAX_LINES) lines; the same variant on two lines is one demand on
    /// stock.
    Given(Vec<LineRequest>),
    /// From the customer's [`Cart`](crate::Cart), whatever is in it when the command runs. An order takes them out of
    /// it in the same commit; a refused one, and a quote, leave it as it is.
    Cart(CartLines),
}

/// All lines of the customer's cart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLines {
    /// The version of the cart that the caller read; none takes whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart_version: Option<u64>,
}

impl BasketLines {
    /// The lines that the request itself has: none if they are the cart's.
    #[must_use]
    pub fn given(&self) -> &[LineRequest] {
        match self {
            Self::Given(lines) => lines,
            Self::Cart(_) => &[],
        }
    }
}

impl From<Vec<LineRequest>> for BasketLines {
    fn from(lines: Vec<LineRequest>) -> Self {
        Self::Given(lines)
    }
}

/// What to price: lines, and the copies of coupons to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    /// The lines.
    pub lines: BasketLines,
    /// The customer's copies to use, each once, at most [`MAX_COUPONS`](crate::MAX_COUPONS). In which order they are
    /// given does not matter: see [`price`](crate::price).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<IssuedCouponId>,
}

/// Puts units of a variant into the customer's cart: more of it, if it is there already. The variant must be for sale
/// now; whether there is enough of it shows when the cart is [read](crate::CartView).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddCartItem {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What.
    pub variant_id: VariantId,
    /// How many more; the sum is at most [`MAX_QUANTITY`].
    pub quantity: Quantity,
}

/// Sets how many units of a variant are in the customer's cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCartItem {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What; it must be there.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Quantity,
    /// The version of the cart that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Takes a variant out of the customer's cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveCartItem {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What; it must be there.
    pub variant_id: VariantId,
    /// The version of the cart that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Takes everything out of the customer's cart. An empty cart stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearCart {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// The version of the cart that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Puts the lines that somebody collected before signing in into the customer's cart, one after another as
/// [`AddCartItem`] does. A line that is refused is left out and [reported](crate::MergedCart); the others are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeCart {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// One to [`MAX_LINES`](crate::MAX_LINES) lines.
    pub lines: Vec<LineRequest>,
}

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

/// Calls a pending order off and gives everything back.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleCharge {
    /// Which charge.
    pub charge_id: ChargeId,
    /// What became of it.
    pub report: ChargeReport,
    /// Why it was called off, if somebody here called it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
}

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
    UpdateVariant,
    AdjustStock,
    Deposit,
    AdjustWallet,
    CreateCoupon,
    UpdateCoupon,
    IssueCoupon,
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
            | Self::AddCartItem(_)
            | Self::UpdateCartItem(_)
            | Self::RemoveCartItem(_)
            | Self::ClearCart(_)
            | Self::MergeCart(_) => 0,
        }
    }
}
