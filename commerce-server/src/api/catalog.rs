//! What anyone may read: products and coupons.

use commerce_core::{PopularQuery, ProductId, ProductStatus, Rejection};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::products::{self, Asked};
use super::{Answer, Shared, Tag};
use crate::extract::{Limit, List};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::catalog::{Listing, Product, ProductSort, SearchText};
use crate::wire::coupon::OfferedCoupon;
use crate::wire::operations::{PopularProduct, PopularProducts, ViewedProduct, ViewedProducts};
use crate::wire::page::Page;
use crate::wire::scalar::{Count, CurrencyCode, WireId};

pub(super) struct CatalogApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Catalog")]
impl CatalogApi {
    /// Products on sale
    ///
    /// Searched, filtered and sorted; sold out ones are among them unless `available` says otherwise.
    #[oai(path = "/products", method = "get", operation_id = "list_products")]
    #[expect(clippy::too_many_arguments, reason = "one a parameter of the query")]
    async fn products(
        &self,
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
            status: Some(ProductStatus::OnSale),
            search: search.0,
            currency: currency.0,
            min_price: min_price.0,
            max_price: max_price.0,
            available: available.0,
            sort: sort.0,
        };
        Ok(Reply::new(products::page(self.0.app()?, "products", asked, (limit.0, cursor.0)).await?))
    }

    /// What sold best
    ///
    /// By units over the last whole days and today, in the shop's time zone; ties by revenue.
    #[oai(path = "/products/popular", method = "get", operation_id = "list_popular_products")]
    async fn popular(
        &self,
        /// How many products: 1 to 100, 5 if not said.
        top: Query<Option<Count<1, 100>>>,
        /// How many whole days before today: 0 to 366, 3 if not said.
        days: Query<Option<Count<0, 366>>>,
    ) -> Answer<Reply<PopularProducts>> {
        let default = PopularQuery::default();
        let query = PopularQuery {
            top: top.0.map_or(default.top, |top| top.0),
            days: days.0.map_or(default.days, |days| days.0),
        };
        let popular = self.0.commerce()?.store().popular(query).await?;
        let items = popular.iter().map(|(popularity, product)| PopularProduct::of(popularity, product)).collect();
        Ok(Reply::new(PopularProducts { items }))
    }

    /// What is looked at most
    ///
    /// By reads of the product, counted with a little delay; what was never read is left out.
    #[oai(path = "/products/most-viewed", method = "get", operation_id = "list_most_viewed_products")]
    async fn most_viewed(
        &self,
        /// How many products: 1 to 100, 5 if not said.
        top: Query<Option<Count<1, 100>>>,
    ) -> Answer<Reply<ViewedProducts>> {
        let top = top.0.map_or(PopularQuery::default().top, |top| top.0);
        let viewed = self.0.commerce()?.store().most_viewed(top).await?;
        let items =
            viewed.iter().map(|(views, product)| ViewedProduct { product: Product::from(&**product), views: *views });
        Ok(Reply::new(ViewedProducts { items: items.collect() }))
    }

    /// A product
    ///
    /// With its variants, what each costs, and how many are left.
    #[oai(path = "/products/:product_id", method = "get", operation_id = "get_product")]
    async fn product(
        &self,
        /// Which product.
        product_id: Path<WireId<ProductId>>,
    ) -> Answer<Reply<Listing>> {
        let product = product_id.0.0;
        let store = self.0.commerce()?.store();
        let listing = store.product(product).await?;
        let listing = listing.ok_or_else(|| Problem::from(Rejection::ProductNotFound { product }))?;
        self.0.app()?.views.count(product);
        // Only a price rule makes a price depend on the time, which costs a round trip.
        let timed = listing.variants.iter().any(|listed| listed.variant.price_rules.is_some());
        let now = if timed { store.now().await? } else { listing.product.updated_at };
        Ok(Reply::new(Listing::at(&listing, now)).version(listing.product.version))
    }

    /// Coupons, newest first
    ///
    /// Each with where it stands and how many copies are left; codes are for those who were given them.
    #[oai(path = "/coupons", method = "get", operation_id = "list_coupons")]
    async fn coupons(
        &self,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<OfferedCoupon>>> {
        let list = List::new(self.0.app()?, "coupons".to_owned());
        let page = list.store().coupons(list.request(limit.0, cursor.0.as_deref())?).await?;
        let now = list.store().now().await?;
        Ok(Reply::new(list.page(page, |(coupon, issued)| OfferedCoupon::public(&coupon, issued, now))))
    }
}
