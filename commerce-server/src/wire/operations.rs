//! What operators and platforms read: sales, reconciliation, health.

use commerce_core::{
    DailySales as CoreDailySales, Drift as CoreDrift, Popularity, Product as CoreProduct, ProductId, Report,
};

use super::catalog::Product;
use super::money::Revenue;
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
        revenue: Revenue,
    }

    /// What sold best, best first.
    PopularProducts {
        /// The products.
        items: Vec<PopularProduct>,
    }

    /// How often a product was looked at.
    ViewedProduct {
        /// The product as it is now.
        product: Product,
        /// How often it was read.
        views: u64,
    }

    /// What is looked at most, most viewed first.
    ViewedProducts {
        /// The products.
        items: Vec<ViewedProduct>,
    }

    /// What a product sold on one day.
    ProductSales {
        /// Which product.
        product_id: WireId<ProductId>,
        /// Units sold less units refunded.
        quantity: i64,
        /// What was paid for them.
        revenue: Revenue,
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
        /// What does not: stock, stock_entry, wallet, wallet_entry, lost, coupon, copies, copy, history, payment,
        /// wallet_payment, charges, top_up, refunds, redemptions, movement, messages, sales.
        kind: String,
        /// The record, with its ids.
        subject: String,
        /// The numbers in words.
        detail: String,
    }

    /// What a reconciliation looked at and found.
    Reconciliation {
        /// Stocks looked at.
        stocks: u64,
        /// Rows of the stock ledger looked at.
        stock_entries: u64,
        /// Wallets looked at.
        wallets: u64,
        /// Rows of the wallet ledger looked at.
        wallet_entries: u64,
        /// Coupons looked at.
        coupons: u64,
        /// Copies of coupons looked at.
        copies: u64,
        /// Orders looked at.
        orders: u64,
        /// Top-ups looked at.
        top_ups: u64,
        /// Sales looked at, of one product on one day each.
        sales: u64,
        /// Sales that were not judged because the product was sold on that day meanwhile.
        unsettled_sales: u64,
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
        Self { product: Product::from(product), quantity: popularity.quantity, revenue: Revenue(popularity.revenue) }
    }
}

impl From<&CoreDailySales> for ProductSales {
    fn from(day: &CoreDailySales) -> Self {
        Self { product_id: WireId(day.product_id), quantity: day.quantity, revenue: Revenue(day.revenue) }
    }
}

impl From<&CoreDrift> for Drift {
    fn from(drift: &CoreDrift) -> Self {
        Self { kind: drift.kind().to_owned(), subject: drift.subject(), detail: drift.detail() }
    }
}

impl From<Report> for Reconciliation {
    fn from(report: Report) -> Self {
        Self {
            stocks: report.stocks,
            stock_entries: report.stock_entries,
            wallets: report.wallets,
            wallet_entries: report.wallet_entries,
            coupons: report.coupons,
            copies: report.copies,
            orders: report.orders,
            top_ups: report.top_ups,
            sales: report.sales,
            unsettled_sales: report.unsettled_sales,
            drifts: report.drifts.iter().map(Drift::from).collect(),
        }
    }
}
