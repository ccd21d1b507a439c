//! Lists of products: a statement for each order, with and without a status, and one for what is searched.

use std::sync::Arc;

use commerce_core::{MAX_MINOR, Page, PageRequest, Product, ProductPlace, ProductQuery, ProductSort};
use sqlx::PgPool;

use super::limit;
use crate::StoreErrorOr;
use crate::load::product_of;

/// `$1` is the status, `$2` whether something is on hand, `$3` to `$5` the currency and its prices, `$6` the limit, `$7`
/// the id of the place to go on from, and `$8` its name or currency, `$9` its price. Whether something is on hand is
/// asked of a product last, and one by one: whatever the order, its index is followed until the page is full.
macro_rules! list {
    ($from:literal, $status:literal, $place:literal, $order:literal) => {
        concat!(
            "select id, name, description, base_price, currency, status, version, created_at, updated_at from ",
            $from,
            " p where ",
            $status,
            " and ($3::text is null or currency = $3) and base_price between $4 and $5 and ",
            $place,
            " and ($2::boolean is null or $2 = coalesce((select true from product_variants v \
             join product_stocks s on s.variant_id = v.id \
             where v.product_id = p.id and v.active and s.on_hand > 0 limit 1), false)) order by ",
            $order,
            " limit $6"
        )
    };
}

/// The four orders over what `$from` and `$status` leave. Every parameter is in every statement.
macro_rules! orders {
    ($from:literal, $status:literal) => {
        [
            list!($from, $status, "id < $7 and $8::text is null and $9::bigint is null", "id desc"),
            list!($from, $status, "(name_key, id) > ($8::text, $7) and $9::bigint is null", "name_key, id"),
            list!(
                $from,
                $status,
                "(currency, base_price, id) > ($8::text, $9, $7) \
                 and (currency, base_price) <= (coalesce($3::text, '~'), $5)",
                "currency, base_price, id"
            ),
            list!(
                $from,
                $status,
                "(currency, base_price, id) < ($8::text, $9, $7) \
                 and (currency, base_price) >= (coalesce($3::text, ''), $4)",
                "currency desc, base_price desc, id desc"
            ),
        ]
    };
}

const ANY: [&str; 4] = orders!("products", "$1::text is null");
const OF_STATUS: [&str; 4] = orders!("products", "status = $1");
/// What is searched for comes from the index of words, in whatever order it is wanted then: `offset 0` keeps the planner
/// from walking another one.
const SEARCHED: [&str; 4] = orders!(
    "(select * from products where name_words @@ $10::text::tsquery offset 0)",
    "($1::text is null or status = $1)"
);

pub(super) const STATEMENTS: &[&str] = &[
    ANY[0],
    ANY[1],
    ANY[2],
    ANY[3],
    OF_STATUS[0],
    OF_STATUS[1],
    OF_STATUS[2],
    OF_STATUS[3],
    SEARCHED[0],
    SEARCHED[1],
    SEARCHED[2],
    SEARCHED[3],
];

/// A page of a list that is asked for.
#[derive(Clone)]
pub(super) struct ProductList {
    query: ProductQuery,
    page: PageRequest<ProductPlace>,
}

impl ProductList {
    pub(super) fn new(query: &ProductQuery, page: PageRequest<ProductPlace>) -> Self {
        Self { query: query.clone(), page }
    }

    fn statement(&self) -> &'static str {
        let statements = match (&self.query.search, self.query.status) {
            (Some(_), _) => SEARCHED,
            (None, Some(_)) => OF_STATUS,
            (None, None) => ANY,
        };
        match self.query.sort {
            ProductSort::Newest => statements[0],
            ProductSort::Name => statements[1],
            ProductSort::PriceUp => statements[2],
            ProductSort::PriceDown => statements[3],
        }
    }

    /// Where the page begins: after a place, or at the end of the index from which the order goes.
    fn start(&self) -> (i64, Option<String>, Option<i64>) {
        let after = self.page.after.as_ref();
        let code = |place: &ProductPlace| place.price.currency().to_string();
        let range = self.query.price;
        match (self.query.sort, after) {
            (ProductSort::Newest, place) => (place.map_or(i64::MAX, |place| place.id.get()), None, None),
            (ProductSort::Name, Some(place)) => (place.id.get(), Some(place.name.to_string()), None),
            (ProductSort::Name, None) => (0, Some(String::new()), None),
            (_, Some(place)) => (place.id.get(), Some(code(place)), Some(place.price.minor())),
            (ProductSort::PriceUp, None) => {
                let least = range.map(|range| range.least());
                let code = least.map_or(String::new(), |price| price.currency().to_string());
                (0, Some(code), Some(least.map_or(0, |price| price.minor())))
            }
            (ProductSort::PriceDown, None) => {
                let most = range.map(|range| range.most());
                // Past every code, which is of capital letters.
                let code = most.map_or("~".to_owned(), |price| price.currency().to_string());
                (i64::MAX, Some(code), Some(most.map_or(MAX_MINOR, |price| price.minor())))
            }
        }
    }

    pub(super) async fn fetch(self, pool: PgPool) -> Result<Page<Arc<Product>, ProductPlace>, StoreErrorOr> {
        let ProductQuery { status, search, price, available, sort: _ } = &self.query;
        let (id, key, minor) = self.start();
        let rows = sqlx::query(self.statement())
            .bind(status.map(|status| status.as_str()))
            .bind(available)
            .bind(price.map(|range| range.least().currency().to_string()))
            .bind(price.map_or(0, |range| range.least().minor()))
            .bind(price.map_or(MAX_MINOR, |range| range.most().minor()))
            .bind(limit(&self.page))
            .bind(id)
            .bind(key)
            .bind(minor);
        let rows = match search {
            // The words are of letters and digits: nothing in them needs escaping.
            Some(search) => {
                let words: Vec<String> = search.words().map(|word| format!("'{word}':*")).collect();
                rows.bind(words.join(" & ")).fetch_all(&pool).await?
            }
            None => rows.fetch_all(&pool).await?,
        };
        let products = rows.iter().map(|row| product_of(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(products, self.page.size(), |product| ProductPlace::of(product)))
    }
}
