//! Top-ups: money from a card into a wallet.

use serde::{Deserialize, Serialize};

use crate::ids::{ChargeId, CustomerId, TopUpId};
use crate::money::Money;
use crate::text::Note;
use crate::time::Timestamp;

/// Where a top-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopUpStatus {
    /// Asked for; the money has not come.
    Pending,
    /// The money came, and the wallet holds it.
    Completed,
    /// The money did not come.
    Failed,
    /// The money did not come in time.
    Expired,
}

impl TopUpStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Completed, Self::Failed, Self::Expired];

    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// A customer's wish to put money from a card into the wallet. It is credited once, when its charge is captured, by a
/// [`WalletEntry`](crate::WalletEntry) that names it; every other status is final without a credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// The top-up's id.
    pub id: TopUpId,
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// How much; the wallet is the one of its currency.
    pub amount: Money,
    /// Where it stands.
    pub status: TopUpStatus,
    /// The charge that is to bring the money.
    pub charge_id: ChargeId,
    /// Why the money did not come, if it did not.
    pub failure_reason: Option<Note>,
    /// Until when the money is waited for.
    pub expires_at: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
