//! The facts that reconciliation judges.

mod coupons;
mod ledgers;
mod orders;
mod top_ups;

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use commerce_core::{
    Audit, CodeFacts, CouponCode, CouponFacts, CouponId, CustomerId, DailySales, Date, HolderFacts, LedgerRow,
    NamedOrder, OrderFacts, OrderId, PageRequest, ProductId, StockFacts, StoreError, TopUpFacts, TopUpId, VariantId,
    WalletFacts, WalletId,
};

use crate::MemoryStore;
use crate::read::sales_of;
use crate::tables::WalletRow;

/// The keys above `after`.
fn above<K>(after: Option<K>) -> (Bound<K>, Bound<K>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

/// The keys from `first` on.
fn from<K>(first: Option<K>) -> (Bound<K>, Bound<K>) {
    (first.map_or(Bound::Unbounded, Bound::Included), Bound::Unbounded)
}

fn rows_above<K: Ord + Copy, V>(map: &BTreeMap<K, V>, page: PageRequest<K>) -> impl Iterator<Item = &V> {
    map.range(above(page.after)).map(|(_, row)| row).take(page.size())
}

#[async_trait]
impl Audit for MemoryStore {
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Result<Vec<StockFacts>, StoreError> {
        let tables = self.read()?;
        let ids = tables.variant_ids.range(above(page.after)).take(page.size());
        Ok(ids.filter_map(|id| tables.variants.get(id)).map(ledgers::stock_facts).collect())
    }

    async fn stock_ledger(&self, page: PageRequest<(VariantId, u64)>) -> Result<Vec<LedgerRow<VariantId>>, StoreError> {
        let tables = self.read()?;
        let ids = tables.variant_ids.range(from(page.after.map(|(variant, _)| variant)));
        let rows = ids.filter_map(|id| tables.variants.get(id)).flat_map(|variant| {
            let seen = page.after.filter(|(id, _)| *id == variant.variant.id).map_or(0, |(_, sequence)| sequence);
            ledgers::after(&variant.entries, seen, |entry| entry.sequence)
        });
        Ok(rows.take(page.size()).map(|entry| ledgers::stock_row(&tables, entry)).collect())
    }

    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Result<Vec<WalletFacts>, StoreError> {
        let tables = self.read()?;
        let wallets = ledgers::wallets(&tables, page.after);
        let not_seen = |row: &&WalletRow| page.after.is_none_or(|after| row.wallet.id > after);
        Ok(wallets.filter(not_seen).take(page.size()).map(ledgers::wallet_facts).collect())
    }

    async fn wallet_ledger(&self, page: PageRequest<(WalletId, u64)>) -> Result<Vec<LedgerRow<WalletId>>, StoreError> {
        let tables = self.read()?;
        let rows = ledgers::wallets(&tables, page.after.map(|(wallet, _)| wallet)).flat_map(|row| {
            let seen = page.after.filter(|(id, _)| *id == row.wallet.id).map_or(0, |(_, sequence)| sequence);
            ledgers::after(&row.entries, seen, |entry| entry.sequence)
        });
        Ok(rows.take(page.size()).map(|entry| ledgers::wallet_row(&tables, entry)).collect())
    }

    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError> {
        Ok(rows_above(&self.read()?.coupons, page).map(coupons::coupon_facts).collect())
    }

    async fn holder_facts(&self, page: PageRequest<CustomerId>) -> Result<Vec<HolderFacts>, StoreError> {
        let tables = self.read()?;
        let ids = tables.customer_ids.range(above(page.after)).take(page.size());
        let rows = ids.filter_map(|id| tables.customers.get(id));
        Ok(rows.map(|row| coupons::holder_facts(&tables, row)).collect())
    }

    async fn code_facts(&self, page: PageRequest<(CouponId, CouponCode)>) -> Result<Vec<CodeFacts>, StoreError> {
        let tables = self.read()?;
        let first = page.after.as_ref().map(|(coupon, _)| *coupon);
        let rows = tables.coupons.range(from(first)).flat_map(|(coupon, row)| {
            let seen = page.after.as_ref().filter(|(after, _)| after == coupon).map(|(_, code)| code.clone());
            row.codes.range(above(seen))
        });
        let codes = rows.filter_map(|code| tables.codes.get(code)).take(page.size());
        Ok(codes.map(|code| coupons::code_facts(&tables, code)).collect())
    }

    /// Lines, payment and history hang on their order here: they cannot be there without it.
    async fn named_orders(&self, page: PageRequest<OrderId>) -> Result<Vec<NamedOrder>, StoreError> {
        let tables = self.read()?;
        let ids = tables.orders.range(above(page.after)).take(page.size());
        Ok(ids.map(|(order_id, _)| NamedOrder { order_id: *order_id, is_there: true }).collect())
    }

    async fn order_facts(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError> {
        let tables = self.read()?;
        Ok(rows_above(&tables.orders, page).map(|row| orders::order_facts(&tables, row)).collect())
    }

    async fn top_up_facts(&self, page: PageRequest<TopUpId>) -> Result<Vec<TopUpFacts>, StoreError> {
        let tables = self.read()?;
        let top_ups = tables.cards.top_ups_above(page.after).take(page.size());
        Ok(top_ups.map(|top_up| top_ups::top_up_facts(&tables, top_up)).collect())
    }

    async fn sales_facts(&self, page: PageRequest<(Date, ProductId)>) -> Result<Vec<DailySales>, StoreError> {
        let tables = self.read()?;
        let days = tables.sales.range(from(page.after.map(|(date, _)| date)));
        let sales = days.flat_map(|(date, day)| sales_of(*date, day));
        let not_seen = |sold: &DailySales| page.after.is_none_or(|after| (sold.date, sold.product_id) > after);
        Ok(sales.filter(not_seen).take(page.size()).collect())
    }
}
