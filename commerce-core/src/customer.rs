//! Customers.

use serde::{Deserialize, Serialize};

use crate::ids::CustomerId;
use crate::text::{Name, Username};
use crate::time::Timestamp;

/// Somebody who buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The customer's id, the subject of the customer's tokens.
    pub id: CustomerId,
    /// Unique in the shop.
    pub username: Username,
    /// What to call them.
    pub name: Name,
    /// When they were registered.
    pub created_at: Timestamp,
}
