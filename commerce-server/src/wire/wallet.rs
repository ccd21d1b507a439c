//! Wallets on the wire.

use commerce_core::{Note, OrderId, TopUpId, Wallet as CoreWallet, WalletEntry as CoreEntry};

use super::money::{Money, MoneyInput};
use super::scalar::{Instant, Text, WireId};
use super::schema::{choices, request, response};

request! {
    /// Money put into a wallet.
    DepositRequest {
        /// More than zero.
        amount: MoneyInput,
        /// A remark.
        memo: Option<Text<Note>>,
    }

    /// A correction of a wallet.
    WalletAdjustment {
        /// Negative to take; not zero.
        amount: MoneyInput,
        /// Why.
        memo: Text<Note>,
    }
}

choices! {
    /// What kind of movement an entry records.
    WalletEntryKind = Deposit | Payment | Refund | Adjustment;
}

response! {
    /// A customer's balance in one currency.
    Wallet {
        /// What can be spent now, and in what currency.
        balance: Money,
        /// The number of entries behind it.
        version: u64,
    }

    /// A customer's balances.
    Wallets {
        /// One wallet per currency that was ever used, by currency.
        items: Vec<Wallet>,
    }

    /// One movement of a balance; never changed.
    WalletEntry {
        /// The entry's place in the wallet's ledger, from 1.
        sequence: u64,
        /// What kind of movement.
        kind: WalletEntryKind,
        /// Negative when the balance fell.
        amount: Money,
        /// The balance after this entry.
        balance_after: Money,
        /// The order that it belongs to, if one does.
        order_id: Option<WireId<OrderId>>,
        /// The top-up that it credits, if it credits one.
        top_up_id: Option<WireId<TopUpId>>,
        /// Who caused it.
        actor: String,
        /// A remark.
        memo: Option<Text<Note>>,
        /// When.
        created_at: Instant,
    }
}

impl From<&CoreWallet> for Wallet {
    fn from(wallet: &CoreWallet) -> Self {
        Self { balance: Money(wallet.balance), version: wallet.version }
    }
}

impl From<&CoreEntry> for WalletEntry {
    fn from(entry: &CoreEntry) -> Self {
        Self {
            sequence: entry.sequence,
            kind: WalletEntryKind(entry.kind),
            amount: Money(entry.amount),
            balance_after: Money(entry.balance_after),
            order_id: entry.order_id.map(WireId),
            top_up_id: entry.top_up_id.map(WireId),
            actor: entry.actor.to_string(),
            memo: entry.memo.clone().map(Text),
            created_at: Instant(entry.created_at),
        }
    }
}
