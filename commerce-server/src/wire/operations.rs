//! What operators and platforms read: sales, reconciliation, health.

use commerce_core::{DailySales as CoreDailySales, Drift as CoreDrift, Popularity, Product as CoreProduct, ProductId};

use super::catalog::Product;
use super::money::Money;
use super::scalar::{Day, WireId};
use super::schema::response;

response! {
    /// What a product sold over the days of a query.
    PopularProduct {
        /// The product as it is now.
        product: Product,
        /// Units sold.
        quantity: i64,
        /// What was paid for them.
        revenue: Money,
    }

    /// What sold best, best first.
    PopularProducts {
        /// The products.
        items: Vec<PopularProduct>,
    }

    /// What a product sold on one day.
    ProductSales {
        /// Which product.
        product_id: WireId<ProductId>,
        /// Units sold less units refunded.
        quantity: i64,
        /// What was paid for them.
        revenue: Money,
    }

    /// A day's sales.
    DaySales {
        /// The day, in the shop's time zone.
        date: Day,
        /// By product id.
        items: Vec<ProductSales>,
    }

    /// Something that does not add up.
    Drift {
        /// What does not: stock, wallet, coupon, history, payment, redemptions, messages.
        kind: String,
        /// The id of the record, or of a wallet's customer with its currency.
        subject: String,
        /// The numbers in words.
        detail: String,
    }

    /// What a reconciliation looked at and found.
    Reconciliation {
        /// Stocks looked at.
        stocks: u64,
        /// Wallets looked at.
        wallets: u64,
        /// Coupons looked at.
        coupons: u64,
        /// Orders looked at.
        orders: u64,
        /// Everything that does not add up; empty when all is well.
        drifts: Vec<Drift>,
    }

    /// The process answers.
    Health {
        /// Always "ok".
        status: String,
    }
}

impl PopularProduct {
    /// A product and what it sold.
    #[must_use]
    pub fn of(popularity: &Popularity, product: &CoreProduct) -> Self {
        Self { product: Product::from(product), quantity: popularity.quantity, revenue: Money(popularity.revenue) }
    }
}

impl From<&CoreDailySales> for ProductSales {
    fn from(day: &CoreDailySales) -> Self {
        Self { product_id: WireId(day.product_id), quantity: day.quantity, revenue: Money(day.revenue) }
    }
}

impl From<&CoreDrift> for Drift {
    fn from(drift: &CoreDrift) -> Self {
        let (kind, subject, detail) = match drift {
            CoreDrift::Stock { variant_id, on_hand, ledger_sum, version, entries } => (
                "stock",
                variant_id.to_string(),
                format!("{on_hand} on hand, its ledger sums to {ledger_sum}; version {version}, {entries} entries"),
            ),
            CoreDrift::Wallet { wallet_id, balance, ledger_sum, version, entries } => (
                "wallet",
                format!("{} {}", wallet_id.customer_id, wallet_id.currency),
                format!("{balance} minor units, its ledger sums to {ledger_sum}; version {version}, {entries} entries"),
            ),
            CoreDrift::Coupon { coupon_id, issued, copies, total_quantity } => (
                "coupon",
                coupon_id.to_string(),
                format!("{issued} issued, {copies} copies, capped at {total_quantity:?}"),
            ),
            CoreDrift::History { order_id, status, replayed } => (
                "history",
                order_id.to_string(),
                format!("{}, its history leads to {:?}", status.as_str(), replayed.map(|status| status.as_str())),
            ),
            CoreDrift::Payment { order_id, total, paid } => {
                ("payment", order_id.to_string(), format!("total {total}, paid {paid:?}"))
            }
            CoreDrift::Redemptions { order_id, coupons, redemptions } => {
                ("redemptions", order_id.to_string(), format!("{coupons} coupons, {redemptions} fitting redemptions"))
            }
            CoreDrift::Messages { order_id, events, undelivered, delivered } => (
                "messages",
                order_id.to_string(),
                format!("{events} events, {delivered} messages delivered, undelivered {undelivered:?}"),
            ),
        };
        Self { kind: kind.to_owned(), subject, detail }
    }
}
