//! Who asks: the party a command runs for, already authenticated by the caller.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::CustomerId;
use crate::text::OperatorName;

/// The authenticated party behind a command. What it may do is decided in
/// [`decide`](crate::decide::decide); idempotency keys are scoped by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// A customer: only what is theirs exists for them.
    Customer(CustomerId),
    /// A member of staff.
    Operator(OperatorName),
    /// The shop itself: schedulers, sweeps, payment callbacks.
    System,
}

impl Principal {
    /// Whether records of `owner` are visible to this principal.
    #[must_use]
    pub fn sees(&self, owner: CustomerId) -> bool {
        match self {
            Self::Customer(customer) => *customer == owner,
            Self::Operator(_) | Self::System => true,
        }
    }

    /// Whether this is staff or the shop itself.
    #[must_use]
    pub const fn is_staff(&self) -> bool {
        !matches!(self, Self::Customer(_))
    }
}

/// `customer:42`, `operator:mina`, `system`: a stable text for logs and storage.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(customer) => write!(f, "customer:{customer}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::System => f.write_str("system"),
        }
    }
}
