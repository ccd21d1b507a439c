//! Decisions on products, variants and their stock.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Case, Decision, FreshIds, ListedVariant, Listing, Outcome, check_version};
use crate::catalog::{Product, Variant, unit_price};
use crate::command::{AddVariant, AdjustStock, CreateProduct, NewVariant, UpdateProduct, UpdateVariant};
use crate::ids::{ProductId, VariantId};
use crate::inventory::{MAX_STOCK, Stock, StockEntry, StockMove, StockReason};
use crate::money::{Money, MoneyError};
use crate::order::MAX_LINES;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::text::{Note, Sku};

pub(super) fn create_product<R: Records>(case: &Case<'_, R>, command: &CreateProduct) -> Result<Decision, Rejection> {
    let mut goods = Goods::new(case);
    let listing = goods.create(command)?;
    Ok(Decision { changes: goods.changes, outcome: Outcome::Listing(Arc::new(listing)) })
}

pub(super) fn add_variant<R: Records>(case: &Case<'_, R>, command: &AddVariant) -> Result<Decision, Rejection> {
    let mut goods = Goods::new(case);
    let listed = goods.add(product(case, command.product_id)?, &command.variant)?;
    Ok(Decision { changes: goods.changes, outcome: Outcome::Variant(Arc::new(listed)) })
}

/// Goods on their way into the catalogue with one command.
pub(super) struct Goods<'a, 'c, R> {
    pub(super) case: &'a Case<'c, R>,
    pub(super) ids: FreshIds,
    /// Those of the command so far.
    skus: BTreeSet<&'a Sku>,
    pub(super) changes: Changes,
}

impl<'a, 'c, R: Records> Goods<'a, 'c, R> {
    pub(super) fn new(case: &'a Case<'c, R>) -> Self {
        Self { case, ids: case.ids(), skus: BTreeSet::new(), changes: Changes::default() }
    }

    /// A new product with its variants.
    pub(super) fn create(&mut self, new: &'a CreateProduct) -> Result<Listing, Rejection> {
        check_price(new.base_price)?;
        if new.variants.is_empty() {
            return Err(Rejection::NoLines);
        }
        if new.variants.len() > MAX_LINES {
            return Err(Rejection::TooManyLines { lines: new.variants.len(), max: MAX_LINES });
        }
        let case = self.case;
        let product = Arc::new(Product {
            id: self.ids.unused(|id| case.records.product(id).is_some())?,
            name: new.name.clone(),
            description: new.description.clone(),
            base_price: new.base_price,
            status: new.status,
            version: 1,
            created_at: case.now(),
            updated_at: case.now(),
        });
        self.changes.products.push(Arc::clone(&product));
        let variants = new.variants.iter().map(|variant| self.add(&product, variant)).collect::<Result<_, _>>()?;
        Ok(Listing { product, variants, views: 0 })
    }

    /// A new variant of `product` with its first stock.
    pub(super) fn add(&mut self, product: &Product, new: &'a NewVariant) -> Result<ListedVariant, Rejection> {
        let case = self.case;
        if !self.skus.insert(&new.sku) || case.records.variant_with_sku(&new.sku).is_some() {
            return Err(Rejection::SkuTaken { sku: new.sku.clone() });
        }
        let variant = Arc::new(Variant {
            id: self.ids.unused(|id| case.records.variant(id).is_some())?,
            product_id: product.id,
            sku: new.sku.clone(),
            option_name: new.option_name.clone(),
            additional_price: new.additional_price,
            active: true,
            price_rules: None,
            version: 1,
            created_at: case.now(),
            updated_at: case.now(),
        });
        check_prices(product, &variant)?;
        let (stock, entry) = stock_at_first(case, &variant, new.stock)?;
        self.changes.variants.push(Arc::clone(&variant));
        self.changes.stocks.push(stock);
        self.changes.stock_entries.extend(entry);
        Ok(ListedVariant { variant, stock })
    }
}

/// The stock a variant starts with; none at all is no movement.
fn stock_at_first<R: Records>(
    case: &Case<'_, R>,
    variant: &Variant,
    units: u64,
) -> Result<(Stock, Option<StockEntry>), Rejection> {
    if units == 0 {
        return Ok((Stock::empty(variant.id), None));
    }
    let delta = i64::try_from(units).unwrap_or(i64::MAX);
    let (stock, entry) = adjusted(case, Stock::empty(variant.id), delta, None)?;
    Ok((stock, Some(entry)))
}

pub(super) fn update_product<R: Records>(case: &Case<'_, R>, command: &UpdateProduct) -> Result<Decision, Rejection> {
    if command.name.is_none() && command.base_price.is_none() && command.status.is_none() {
        return Err(Rejection::NothingToChange);
    }
    let product = product(case, command.product_id)?;
    check_version(command.expected_version, product.version)?;
    let base_price = command.base_price.unwrap_or(product.base_price);
    check_price(base_price)?;
    if base_price.currency() != product.base_price.currency() {
        let (expected, found) = (product.base_price.currency(), base_price.currency());
        return Err(MoneyError::CurrencyMismatch { expected, found }.into());
    }
    // After this point it must succeed.
    let changed = Arc::new(Product {
        name: command.name.clone().unwrap_or_else(|| product.name.clone()),
        base_price,
        status: command.status.unwrap_or(product.status),
        version: product.version + 1,
        updated_at: case.now(),
        ..product.clone()
    });
    let changes = Changes { products: vec![Arc::clone(&changed)], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::Product(changed) })
}

pub(super) fn update_variant<R: Records>(case: &Case<'_, R>, command: &UpdateVariant) -> Result<Decision, Rejection> {
    if command.additional_price.is_none() && command.active.is_none() && command.price_rules.is_none() {
        return Err(Rejection::NothingToChange);
    }
    let variant = variant(case, command.variant_id)?;
    check_version(command.expected_version, variant.version)?;
    let changed = Arc::new(Variant {
        additional_price: command.additional_price.unwrap_or(variant.additional_price),
        active: command.active.unwrap_or(variant.active),
        price_rules: match &command.price_rules {
            Some(rules) => (!rules.is_empty()).then(|| Arc::new(rules.clone())),
            None => variant.price_rules.clone(),
        },
        version: variant.version + 1,
        updated_at: case.now(),
        ..variant.clone()
    });
    let product = product(case, variant.product_id)?;
    check_prices(product, &changed)?;
    changed.price_rules.as_ref().map_or(Ok(()), |rules| rules.check(product.base_price.currency()))?;
    // After this point it must succeed.
    let stock = case.records.stock(variant.id).unwrap_or(Stock::empty(variant.id));
    let changes = Changes { variants: vec![Arc::clone(&changed)], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::Variant(Arc::new(ListedVariant { variant: changed, stock })) })
}

pub(super) fn adjust_stock<R: Records>(case: &Case<'_, R>, command: &AdjustStock) -> Result<Decision, Rejection> {
    if command.delta == 0 {
        return Err(Rejection::NothingToChange);
    }
    let variant = variant(case, command.variant_id)?;
    let stock = case.records.stock(variant.id).unwrap_or(Stock::empty(variant.id));
    let (stock, entry) = adjusted(case, stock, command.delta, command.note.clone())?;
    let changes = Changes { stocks: vec![stock], stock_entries: vec![entry.clone()], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::StockEntry(Arc::new(entry)) })
}

fn adjusted<R: Records>(
    case: &Case<'_, R>,
    stock: Stock,
    delta: i64,
    note: Option<Note>,
) -> Result<(Stock, StockEntry), Rejection> {
    let refused =
        Rejection::StockOutOfRange { variant: stock.variant_id, on_hand: stock.on_hand, delta, max: MAX_STOCK };
    let by = StockMove {
        delta,
        reason: StockReason::Adjust,
        order_id: None,
        actor: case.principal.clone(),
        note,
        created_at: case.now(),
    };
    stock.moved(by).filter(|(stock, _)| stock.on_hand <= MAX_STOCK).ok_or(refused)
}

pub(super) fn product<'a, R: Records>(case: &Case<'a, R>, product: ProductId) -> Result<&'a Product, Rejection> {
    case.records.product(product).ok_or(Rejection::ProductNotFound { product })
}

fn variant<'a, R: Records>(case: &Case<'a, R>, variant: VariantId) -> Result<&'a Variant, Rejection> {
    case.records.variant(variant).ok_or(Rejection::VariantNotFound { variant })
}

fn check_price(price: Money) -> Result<(), Rejection> {
    if price.is_negative() { Err(Rejection::NegativePrice { price }) } else { Ok(()) }
}

/// A variant's addition is not negative and in the product's currency, and the sum is within the bound.
fn check_prices(product: &Product, variant: &Variant) -> Result<(), Rejection> {
    check_price(variant.additional_price)?;
    unit_price(product, variant)?;
    Ok(())
}
