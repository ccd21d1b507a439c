//! The facts that reconciliation judges. What a fact comprises is read from one moment, so that it can be judged while
//! others write.

use std::sync::Arc;

use async_trait::async_trait;

use super::{PageRequest, StoreError};
use crate::charge::Charge;
use crate::coupon::{IssuedCoupon, Redemption, SingleUseCode};
use crate::ids::{CouponId, CustomerId, OrderId, ProductId, TopUpId, VariantId};
use crate::inventory::{Stock, StockReason};
use crate::money::Money;
use crate::order::{Order, OrderEvent};
use crate::payment::Payment;
use crate::refund::Refund;
use crate::sales::DailySales;
use crate::text::CouponCode;
use crate::time::Date;
use crate::top_up::TopUp;
use crate::wallet::{Wallet, WalletId};

/// A stock and the end of its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockFacts {
    /// The stock as stored.
    pub stock: Stock,
    /// The last row's place in the ledger; 0 without rows.
    pub entries: u64,
    /// The last row's units on hand; none without rows.
    pub last_on_hand: Option<u64>,
}

/// A wallet and the end of its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletFacts {
    /// The wallet as stored.
    pub wallet: Wallet,
    /// The last entry's place in the ledger; 0 without entries.
    pub entries: u64,
    /// The last entry's balance; none without entries.
    pub last_balance: Option<Money>,
}

/// One row of the ledger of `I`, a variant's stock in units or a wallet in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerRow<I> {
    /// Whose ledger.
    pub of: I,
    /// The row's place in it.
    pub sequence: u64,
    /// By how much it moved.
    pub moved: i64,
    /// What there was after it.
    pub after: i64,
    /// Whether the stock or wallet itself is there.
    pub owner_is_there: bool,
    /// The order that the row names.
    pub order_id: Option<OrderId>,
    /// Whether the row names no order, or one that is there.
    pub order_is_there: bool,
    /// The top-up that the row names.
    pub top_up_id: Option<TopUpId>,
    /// Whether the row names no top-up, or one that is there.
    pub top_up_is_there: bool,
}

/// A coupon's counter and the copies that are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponFacts {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// The counter as stored.
    pub issued: u32,
    /// The number of copies there are.
    pub copies: u64,
    /// The cap, if there is one.
    pub total_quantity: Option<u32>,
}

/// A customer and all of their copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderFacts {
    /// Which customer.
    pub customer_id: CustomerId,
    /// Whether the customer is there, or only copies that name one.
    pub is_there: bool,
    /// Each coupon of which they are counted, or have, any copies; ascending.
    pub counts: Vec<HeldCount>,
    /// Their copies, ascending.
    pub copies: Vec<HeldCopy>,
}

/// How many copies of one coupon a customer has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldCount {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// How many copies are counted: where copies are numbered, the greatest number.
    pub counted: u64,
    /// How many there are.
    pub copies: u64,
    /// How many one customer may have; none if the coupon is not there.
    pub limit: Option<u32>,
}

/// A customer's copy and the uses of it that were not given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCopy {
    /// The copy as stored.
    pub copy: IssuedCoupon,
    /// Its redemptions that are held or used, ascending by order.
    pub uses: Vec<Redemption>,
    /// The orders that any of its redemptions name and that are not there, ascending.
    pub lost_orders: Vec<OrderId>,
}

/// A code that is good for one copy, and the copy that it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    /// The code as stored.
    pub code: Arc<SingleUseCode>,
    /// Of which coupon the copy is that its claim names, and whose; none if there is no claim, or no such copy.
    pub copy: Option<(CouponId, CustomerId)>,
}

/// An order that lines, payments or histories name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedOrder {
    /// Which order.
    pub order_id: OrderId,
    /// Whether it is there.
    pub is_there: bool,
}

/// An order with everything that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFacts {
    /// The order as stored.
    pub order: Arc<Order>,
    /// Its history.
    pub events: Vec<Arc<OrderEvent>>,
    /// Its payment.
    pub payment: Option<Arc<Payment>>,
    /// Its charges, first attempt first.
    pub charges: Vec<Arc<Charge>>,
    /// Its refunds, by id.
    pub refunds: Vec<Arc<Refund>>,
    /// Its redemptions, ascending by copy.
    pub redemptions: Vec<Redemption>,
    /// The rows of the stock ledger that name it, ascending by variant and sequence.
    pub movements: Vec<Movement>,
    /// The payments in the wallet ledger that name it, ascending by wallet and sequence.
    pub wallet_payments: Vec<WalletPayment>,
    /// The refunds in the wallet ledger that name it, ascending by wallet and sequence.
    pub wallet_refunds: Vec<WalletPayment>,
    /// The sequences of its messages that the outbox still has, dead letters included, ascending.
    pub undelivered: Vec<u64>,
    /// How many of its messages have been delivered.
    pub delivered: u64,
}

/// A top-up with everything that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUpFacts {
    /// The top-up as stored.
    pub top_up: Arc<TopUp>,
    /// The charges that are for it, ascending.
    pub charges: Vec<Arc<Charge>>,
    /// The entries in the wallet ledger that name it, ascending by wallet and sequence.
    pub credits: Vec<WalletPayment>,
}

/// A row of the stock ledger that an order caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Whose stock moved.
    pub variant_id: VariantId,
    /// The row's place in the variant's ledger.
    pub sequence: u64,
    /// Why.
    pub reason: StockReason,
    /// Units: negative when stock fell.
    pub delta: i64,
}

/// A payment, what was given back of one, or the credit of a top-up, in the wallet ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalletPayment {
    /// Whose balance moved.
    pub wallet_id: WalletId,
    /// The entry's place in the wallet's ledger.
    pub sequence: u64,
    /// By how much: negative when money was taken.
    pub amount: Money,
}

/// Facts for reconciliation, page by page in ascending order of key; a page without facts is the end.
#[async_trait]
pub trait Audit {
    /// Stocks.
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Result<Vec<StockFacts>, StoreError>;
    /// The rows of the stock ledger, by variant and sequence.
    async fn stock_ledger(&self, page: PageRequest<(VariantId, u64)>) -> Result<Vec<LedgerRow<VariantId>>, StoreError>;
    /// Wallets.
    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Result<Vec<WalletFacts>, StoreError>;
    /// The rows of the wallet ledger, by wallet and sequence.
    async fn wallet_ledger(&self, page: PageRequest<(WalletId, u64)>) -> Result<Vec<LedgerRow<WalletId>>, StoreError>;
    /// Coupons.
    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError>;
    /// Customers and their copies: those who have none as well, and those who are only named.
    async fn holder_facts(&self, page: PageRequest<CustomerId>) -> Result<Vec<HolderFacts>, StoreError>;
    /// The codes that are good for one copy, by coupon and code.
    async fn code_facts(&self, page: PageRequest<(CouponId, CouponCode)>) -> Result<Vec<CodeFacts>, StoreError>;
    /// The orders that lines, payments and histories name.
    async fn named_orders(&self, page: PageRequest<OrderId>) -> Result<Vec<NamedOrder>, StoreError>;
    /// Orders.
    async fn order_facts(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError>;
    /// Top-ups.
    async fn top_up_facts(&self, page: PageRequest<TopUpId>) -> Result<Vec<TopUpFacts>, StoreError>;
    /// The sales that are booked, by day and product.
    async fn sales_facts(&self, page: PageRequest<(Date, ProductId)>) -> Result<Vec<DailySales>, StoreError>;
}
