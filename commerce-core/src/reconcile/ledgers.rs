//! Stocks and wallets against their ledgers.
//!
//! The end of each ledger is read first and its rows afterwards: as rows are only ever added, what was proven to be the
//! end of the ledger is among the rows that are followed. If each of them follows from the one before it, from nothing
//! on, the last one's sum is the sum of all.

use super::drift::{Break, Drift, Lost, NamedBy};
use crate::ids::VariantId;
use crate::money::Money;
use crate::store::{LedgerRow, NamedOrder, StockFacts, WalletFacts};
use crate::wallet::WalletId;

impl StockFacts {
    pub(super) fn drift(&self) -> Option<Drift> {
        let sound = self.stock.on_hand == self.last_on_hand.unwrap_or(0) && self.stock.version == self.entries;
        (!sound).then_some(Drift::Stock {
            variant_id: self.stock.variant_id,
            on_hand: self.stock.on_hand,
            last_on_hand: self.last_on_hand,
            version: self.stock.version,
            entries: self.entries,
        })
    }
}

impl WalletFacts {
    pub(super) fn drift(&self) -> Option<Drift> {
        let balance = self.wallet.balance;
        let last = self.last_balance.unwrap_or(Money::zero(self.wallet.id.currency));
        let sound = balance == last && !balance.is_negative() && self.wallet.version == self.entries;
        (!sound).then_some(Drift::Wallet {
            wallet_id: self.wallet.id,
            balance: balance.minor(),
            last_balance: self.last_balance.map(Money::minor),
            version: self.wallet.version,
            entries: self.entries,
        })
    }
}

/// Follows ledgers row by row, one ledger after another.
pub(super) struct Chain<I> {
    /// Whose ledger, and the last row's sequence and what there was after it.
    last: Option<(I, u64, i64)>,
}

impl<I> Default for Chain<I> {
    fn default() -> Self {
        Self { last: None }
    }
}

impl<I: Copy + PartialEq> Chain<I> {
    /// What is wrong with the next row, if anything is. The row after it is held against it as it is, so that one
    /// fault is told once.
    fn follow(&mut self, row: &LedgerRow<I>) -> Option<Break> {
        let same = self.last.filter(|(of, ..)| *of == row.of);
        let (sequence, before) = same.map_or((0, 0), |(_, sequence, after)| (sequence, after));
        self.last = Some((row.of, row.sequence, row.after));
        let expected_after = before.saturating_add(row.moved);
        let sound = row.sequence == sequence + 1 && row.after == expected_after && row.after >= 0;
        (!sound).then_some(Break {
            sequence: row.sequence,
            after: row.after,
            expected_sequence: sequence + 1,
            expected_after,
        })
    }
}

impl Chain<VariantId> {
    pub(super) fn stock(&mut self, row: &LedgerRow<VariantId>) -> impl Iterator<Item = Drift> + use<> {
        let (variant_id, by) = (row.of, NamedBy::StockEntry(row.of, row.sequence));
        let broken = self.follow(row).map(|row| Drift::StockEntry { variant_id, row });
        broken.into_iter().chain(lost(row, Lost::Stock(variant_id), by))
    }
}

impl Chain<WalletId> {
    pub(super) fn wallet(&mut self, row: &LedgerRow<WalletId>) -> impl Iterator<Item = Drift> + use<> {
        let (wallet_id, by) = (row.of, NamedBy::WalletEntry(row.of, row.sequence));
        let broken = self.follow(row).map(|row| Drift::WalletEntry { wallet_id, row });
        broken.into_iter().chain(lost(row, Lost::Wallet(wallet_id), by))
    }
}

/// The records that the row names and that are not there.
fn lost<I>(row: &LedgerRow<I>, owner: Lost, named_by: NamedBy) -> impl Iterator<Item = Drift> + use<I> {
    let owner = (!row.owner_is_there).then_some(owner);
    let order = row.order_id.filter(|_| !row.order_is_there).map(Lost::Order);
    let top_up = row.top_up_id.filter(|_| !row.top_up_is_there).map(Lost::TopUp);
    owner.into_iter().chain(order).chain(top_up).map(move |record| Drift::Lost { record, named_by })
}

impl NamedOrder {
    pub(super) fn drift(&self) -> Option<Drift> {
        let record = Lost::Order(self.order_id);
        (!self.is_there).then_some(Drift::Lost { record, named_by: NamedBy::OrderParts })
    }
}
