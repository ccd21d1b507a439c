//! Wallets and the ledger behind them.

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, OrderId, TopUpId};
use crate::money::{Currency, Money, MoneyError};
use crate::principal::Principal;
use crate::text::Note;
use crate::time::Timestamp;

/// Names a wallet: one per customer and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WalletId {
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// In what currency.
    pub currency: Currency,
}

/// A customer's balance. Always the sum of its [`WalletEntry`] rows, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Which wallet.
    pub id: WalletId,
    /// What can be spent now.
    pub balance: Money,
    /// The sequence of the last entry; 0 for a wallet that was never used.
    pub version: u64,
}

/// What kind of movement an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletEntryKind {
    /// Money put in.
    Deposit,
    /// An order paid.
    Payment,
    /// An order's money given back.
    Refund,
    /// A correction by an operator, either way.
    Adjustment,
}

impl WalletEntryKind {
    /// The stable text of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Adjustment => "adjustment",
        }
    }
}

/// One movement of a balance. Appended, never changed; `(wallet_id, sequence)` is unique, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletEntry {
    /// Whose balance moved.
    pub wallet_id: WalletId,
    /// The entry's place in the wallet's ledger, from 1.
    pub sequence: u64,
    /// What kind of movement.
    pub kind: WalletEntryKind,
    /// Negative when the balance fell.
    pub amount: Money,
    /// The balance after this entry.
    pub balance_after: Money,
    /// The order that it belongs to, if one does.
    pub order_id: Option<OrderId>,
    /// The top-up that it credits, if it credits one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_up_id: Option<TopUpId>,
    /// Who caused it.
    pub actor: Principal,
    /// A remark.
    pub memo: Option<Note>,
    /// When.
    pub created_at: Timestamp,
}

/// A movement to be made, before it is known what it leads to.
#[derive(Debug, Clone)]
pub(crate) struct WalletMove {
    pub(crate) kind: WalletEntryKind,
    pub(crate) amount: Money,
    pub(crate) order_id: Option<OrderId>,
    pub(crate) top_up_id: Option<TopUpId>,
    pub(crate) actor: Principal,
    pub(crate) memo: Option<Note>,
    pub(crate) created_at: Timestamp,
}

impl Wallet {
    /// A wallet without entries.
    #[must_use]
    pub const fn empty(id: WalletId) -> Self {
        Self { id, balance: Money::zero(id.currency), version: 0 }
    }

    /// The wallet after a movement, and its entry. The balance may come out negative: whoever moves money
    /// out asks [`Money::covers`] first.
    pub(crate) fn moved(self, by: WalletMove) -> Result<(Self, WalletEntry), MoneyError> {
        let balance = self.balance.plus(by.amount)?;
        let next = Self { balance, version: self.version + 1, ..self };
        let entry = WalletEntry {
            wallet_id: self.id,
            sequence: next.version,
            kind: by.kind,
            amount: by.amount,
            balance_after: balance,
            order_id: by.order_id,
            top_up_id: by.top_up_id,
            actor: by.actor,
            memo: by.memo,
            created_at: by.created_at,
        };
        Ok((next, entry))
    }
}
