//! Lists of products: what is asked for, in the order that is asked for, page by page.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::world::sound;
use super::{World, krw, operator};
use crate::catalog::{Product, ProductStatus};
use crate::command::{CreateProduct, NewVariant, UpdateProduct, UpdateVariant};
use crate::decide::Listing;
use crate::ids::ProductId;
use crate::money::{Currency, Money};
use crate::product_query::{NameSearch, PriceRange, ProductPlace, ProductQuery, ProductSort};
use crate::store::PageRequest;
use crate::text::Name;

const SORTS: [ProductSort; 4] = [ProductSort::Newest, ProductSort::Name, ProductSort::PriceUp, ProductSort::PriceDown];

/// Names, prices in KRW or USD (by their minor units), and stocks. Some names and prices come twice.
const SHELF: [(&str, bool, i64, &[u64]); 14] = [
    ("MacBook Pro 14", true, 3_000, &[2, 0]),
    ("macbook air", true, 2_000, &[0]),
    ("Case for MacBook Pro", true, 3_000, &[5]),
    ("Zebra mug", true, 1_000, &[1]),
    ("apple juice", false, 250, &[0, 0]),
    ("Apple juice", false, 250, &[9]),
    ("맥북 프로", true, 3_000, &[1]),
    ("애플 맥북 케이스", true, 1_000, &[0]),
    ("Promenade poster", false, 3_000, &[4]),
    ("MacBook Pro 14", true, 2_999, &[7]),
    ("10 pencils", true, 1, &[1]),
    ("9 pencils", true, 0, &[1]),
    ("~ ~", true, 3_001, &[1]),
    ("Pro", false, 2_000, &[0]),
];

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

async fn shelf(world: &World) -> Vec<Listing> {
    let mut ids = Vec::new();
    for (text, won, minor, stocks) in SHELF {
        let currency = if won { Currency::KRW } else { Currency::USD };
        let variant = |stock| NewVariant { additional_price: Money::zero(currency), ..world.new_variant(stock) };
        let base_price = Money::new(minor, currency).expect("a price");
        let variants = stocks.iter().map(|stock| variant(*stock)).collect();
        let product = CreateProduct { name: name(text), base_price, variants, ..world.new_product(0, &[]) };
        ids.push(world.run(&operator(), product).await.product.id);
    }
    // What changes is found where it has gone to.
    let leave =
        |id| UpdateProduct { product_id: id, expected_version: None, name: None, base_price: None, status: None };
    let discontinued = Some(ProductStatus::Discontinued);
    for change in [
        UpdateProduct { name: Some(name("Mac stickers")), ..leave(ids[3]) },
        UpdateProduct { base_price: Some(krw(3_000)), ..leave(ids[10]) },
        UpdateProduct { status: Some(ProductStatus::Paused), ..leave(ids[0]) },
        UpdateProduct { status: Some(ProductStatus::Paused), ..leave(ids[4]) },
        UpdateProduct { status: discontinued, name: Some(name("Old mug")), ..leave(ids[7]) },
    ] {
        world.run(&operator(), change).await;
    }
    let mut listings = Vec::new();
    for (at, id) in ids.into_iter().enumerate() {
        let listing = sound(world.store().product(id).await).expect("a product that was created");
        if at == 6 {
            // All of its units are of a variant that is off.
            let variant_id = listing.variants[0].variant.id;
            let off = UpdateVariant {
                variant_id,
                expected_version: None,
                additional_price: None,
                active: Some(false),
                price_rules: None,
            };
            world.run(&operator(), off).await;
        }
        listings.push(sound(world.store().product(id).await).expect("the product"));
    }
    listings
}

/// Reckoned the long way: every product looked at, and then sorted.
fn expected(shelf: &[Listing], query: &ProductQuery, words: &[&str]) -> Vec<ProductId> {
    let available = |listing: &Listing| listing.variants.iter().any(|v| v.variant.active && v.stock.on_hand > 0);
    let named = |product: &Product| {
        let text = product.name.as_str().to_lowercase();
        words.iter().all(|word| text.split(' ').any(|part| part.starts_with(word)))
    };
    let priced = |product: &Product, range: PriceRange| {
        let (least, most) = (range.least(), range.most());
        product.base_price.currency() == least.currency()
            && product.base_price.minor() >= least.minor()
            && product.base_price.minor() <= most.minor()
    };
    let wanted = |listing: &&Listing| {
        query.status.is_none_or(|status| listing.product.status == status)
            && named(&listing.product)
            && query.price.is_none_or(|range| priced(&listing.product, range))
            && query.available.is_none_or(|wanted| available(listing) == wanted)
    };
    let mut found: Vec<&Product> = shelf.iter().filter(wanted).map(|listing| &*listing.product).collect();
    let price =
        |product: &&Product| (product.base_price.currency().code().to_owned(), product.base_price.minor(), product.id);
    match query.sort {
        ProductSort::Newest => found.sort_by_key(|product| Reverse(product.id)),
        ProductSort::Name => found.sort_by_key(|product| (product.name.as_str().to_lowercase(), product.id)),
        ProductSort::PriceUp => found.sort_by_key(price),
        ProductSort::PriceDown => found.sort_by_key(|product| Reverse(price(product))),
    }
    found.iter().map(|product| product.id).collect()
}

/// The list of a query, by pages of `limit`, with `between` run after each.
async fn walked(world: &World, query: &ProductQuery, limit: u32, between: impl AsyncFn()) -> Vec<Arc<Product>> {
    let (mut seen, mut request) = (Vec::new(), PageRequest::first(limit));
    loop {
        let page = sound(world.store().products(query, request).await);
        assert!(page.items.len() <= limit as usize, "{} products on a page of {limit}", page.items.len());
        if let Some(next) = &page.next {
            let last = page.items.last().map(|product| ProductPlace::of(product));
            assert_eq!(Some(next), last.as_ref(), "the next page starts after the last product of this one");
        }
        seen.extend(page.items);
        assert!(seen.len() < 200, "no end after {} products: {query:?}", seen.len());
        let Some(next) = page.next else { return seen };
        request = PageRequest { after: Some(next), limit };
        between().await;
    }
}

pub(super) async fn products_of_any_query(world: World) {
    let shelf = shelf(&world).await;
    let range = |least, most| Some(PriceRange::new(krw(least), krw(most)).expect("a range"));
    for status in [None, Some(ProductStatus::OnSale), Some(ProductStatus::Paused)] {
        for words in [&[][..], &["mac"], &["pro", "macb"], &["맥북"], &["nothing"]] {
            for price in [None, Some(PriceRange::any(Currency::USD)), range(1_000, 3_000), range(3_000, 3_000)] {
                for (available, sort) in [None, Some(true), Some(false)].into_iter().flat_map(|a| SORTS.map(|s| (a, s)))
                {
                    let text = words.join(" ").to_uppercase();
                    let search = (!words.is_empty()).then(|| NameSearch::new(&text).expect("a search"));
                    let query = ProductQuery { status, search, price, available, sort };
                    let ids = walked(&world, &query, 3, async || ()).await.iter().map(|p| p.id).collect::<Vec<_>>();
                    assert_eq!(ids, expected(&shelf, &query, words), "the products of {query:?}");
                }
            }
        }
    }
}

pub(super) async fn products_while_others_write(world: World) {
    for sort in SORTS {
        let mut ids = Vec::new();
        for n in 0..20 {
            // Names and prices come three times each.
            let product =
                CreateProduct { name: name(&format!("Thing {}", n / 3)), ..world.new_product(1_000 + n / 3, &[1]) };
            ids.push(world.run(&operator(), product).await.product.id);
        }
        let (stay, go) = ids.split_at(14);
        let turn = AtomicUsize::new(0);
        let leave =
            |id| UpdateProduct { product_id: id, expected_version: None, name: None, base_price: None, status: None };
        // Some move, some leave the list, some come.
        let write = async || {
            let n = turn.fetch_add(1, Relaxed);
            let Some(id) = go.get(n) else { return };
            let moved = UpdateProduct { name: Some(name("A")), base_price: Some(krw(1)), ..leave(*id) };
            let gone = UpdateProduct { status: Some(ProductStatus::Paused), ..leave(*id) };
            world.run(&operator(), if n.is_multiple_of(2) { moved } else { gone }).await;
            world.product(1_003, &[1]).await;
        };
        let query = ProductQuery { sort, ..ProductQuery::of_status(ProductStatus::OnSale) };
        let seen = walked(&world, &query, 3, write).await;
        assert!(seen.iter().all(|product| product.status == ProductStatus::OnSale), "what is not on sale in {query:?}");
        let mut told: Vec<ProductId> = seen.iter().map(|product| product.id).filter(|id| stay.contains(id)).collect();
        told.sort_unstable();
        assert_eq!(told, stay, "products that stayed where they were, by {}", sort.as_str());
        for id in ids {
            world.run(&operator(), UpdateProduct { status: Some(ProductStatus::Discontinued), ..leave(id) }).await;
        }
    }
}
