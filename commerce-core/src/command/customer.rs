//! Customers and their wallets.

use serde::{Deserialize, Serialize};

use crate::ids::CustomerId;
use crate::money::Money;
use crate::text::{Name, Note, Username};

/// Registers a customer. Operators register anyone under a fresh id; a customer registers only itself,
/// under the id that its token names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterCustomer {
    /// The id to register; none takes a fresh one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Unique in the shop.
    pub username: Username,
    /// What to call them.
    pub name: Name,
}

/// Puts money into a customer's wallet of the amount's currency. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// More than zero.
    pub amount: Money,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Note>,
}

/// Corrects a customer's wallet, up or down, never below zero. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustWallet {
    /// Whose wallet.
    pub customer_id: CustomerId,
    /// Not zero.
    pub amount: Money,
    /// Why; a correction without a reason helps nobody later.
    pub memo: Note,
}
