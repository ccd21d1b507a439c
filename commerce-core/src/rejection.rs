//! Every business "no": one variant per rule, with its numbers.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalog::ProductStatus;
use crate::coupon::IssuedCouponStatus;
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, ProductId, RefundId, VariantId};
use crate::money::{Money, MoneyError};
use crate::operation::Operation;
use crate::order::OrderStatus;
use crate::refund::RefundDestination;
use crate::text::{CouponCode, IdempotencyKey, Name, Sku, Username};
use crate::time::Timestamp;

/// An item of an import, and the rule that refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedItem {
    /// Its place among the items, from 0.
    pub item: usize,
    /// Why.
    pub reason: Rejection,
}

/// What refuses the first of them, in words.
fn first(refused: &[RefusedItem]) -> String {
    refused.first().map_or_else(String::new, |refused| refused.reason.to_string())
}

/// A command was refused; nothing changed. Final for this attempt: asking again is asking anew.
///
/// Exhaustive on purpose: whoever turns rejections into answers hears of a new one from the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Rejection {
    // Shape: the request alone tells.
    /// An order or a quote without lines, of an empty cart for one; a merge without lines; a product without variants.
    #[error("at least one line is needed")]
    NoLines,
    /// More than [`MAX_LINES`](crate::MAX_LINES) lines.
    #[error("{lines} lines are too many; the bound is {max}")]
    TooManyLines {
        /// How many were given.
        lines: usize,
        /// The bound.
        max: usize,
    },
    /// A quantity of zero or less, or beyond [`MAX_QUANTITY`](crate::MAX_QUANTITY).
    #[error("a quantity is {min} to {max}; got {quantity}")]
    QuantityOutOfRange {
        /// What was given.
        quantity: i64,
        /// The least allowed.
        min: i64,
        /// The most allowed.
        max: i64,
    },
    /// An amount or a percentage is malformed, beyond the bounds, or in another currency.
    #[error("the amount is refused: {reason}")]
    Amount {
        /// What is wrong with it.
        #[source]
        reason: MoneyError,
    },
    /// An amount that must be more than zero is not.
    #[error("the amount must be more than zero; got {amount}")]
    AmountNotPositive {
        /// What was given.
        amount: Money,
    },
    /// A price came out below zero.
    #[error("a price cannot be negative; it would be {price}")]
    NegativePrice {
        /// What the price would be.
        price: Money,
    },
    /// A window that ends before it begins.
    #[error("the window ends at {until}, which is not after its beginning {from}")]
    EmptyWindow {
        /// The beginning.
        from: Timestamp,
        /// The end.
        until: Timestamp,
    },
    /// More price rules of a kind than a variant may have.
    #[error("{rules} price rules of a kind were given, at most {max} are allowed")]
    TooManyPriceRules {
        /// How many were given.
        rules: usize,
        /// The most allowed.
        max: usize,
    },
    /// Quantity tiers out of order.
    #[error("the tier from {quantity} units comes after the one from {before}; tiers go up, each quantity once")]
    PriceTiersUnordered {
        /// The tier's quantity.
        quantity: u32,
        /// The one before it.
        before: u32,
    },
    /// Two scheduled prices at once, or out of order.
    #[error("the price scheduled from {from} begins before the one before it ends; put them in order, one at a time")]
    ScheduledPricesOverlap {
        /// The beginning of the later one.
        from: Timestamp,
    },
    /// An import of more than [`MAX_IMPORT`](crate::MAX_IMPORT) variants.
    #[error("{variants} variants are too many for one import; the bound is {max}")]
    TooManyToImport {
        /// How many were given.
        variants: usize,
        /// The bound.
        max: usize,
    },
    /// Items of an import are refused, and with them all of it.
    #[error("{} items of the import are refused, so nothing is imported; the first says: {}", .refused.len(), first(.refused))]
    ImportRefused {
        /// Every item that is, in the order of the import.
        refused: Vec<RefusedItem>,
    },
    /// The caller supplied fewer fresh ids than the command needs.
    #[error("the command needs {needed} fresh ids, {given} were supplied")]
    TooFewIds {
        /// How many it needs.
        needed: u32,
        /// How many it got.
        given: u32,
    },
    /// The caller supplied an id as fresh that a record of the same kind has: two generators share a node number,
    /// or a clock was set back over a restart.
    #[error("the id {id} was supplied as a fresh one, and is taken")]
    IdTaken {
        /// The id.
        id: i64,
    },
    /// More coupons than one order may use, or than the best of can be told.
    #[error("{coupons} coupons are too many at once; the bound is {max}")]
    TooManyCoupons {
        /// How many were given.
        coupons: usize,
        /// How many may be.
        max: usize,
    },
    /// The same copy of a coupon twice for one order.
    #[error("issued coupon {issued_coupon} is given twice; a copy is good for one use")]
    CouponGivenTwice {
        /// Which copy.
        issued_coupon: IssuedCouponId,
    },
    /// Such an update would change nothing.
    #[error("nothing to change was given")]
    NothingToChange,

    // Who asks.
    /// The principal may not do this at all.
    #[error("{operation} is not yours to do")]
    Forbidden {
        /// What was asked.
        operation: Operation,
    },
    /// The idempotency key was used for another request of the same kind.
    #[error("the idempotency key {key} was used for another request; take a new key for a new request")]
    IdempotencyKeyReused {
        /// The key.
        key: IdempotencyKey,
    },

    // Existence. What is not the principal's does not exist for it.
    /// No such customer.
    #[error("there is no customer {customer}")]
    CustomerNotFound {
        /// Who was asked for.
        customer: CustomerId,
    },
    /// No such product.
    #[error("there is no product {product}")]
    ProductNotFound {
        /// What was asked for.
        product: ProductId,
    },
    /// No such variant.
    #[error("there is no variant {variant}")]
    VariantNotFound {
        /// What was asked for.
        variant: VariantId,
    },
    /// No such coupon.
    #[error("there is no coupon {coupon}")]
    CouponNotFound {
        /// What was asked for.
        coupon: CouponId,
    },
    /// No coupon has this code.
    #[error("no coupon has the code {coupon_code}")]
    CouponCodeNotFound {
        /// What was asked for.
        coupon_code: CouponCode,
    },
    /// The customer has no such copy.
    #[error("there is no issued coupon {issued_coupon}")]
    IssuedCouponNotFound {
        /// What was asked for.
        issued_coupon: IssuedCouponId,
    },
    /// The variant is not in the cart.
    #[error("variant {variant} is not in the cart; add it")]
    CartItemNotFound {
        /// What was asked for.
        variant: VariantId,
    },
    /// The principal has no such order.
    #[error("there is no order {order}")]
    OrderNotFound {
        /// What was asked for.
        order: OrderId,
    },

    /// No such charge.
    #[error("there is no charge {charge}")]
    ChargeNotFound {
        /// What was asked for.
        charge: ChargeId,
    },
    /// The order has no such refund.
    #[error("order {order} has no refund {refund}")]
    RefundNotFound {
        /// Which order.
        order: OrderId,
        /// What was asked for.
        refund: RefundId,
    },

    // Uniqueness and versions.
    /// The customer is registered already.
    #[error("customer {customer} is registered already")]
    AlreadyRegistered {
        /// Who.
        customer: CustomerId,
    },
    /// Another customer has this username.
    #[error("the username {username} is taken")]
    UsernameTaken {
        /// Which.
        username: Username,
    },
    /// Another variant has this SKU.
    #[error("the SKU {sku} is taken")]
    SkuTaken {
        /// Which.
        sku: Sku,
    },
    /// Another coupon has this code.
    #[error("the coupon code {coupon_code} is taken")]
    CouponCodeTaken {
        /// Which.
        coupon_code: CouponCode,
    },
    /// The record has changed since the caller read it.
    #[error("the record is at version {actual}, not {expected}; read it again")]
    VersionMismatch {
        /// The version the caller read.
        expected: u64,
        /// The version it is at.
        actual: u64,
    },

    // Catalogue and stock.
    /// The product is not for sale.
    #[error("product {product} is not on sale")]
    ProductNotOnSale {
        /// Which product.
        product: ProductId,
        /// Its status.
        status: ProductStatus,
    },
    /// The variant is switched off.
    #[error("variant {variant} is not on sale")]
    VariantInactive {
        /// Which variant.
        variant: VariantId,
    },
    /// Less on hand than asked for.
    #[error("{sku}: {requested} asked for, {available} on hand")]
    OutOfStock {
        /// Which variant.
        variant: VariantId,
        /// Its SKU.
        sku: Sku,
        /// Units asked for, over all lines.
        requested: u64,
        /// Units on hand.
        available: u64,
    },
    /// An adjustment would take the stock below zero or beyond its bound.
    #[error("variant {variant} has {on_hand} on hand; {delta} would leave the range 0 to {max}")]
    StockOutOfRange {
        /// Which variant.
        variant: VariantId,
        /// Units on hand.
        on_hand: u64,
        /// The adjustment.
        delta: i64,
        /// The most there may be.
        max: u64,
    },

    // Coupons.
    /// The code was good for one copy, and somebody has it.
    #[error("the coupon code {coupon_code} was used at {claimed_at}; it is good once")]
    CouponCodeUsed {
        /// Which.
        coupon_code: CouponCode,
        /// When it was used.
        claimed_at: Timestamp,
    },
    /// Claimed by its id, and handed out by code only.
    #[error("coupon {coupon} is handed out by code only; claim it by a code of it")]
    CouponNeedsCode {
        /// Which coupon.
        coupon: CouponId,
    },
    /// Switched off by an operator.
    #[error("coupon {coupon} is switched off")]
    CouponInactive {
        /// Which coupon.
        coupon: CouponId,
    },
    /// Too early to claim.
    #[error("coupon {coupon} is handed out from {starts_at}; it is {now}")]
    CouponNotStarted {
        /// Which coupon.
        coupon: CouponId,
        /// When it starts.
        starts_at: Timestamp,
        /// When it was asked for.
        now: Timestamp,
    },
    /// Too late to claim.
    #[error("coupon {coupon} was handed out until {ended_at}; it is {now}")]
    CouponEnded {
        /// Which coupon.
        coupon: CouponId,
        /// When it ended.
        ended_at: Timestamp,
        /// When it was asked for.
        now: Timestamp,
    },
    /// All copies are out.
    #[error("all {total} copies of coupon {coupon} are out")]
    CouponSoldOut {
        /// Which coupon.
        coupon: CouponId,
        /// How many there were.
        total: u32,
    },
    /// The customer has as many copies as one may have.
    #[error("coupon {coupon}: {copies} claimed, {limit} per customer")]
    CouponAlreadyClaimed {
        /// Which coupon.
        coupon: CouponId,
        /// Copies the customer has had.
        copies: u32,
        /// Copies one may have.
        limit: u32,
    },
    /// The copy is held, used or revoked; or it is expired, and was to be revoked or marked as expired.
    #[error("issued coupon {issued_coupon} is not available: it is {}", status.as_str())]
    CouponNotAvailable {
        /// Which copy.
        issued_coupon: IssuedCouponId,
        /// Where it stands.
        status: IssuedCouponStatus,
    },
    /// The copy's time is over.
    #[error("issued coupon {issued_coupon} expired at {expired_at}; it is {now}")]
    CouponExpired {
        /// Which copy.
        issued_coupon: IssuedCouponId,
        /// When it expired.
        expired_at: Timestamp,
        /// When it was to be used.
        now: Timestamp,
    },
    /// The copy's time is not over yet, and never will be if it has no end.
    #[error("issued coupon {issued_coupon} can still be used; it is {now}")]
    CouponNotExpired {
        /// Which copy.
        issued_coupon: IssuedCouponId,
        /// When its time is over, if ever.
        expires_at: Option<Timestamp>,
        /// When it was to be marked as expired.
        now: Timestamp,
    },
    /// Nothing in the order is of the products that the coupon is for.
    #[error("coupon {coupon} is for products that are not in the order")]
    CouponOutOfScope {
        /// Which coupon.
        coupon: CouponId,
    },
    /// What the coupon is for comes to too little.
    #[error("coupon {coupon} is for orders from {minimum}; this one is {subtotal}")]
    BelowMinimum {
        /// Which coupon.
        coupon: CouponId,
        /// What the lines in its scope come to, coupons before it taken off.
        subtotal: Money,
        /// The least it has to be.
        minimum: Money,
    },
    /// The coupon would be used up for nothing: its lines are free, or others have taken them down to where its rate comes
    /// to less than the smallest amount.
    #[error("issued coupon {issued_coupon} takes nothing off {subtotal}; keep it for another order")]
    CouponTakesNothingOff {
        /// Which copy.
        issued_coupon: IssuedCouponId,
        /// What the lines in its scope come to, coupons before it taken off.
        subtotal: Money,
    },
    /// Two coupons on one order of which at least one goes with no other.
    #[error("issued coupon {issued_coupon} cannot be combined with issued coupon {with}; use one of them")]
    CouponsNotCombinable {
        /// The copy that is refused.
        issued_coupon: IssuedCouponId,
        /// The copy that went before it.
        with: IssuedCouponId,
    },

    // Wallets and orders.
    /// The wallet holds less than is to be taken from it.
    #[error("the wallet holds {balance}; {required} is needed")]
    InsufficientBalance {
        /// What it holds.
        balance: Money,
        /// What is to be taken.
        required: Money,
    },
    /// The order cannot go there from where it is.
    #[error("order {order} cannot go from {} to {}", from.as_str(), to.as_str())]
    InvalidTransition {
        /// Which order.
        order: OrderId,
        /// Where it stands.
        from: OrderStatus,
        /// Where it was to go.
        to: OrderStatus,
    },
    /// The order's time to be paid is over.
    #[error("order {order} could be paid until {expired_at}; it is {now}")]
    OrderExpired {
        /// Which order.
        order: OrderId,
        /// When its time ran out.
        expired_at: Timestamp,
        /// When it was to be paid.
        now: Timestamp,
    },
    /// The order's time to be paid is not over yet.
    #[error("order {order} can be paid until {expires_at}; it is {now}")]
    OrderNotExpired {
        /// Which order.
        order: OrderId,
        /// When its time runs out.
        expires_at: Timestamp,
        /// When it was to be called off.
        now: Timestamp,
    },
    /// The order has no such line.
    #[error("order {order} has no line {position}")]
    OrderLineNotFound {
        /// Which order.
        order: OrderId,
        /// The line's place that was asked for.
        position: u32,
    },
    /// More units of a line than are left to give back.
    #[error("order {order}, line {position}: {requested} to be refunded, {refundable} left")]
    RefundTooLarge {
        /// Which order.
        order: OrderId,
        /// The line's place.
        position: u32,
        /// Units to be refunded.
        requested: u64,
        /// Units that are not refunded yet.
        refundable: u32,
    },
    /// The money can be given back only another way.
    #[error("orders paid this way are not refunded through {}", destination.as_str())]
    RefundDestinationNotOffered {
        /// Where it was to go.
        destination: RefundDestination,
    },
    /// The wallet would hold more than any amount may be. Take some out of it first.
    #[error("the wallet holds {balance}, and at most {max} minor units; {amount} does not fit in")]
    WalletFull {
        /// What it holds.
        balance: Money,
        /// What is to be put in.
        amount: Money,
        /// The most that it can hold, in minor units.
        max: i64,
    },
    /// The order can be paid only another way.
    #[error("orders cannot be paid this way")]
    PaymentMethodNotOffered,
    /// A card payment of the order is in flight: it is paid, released or cancelled by what the gateway says of it.
    #[error("a card payment of order {order} is under way; wait for it, or call it off first")]
    PaymentInProgress {
        /// Which order.
        order: OrderId,
    },

    // What a gateway says of a charge.
    /// It has another amount on record than it was asked for.
    #[error("charge {charge} is of {expected}; the gateway has {found}")]
    GatewayAmountMismatch {
        /// Which charge.
        charge: ChargeId,
        /// What it was asked for.
        expected: Money,
        /// What it has.
        found: Money,
    },
    /// It has another customer on record than it was told of.
    #[error("charge {charge} is customer {expected}'s; the gateway has customer {found}")]
    GatewayCustomerMismatch {
        /// Which charge.
        charge: ChargeId,
        /// Whom it was told of.
        expected: CustomerId,
        /// Whom it has.
        found: CustomerId,
    },
    /// It calls the charge by another name than before.
    #[error("charge {charge} is the gateway's transaction {expected}, not {found}")]
    GatewayTransactionMismatch {
        /// Which charge.
        charge: ChargeId,
        /// The transaction on record.
        expected: Name,
        /// The transaction that was told.
        found: Name,
    },
    /// Its transaction is on record for another charge.
    #[error("the gateway's transaction {transaction} is that of charge {charge}")]
    GatewayTransactionTaken {
        /// Which transaction.
        transaction: Name,
        /// Whose it is.
        charge: ChargeId,
    },
}

impl Rejection {
    /// The stable, machine-readable name of the rule that refused; never renamed.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoLines => "no_lines",
            Self::TooManyLines { .. } => "too_many_lines",
            Self::QuantityOutOfRange { .. } => "quantity_out_of_range",
            Self::Amount { reason } => match reason {
                MoneyError::Malformed { .. } => "amount_malformed",
                MoneyError::TooManyDecimals { .. } => "too_many_decimals",
                MoneyError::OutOfRange { .. } => "amount_out_of_range",
                MoneyError::CurrencyMismatch { .. } => "currency_mismatch",
                MoneyError::UnknownCurrency { .. } => "unknown_currency",
                MoneyError::PercentOutOfRange { .. } => "percent_out_of_range",
            },
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::NegativePrice { .. } => "negative_price",
            Self::EmptyWindow { .. } => "empty_window",
            Self::TooManyPriceRules { .. } => "too_many_price_rules",
            Self::PriceTiersUnordered { .. } => "price_tiers_unordered",
            Self::ScheduledPricesOverlap { .. } => "scheduled_prices_overlap",
            Self::TooManyToImport { .. } => "too_many_to_import",
            Self::ImportRefused { .. } => "import_refused",
            Self::TooFewIds { .. } => "too_few_ids",
            Self::IdTaken { .. } => "id_taken",
            Self::TooManyCoupons { .. } => "too_many_coupons",
            Self::CouponGivenTwice { .. } => "coupon_given_twice",
            Self::NothingToChange => "nothing_to_change",
            Self::Forbidden { .. } => "forbidden",
            Self::IdempotencyKeyReused { .. } => "idempotency_key_reused",
            Self::CustomerNotFound { .. } => "customer_not_found",
            Self::ProductNotFound { .. } => "product_not_found",
            Self::VariantNotFound { .. } => "variant_not_found",
            Self::CouponNotFound { .. } => "coupon_not_found",
            Self::CouponCodeNotFound { .. } => "coupon_code_not_found",
            Self::IssuedCouponNotFound { .. } => "issued_coupon_not_found",
            Self::CartItemNotFound { .. } => "cart_item_not_found",
            Self::OrderNotFound { .. } => "order_not_found",
            Self::ChargeNotFound { .. } => "charge_not_found",
            Self::RefundNotFound { .. } => "refund_not_found",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::UsernameTaken { .. } => "username_taken",
            Self::SkuTaken { .. } => "sku_taken",
            Self::CouponCodeTaken { .. } => "coupon_code_taken",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::ProductNotOnSale { .. } => "product_not_on_sale",
            Self::VariantInactive { .. } => "variant_inactive",
            Self::OutOfStock { .. } => "out_of_stock",
            Self::StockOutOfRange { .. } => "stock_out_of_range",
            Self::CouponCodeUsed { .. } => "coupon_code_used",
            Self::CouponNeedsCode { .. } => "coupon_needs_code",
            Self::CouponInactive { .. } => "coupon_inactive",
            Self::CouponNotStarted { .. } => "coupon_not_started",
            Self::CouponEnded { .. } => "coupon_ended",
            Self::CouponSoldOut { .. } => "coupon_sold_out",
            Self::CouponAlreadyClaimed { .. } => "coupon_already_claimed",
            Self::CouponNotAvailable { .. } => "coupon_not_available",
            Self::CouponExpired { .. } => "coupon_expired",
            Self::CouponNotExpired { .. } => "coupon_not_expired",
            Self::CouponOutOfScope { .. } => "coupon_out_of_scope",
            Self::CouponTakesNothingOff { .. } => "coupon_takes_nothing_off",
            Self::BelowMinimum { .. } => "below_minimum",
            Self::CouponsNotCombinable { .. } => "coupons_not_combinable",
            Self::InsufficientBalance { .. } => "insufficient_balance",
            Self::InvalidTransition { .. } => "invalid_transition",
            Self::OrderExpired { .. } => "order_expired",
            Self::OrderNotExpired { .. } => "order_not_expired",
            Self::OrderLineNotFound { .. } => "order_line_not_found",
            Self::RefundTooLarge { .. } => "refund_too_large",
            Self::RefundDestinationNotOffered { .. } => "refund_destination_not_offered",
            Self::WalletFull { .. } => "wallet_full",
            Self::PaymentMethodNotOffered => "payment_method_not_offered",
            Self::PaymentInProgress { .. } => "payment_in_progress",
            Self::GatewayAmountMismatch { .. } => "gateway_amount_mismatch",
            Self::GatewayCustomerMismatch { .. } => "gateway_customer_mismatch",
            Self::GatewayTransactionMismatch { .. } => "gateway_transaction_mismatch",
            Self::GatewayTransactionTaken { .. } => "gateway_transaction_taken",
        }
    }
}

impl From<MoneyError> for Rejection {
    fn from(reason: MoneyError) -> Self {
        Self::Amount { reason }
    }
}
