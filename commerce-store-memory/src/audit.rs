//! The facts that reconciliation judges.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::{
    Aggregate, Audit, CouponFacts, CouponId, CustomerId, OrderFacts, OrderId, PageRequest, StockFacts, StoreError,
    VariantId, WalletFacts, WalletId,
};

use crate::MemoryStore;
use crate::tables::{CouponRow, OrderRow, Tables, VariantRow, WalletRow};

/// The keys above `after`.
fn above<K>(after: Option<K>) -> (Bound<K>, Bound<K>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

fn rows_above<K: Ord + Copy, V>(map: &BTreeMap<K, V>, page: PageRequest<K>) -> impl Iterator<Item = &V> {
    map.range(above(page.after)).map(|(_, row)| row).take(page.size())
}

#[async_trait]
impl Audit for MemoryStore {
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Result<Vec<StockFacts>, StoreError> {
        let tables = self.read()?;
        let ids = tables.variant_ids.range(above(page.after)).take(page.size());
        Ok(ids.filter_map(|id| tables.variants.get(id)).map(stock_facts).collect())
    }

    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Result<Vec<WalletFacts>, StoreError> {
        let tables = self.read()?;
        let from: Bound<CustomerId> = page.after.map_or(Bound::Unbounded, |after| Bound::Included(after.customer_id));
        let customers = tables.customer_ids.range((from, Bound::Unbounded)).filter_map(|id| tables.customers.get(id));
        let mut facts = Vec::new();
        for customer in customers {
            let mut wallets: Vec<&WalletRow> = customer.wallets.iter().collect();
            wallets.sort_by_key(|row| row.wallet.id);
            wallets.retain(|row| page.after.is_none_or(|after| row.wallet.id > after));
            facts.extend(wallets.into_iter().map(wallet_facts));
            if facts.len() >= page.size() {
                break;
            }
        }
        facts.truncate(page.size());
        Ok(facts)
    }

    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError> {
        Ok(rows_above(&self.read()?.coupons, page).map(coupon_facts).collect())
    }

    async fn order_facts(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError> {
        let tables = self.read()?;
        Ok(rows_above(&tables.orders, page).map(|row| order_facts(&tables, row)).collect())
    }
}

fn stock_facts(row: &VariantRow) -> StockFacts {
    StockFacts {
        stock: row.stock,
        ledger_sum: row.entries.iter().map(|entry| entry.delta).sum(),
        entries: row.entries.len() as u64,
        last_on_hand: row.entries.last().map(|entry| entry.on_hand_after),
    }
}

fn wallet_facts(row: &WalletRow) -> WalletFacts {
    WalletFacts {
        wallet: row.wallet,
        ledger_sum: row.entries.iter().map(|entry| entry.amount.minor()).sum(),
        entries: row.entries.len() as u64,
        last_balance: row.entries.last().map(|entry| entry.balance_after),
    }
}

fn coupon_facts(row: &CouponRow) -> CouponFacts {
    CouponFacts {
        coupon_id: row.coupon.id,
        issued: row.issuance.issued,
        copies: row.copies,
        total_quantity: row.coupon.total_quantity,
    }
}

fn order_facts(tables: &Tables, row: &OrderRow) -> OrderFacts {
    let (undelivered, delivered) = tables.outbox.standing(Aggregate::Order(row.order.id));
    OrderFacts {
        order: Arc::clone(&row.order),
        events: row.events.to_vec(),
        payment: row.payment.clone(),
        redemptions: row.redemptions.clone(),
        undelivered,
        delivered,
    }
}
