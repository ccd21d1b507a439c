//! Lists of products: which ones, and in what order.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalog::{Product, ProductStatus};
use crate::ids::ProductId;
use crate::money::{Currency, Money, MoneyError};

/// Which products a list shows, and in what order. What is not asked for does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductQuery {
    /// Only products of this status.
    pub status: Option<ProductStatus>,
    /// Only products with such a name.
    pub search: Option<NameSearch>,
    /// Only products with such a base price.
    pub price: Option<PriceRange>,
    /// Only products that have an active variant with units on hand, or only those that have none.
    pub available: Option<bool>,
    /// The order.
    pub sort: ProductSort,
}

impl ProductQuery {
    /// Products of one status, newest first.
    #[must_use]
    pub fn of_status(status: ProductStatus) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Whether the list shows a product; `available` is asked only if it matters.
    #[must_use]
    pub fn admits(&self, product: &Product, name: &NameKey, available: impl FnOnce() -> bool) -> bool {
        self.status.is_none_or(|status| product.status == status)
            && self.price.is_none_or(|range| range.admits(product.base_price))
            && self.search.as_ref().is_none_or(|search| search.finds(name))
            && self.available.is_none_or(|wanted| available() == wanted)
    }
}

/// The order of a list of products. Ties go by id, so that no two products stand at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductSort {
    /// The latest id first.
    #[default]
    Newest,
    /// By name, letter by letter as Unicode numbers them, capitals like small letters.
    Name,
    /// The lowest base price first; by currency before that.
    PriceUp,
    /// `PriceUp` from its end.
    PriceDown,
}

impl ProductSort {
    /// The stable text of the order.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Name => "name",
            Self::PriceUp => "price_up",
            Self::PriceDown => "price_down",
        }
    }
}

/// Where a product stands in a list, whatever its order: the key of its pages. It stays good when the product moves
/// or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductPlace {
    /// The product.
    pub id: ProductId,
    /// Its [sort key](NameKey::sort_key) by name.
    pub name: Arc<str>,
    /// Its base price.
    pub price: Money,
}

impl ProductPlace {
    /// Where `product` stands now.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        Self { id: product.id, name: NameKey::of(product.name.as_str()).sort_key, price: product.base_price }
    }

    /// Which of two places comes first.
    #[must_use]
    pub fn compare(&self, other: &Self, sort: ProductSort) -> Ordering {
        let price = |place: &Self| (place.price.currency(), place.price.minor(), place.id);
        match sort {
            ProductSort::Newest => other.id.cmp(&self.id),
            ProductSort::Name => (&self.name, self.id).cmp(&(&other.name, other.id)),
            ProductSort::PriceUp => price(self).cmp(&price(other)),
            ProductSort::PriceDown => price(other).cmp(&price(self)),
        }
    }
}

/// What of a name is searched and sorted by. Stores keep it beside the product, so that nobody has to read all names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameKey {
    /// The name in small letters, one by one, without regard to language.
    pub sort_key: Arc<str>,
    /// Its words: the runs of letters and digits, in small letters.
    pub words: BTreeSet<String>,
}

impl NameKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { sort_key: folded(name).into(), words: words(name) }
    }
}

/// Letter by letter: a word's beginning folds to the beginning of the word, which whole words do not in all languages.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(folded).collect()
}

/// A search by name: it finds the names that have, for each of its words, a word that begins with it. Capitals are
/// like small letters, and the order of the words does not matter: "mac pro" finds "Pro case for MacBooks".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSearch(BTreeSet<String>);

impl NameSearch {
    /// The most words that a search has.
    pub const MAX_WORDS: usize = 10;
    /// The most characters that a search has.
    pub const MAX_LENGTH: usize = 200;

    /// Reads what a person typed; [`ProductQueryError::Search`] without a word, or beyond the bounds.
    pub fn new(text: &str) -> Result<Self, ProductQueryError> {
        let length = text.chars().count();
        // What is longer than that is not cut up first.
        let words = if length > Self::MAX_LENGTH { BTreeSet::new() } else { words(text) };
        if words.is_empty() || words.len() > Self::MAX_WORDS {
            let (max_words, max_length) = (Self::MAX_WORDS, Self::MAX_LENGTH);
            return Err(ProductQueryError::Search { words: words.len(), length, max_words, max_length });
        }
        Ok(Self(words))
    }

    /// The beginnings of words that it looks for: letters and digits, in small letters.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether it finds a name.
    #[must_use]
    pub fn finds(&self, name: &NameKey) -> bool {
        // The words that begin with a text stand together, from that text on.
        let has = |start: &String| name.words.range::<String, _>(start..).next().is_some_and(|w| w.starts_with(start));
        self.0.iter().all(has)
    }
}

/// Base prices from the least to the greatest, both included, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    least: Money,
    most: Money,
}

impl PriceRange {
    /// Any price in `currency`.
    #[must_use]
    pub fn any(currency: Currency) -> Self {
        Self { least: Money::zero(currency), most: Money::most(currency) }
    }

    /// Prices from `least` to `most`; refused in two currencies, and the wrong way round.
    pub fn new(least: Money, most: Money) -> Result<Self, ProductQueryError> {
        least.same_currency(most)?;
        if least.minor() > most.minor() {
            return Err(ProductQueryError::Range { least, most });
        }
        Ok(Self { least, most })
    }

    /// The least price.
    #[must_use]
    pub const fn least(&self) -> Money {
        self.least
    }

    /// The greatest price.
    #[must_use]
    pub const fn most(&self) -> Money {
        self.most
    }

    fn admits(&self, price: Money) -> bool {
        price.currency() == self.least.currency() && (self.least.minor()..=self.most.minor()).contains(&price.minor())
    }
}

/// Why a list of products cannot be asked for like that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProductQueryError {
    /// No word to search for, or too many.
    #[error(
        "a search has 1 to {max_words} words of letters and digits, and at most {max_length} characters; got {words} \
         words in {length} characters"
    )]
    Search {
        /// How many words were given; none were counted in a text that is too long.
        words: usize,
        /// How many characters were given.
        length: usize,
        /// The most words.
        max_words: usize,
        /// The most characters.
        max_length: usize,
    },
    /// The least price is above the greatest.
    #[error("the least price, {least}, is above the greatest, {most}")]
    Range {
        /// The least.
        least: Money,
        /// The greatest.
        most: Money,
    },
    /// The prices are in two currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(search: &str, name: &str) -> bool {
        NameSearch::new(search).expect("a search").finds(&NameKey::of(name))
    }

    #[test]
    fn words_are_found_by_their_beginnings_in_any_order() {
        assert!(finds("PRO mac", "Pro case for MacBooks"));
        assert!(finds("맥북", "애플 맥북프로 14"));
        assert!(finds("ΟΔΟΣ", "οδοσα"), "a sigma at the end of what was typed so far");
        assert!(finds("usb-c", "Cable (USB/C)"));
        assert!(!finds("book", "MacBook"), "the middle of a word");
        assert!(!finds("mac pro", "MacBook"));
    }

    #[test]
    fn searches_have_bounds() {
        let refused = |text: &str| NameSearch::new(text).is_err();
        assert!(refused("") && refused(" -- !") && refused("a b c d e f g h i j k") && refused(&"a".repeat(201)));
        assert!(!refused("a b c d e f g h i j") && !refused("a a a a a a a a a a a a") && !refused(&"a".repeat(200)));
    }

    #[test]
    fn ranges_are_in_one_currency_and_the_right_way_round() {
        let krw = |minor| Money::new(minor, Currency::KRW).expect("an amount");
        assert!(PriceRange::new(krw(5), krw(5)).is_ok_and(|range| range.admits(krw(5)) && !range.admits(krw(6))));
        assert!(matches!(PriceRange::new(krw(6), krw(5)), Err(ProductQueryError::Range { .. })));
        assert!(matches!(PriceRange::new(krw(5), Money::zero(Currency::USD)), Err(ProductQueryError::Money(_))));
        assert!(!PriceRange::any(Currency::KRW).admits(Money::zero(Currency::USD)));
        assert!(PriceRange::any(Currency::KRW).admits(Money::most(Currency::KRW)));
    }
}
