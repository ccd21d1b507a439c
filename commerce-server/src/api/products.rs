//! What a list of products is asked for, for anyone and for operators.

use commerce_core::{Money, PriceRange, ProductQuery, ProductQueryError, ProductStatus};

use crate::api::Answer;
use crate::problem::Problem;
use crate::wire::catalog::{Product, ProductSort, SearchText};
use crate::wire::page::Page;
use crate::wire::scalar::CurrencyCode;
use crate::{app::App, extract::Limit, extract::List};

/// The parameters as they came.
pub(super) struct Asked {
    pub(super) status: Option<ProductStatus>,
    pub(super) search: Option<SearchText>,
    pub(super) currency: Option<CurrencyCode>,
    pub(super) min_price: Option<String>,
    pub(super) max_price: Option<String>,
    pub(super) available: Option<bool>,
    pub(super) sort: Option<ProductSort>,
}

impl Asked {
    fn query(self) -> Answer<ProductQuery> {
        let price = self.price()?;
        let Self { status, search, available, sort, .. } = self;
        let sort = sort.map(|sort| sort.0).unwrap_or_default();
        Ok(ProductQuery { status, search: search.map(|search| search.0), price, available, sort })
    }

    fn price(&self) -> Answer<Option<PriceRange>> {
        let Some(currency) = self.currency.map(|code| code.0) else {
            return match self.min_price.as_ref().or(self.max_price.as_ref()) {
                Some(_) => Err(invalid("currency", "currency: prices are of a currency, like currency=KRW")),
                None => Ok(None),
            };
        };
        let parse = |name, text: &Option<String>, default: Money| {
            let money = text.as_ref().map_or(Ok(default), |text| Money::parse(text, currency));
            money.map_err(|error| invalid(name, format!("{name}: {error}")))
        };
        let any = PriceRange::any(currency);
        let least = parse("min_price", &self.min_price, any.least())?;
        let most = parse("max_price", &self.max_price, any.most())?;
        let refused = |error: ProductQueryError| invalid("min_price", format!("min_price: {error}"));
        PriceRange::new(least, most).map(Some).map_err(refused)
    }
}

fn invalid(parameter: &'static str, detail: impl Into<String>) -> Problem {
    Problem::bad_request("invalid_parameter", detail).with("parameter", parameter)
}

/// A page of them; `reader` says whose list it is, so that cursors do not travel.
pub(super) async fn page(
    app: &App,
    reader: &str,
    asked: Asked,
    (limit, cursor): (Option<Limit>, Option<String>),
) -> Answer<Page<Product>> {
    let query = asked.query()?;
    let list = List::new(app, format!("{reader} {query:?}"));
    let page = list.store().products(&query, list.request(limit, cursor.as_deref())?).await?;
    Ok(list.page(page, |product| Product::from(&*product)))
}
