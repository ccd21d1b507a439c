//! Products, variants and their stock on the wire.

use std::borrow::Cow;

use commerce_core::{
    Currency, ListedVariant, Listing as CoreListing, Name, NameSearch, NewVariant as CoreNewVariant, Note, OrderId,
    Product as CoreProduct, ProductId, Rejection, Sku, StockEntry as CoreStockEntry, Timestamp, VariantId, price_of,
};

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

use super::money::{Money, MoneyInput};
use super::price_rules::{NewPriceRules, PriceRules};
use super::scalar::{Instant, Text, WireId};
use super::schema::{choices, plain_type, request, response};

choices! {
    /// Whether a product may be sold. Being out of stock is not a status: it follows from the stock.
    ProductStatus = OnSale | Paused | Discontinued;
    /// The order of a list of products.
    ProductSort = Newest | Name | PriceUp | PriceDown;
    /// Why stock moved.
    StockReason = Order | Cancel | Refund | Adjust;
}

/// What names of products are searched for.
#[derive(Debug, Clone)]
pub struct SearchText(pub NameSearch);

impl Type for SearchText {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "SearchText".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(NameSearch::MAX_LENGTH),
            ..MetaSchema::new("string")
        }))
    }
}

impl ParseFromParameter for SearchText {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        NameSearch::new(text).map(Self).map_err(ParseError::custom)
    }
}

request! {
    /// A variant to be created.
    NewVariant {
        /// Unique in the shop: capital letters, digits, - and _.
        sku: Text<Sku>,
        /// The option in words ("red, M").
        option_name: Option<Text<Name>>,
        /// Added to the product's base price; zero if absent.
        additional_price: Option<MoneyInput>,
        /// Units on hand from the start; none if absent.
        stock: Option<u64>,
    }

    /// A product to be created.
    NewProduct {
        /// What customers read.
        name: Text<Name>,
        /// More to read.
        description: Option<Text<Note>>,
        /// The price before a variant's addition.
        base_price: MoneyInput,
        /// Whether it may be sold at once.
        status: ProductStatus,
        /// One to a hundred variants; a product without options has one.
        variants: Vec<NewVariant>,
    }

    /// What to change of a product; what is absent stays.
    ProductChange {
        /// A new name.
        name: Option<Text<Name>>,
        /// A new base price, in the same currency.
        base_price: Option<MoneyInput>,
        /// A new status.
        status: Option<ProductStatus>,
    }

    /// What to change of a variant; what is absent stays.
    VariantChange {
        /// A new additional price, in the same currency.
        additional_price: Option<MoneyInput>,
        /// Switches it on or off.
        active: Option<bool>,
        /// All of its price rules from now on.
        price_rules: Option<NewPriceRules>,
    }

    /// A movement of stock by hand.
    StockAdjustment {
        /// Units to add, or to take if negative; not zero.
        delta: i64,
        /// Why.
        note: Option<Text<Note>>,
    }
}

response! {
    /// A catalogue entry.
    Product {
        /// The product's id.
        id: WireId<ProductId>,
        /// What customers read.
        name: Text<Name>,
        /// More to read.
        description: Option<Text<Note>>,
        /// The price before a variant's addition.
        base_price: Money,
        /// Whether it may be sold.
        status: ProductStatus,
        /// Counts changes, from 1; the ETag, and what If-Match compares.
        version: u64,
        /// When it was created.
        created_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// A sellable form of a product.
    Variant {
        /// The variant's id: what an order line names.
        id: WireId<VariantId>,
        /// The product it belongs to.
        product_id: WireId<ProductId>,
        /// Unique in the shop.
        sku: Text<Sku>,
        /// The option in words.
        option_name: Option<Text<Name>>,
        /// Added to the product's base price.
        additional_price: Money,
        /// Whether this form may be sold.
        active: bool,
        /// Units that can be sold now.
        stock: u64,
        /// What else a unit may cost, by time and quantity.
        price_rules: Option<PriceRules>,
        /// Counts changes of the variant, its stock aside, from 1; the ETag, and what If-Match compares.
        version: u64,
        /// When it was created.
        created_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// A variant as customers see it, with what a unit costs.
    OfferedVariant {
        /// The variant's id: what an order line names.
        id: WireId<VariantId>,
        /// Unique in the shop.
        sku: Text<Sku>,
        /// The option in words.
        option_name: Option<Text<Name>>,
        /// What one unit costs now, if it is the only one: base plus additional price, or the scheduled price in force.
        unit_price: Money,
        /// Added to the product's base price.
        additional_price: Money,
        /// Whether this form may be sold.
        active: bool,
        /// Units that can be sold now.
        stock: u64,
        /// What a unit may cost at other times and in other quantities.
        price_rules: Option<PriceRules>,
        /// Counts changes of the variant, its stock aside, from 1.
        version: u64,
    }

    /// A product with its variants.
    Listing {
        /// The product.
        product: Product,
        /// Its variants, oldest first.
        variants: Vec<OfferedVariant>,
        /// How often the product was read, counted with a little delay; no part of its version.
        views: u64,
    }

    /// One movement of stock; never changed.
    StockEntry {
        /// Whose stock moved.
        variant_id: WireId<VariantId>,
        /// The entry's place in the variant's ledger, from 1.
        sequence: u64,
        /// Units: negative when stock fell.
        delta: i64,
        /// Units on hand after this entry.
        on_hand_after: u64,
        /// Why.
        reason: StockReason,
        /// The order that moved it, if one did.
        order_id: Option<WireId<OrderId>>,
        /// Who caused it.
        actor: String,
        /// An operator's remark.
        note: Option<Text<Note>>,
        /// When.
        created_at: Instant,
    }
}

impl NewVariant {
    /// The core's form; an absent additional price is zero in `currency`.
    pub fn to_core(&self, currency: Currency) -> Result<CoreNewVariant, Rejection> {
        let additional_price = match &self.additional_price {
            Some(price) => price.parse()?,
            None => commerce_core::Money::zero(currency),
        };
        Ok(CoreNewVariant {
            sku: self.sku.0.clone(),
            option_name: self.option_name.clone().map(|name| name.0),
            additional_price,
            stock: self.stock.unwrap_or(0),
        })
    }
}

impl From<&CoreProduct> for Product {
    fn from(product: &CoreProduct) -> Self {
        Self {
            id: WireId(product.id),
            name: Text(product.name.clone()),
            description: product.description.clone().map(Text),
            base_price: Money(product.base_price),
            status: ProductStatus(product.status),
            version: product.version,
            created_at: Instant(product.created_at),
            updated_at: Instant(product.updated_at),
        }
    }
}

impl From<&ListedVariant> for Variant {
    fn from(listed: &ListedVariant) -> Self {
        let variant = &listed.variant;
        Self {
            id: WireId(variant.id),
            product_id: WireId(variant.product_id),
            sku: Text(variant.sku.clone()),
            option_name: variant.option_name.clone().map(Text),
            additional_price: Money(variant.additional_price),
            active: variant.active,
            stock: listed.stock.on_hand,
            price_rules: variant.price_rules.as_deref().map(PriceRules::from),
            version: variant.version,
            created_at: Instant(variant.created_at),
            updated_at: Instant(variant.updated_at),
        }
    }
}

impl OfferedVariant {
    fn at(product: &CoreProduct, listed: &ListedVariant, now: Timestamp) -> Self {
        let variant = &listed.variant;
        let price = price_of(product, variant, || 1, now).map(|(price, _)| price);
        Self {
            id: WireId(variant.id),
            sku: Text(variant.sku.clone()),
            option_name: variant.option_name.clone().map(Text),
            // A variant whose sum is out of bounds is never created.
            unit_price: Money(price.unwrap_or(product.base_price)),
            additional_price: Money(variant.additional_price),
            active: variant.active,
            stock: listed.stock.on_hand,
            price_rules: variant.price_rules.as_deref().map(PriceRules::from),
            version: variant.version,
        }
    }
}

impl Listing {
    /// The product as it is offered at `now`.
    pub fn at(listing: &CoreListing, now: Timestamp) -> Self {
        let offered = |listed| OfferedVariant::at(&listing.product, listed, now);
        Self {
            product: Product::from(&*listing.product),
            variants: listing.variants.iter().map(offered).collect(),
            views: listing.views,
        }
    }
}

/// As it was created: without price rules, so that it costs the same at any time.
impl From<&CoreListing> for Listing {
    fn from(listing: &CoreListing) -> Self {
        Self::at(listing, listing.product.created_at)
    }
}

impl From<&CoreStockEntry> for StockEntry {
    fn from(entry: &CoreStockEntry) -> Self {
        Self {
            variant_id: WireId(entry.variant_id),
            sequence: entry.sequence,
            delta: entry.delta,
            on_hand_after: entry.on_hand_after,
            reason: StockReason(entry.reason),
            order_id: entry.order_id.map(WireId),
            actor: entry.actor.to_string(),
            note: entry.note.clone().map(Text),
            created_at: Instant(entry.created_at),
        }
    }
}
