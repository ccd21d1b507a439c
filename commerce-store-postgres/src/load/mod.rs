//! Loading and locking records: table by table in one fixed order, each with sorted ids, so that transactions
//! meet in one direction and cannot deadlock. Where it shows only when the rest is locked what else is to be (what is in a
//! cart that another command of the batch has filled, a record that came while locks were waited for), the transaction
//! begins anew. One of a caller's own cannot: where that meets another such the database ends one of the two.
//!
//! The order is: charges, top-ups, carts, orders (whose row stands for their refunds), codes, issued coupons, coupons,
//! stocks with their variants, products, wallets.
//! Records that a decision may change are locked exclusively, records that it only reads are locked in share mode, so
//! that what was decided on is still so at the commit.

mod cards;
mod carts;
mod codes;
mod coupons;
mod hot;
mod names;
mod orders;
mod refunds;

use std::collections::HashMap;
use std::sync::Arc;

use commerce_core::{Changes, Customer, KeyRecord, Keys, Records, Timestamp, WorkingSet};
use sqlx::PgConnection;

pub(crate) use cards::{CHARGES, TOP_UPS, charge_of, charges, top_up_of, top_ups};
pub(crate) use carts::{CARTS, carts_of};
pub(crate) use codes::{code_of, codes};
pub(crate) use coupons::{COUPONS, copies, coupon_of, coupons, issued_coupon_of};
pub(crate) use hot::{listed_variant_of, product_of};
pub(crate) use orders::{PAYMENTS, REDEMPTIONS, orders, orders_by_id, orders_of, payment_of, redemption_of};
pub(crate) use refunds::{refunds, refunds_from, refunds_of};

use self::names::Named;
use crate::error::Failure;
use crate::keys::Scopes;

/// Every statement, for the tests that prepare and explain them.
pub(crate) fn statements() -> Vec<&'static str> {
    let hot = [hot::STATEMENTS, names::STATEMENTS, codes::STATEMENTS].concat();
    [&hot, cards::STATEMENTS, carts::STATEMENTS, coupons::STATEMENTS, orders::STATEMENTS, refunds::STATEMENTS].concat()
}

/// Whether rows are locked as they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Not at all: for questions that change nothing.
    Read,
    /// For commands on carts: these exclusively, the catalogue in share mode, stocks not at all.
    Collect,
    /// For commands on what is sold: carts, stocks, wallets, coupons' counters, copies and orders exclusively, the
    /// catalogue in share mode.
    Sell,
    /// For batches with a command that changes the catalogue: that exclusively too.
    Catalog,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The records, as a set of values.
    pub(crate) records: Changes,
    /// The keys that have an outcome already, by their place among those asked for.
    pub(crate) stored: HashMap<usize, KeyRecord>,
    /// The database's clock, after every lock was there.
    pub(crate) now: Timestamp,
}

/// Reads the records that `keys` names and the outcomes stored under `scopes`.
pub(crate) async fn fetch(
    connection: &mut PgConnection,
    keys: &Keys,
    scopes: &Scopes,
    mode: Mode,
) -> Result<Found, Failure> {
    let (named, records) = fetch_rare(connection, keys, mode).await?;
    hot::fetch(connection, &named, keys, scopes, mode, records).await
}

/// Reads all but what the hot statement does, and finds out what that is to read.
async fn fetch_rare(connection: &mut PgConnection, keys: &Keys, mode: Mode) -> Result<(Named, Changes), Failure> {
    let mut records = Changes::default();
    let named = names::resolve(connection, keys).await?;
    if !named.charges.is_empty() {
        cards::fetch_charges(connection, &named.charges, mode, &mut records).await?;
    }
    if !keys.top_ups.is_empty() {
        cards::fetch_top_ups(connection, &keys.top_ups, mode, &mut records).await?;
    }
    if !keys.carts.is_empty() {
        carts::fetch(connection, &keys.carts, mode, &mut records).await?;
    }
    if !keys.orders.is_empty() {
        orders::fetch(connection, &keys.orders, mode, &mut records).await?;
    }
    if !keys.refunds.is_empty() {
        records.refunds = refunds::fetch(connection, &keys.refunds).await?;
    }
    if !keys.coupon_codes.is_empty() {
        codes::fetch(connection, &keys.coupon_codes, mode, &mut records).await?;
    }
    if !keys.issued_coupons.is_empty() {
        coupons::fetch_copies(connection, &keys.issued_coupons, mode, &mut records).await?;
    }
    if !named.coupons.is_empty() {
        coupons::fetch(connection, &named.coupons, mode, &mut records).await?;
    }
    Ok((named, records))
}

/// Facts that never change, kept from earlier commands: who a customer is, which product a variant belongs to, what is
/// on an order, which coupon a code or a copy means, what a charge is for, what a refund gives back; and what was in a
/// cart a moment ago. They tell which records to lock, so that one load is enough; but for customers, no decision is
/// made on them.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    facts: WorkingSet,
    size: usize,
}

impl Hints {
    /// Past this many, they are forgotten and learnt anew.
    const MAX: usize = 50_000;

    /// The facts.
    pub(crate) const fn facts(&self) -> &WorkingSet {
        &self.facts
    }

    /// Reads and locks what `wanted` names, and takes customers that are known from here: they never change.
    pub(crate) async fn fetch(
        &mut self,
        connection: &mut PgConnection,
        wanted: &Keys,
        scopes: &Scopes,
        mode: Mode,
    ) -> Result<Found, Failure> {
        let (unknown, known) = self.unknown(wanted);
        let mut found = fetch(connection, &unknown, scopes, mode).await?;
        self.learn(&found.records);
        found.records.customers.extend(known);
        Ok(found)
    }

    /// As [`fetch`](Self::fetch), for what has been decided already: nobody asks for the time, so what takes a statement
    /// of its own may be all there is to read.
    pub(crate) async fn check(
        &mut self,
        connection: &mut PgConnection,
        wanted: &Keys,
        scopes: &Scopes,
        mode: Mode,
    ) -> Result<(Changes, HashMap<usize, KeyRecord>), Failure> {
        let (unknown, known) = self.unknown(wanted);
        let (named, mut records) = fetch_rare(connection, &unknown, mode).await?;
        let mut stored = HashMap::new();
        if hot::has_work(&named, &unknown, scopes) {
            Found { records, stored, .. } = hot::fetch(connection, &named, &unknown, scopes, mode, records).await?;
        }
        records.customers.extend(known);
        Ok((records, stored))
    }

    /// What of `wanted` has to be read, and the customers that are known from here.
    fn unknown(&self, wanted: &Keys) -> (Keys, Vec<Arc<Customer>>) {
        let known = wanted.customers.iter().filter_map(|id| self.facts.customer(*id).cloned().map(Arc::new)).collect();
        let mut unknown = wanted.clone();
        unknown.customers.retain(|id| self.facts.customer(*id).is_none());
        (unknown, known)
    }

    /// Learns from records that were read.
    fn learn(&mut self, records: &Changes) {
        if self.size > Self::MAX {
            *self = Self::default();
        }
        let facts = Changes {
            variants: records.variants.clone(),
            coupons: records.coupons.clone(),
            codes: records.codes.clone(),
            issued_coupons: records.issued_coupons.clone(),
            orders: records.orders.clone(),
            customers: records.customers.clone(),
            charges: records.charges.clone(),
            refunds: records.refunds.clone(),
            carts: records.carts.clone(),
            ..Changes::default()
        };
        self.size += facts.variants.len()
            + facts.coupons.len()
            + facts.codes.len()
            + facts.issued_coupons.len()
            + facts.orders.len()
            + facts.customers.len()
            + facts.charges.len()
            + facts.refunds.len()
            + facts.carts.iter().map(|cart| cart.items.len()).sum::<usize>();
        self.facts.apply(&facts);
    }
}
