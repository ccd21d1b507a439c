//! Imports: all of one in one commit, or nothing of it, whoever races.

use std::collections::BTreeSet;

use super::world::sound;
use super::{World, krw, operator, split};
use crate::catalog::MAX_IMPORT;
use crate::command::{AddVariant, ImportItem, ImportProducts, NewVariant};
use crate::ids::{ProductId, VariantId};
use crate::product_query::ProductQuery;
use crate::rejection::{RefusedItem, Rejection};
use crate::store::PageRequest;
use crate::text::Sku;

const TASKS: usize = 16;

/// The SKU and the stock of every variant there is.
async fn goods(world: &World) -> BTreeSet<(Sku, u64)> {
    let mut goods = BTreeSet::new();
    for product in sound(world.store().products(&ProductQuery::default(), PageRequest::first(100)).await).items {
        let listing = sound(world.store().product(product.id).await).expect("the product");
        goods.extend(listing.variants.iter().map(|listed| (listed.variant.sku.clone(), listed.stock.on_hand)));
    }
    goods
}

fn brought(import: &ImportProducts) -> BTreeSet<(Sku, u64)> {
    let of_variant = |variant: &NewVariant| (variant.sku.clone(), variant.stock);
    import.items.iter().flat_map(|item| item.variants().iter().map(of_variant)).collect()
}

/// Two products, and a variant of another.
fn new_import(world: &World, product_id: ProductId) -> ImportProducts {
    let added = AddVariant { product_id, variant: world.new_variant(4) };
    let [first, second] = [&[1, 2][..], &[3][..]].map(|stocks| ImportItem::Product(world.new_product(1_000, stocks)));
    ImportProducts { items: vec![first, ImportItem::Variant(added), second] }
}

pub(super) async fn an_import_is_stored_whole(world: World) {
    let product_id = world.product(1_000, &[9]).await.product.id;
    let before = goods(&world).await;
    let import = new_import(&world, product_id);
    let imported = world.run(&operator(), import.clone()).await;
    let expected: BTreeSet<_> = before.union(&brought(&import)).cloned().collect();
    assert_eq!(goods(&world).await, expected, "what is for sale after an import");
    for (item, made) in import.items.iter().zip(&imported.items) {
        let listing = sound(world.store().product(made.product_id).await).expect("the product");
        let of = |id: &VariantId| listing.variants.iter().find(|listed| listed.variant.id == *id).expect("a variant");
        let skus: Vec<_> = made.variant_ids.iter().map(|id| of(id).variant.sku.clone()).collect();
        let asked: Vec<_> = item.variants().iter().map(|variant| variant.sku.clone()).collect();
        assert_eq!(skus, asked, "the variants that are told, in the order of the item");
    }

    let mut worse = new_import(&world, product_id);
    let ImportItem::Product(last) = &mut worse.items[2] else { panic!("a product") };
    last.base_price = krw(-1);
    let refused = world.try_run(&operator(), worse).await;
    let item = RefusedItem { item: 2, reason: Rejection::NegativePrice { price: krw(-1) } };
    assert_eq!(refused, Err(Rejection::ImportRefused { refused: vec![item] }), "what a bad import hears");
    assert_eq!(goods(&world).await, expected, "what is for sale after an import that was refused");
}

pub(super) async fn of_racing_imports_one_is_stored(world: World) {
    let product_id = world.product(1_000, &[9]).await.product.id;
    let before = goods(&world).await;
    let sku = world.sku();
    let import = |world: World, n: usize| {
        let mut import = new_import(&world, product_id);
        // Everybody brings it, each in another place.
        match &mut import.items[n % 3] {
            ImportItem::Product(product) => product.variants[0].sku = sku.clone(),
            ImportItem::Variant(added) => added.variant.sku = sku.clone(),
        }
        async move { world.try_run(&operator(), import.clone()).await.map(|_| import) }
    };
    let (won, lost) = split(world.race(TASKS, import).await);
    assert_eq!((won.len(), lost.len()), (1, TASKS - 1), "imports accepted and refused");
    for rejection in lost {
        let Rejection::ImportRefused { refused } = &rejection else { panic!("{rejection:?}") };
        let reasons: Vec<_> = refused.iter().map(|refused| &refused.reason).collect();
        assert_eq!(reasons, [&Rejection::SkuTaken { sku: sku.clone() }], "what a loser heard");
    }
    let expected: BTreeSet<_> = before.union(&brought(&won[0])).cloned().collect();
    assert_eq!(goods(&world).await, expected, "what is for sale after the race");
}

pub(super) async fn items_of_one_import_do_not_collide(world: World) {
    let (product, twice) = (world.new_product(1_000, &[1]), world.sku());
    let with = |sku: &Sku| {
        let variants = vec![NewVariant { sku: sku.clone(), ..world.new_variant(1) }];
        ImportItem::Product(crate::command::CreateProduct { variants, ..product.clone() })
    };
    let items = vec![with(&twice), with(&world.sku()), with(&twice)];
    let refused = vec![RefusedItem { item: 2, reason: Rejection::SkuTaken { sku: twice } }];
    let import = ImportProducts { items };
    let checked = world.commerce().check_import(&operator(), import.clone()).await;
    let checked = checked.map_err(|error| error.rejection().cloned());
    assert_eq!(checked, Err(Some(Rejection::ImportRefused { refused: refused.clone() })), "what a check hears");
    let heard = world.try_run(&operator(), import).await;
    assert_eq!(heard, Err(Rejection::ImportRefused { refused }), "what the import hears");
    let good = new_import(&world, world.product(1_000, &[9]).await.product.id);
    let before = goods(&world).await;
    let checked = world.commerce().check_import(&operator(), good.clone()).await;
    assert!(checked.is_ok(), "a check of what may be imported: {checked:?}");
    assert_eq!(goods(&world).await, before, "what is for sale after a check");
    world.run(&operator(), good.clone()).await;
    let expected: BTreeSet<_> = before.union(&brought(&good)).cloned().collect();
    assert_eq!(goods(&world).await, expected, "what is for sale after the import that was checked");
}

/// Imports that are refused, each with its refusal.
pub(super) fn refused(world: &World) -> Vec<(ImportProducts, Rejection)> {
    let of = |items| ImportProducts { items };
    let mut many = world.new_product(1, &[]);
    many.variants = vec![world.new_variant(0); MAX_IMPORT + 1];
    let too_many = Rejection::TooManyToImport { variants: MAX_IMPORT + 1, max: MAX_IMPORT };
    let negative = Rejection::NegativePrice { price: krw(-1) };
    let one = vec![RefusedItem { item: 0, reason: negative }];
    vec![
        (of(Vec::new()), Rejection::NoLines),
        (of(vec![ImportItem::Product(many)]), too_many),
        (of(vec![ImportItem::Product(world.new_product(-1, &[1]))]), Rejection::ImportRefused { refused: one }),
    ]
}
