//! What anyone may read: products and coupons.

use commerce_core::{PopularQuery, ProductId, Rejection};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag};
use crate::extract::{Limit, List};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::catalog::{Listing, Product, ProductStatus};
use crate::wire::coupon::OfferedCoupon;
use crate::wire::operations::{PopularProduct, PopularProducts, ViewedProduct, ViewedProducts};
use crate::wire::page::Page;
use crate::wire::scalar::{Count, WireId};

pub(super) struct CatalogApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Catalog")]
impl CatalogApi {
    /// Products, newest first
    ///
    /// Of one status, or of any.
    #[oai(path = "/products", method = "get", operation_id = "list_products")]
    async fn products(
        &self,
        /// Only products of this status.
        status: Query<Option<ProductStatus>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<Product>>> {
        let status = status.0.map(|status| status.0);
        let list = List::new(self.0.app()?, format!("products {}", status.map_or("", |status| status.as_str())));
        let page = list.store().products(status, list.request(limit.0, cursor.0.as_deref())?).await?;
        Ok(Reply::new(list.page(page, |product| Product::from(&*product))))
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
        let listing = self.0.commerce()?.store().product(product).await?;
        let listing = listing.ok_or_else(|| Problem::from(Rejection::ProductNotFound { product }))?;
        self.0.app()?.views.count(product);
        Ok(Reply::new(Listing::from(&listing)).version(listing.product.version))
    }

    /// Coupons, newest first
    ///
    /// Each with where it stands and how many copies are left.
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
        Ok(Reply::new(list.page(page, |(coupon, issued)| OfferedCoupon::at(&coupon, issued, now))))
    }
}
