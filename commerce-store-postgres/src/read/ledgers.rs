//! The ledgers of stock and money, and wallets.

use async_trait::async_trait;
use commerce_core::store::{Stocks, Wallets};
use commerce_core::{CustomerId, Page, PageRequest, StockEntry, StoreError, VariantId, Wallet, WalletEntry, WalletId};
use sqlx::postgres::PgRow;

use super::{before_sequence, limit};
use crate::PostgresStore;
use crate::row::{
    get, get_at, get_code, get_currency, get_id, get_id_opt, get_money, get_principal, get_text_opt, get_u64,
};

const STOCK_ENTRIES: &str = "select variant_id, sequence, delta, on_hand_after, reason, order_id, actor, note, \
     created_at from stock_entries where variant_id = $1 and sequence < $2 order by sequence desc limit $3";
const WALLETS: &str = "select customer_id, currency, balance, version from wallets where customer_id = $1 \
     order by currency";
const WALLET_ENTRIES: &str = "select customer_id, currency, sequence, kind, amount, balance_after, order_id, \
     top_up_id, actor, memo, created_at from wallet_entries where customer_id = $1 and currency = $2 and sequence < $3 \
     order by sequence desc limit $4";

pub(super) const STATEMENTS: &[&str] = &[STOCK_ENTRIES, WALLETS, WALLET_ENTRIES];

#[async_trait]
impl Stocks for PostgresStore {
    async fn stock_entries(
        &self,
        variant: VariantId,
        page: PageRequest<u64>,
    ) -> Result<Page<StockEntry, u64>, StoreError> {
        self.run(move |pool| async move {
            let query = sqlx::query(STOCK_ENTRIES).bind(variant.get()).bind(before_sequence(page)).bind(limit(&page));
            let rows = query.fetch_all(&pool).await?;
            let entries = rows.iter().map(stock_entry_of).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(entries, page.size(), |entry| entry.sequence))
        })
        .await
    }
}

fn stock_entry_of(row: &PgRow) -> Result<StockEntry, StoreError> {
    Ok(StockEntry {
        variant_id: get_id(row, "variant_id")?,
        sequence: get_u64(row, "sequence")?,
        delta: get(row, "delta")?,
        on_hand_after: get_u64(row, "on_hand_after")?,
        reason: get_code(row, "reason")?,
        order_id: get_id_opt(row, "order_id")?,
        actor: get_principal(row, "actor")?,
        note: get_text_opt(row, "note")?,
        created_at: get_at(row, "created_at")?,
    })
}

#[async_trait]
impl Wallets for PostgresStore {
    async fn wallets(&self, customer: CustomerId) -> Result<Vec<Wallet>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(WALLETS).bind(customer.get()).fetch_all(&pool).await?;
            Ok(rows.iter().map(wallet_of).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn wallet_entries(
        &self,
        wallet: WalletId,
        page: PageRequest<u64>,
    ) -> Result<Page<WalletEntry, u64>, StoreError> {
        self.run(move |pool| async move {
            let query = sqlx::query(WALLET_ENTRIES)
                .bind(wallet.customer_id.get())
                .bind(wallet.currency.to_string())
                .bind(before_sequence(page))
                .bind(limit(&page));
            let rows = query.fetch_all(&pool).await?;
            let entries = rows.iter().map(wallet_entry_of).collect::<Result<Vec<_>, _>>()?;
            Ok(Page::cut(entries, page.size(), |entry| entry.sequence))
        })
        .await
    }
}

/// A wallet.
pub(crate) fn wallet_of(row: &PgRow) -> Result<Wallet, StoreError> {
    let currency = get_currency(row, "currency")?;
    let id = WalletId { customer_id: get_id(row, "customer_id")?, currency };
    Ok(Wallet { id, balance: get_money(row, "balance", currency)?, version: get_u64(row, "version")? })
}

fn wallet_entry_of(row: &PgRow) -> Result<WalletEntry, StoreError> {
    let currency = get_currency(row, "currency")?;
    Ok(WalletEntry {
        wallet_id: WalletId { customer_id: get_id(row, "customer_id")?, currency },
        sequence: get_u64(row, "sequence")?,
        kind: get_code(row, "kind")?,
        amount: get_money(row, "amount", currency)?,
        balance_after: get_money(row, "balance_after", currency)?,
        order_id: get_id_opt(row, "order_id")?,
        top_up_id: get_id_opt(row, "top_up_id")?,
        actor: get_principal(row, "actor")?,
        memo: get_text_opt(row, "memo")?,
        created_at: get_at(row, "created_at")?,
    })
}
