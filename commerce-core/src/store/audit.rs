//! The facts that reconciliation judges, aggregate by aggregate, each read from one moment.

use std::sync::Arc;

use async_trait::async_trait;

use super::{PageRequest, StoreError};
use crate::coupon::Redemption;
use crate::ids::{CouponId, OrderId, VariantId};
use crate::inventory::Stock;
use crate::money::Money;
use crate::order::{Order, OrderEvent};
use crate::payment::Payment;
use crate::wallet::{Wallet, WalletId};

/// A stock and what its ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockFacts {
    /// The stock as stored.
    pub stock: Stock,
    /// Sum of the ledger's deltas.
    pub ledger_sum: i64,
    /// Number of ledger rows.
    pub entries: u64,
    /// The last row's units on hand; none without rows.
    pub last_on_hand: Option<u64>,
}

/// A wallet and what its ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletFacts {
    /// The wallet as stored.
    pub wallet: Wallet,
    /// Sum of the entries' minor units.
    pub ledger_sum: i64,
    /// Number of entries.
    pub entries: u64,
    /// The last entry's balance; none without entries.
    pub last_balance: Option<Money>,
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

/// An order with everything that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFacts {
    /// The order as stored.
    pub order: Arc<Order>,
    /// Its history.
    pub events: Vec<Arc<OrderEvent>>,
    /// Its payment.
    pub payment: Option<Arc<Payment>>,
    /// Its redemptions.
    pub redemptions: Vec<Redemption>,
    /// The sequences of its messages that the outbox still has, dead letters included, ascending.
    pub undelivered: Vec<u64>,
    /// How many of its messages have been delivered.
    pub delivered: u64,
}

/// Facts for reconciliation, page by page in ascending order of id.
#[async_trait]
pub trait Audit {
    /// Stocks.
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Result<Vec<StockFacts>, StoreError>;
    /// Wallets.
    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Result<Vec<WalletFacts>, StoreError>;
    /// Coupons.
    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError>;
    /// Orders.
    async fn order_facts(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError>;
}
