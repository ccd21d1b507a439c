//! Products, variants and stock.

use serde::{Deserialize, Serialize};

use crate::catalog::ProductStatus;
use crate::ids::{ProductId, VariantId};
use crate::money::Money;
use crate::price_rules::PriceRules;
use crate::text::{Name, Note, Sku};

/// A variant to be created with its product, or added to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVariant {
    /// Unique in the shop.
    pub sku: Sku,
    /// The option in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_name: Option<Name>,
    /// Added to the base price; not negative, in the base price's currency.
    pub additional_price: Money,
    /// Units on hand from the start, booked as an adjustment; at most [`MAX_STOCK`](crate::MAX_STOCK).
    pub stock: u64,
}

/// Creates a product with its variants. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateProduct {
    /// What customers read.
    pub name: Name,
    /// More to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Note>,
    /// The price before a variant's addition.
    pub base_price: Money,
    /// Whether it may be sold at once.
    pub status: ProductStatus,
    /// One to [`MAX_LINES`](crate::MAX_LINES) variants.
    pub variants: Vec<NewVariant>,
}

/// Changes what is given of a product. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateProduct {
    /// Which product.
    pub product_id: ProductId,
    /// The version that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// A new base price, in the same currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_price: Option<Money>,
    /// A new status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProductStatus>,
}

/// Adds a variant to a product. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddVariant {
    /// Which product.
    pub product_id: ProductId,
    /// The variant.
    pub variant: NewVariant,
}

/// Something to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportItem {
    /// A product with its variants.
    Product(CreateProduct),
    /// One more variant of a product that there is.
    Variant(AddVariant),
}

impl ImportItem {
    /// The variants that it brings.
    #[must_use]
    pub fn variants(&self) -> &[NewVariant] {
        match self {
            Self::Product(product) => &product.variants,
            Self::Variant(added) => std::slice::from_ref(&added.variant),
        }
    }

    /// Fresh ids: one a variant, and one for a new product.
    pub(crate) fn ids_needed(&self) -> u32 {
        let product = u32::from(matches!(self, Self::Product(_)));
        u32::try_from(self.variants().len()).unwrap_or(u32::MAX).saturating_add(product)
    }
}

/// Creates products and adds variants, all in one commit or none of them. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProducts {
    /// One or more, with at most [`MAX_IMPORT`](crate::MAX_IMPORT) variants together. A SKU belongs to the first item that
    /// names it.
    pub items: Vec<ImportItem>,
}

impl ImportProducts {
    /// How many variants all items bring.
    #[must_use]
    pub fn variants(&self) -> usize {
        self.items.iter().map(|item| item.variants().len()).sum()
    }
}

/// Changes what is given of a variant. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateVariant {
    /// Which variant.
    pub variant_id: VariantId,
    /// The version that the caller read; none overwrites whatever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// A new additional price, in the same currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_price: Option<Money>,
    /// Switches it on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// All of its price rules from now on; empty takes them away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_rules: Option<PriceRules>,
}

/// Books a movement of stock by hand. Operators only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustStock {
    /// Which variant.
    pub variant_id: VariantId,
    /// Units to add, or to take if negative; not zero; the stock stays within 0 to
    /// [`MAX_STOCK`](crate::MAX_STOCK).
    pub delta: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}
