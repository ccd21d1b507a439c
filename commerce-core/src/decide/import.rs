//! Decisions on imports: many products and variants in one commit, or none.

use std::sync::Arc;

use super::catalog::{Goods, product};
use super::{Case, Decision, FreshIds, Outcome};
use crate::catalog::{Imported, ImportedItem, MAX_IMPORT};
use crate::command::{ImportItem, ImportProducts};
use crate::ids::ProductId;
use crate::records::Records;
use crate::rejection::{RefusedItem, Rejection};

/// Every item is looked at, so that whoever corrects them hears of all at once.
pub(super) fn import<R: Records>(case: &Case<'_, R>, command: &ImportProducts) -> Result<Decision, Rejection> {
    let variants = command.variants();
    if variants == 0 {
        return Err(Rejection::NoLines);
    }
    if variants > MAX_IMPORT {
        return Err(Rejection::TooManyToImport { variants, max: MAX_IMPORT });
    }
    let mut goods = Goods::new(case);
    let (mut items, mut refused) = (Vec::with_capacity(command.items.len()), Vec::new());
    let mut ids = case.ids();
    for (place, item) in command.items.iter().enumerate() {
        // Each item has its own ids, whatever becomes of those before it.
        goods.ids = FreshIds(ids.0);
        for _ in 0..item.ids_needed() {
            ids.take::<ProductId>()?;
        }
        match import_item(&mut goods, item) {
            Ok(imported) => items.push(imported),
            Err(reason) => refused.push(RefusedItem { item: place, reason }),
        }
    }
    if !refused.is_empty() {
        return Err(Rejection::ImportRefused { refused });
    }
    Ok(Decision { changes: goods.changes, outcome: Outcome::Imported(Arc::new(Imported { items })) })
}

fn import_item<'a, R: Records>(goods: &mut Goods<'a, '_, R>, item: &'a ImportItem) -> Result<ImportedItem, Rejection> {
    match item {
        ImportItem::Product(new) => {
            let listing = goods.create(new)?;
            let variant_ids = listing.variants.iter().map(|listed| listed.variant.id).collect();
            Ok(ImportedItem { product_id: listing.product.id, variant_ids })
        }
        ImportItem::Variant(new) => {
            let product = product(goods.case, new.product_id)?;
            let listed = goods.add(product, &new.variant)?;
            Ok(ImportedItem { product_id: product.id, variant_ids: vec![listed.variant.id] })
        }
    }
}
