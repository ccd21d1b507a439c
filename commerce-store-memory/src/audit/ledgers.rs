//! Stocks, wallets and their ledgers.

use commerce_core::{LedgerRow, StockEntry, StockFacts, VariantId, WalletEntry, WalletFacts, WalletId};

use crate::log::Log;
use crate::tables::{Tables, VariantRow, WalletRow};

pub(super) fn stock_facts(row: &VariantRow) -> StockFacts {
    let last = row.entries.last();
    StockFacts {
        stock: row.stock,
        entries: last.map_or(0, |entry| entry.sequence),
        last_on_hand: last.map(|entry| entry.on_hand_after),
    }
}

pub(super) fn wallet_facts(row: &WalletRow) -> WalletFacts {
    let last = row.entries.last();
    WalletFacts {
        wallet: row.wallet,
        entries: last.map_or(0, |entry| entry.sequence),
        last_balance: last.map(|entry| entry.balance_after),
    }
}

/// The wallets of the customer of `first` and of all after them, ascending.
pub(super) fn wallets(tables: &Tables, first: Option<WalletId>) -> impl Iterator<Item = &WalletRow> {
    let customers = tables.customer_ids.range(super::from(first.map(|wallet| wallet.customer_id)));
    customers.filter_map(|id| tables.customers.get(id)).flat_map(move |customer| {
        let mut wallets: Vec<&WalletRow> = customer.wallets.iter().collect();
        wallets.sort_by_key(|row| row.wallet.id);
        wallets.into_iter().filter(move |row| first.is_none_or(|first| row.wallet.id >= first))
    })
}

/// The rows of a ledger after sequence `seen`: rows number from 1, so it is the first `seen` rows that are skipped.
pub(super) fn after<T>(log: &Log<T>, seen: u64, sequence: fn(&T) -> u64) -> impl Iterator<Item = &T> {
    let skipped = usize::try_from(seen).unwrap_or(usize::MAX);
    (skipped..log.len()).filter_map(|index| log.get(index)).filter(move |row| sequence(row) > seen)
}

/// A ledger hangs on its stock here: it cannot be there without it. So do the entries of a wallet.
pub(super) fn stock_row(tables: &Tables, entry: &StockEntry) -> LedgerRow<VariantId> {
    LedgerRow {
        of: entry.variant_id,
        sequence: entry.sequence,
        moved: entry.delta,
        after: i64::try_from(entry.on_hand_after).unwrap_or(i64::MAX),
        owner_is_there: true,
        order_id: entry.order_id,
        order_is_there: entry.order_id.is_none_or(|id| tables.orders.contains_key(&id)),
        top_up_id: None,
        top_up_is_there: true,
    }
}

pub(super) fn wallet_row(tables: &Tables, entry: &WalletEntry) -> LedgerRow<WalletId> {
    LedgerRow {
        of: entry.wallet_id,
        sequence: entry.sequence,
        moved: entry.amount.minor(),
        after: entry.balance_after.minor(),
        owner_is_there: true,
        order_id: entry.order_id,
        order_is_there: entry.order_id.is_none_or(|id| tables.orders.contains_key(&id)),
        top_up_id: entry.top_up_id,
        top_up_is_there: entry.top_up_id.is_none_or(|id| tables.cards.top_up(id).is_some()),
    }
}
