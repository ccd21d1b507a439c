//! What is for sale: products and their variants.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{ProductId, VariantId};
use crate::money::{Money, MoneyError};
use crate::price_rules::PriceRules;
use crate::text::{Name, Note, Sku};
use crate::time::Timestamp;

/// Whether a product may be sold. Being out of stock is not a status: it follows from the stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// For sale.
    OnSale,
    /// Not for sale just now.
    Paused,
    /// Not for sale any more.
    Discontinued,
}

impl ProductStatus {
    /// The stable text of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnSale => "on_sale",
            Self::Paused => "paused",
            Self::Discontinued => "discontinued",
        }
    }
}

/// A catalogue entry; what is bought is one of its [`Variant`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The product's id.
    pub id: ProductId,
    /// What customers read.
    pub name: Name,
    /// More to read.
    pub description: Option<Note>,
    /// The price before a variant's addition; never negative.
    pub base_price: Money,
    /// Whether it may be sold.
    pub status: ProductStatus,
    /// Counts changes of this record, from 1; compared by conditional updates.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A sellable form of a product. A product without options has one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The variant's id; its stock goes by the same id.
    pub id: VariantId,
    /// The product it belongs to.
    pub product_id: ProductId,
    /// Unique in the shop.
    pub sku: Sku,
    /// The option in words ("red, M"); none for a product without options.
    pub option_name: Option<Name>,
    /// Added to the product's base price; never negative, and in its currency.
    pub additional_price: Money,
    /// Whether this form may be sold.
    pub active: bool,
    /// What else a unit may cost, by time and quantity; none for most variants, and never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_rules: Option<Arc<PriceRules>>,
    /// Counts changes of this record, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The most variants that one import brings, all products together: it is one commit, which others wait for.
pub const MAX_IMPORT: usize = 10_000;

/// What an import made, in the order of its items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// One for each item.
    pub items: Vec<ImportedItem>,
}

/// What became of one item of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedItem {
    /// The product: a new one, or the one that a variant was added to.
    pub product_id: ProductId,
    /// The new variants, in the order of the item.
    pub variant_ids: Vec<VariantId>,
}

/// What one unit of `variant` costs without price rules: base plus additional price (design, section 4, pricing).
pub fn unit_price(product: &Product, variant: &Variant) -> Result<Money, MoneyError> {
    product.base_price.plus(variant.additional_price)
}
