//! The facts that reconciliation judges, each page by index, all of an aggregate from one moment.

mod coupons;
mod ledgers;
mod orders;
mod top_ups;

use async_trait::async_trait;
use commerce_core::{
    Audit, CodeFacts, CouponCode, CouponFacts, CouponId, CustomerId, DailySales, Date, HolderFacts, Id, LedgerRow,
    NamedOrder, OrderFacts, OrderId, PageRequest, ProductId, StockFacts, StoreError, TopUpFacts, TopUpId, VariantId,
    WalletFacts, WalletId,
};

use crate::PostgresStore;
use crate::read::daily_sales_of;

const SALES: &str = "select sold_on, product_id, quantity, revenue::text, currency from product_sales_daily \
     where (sold_on, product_id) > ($1, $2) order by sold_on, product_id limit $3";

/// Every statement, for the tests that prepare and explain them.
pub(crate) fn statements() -> Vec<&'static str> {
    [&[SALES], ledgers::STATEMENTS, coupons::STATEMENTS, orders::STATEMENTS, top_ups::STATEMENTS].concat()
}

/// A day before any that was sold on: instants begin in 1970.
const NO_DAY: Date = chrono::DateTime::UNIX_EPOCH.naive_utc().date();

fn after<I: Id>(page: PageRequest<I>) -> i64 {
    page.after.map_or(0, Id::get)
}

fn size<K>(page: &PageRequest<K>) -> i64 {
    i64::try_from(page.size()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Audit for PostgresStore {
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Result<Vec<StockFacts>, StoreError> {
        self.run(move |pool| async move {
            let query = sqlx::query(ledgers::STOCKS).bind(after(page)).bind(size(&page));
            Ok(query.fetch_all(&pool).await?.iter().map(ledgers::stock_facts).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn stock_ledger(&self, page: PageRequest<(VariantId, u64)>) -> Result<Vec<LedgerRow<VariantId>>, StoreError> {
        self.run(move |pool| async move {
            let (variant, sequence) = page.after.map_or((0, 0), |(id, sequence)| (id.get(), ledgers::number(sequence)));
            let query = sqlx::query(ledgers::STOCK_LEDGER).bind(variant).bind(sequence).bind(size(&page));
            Ok(query.fetch_all(&pool).await?.iter().map(ledgers::stock_row).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Result<Vec<WalletFacts>, StoreError> {
        self.run(move |pool| async move {
            let (customer, currency) = page.after.map_or((0, String::new()), ledgers::wallet_key);
            let query = sqlx::query(ledgers::WALLETS).bind(customer).bind(currency).bind(size(&page));
            Ok(query.fetch_all(&pool).await?.iter().map(ledgers::wallet_facts).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn wallet_ledger(&self, page: PageRequest<(WalletId, u64)>) -> Result<Vec<LedgerRow<WalletId>>, StoreError> {
        self.run(move |pool| async move {
            let sequence = page.after.map_or(0, |(_, sequence)| ledgers::number(sequence));
            let (customer, currency) = page.after.map_or((0, String::new()), |(id, _)| ledgers::wallet_key(id));
            let query = sqlx::query(ledgers::WALLET_LEDGER).bind(customer).bind(currency);
            let query = query.bind(sequence).bind(size(&page));
            Ok(query.fetch_all(&pool).await?.iter().map(ledgers::wallet_row).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError> {
        self.coupons_of(page).await
    }

    async fn holder_facts(&self, page: PageRequest<CustomerId>) -> Result<Vec<HolderFacts>, StoreError> {
        self.holders_of(page).await
    }

    async fn code_facts(&self, page: PageRequest<(CouponId, CouponCode)>) -> Result<Vec<CodeFacts>, StoreError> {
        self.codes_by(page).await
    }

    async fn named_orders(&self, page: PageRequest<OrderId>) -> Result<Vec<NamedOrder>, StoreError> {
        self.named_by(page).await
    }

    async fn order_facts(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError> {
        self.orders_of(page).await
    }

    async fn top_up_facts(&self, page: PageRequest<TopUpId>) -> Result<Vec<TopUpFacts>, StoreError> {
        self.top_ups_of(page).await
    }

    async fn sales_facts(&self, page: PageRequest<(Date, ProductId)>) -> Result<Vec<DailySales>, StoreError> {
        self.run(move |pool| async move {
            let (date, product) = page.after.map_or((NO_DAY, 0), |(date, product)| (date, product.get()));
            let rows = sqlx::query(SALES).bind(date).bind(product).bind(size(&page)).fetch_all(&pool).await?;
            Ok(rows.iter().map(daily_sales_of).collect::<Result<_, _>>()?)
        })
        .await
    }
}
