//! Stock and the ledger behind it.

use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, VariantId};
use crate::principal::Principal;
use crate::text::Note;
use crate::time::Timestamp;

/// The most units of one order line, and the most copies of a coupon (design, section 4, bounds).
pub const MAX_QUANTITY: u32 = 1_000_000;

/// The most units that an operator may bring a stock to. What an order gives back is taken in any case.
pub const MAX_STOCK: u64 = 1_000_000_000;

/// How many units of a variant are on hand. Always the sum of its [`StockEntry`] rows, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Whose stock.
    pub variant_id: VariantId,
    /// Units that can be sold now.
    pub on_hand: u64,
    /// The sequence of the last ledger entry; 0 before the first.
    pub version: u64,
}

/// Why stock moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockReason {
    /// An order took it.
    Order,
    /// A cancelled or expired order gave it back.
    Cancel,
    /// A refund with restock gave it back.
    Refund,
    /// An operator counted, received or wrote off.
    Adjust,
}

impl StockReason {
    /// The stable text of the reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::Adjust => "adjust",
        }
    }
}

/// One movement of stock. Appended, never changed; `(variant_id, sequence)` is unique, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockEntry {
    /// Whose stock moved.
    pub variant_id: VariantId,
    /// The entry's place in the variant's ledger, from 1.
    pub sequence: u64,
    /// Units: negative when stock fell.
    pub delta: i64,
    /// Units on hand after this entry.
    pub on_hand_after: u64,
    /// Why.
    pub reason: StockReason,
    /// The order that moved it, if one did.
    pub order_id: Option<OrderId>,
    /// Who caused it.
    pub actor: Principal,
    /// An operator's remark.
    pub note: Option<Note>,
    /// When.
    pub created_at: Timestamp,
}

/// A movement to be made, before it is known what it leads to.
#[derive(Debug, Clone)]
pub(crate) struct StockMove {
    pub(crate) delta: i64,
    pub(crate) reason: StockReason,
    pub(crate) order_id: Option<OrderId>,
    pub(crate) actor: Principal,
    pub(crate) note: Option<Note>,
    pub(crate) created_at: Timestamp,
}

impl Stock {
    /// No stock yet.
    #[must_use]
    pub const fn empty(variant_id: VariantId) -> Self {
        Self { variant_id, on_hand: 0, version: 0 }
    }

    /// The stock after a movement, and its ledger entry; `None` if it would fall below zero.
    pub(crate) fn moved(self, by: StockMove) -> Option<(Self, StockEntry)> {
        let on_hand = self.on_hand.checked_add_signed(by.delta)?;
        let next = Self { on_hand, version: self.version + 1, ..self };
        let entry = StockEntry {
            variant_id: self.variant_id,
            sequence: next.version,
            delta: by.delta,
            on_hand_after: on_hand,
            reason: by.reason,
            order_id: by.order_id,
            actor: by.actor,
            note: by.note,
            created_at: by.created_at,
        };
        Some((next, entry))
    }
}
