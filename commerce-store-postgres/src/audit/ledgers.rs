//! Stocks, wallets and their ledgers.
//!
//! The page is materialized, so that the planner takes it from an index, as a page, whatever is joined to it; and a
//! row's order is looked for by a limited subquery: the planner then looks for one at a time, and never reads all
//! orders because it takes the page for longer than it is.

use commerce_core::{LedgerRow, Stock, StockFacts, StoreError, VariantId, WalletFacts, WalletId};
use sqlx::postgres::PgRow;

use crate::read::wallet_of;
use crate::row::{corrupt, get, get_currency, get_id, get_id_opt, get_money, get_u64};

pub(super) const STOCKS: &str = "with page as materialized (select variant_id, on_hand, version from product_stocks \
       where variant_id > $1 order by variant_id limit $2) \
     select s.variant_id, s.on_hand, s.version, coalesce(l.sequence, 0) as entries, l.on_hand_after as last_on_hand \
     from page s left join lateral (select sequence, on_hand_after from stock_entries \
       where variant_id = s.variant_id order by sequence desc limit 1) l on true order by s.variant_id";
pub(super) const STOCK_LEDGER: &str = "with page as materialized ( \
       select variant_id, sequence, delta, on_hand_after, order_id from stock_entries \
       where (variant_id, sequence) > ($1, $2) order by variant_id, sequence limit $3) \
     select e.variant_id, e.sequence, e.delta, e.on_hand_after, e.order_id, \
       s.there is true as owner_is_there, (e.order_id is null or o.there) is true as order_is_there \
     from page e left join lateral (select true as there from orders where id = e.order_id limit 1) o on true \
       left join lateral (select true as there from product_stocks where variant_id = e.variant_id limit 1) s on true \
     order by e.variant_id, e.sequence";
pub(super) const WALLETS: &str = "with page as materialized (select customer_id, currency, balance, version from wallets \
       where (customer_id, currency) > ($1, $2) order by customer_id, currency limit $3) \
     select w.customer_id, w.currency, w.balance, w.version, coalesce(l.sequence, 0) as entries, \
       l.balance_after as last_balance \
     from page w left join lateral (select sequence, balance_after from wallet_entries \
       where customer_id = w.customer_id and currency = w.currency order by sequence desc limit 1) l on true \
     order by w.customer_id, w.currency";
pub(super) const WALLET_LEDGER: &str = "with page as materialized ( \
       select customer_id, currency, sequence, amount, balance_after, order_id, top_up_id from wallet_entries \
       where (customer_id, currency, sequence) > ($1, $2, $3) order by customer_id, currency, sequence limit $4) \
     select e.customer_id, e.currency, e.sequence, e.amount, e.balance_after, e.order_id, e.top_up_id, \
       w.there is true as owner_is_there, (e.order_id is null or o.there) is true as order_is_there, \
       (e.top_up_id is null or t.there) is true as top_up_is_there \
     from page e left join lateral (select true as there from orders where id = e.order_id limit 1) o on true \
       left join lateral (select true as there from wallets \
         where customer_id = e.customer_id and currency = e.currency limit 1) w on true \
       left join lateral (select true as there from top_ups where id = e.top_up_id limit 1) t on true \
     order by e.customer_id, e.currency, e.sequence";

pub(super) const STATEMENTS: &[&str] = &[STOCKS, STOCK_LEDGER, WALLETS, WALLET_LEDGER];

/// A sequence as the database's whole number. Sequences are counted far below its limit.
pub(super) fn number(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

pub(super) fn wallet_key(wallet: WalletId) -> (i64, String) {
    (wallet.customer_id.get(), wallet.currency.to_string())
}

pub(super) fn stock_facts(row: &PgRow) -> Result<StockFacts, StoreError> {
    let last: Option<i64> = get(row, "last_on_hand")?;
    Ok(StockFacts {
        stock: Stock {
            variant_id: get_id(row, "variant_id")?,
            on_hand: get_u64(row, "on_hand")?,
            version: get_u64(row, "version")?,
        },
        entries: get_u64(row, "entries")?,
        last_on_hand: last.map(u64::try_from).transpose().map_err(corrupt)?,
    })
}

pub(super) fn wallet_facts(row: &PgRow) -> Result<WalletFacts, StoreError> {
    let wallet = wallet_of(row)?;
    let last: Option<i64> = get(row, "last_balance")?;
    let last_balance = last.map(|_| get_money(row, "last_balance", wallet.id.currency)).transpose()?;
    Ok(WalletFacts { wallet, entries: get_u64(row, "entries")?, last_balance })
}

pub(super) fn stock_row(row: &PgRow) -> Result<LedgerRow<VariantId>, StoreError> {
    Ok(LedgerRow {
        of: get_id(row, "variant_id")?,
        sequence: get_u64(row, "sequence")?,
        moved: get(row, "delta")?,
        after: get(row, "on_hand_after")?,
        owner_is_there: get(row, "owner_is_there")?,
        order_id: get_id_opt(row, "order_id")?,
        order_is_there: get(row, "order_is_there")?,
        top_up_id: None,
        top_up_is_there: true,
    })
}

pub(super) fn wallet_row(row: &PgRow) -> Result<LedgerRow<WalletId>, StoreError> {
    Ok(LedgerRow {
        of: WalletId { customer_id: get_id(row, "customer_id")?, currency: get_currency(row, "currency")? },
        sequence: get_u64(row, "sequence")?,
        moved: get(row, "amount")?,
        after: get(row, "balance_after")?,
        owner_is_there: get(row, "owner_is_there")?,
        order_id: get_id_opt(row, "order_id")?,
        order_is_there: get(row, "order_is_there")?,
        top_up_id: get_id_opt(row, "top_up_id")?,
        top_up_is_there: get(row, "top_up_is_there")?,
    })
}
