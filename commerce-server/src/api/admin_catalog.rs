//! Operators: products, variants and stock.

use commerce_core::{
    AddVariant, AdjustStock, CreateProduct, Keys, ProductId, Records, Rejection, UpdateProduct, UpdateVariant,
    VariantId,
};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::products::{self, Asked};
use super::{Answer, Shared, Tag, operator};
use crate::auth::AsOperator;
use crate::extract::{Body, IfMatch, Key, Limit, List};
use crate::problem::Problem;
use crate::reply::{Created, Reply};
use crate::wire::catalog::{
    Listing, NewProduct, NewVariant, Product, ProductChange, ProductSort, ProductStatus, SearchText, StockAdjustment,
    StockEntry, Variant, VariantChange,
};
use crate::wire::money::parse_optional;
use crate::wire::page::Page;
use crate::wire::scalar::{CurrencyCode, WireId};

pub(super) struct AdminCatalogApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::AdminCatalog")]
impl AdminCatalogApi {
    /// Create a product
    ///
    /// With its variants and their first stock.
    #[oai(path = "/products", method = "post", operation_id = "create_product")]
    async fn create_product(
        &self,
        staff: AsOperator,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<NewProduct>,
    ) -> Answer<Created<Listing>> {
        let NewProduct { name, description, base_price, status, variants } = body.0;
        let base_price = base_price.parse()?;
        let variant = |variant: &NewVariant| variant.to_core(base_price.currency());
        let command = CreateProduct {
            name: name.0,
            description: description.map(|description| description.0),
            base_price,
            status: status.0,
            variants: variants.iter().map(variant).collect::<Result<_, Rejection>>()?,
        };
        let receipt = self.0.commerce()?.create_product(operator(staff.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.product.version))
    }

    /// All products
    ///
    /// On sale or not; searched, filtered and sorted.
    #[oai(path = "/products", method = "get", operation_id = "list_all_products")]
    #[expect(clippy::too_many_arguments, reason = "one a parameter of the query")]
    async fn products(
        &self,
        _staff: AsOperator,
        /// Only products of this status.
        status: Query<Option<ProductStatus>>,
        /// Only names with a word that begins with each of these words, in any order; capitals do not matter.
        search: Query<Option<SearchText>>,
        /// Only prices in this currency.
        currency: Query<Option<CurrencyCode>>,
        /// The least base price, in major units of `currency`.
        min_price: Query<Option<String>>,
        /// The greatest base price, in major units of `currency`.
        max_price: Query<Option<String>>,
        /// Only what has an active variant in stock, or only what has none.
        available: Query<Option<bool>>,
        /// The order: newest if not said. Prices are base prices, by currency first.
        sort: Query<Option<ProductSort>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<Product>>> {
        let asked = Asked {
            status: status.0.map(|status| status.0),
            search: search.0,
            currency: currency.0,
            min_price: min_price.0,
            max_price: max_price.0,
            available: available.0,
            sort: sort.0,
        };
        Ok(Reply::new(products::page(self.0.app()?, "all products", asked, (limit.0, cursor.0)).await?))
    }

    /// Change a product
    ///
    /// Its name, base price or status; orders already placed keep what they were sold at.
    #[oai(path = "/products/:product_id", method = "patch", operation_id = "update_product")]
    async fn update_product(
        &self,
        staff: AsOperator,
        /// Which product.
        product_id: Path<WireId<ProductId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// The ETag that was read: refuses the change if the product has changed since.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: Body<ProductChange>,
    ) -> Answer<Reply<Product>> {
        let command = UpdateProduct {
            product_id: product_id.0.0,
            expected_version: if_match.0,
            base_price: parse_optional(body.0.base_price.as_ref())?,
            name: body.0.name.map(|name| name.0),
            status: body.0.status.map(|status| status.0),
        };
        let receipt = self.0.commerce()?.update_product(operator(staff.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.version))
    }

    /// Add a variant
    ///
    /// To a product that there is.
    #[oai(path = "/products/:product_id/variants", method = "post", operation_id = "add_variant")]
    async fn add_variant(
        &self,
        staff: AsOperator,
        /// Which product.
        product_id: Path<WireId<ProductId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<NewVariant>,
    ) -> Answer<Created<Variant>> {
        let commerce = self.0.commerce()?;
        let product = product_id.0.0;
        // An absent price is zero in the product's currency, which never changes: reading it beforehand is safe.
        let listing = commerce.store().product(product).await?;
        let listing = listing.ok_or_else(|| Problem::from(Rejection::ProductNotFound { product }))?;
        let variant = body.0.to_core(listing.product.base_price.currency())?;
        let command = AddVariant { product_id: product, variant };
        let receipt = commerce.add_variant(operator(staff.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.variant.version))
    }

    /// Change a variant
    ///
    /// Its additional price, whether it may be sold, or its price rules, all of them at once.
    #[oai(path = "/variants/:variant_id", method = "patch", operation_id = "update_variant")]
    async fn update_variant(
        &self,
        staff: AsOperator,
        /// Which variant.
        variant_id: Path<WireId<VariantId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// The ETag that was read: refuses the change if the variant has changed since.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: Body<VariantChange>,
    ) -> Answer<Reply<Variant>> {
        let command = UpdateVariant {
            variant_id: variant_id.0.0,
            expected_version: if_match.0,
            additional_price: parse_optional(body.0.additional_price.as_ref())?,
            active: body.0.active,
            price_rules: body.0.price_rules.as_ref().map(|rules| rules.to_core()).transpose()?,
        };
        let receipt = self.0.commerce()?.update_variant(operator(staff.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.variant.version))
    }

    /// Adjust stock
    ///
    /// Books what was counted, received or written off.
    #[oai(path = "/variants/:variant_id/stock", method = "post", operation_id = "adjust_stock")]
    async fn adjust_stock(
        &self,
        staff: AsOperator,
        /// Which variant.
        variant_id: Path<WireId<VariantId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<StockAdjustment>,
    ) -> Answer<Created<StockEntry>> {
        let note = body.0.note.map(|note| note.0);
        let command = AdjustStock { variant_id: variant_id.0.0, delta: body.0.delta, note };
        Ok(Reply::of(&self.0.commerce()?.adjust_stock(operator(staff.0, key), command).await?))
    }

    /// A variant's stock ledger, latest first
    ///
    /// Every movement: orders, cancellations, adjustments.
    #[oai(path = "/variants/:variant_id/stock", method = "get", operation_id = "list_stock_entries")]
    async fn stock_entries(
        &self,
        _staff: AsOperator,
        /// Which variant.
        variant_id: Path<WireId<VariantId>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<StockEntry>>> {
        let variant = variant_id.0.0;
        let list = List::new(self.0.app()?, format!("stock {variant}"));
        let request = list.request(limit.0, cursor.0.as_deref())?;
        let keys = Keys { variants: [variant].into(), ..Keys::default() };
        if list.store().load(&keys).await?.variant(variant).is_none() {
            return Err(Rejection::VariantNotFound { variant }.into());
        }
        let page = list.store().stock_entries(variant, request).await?;
        Ok(Reply::new(list.page(page, |entry| StockEntry::from(&entry))))
    }
}
