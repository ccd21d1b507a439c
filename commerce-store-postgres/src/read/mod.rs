//! The reads, by noun. Lists go by keyset: each page starts where an index says that the one before ended.

mod cards;
mod carts;
mod catalog;
mod coupons;
mod ledgers;
mod orders;
mod products;
mod sales;
mod views;

use commerce_core::{Id, PageRequest};

pub(crate) use ledgers::wallet_of;
pub(crate) use sales::daily_sales_of;

/// Every statement, for the tests that prepare and explain them.
pub(crate) fn statements() -> Vec<&'static str> {
    [
        cards::STATEMENTS,
        catalog::STATEMENTS,
        coupons::STATEMENTS,
        ledgers::STATEMENTS,
        orders::STATEMENTS,
        products::STATEMENTS,
        sales::STATEMENTS,
        views::STATEMENTS,
    ]
    .concat()
}

/// The greatest id that a list from newest to oldest may show: everything, without a cursor.
fn before<I: Id>(page: PageRequest<I>) -> i64 {
    page.after.map_or(i64::MAX, Id::get)
}

/// The same of a ledger's sequence.
fn before_sequence(page: PageRequest<u64>) -> i64 {
    page.after.map_or(i64::MAX, |sequence| i64::try_from(sequence).unwrap_or(i64::MAX))
}

/// One row more than the page, to see whether there is a next one.
fn limit<K>(page: &PageRequest<K>) -> i64 {
    i64::try_from(page.size()).unwrap_or(i64::MAX).saturating_add(1)
}
