//! Carts.

use serde::{Deserialize, Serialize};

use super::basket::{LineRequest, Quantity};
use crate::ids::{CustomerId, VariantId};

/// Puts units of a variant into the customer's cart: more of it, if it is there already. The variant must be for sale
/// now; whether there is enough of it shows when the cart is [read](crate::CartView).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddCartItem {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What.
    pub variant_id: VariantId,
    /// How many more; the sum is at most [`MAX_QUANTITY`](crate::MAX_QUANTITY).
    pub quantity: Quantity,
}

/// Sets how many units of a variant are in the customer's cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCartItem {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What; it must be there.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Quantity,
    /// The version of the cart that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Takes a variant out of the customer's cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveCartItem {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// What; it must be there.
    pub variant_id: VariantId,
    /// The version of the cart that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Takes everything out of the customer's cart. An empty cart stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearCart {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// The version of the cart that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
}

/// Puts the lines that somebody collected before signing in into the customer's cart, one after another as
/// [`AddCartItem`] does. A line that is refused is left out and [reported](crate::MergedCart); the others are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeCart {
    /// Whose cart.
    pub customer_id: CustomerId,
    /// One to [`MAX_LINES`](crate::MAX_LINES) lines.
    pub lines: Vec<LineRequest>,
}
