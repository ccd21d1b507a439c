//! The records that decisions read, and the data that they return.

use std::sync::Arc;

use crate::cart::Cart;
use crate::catalog::{Product, Variant};
use crate::charge::Charge;
use crate::coupon::{Copies, Coupon, Issuance, IssuedCoupon, Redemption, SingleUseCode};
use crate::customer::Customer;
use crate::event::OutboxMessage;
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, ProductId, TopUpId, VariantId};
use crate::inventory::{Stock, StockEntry};
use crate::order::{Order, OrderEvent};
use crate::payment::Payment;
use crate::refund::Refund;
use crate::sales::DailySales;
use crate::text::{CouponCode, Name, Sku, Username};
use crate::top_up::TopUp;
use crate::wallet::{Wallet, WalletEntry, WalletId};

/// What a decision may look at: records as they are within the store's transaction.
///
/// A store that holds its records in memory implements this on its tables and decides in place; one that
/// loads them first uses a [`WorkingSet`](crate::WorkingSet).
pub trait Records {
    /// A customer.
    fn customer(&self, id: CustomerId) -> Option<&Customer>;
    /// Who has a username.
    fn customer_named(&self, username: &Username) -> Option<CustomerId>;
    /// A product.
    fn product(&self, id: ProductId) -> Option<&Product>;
    /// A variant.
    fn variant(&self, id: VariantId) -> Option<&Variant>;
    /// A variant's stock.
    fn stock(&self, id: VariantId) -> Option<Stock>;
    /// Which variant has a SKU.
    fn variant_with_sku(&self, sku: &Sku) -> Option<VariantId>;
    /// A wallet; none before its first entry.
    fn wallet(&self, id: WalletId) -> Option<Wallet>;
    /// A coupon.
    fn coupon(&self, id: CouponId) -> Option<&Coupon>;
    /// A coupon's counter.
    fn issuance(&self, id: CouponId) -> Option<Issuance>;
    /// Which coupon has a code.
    fn coupon_with_code(&self, code: &CouponCode) -> Option<CouponId>;
    /// A code that is good for one copy of a coupon.
    fn single_use_code(&self, code: &CouponCode) -> Option<&SingleUseCode>;
    /// A customer's copy of a coupon.
    fn issued_coupon(&self, id: IssuedCouponId) -> Option<&IssuedCoupon>;
    /// How many copies of a coupon a customer has had, whatever became of them.
    fn copies(&self, coupon: CouponId, customer: CustomerId) -> u32;
    /// A customer's cart; none before its first item.
    fn cart(&self, customer: CustomerId) -> Option<&Cart>;
    /// An order.
    fn order(&self, id: OrderId) -> Option<&Order>;
    /// The payment of an order.
    fn payment(&self, order: OrderId) -> Option<&Payment>;
    /// The refunds of an order, by id.
    fn refunds(&self, order: OrderId) -> &[Arc<Refund>];
    /// One use of a copy by an order.
    fn redemption(&self, copy: IssuedCouponId, order: OrderId) -> Option<Redemption>;
    /// A charge.
    fn charge(&self, id: ChargeId) -> Option<&Charge>;
    /// Which charge has a gateway's transaction.
    fn charge_with_transaction(&self, transaction: &Name) -> Option<ChargeId>;
    /// A top-up.
    fn top_up(&self, id: TopUpId) -> Option<&TopUp>;
}

/// What a decision changes: the new value of each touched record, and rows to append. A store writes all
/// of it in one commit, or none.
///
/// Payments, refunds, order events and redemptions always come with the order that they belong to, ledger rows with the
/// stock or wallet that they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New customers.
    pub customers: Vec<Arc<Customer>>,
    /// New values of products.
    pub products: Vec<Arc<Product>>,
    /// New values of variants.
    pub variants: Vec<Arc<Variant>>,
    /// New values of stocks.
    pub stocks: Vec<Stock>,
    /// Rows of the stock ledger.
    pub stock_entries: Vec<StockEntry>,
    /// New values of wallets.
    pub wallets: Vec<Wallet>,
    /// Rows of the wallet ledger.
    pub wallet_entries: Vec<WalletEntry>,
    /// New values of coupons.
    pub coupons: Vec<Arc<Coupon>>,
    /// New values of coupon counters.
    pub issuances: Vec<Issuance>,
    /// New values of codes that are good for one copy.
    pub codes: Vec<Arc<SingleUseCode>>,
    /// New counts of copies per customer; a store may derive them from the copies instead.
    pub copies: Vec<Copies>,
    /// New values of customers' copies.
    pub issued_coupons: Vec<IssuedCoupon>,
    /// New values of carts, each with all of its items.
    pub carts: Vec<Arc<Cart>>,
    /// New values of redemptions.
    pub redemptions: Vec<Redemption>,
    /// New values of orders.
    pub orders: Vec<Arc<Order>>,
    /// New values of payments.
    pub payments: Vec<Arc<Payment>>,
    /// New values of refunds.
    pub refunds: Vec<Arc<Refund>>,
    /// New values of charges.
    pub charges: Vec<Arc<Charge>>,
    /// New values of top-ups.
    pub top_ups: Vec<Arc<TopUp>>,
    /// Rows of orders' histories.
    pub order_events: Vec<Arc<OrderEvent>>,
    /// Messages to deliver.
    pub messages: Vec<OutboxMessage>,
    /// What to **add** to the daily sales: a running sum that no decision reads.
    pub sales: Vec<DailySales>,
}
