//! What can be read, by noun. Reads see committed records only.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Page, PageRequest, StoreError};
use crate::cart::Cart;
use crate::catalog::Product;
use crate::charge::Charge;
use crate::coupon::{Coupon, IssuedCoupon, SingleUseCode};
use crate::customer::Customer;
use crate::decide::Listing;
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, ProductId, RefundId, TopUpId, VariantId};
use crate::inventory::StockEntry;
use crate::money::Currency;
use crate::order::{Order, OrderEvent, OrderStatus};
use crate::payment::Payment;
use crate::product_query::{ProductPlace, ProductQuery};
use crate::refund::Refund;
use crate::sales::{DailySales, PopularQuery, Popularity, RolledUp};
use crate::text::CouponCode;
use crate::time::{Date, Timestamp};
use crate::top_up::TopUp;
use crate::views::ProductViews;
use crate::wallet::{Wallet, WalletEntry, WalletId};

/// The catalogue.
#[async_trait]
pub trait Catalog {
    /// A product with its variants and their stock.
    async fn product(&self, id: ProductId) -> Result<Option<Listing>, StoreError>;

    /// The products of a query, in its order. A product that changes its place between two pages may come twice or
    /// not at all; every other comes exactly once.
    async fn products(
        &self,
        query: &ProductQuery,
        page: PageRequest<ProductPlace>,
    ) -> Result<Page<Arc<Product>, ProductPlace>, StoreError>;
}

/// How often products are looked at: figures for people, that no decision reads.
#[async_trait]
pub trait Views {
    /// Adds to the products' counts, in one commit; products that are not there are passed over. Unlike a command it
    /// has no key: sent twice, it counts twice.
    async fn add_views(&self, views: &[ProductViews]) -> Result<(), StoreError>;

    /// The products that were looked at most, each with its count, ties by id; at most `top` of them, and no more than
    /// [`PopularQuery::MAX_TOP`]. What was never looked at is left out.
    async fn most_viewed(&self, top: u32) -> Result<Vec<(u64, Arc<Product>)>, StoreError>;
}

/// The stock ledger.
#[async_trait]
pub trait Stocks {
    /// The movements of a variant's stock, latest first, keyed by sequence. Empty for an unknown variant.
    async fn stock_entries(
        &self,
        variant: VariantId,
        page: PageRequest<u64>,
    ) -> Result<Page<StockEntry, u64>, StoreError>;
}

/// Customers.
#[async_trait]
pub trait Customers {
    /// A customer.
    async fn customer(&self, id: CustomerId) -> Result<Option<Arc<Customer>>, StoreError>;

    /// Customers, newest first.
    async fn customers(&self, page: PageRequest<CustomerId>) -> Result<Page<Arc<Customer>, CustomerId>, StoreError>;
}

/// Wallets.
#[async_trait]
pub trait Wallets {
    /// The wallets of a customer that have entries, by currency.
    async fn wallets(&self, customer: CustomerId) -> Result<Vec<Wallet>, StoreError>;

    /// The movements of a wallet, latest first, keyed by sequence. Empty for an unused wallet.
    async fn wallet_entries(
        &self,
        wallet: WalletId,
        page: PageRequest<u64>,
    ) -> Result<Page<WalletEntry, u64>, StoreError>;
}

/// Where a copy stands among those of its coupon.
pub type CopyPlace = (CustomerId, IssuedCouponId);

/// Coupons and customers' copies.
#[async_trait]
pub trait Coupons {
    /// A coupon, with the number of copies that are out.
    async fn coupon(&self, id: CouponId) -> Result<Option<(Arc<Coupon>, u32)>, StoreError>;

    /// Coupons, newest first, each with the number of copies that are out.
    async fn coupons(&self, page: PageRequest<CouponId>) -> Result<Page<(Arc<Coupon>, u32), CouponId>, StoreError>;

    /// A customer's copies, newest first, each with its campaign.
    async fn issued_coupons(
        &self,
        customer: CustomerId,
        page: PageRequest<IssuedCouponId>,
    ) -> Result<Page<(IssuedCoupon, Arc<Coupon>), IssuedCouponId>, StoreError>;

    /// All copies of a coupon, in an order that is the store's own: handing copies out need not pay for one. Empty for
    /// an unknown coupon.
    async fn copies_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CopyPlace>,
    ) -> Result<Page<IssuedCoupon, CopyPlace>, StoreError>;

    /// The codes of a coupon that are good for one copy, by code. Empty for an unknown coupon.
    async fn codes_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CouponCode>,
    ) -> Result<Page<Arc<SingleUseCode>, CouponCode>, StoreError>;

    /// Coupons whose window ended at `from` or later and is over by the store's clock, by their end, then id: the end
    /// and the id are the key.
    async fn ended_coupons(
        &self,
        from: Timestamp,
        page: PageRequest<(Timestamp, CouponId)>,
    ) -> Result<Page<(Timestamp, CouponId), (Timestamp, CouponId)>, StoreError>;
}

/// Carts.
#[async_trait]
pub trait Carts {
    /// A customer's cart; none before its first item.
    async fn cart(&self, customer: CustomerId) -> Result<Option<Arc<Cart>>, StoreError>;
}

/// Orders, their payments and histories.
#[async_trait]
pub trait Orders {
    /// An order.
    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError>;

    /// A customer's orders, newest first, of one status or of any.
    async fn orders(
        &self,
        customer: CustomerId,
        status: Option<OrderStatus>,
        page: PageRequest<OrderId>,
    ) -> Result<Page<Arc<Order>, OrderId>, StoreError>;

    /// Pending orders whose time to be paid is over by the store's clock, the longest overdue first; at most `limit`
    /// of them, and no more than [`PageRequest::MAX_LIMIT`]. It costs what it finds, however many orders there are.
    async fn due_orders(&self, limit: u32) -> Result<Vec<OrderId>, StoreError>;

    /// The payment of an order, once there is one.
    async fn payment(&self, order: OrderId) -> Result<Option<Arc<Payment>>, StoreError>;

    /// The refunds of an order, by id, which is oldest first. Empty for an unknown order.
    async fn refunds(&self, order: OrderId) -> Result<Vec<Arc<Refund>>, StoreError>;

    /// [Pending](crate::RefundStatus::Pending) refunds that have not changed since `before`, oldest first: what a sweep
    /// has to look after. On an index: settled refunds cost it nothing.
    async fn pending_refunds(
        &self,
        before: Timestamp,
        page: PageRequest<RefundId>,
    ) -> Result<Page<Arc<Refund>, RefundId>, StoreError>;

    /// An order's history from its first event on. Empty for an unknown order.
    async fn history(&self, order: OrderId) -> Result<Vec<Arc<OrderEvent>>, StoreError>;
}

/// Charges: what a payment gateway was asked to take.
#[async_trait]
pub trait Charges {
    /// A charge.
    async fn charge(&self, id: ChargeId) -> Result<Option<Arc<Charge>>, StoreError>;

    /// The charges of an order, first attempt first. Empty for an order that was never to be paid by card.
    async fn charges_of(&self, order: OrderId) -> Result<Vec<Arc<Charge>>, StoreError>;

    /// [Open](crate::ChargeStatus::is_open) charges that have not changed since `before`, oldest first: what a sweep
    /// has to look after. On an index: settled charges cost it nothing.
    async fn open_charges(
        &self,
        before: Timestamp,
        page: PageRequest<ChargeId>,
    ) -> Result<Page<Arc<Charge>, ChargeId>, StoreError>;
}

/// Top-ups.
#[async_trait]
pub trait TopUps {
    /// A top-up.
    async fn top_up(&self, id: TopUpId) -> Result<Option<Arc<TopUp>>, StoreError>;

    /// A customer's top-ups, newest first.
    async fn top_ups(
        &self,
        customer: CustomerId,
        page: PageRequest<TopUpId>,
    ) -> Result<Page<Arc<TopUp>, TopUpId>, StoreError>;
}

/// Sales figures.
#[async_trait]
pub trait Sales {
    /// What sold best over the days of the query up to today, best first: by quantity, ties by revenue, then id.
    /// Each product with its record, as it is now.
    async fn popular(&self, query: PopularQuery) -> Result<Vec<(Popularity, Arc<Product>)>, StoreError>;

    /// A day's sales by product id, in each product's currency.
    async fn daily_sales(&self, date: Date, currency: Option<Currency>) -> Result<Vec<DailySales>, StoreError>;

    /// Tells a day's sales anew from the orders paid and the refunds made on it, in the shop's time zone, and puts right in
    /// one commit what is booked otherwise. Exact while orders and refunds go on, whose sales are booked in their own
    /// commits; done twice it is done once. A day on which nothing was sold, or that has not come, has none.
    ///
    /// It reads the whole day, and takes the time that this takes.
    async fn roll_up(&self, date: Date) -> Result<RolledUp, StoreError>;
}
