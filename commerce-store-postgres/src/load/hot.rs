//! The one statement that every batch begins with: keys, customers, products, variants with stock, wallets, how many
//! copies of a coupon customers have had, and the time. One round trip, because a lone caller waits for each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use commerce_core::{
    Changes, Copies, Customer, Fingerprint, Id, IssuedCoupon, KeyRecord, Keys, ListedVariant, Outcome, PriceRules,
    Product, Stock, StoreError, Variant, Wallet, WalletId,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::names::Named;
use super::{Found, Mode};
use crate::error::Failure;
use crate::keys::Scopes;
use crate::row::{
    corrupt, get, get_at, get_at_opt, get_code, get_currency, get_id, get_id_opt, get_money, get_text, get_text_opt,
    get_u64,
};

/// The branches of a `union all` run one after another, so rows are locked in the order written here, and the
/// clock is read when every lock is there. A row that had to be waited for is read again as it is then.
///
/// Stocks come before the catalogue: who waits for a stock has no share of the product yet, so that a crowd of several
/// processes leaves moments in which nobody has one, and whoever is to change the product comes to it.
macro_rules! hot {
    ($products:literal, $stocks:literal, $variants:literal, $wallets:literal) => {
        concat!(
            "select 1 as kind, k.place as i1, k.copy_id as i2, k.coupon_id as i3, k.customer_id as i4,",
            " null::bigint as i5, null::bigint as i6, null::text as t1, null::text as t2, null::text as t3,",
            " null::text as t4, null::boolean as flag, k.created_at as at1, k.expires_at as at2,",
            " k.fingerprint as bytes, k.outcome as json",
            " from (select w.place, i.created_at, i.fingerprint, c.id as copy_id, c.coupon_id, c.customer_id, c.expires_at,",
            "   coalesce(i.outcome, json_build_object('order', e.payload -> 'order')) as outcome",
            "   from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w (principal, operation, key, place)",
            "   join idempotency_keys i",
            "     on i.principal = w.principal and i.operation = w.operation and i.key = w.key",
            "   left join order_events e on e.order_id = i.order_id and e.sequence = i.order_version",
            "   left join issued_coupons c on c.id = i.issued_coupon_id) k",
            " union all select 2, c.id, null, null, null, null, null, c.username, c.name, null, null, null,",
            "   c.created_at, null, null, null",
            " from (select * from customers where id = any($4)) c",
            " union all select 4, v.id, v.product_id, v.additional_price, v.version, v.on_hand, v.stock_version, v.sku,",
            "   v.option_name, v.currency, null, v.active, v.created_at, v.updated_at, null, v.price_rules",
            " from (select v.*, s.on_hand, s.version as stock_version",
            "   from product_variants v join product_stocks s on s.variant_id = v.id",
            "   where v.id = any($6) order by v.id ", $stocks, " ", $variants, ") v",
            " union all select 3, p.id, p.base_price, p.version, null, null, null, p.name, p.description, p.currency,",
            "   p.status, null, p.created_at, p.updated_at, null, null",
            " from (select * from products where id = any($5) order by id ", $products, ") p",
            " union all select 5, w.customer_id, w.balance, w.version, null, null, null, null, null, w.currency, null,",
            "   null, null, null, null, null",
            " from (select w.* from unnest($7::bigint[], $8::text[]) as k (customer_id, currency)",
            "   join wallets w on w.customer_id = k.customer_id and w.currency = k.currency",
            "   order by w.customer_id, w.currency ", $wallets, ") w",
            // The coupons were locked by a statement before, so this one sees every copy handed out. Copies are numbered
            // and never deleted: the last one's number is their count.
            " union all select 6, k.coupon_id, k.customer_id, (select i.ordinal from issued_coupons i",
            "     where i.coupon_id = k.coupon_id and i.customer_id = k.customer_id order by i.ordinal desc limit 1),",
            "   null, null, null, null, null, null, null, null, null, null, null, null",
            " from unnest($9::bigint[], $10::bigint[]) as k (coupon_id, customer_id)",
            " union all select 7, null, null, null, null, null, null, null, null, null, null, null,",
            "   clock_timestamp(), null, null, null",
        )
    };
}

pub(crate) const READ: &str = hot!("", "", "", "");
pub(crate) const SELL: &str = hot!("for share", "for no key update of s", "for share of v", "for no key update of w");
pub(crate) const COLLECT: &str = hot!("for share", "", "for share of v", "for no key update of w");
pub(crate) const CATALOG: &str =
    hot!("for no key update", "for no key update of s", "for no key update of v", "for no key update of w");

pub(super) const STATEMENTS: &[&str] = &[READ, COLLECT, SELL, CATALOG];

/// Whether the statement is of use for more than the time.
pub(super) fn has_work(named: &Named, keys: &Keys, scopes: &Scopes) -> bool {
    let Named { customers, products, variants, .. } = named;
    let none = customers.is_empty() && products.is_empty() && variants.is_empty();
    !(none && keys.wallets.is_empty() && keys.copies.is_empty() && scopes.keys.is_empty())
}

pub(crate) async fn fetch(
    connection: &mut PgConnection,
    named: &Named,
    keys: &Keys,
    scopes: &Scopes,
    mode: Mode,
    mut records: Changes,
) -> Result<Found, Failure> {
    let statement = match mode {
        Mode::Read => READ,
        Mode::Collect => COLLECT,
        Mode::Sell => SELL,
        Mode::Catalog => CATALOG,
    };
    let rows = sqlx::query(statement)
        .bind(&scopes.principals)
        .bind(&scopes.operations)
        .bind(&scopes.keys)
        .bind(raw(&named.customers))
        .bind(raw(&named.products))
        .bind(raw(&named.variants))
        .bind(keys.wallets.iter().map(|id| id.customer_id.get()).collect::<Vec<_>>())
        .bind(keys.wallets.iter().map(|id| id.currency.code()).collect::<Vec<_>>())
        .bind(keys.copies.iter().map(|(coupon, _)| coupon.get()).collect::<Vec<_>>())
        .bind(keys.copies.iter().map(|(_, customer)| customer.get()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let (mut stored, mut now) = (HashMap::new(), None);
    for row in &rows {
        match get::<i32>(row, "kind")? {
            1 => {
                let place = usize::try_from(get::<i64>(row, "i1")?).map_err(corrupt)?;
                stored.insert(place - 1, key_record(row)?);
            }
            2 => records.customers.push(Arc::new(customer(row)?)),
            3 => records.products.push(Arc::new(product(row)?)),
            4 => {
                let (variant, stock) = variant(row)?;
                records.variants.push(Arc::new(variant));
                records.stocks.push(stock);
            }
            5 => records.wallets.push(wallet(row)?),
            6 => records.copies.push(copies(row)?),
            _ => now = Some(get_at(row, "at1")?),
        }
    }
    let now = now.ok_or_else(|| corrupt("the database told no time"))?;
    Ok(Found { records, stored, now })
}

pub(super) fn raw<I: Id>(ids: &BTreeSet<I>) -> Vec<i64> {
    ids.iter().map(|id| id.get()).collect()
}

fn key_record(row: &PgRow) -> Result<KeyRecord, StoreError> {
    let bytes: &[u8] = get(row, "bytes")?;
    let fingerprint = Fingerprint(bytes.try_into().map_err(|_| corrupt("a fingerprint has 16 bytes"))?);
    let created_at = get_at(row, "at1")?;
    let outcome = match get_id_opt(row, "i2")? {
        Some(copy) => {
            let (coupon, customer) = (get_id(row, "i3")?, get_id(row, "i4")?);
            let copy = IssuedCoupon::issued(copy, coupon, customer, created_at, get_at_opt(row, "at2")?);
            Outcome::IssuedCoupon(Arc::new(copy))
        }
        None => get::<Json<Outcome>>(row, "json")?.0,
    };
    Ok(KeyRecord { fingerprint, outcome, created_at })
}

fn customer(row: &PgRow) -> Result<Customer, StoreError> {
    Ok(Customer {
        id: get_id(row, "i1")?,
        username: get_text(row, "t1")?,
        name: get_text(row, "t2")?,
        created_at: get_at(row, "at1")?,
    })
}

fn product(row: &PgRow) -> Result<Product, StoreError> {
    Ok(Product {
        id: get_id(row, "i1")?,
        name: get_text(row, "t1")?,
        description: get_text_opt(row, "t2")?,
        base_price: get_money(row, "i2", get_currency(row, "t3")?)?,
        status: get_code(row, "t4")?,
        version: get_u64(row, "i3")?,
        created_at: get_at(row, "at1")?,
        updated_at: get_at(row, "at2")?,
    })
}

fn variant(row: &PgRow) -> Result<(Variant, Stock), StoreError> {
    let variant = Variant {
        id: get_id(row, "i1")?,
        product_id: get_id(row, "i2")?,
        sku: get_text(row, "t1")?,
        option_name: get_text_opt(row, "t2")?,
        additional_price: get_money(row, "i3", get_currency(row, "t3")?)?,
        active: get(row, "flag")?,
        price_rules: price_rules(row, "json")?,
        version: get_u64(row, "i4")?,
        created_at: get_at(row, "at1")?,
        updated_at: get_at(row, "at2")?,
    };
    let stock = Stock { variant_id: variant.id, on_hand: get_u64(row, "i5")?, version: get_u64(row, "i6")? };
    Ok((variant, stock))
}

fn price_rules(row: &PgRow, column: &'static str) -> Result<Option<Arc<PriceRules>>, StoreError> {
    Ok(get::<Option<Json<PriceRules>>>(row, column)?.map(|rules| Arc::new(rules.0)))
}

fn wallet(row: &PgRow) -> Result<Wallet, StoreError> {
    let currency = get_currency(row, "t3")?;
    let id = WalletId { customer_id: get_id(row, "i1")?, currency };
    Ok(Wallet { id, balance: get_money(row, "i2", currency)?, version: get_u64(row, "i3")? })
}

fn copies(row: &PgRow) -> Result<Copies, StoreError> {
    let last: Option<i64> = get(row, "i3")?;
    let count = last.map_or(Ok(0), u32::try_from).map_err(corrupt)?;
    Ok(Copies { coupon_id: get_id(row, "i1")?, customer_id: get_id(row, "i2")?, count })
}

/// A product as the reads select it: its own columns, by their names.
pub(crate) fn product_of(row: &PgRow) -> Result<Product, StoreError> {
    Ok(Product {
        id: get_id(row, "id")?,
        name: get_text(row, "name")?,
        description: get_text_opt(row, "description")?,
        base_price: get_money(row, "base_price", get_currency(row, "currency")?)?,
        status: get_code(row, "status")?,
        version: get_u64(row, "version")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}

/// A variant with its stock, prefixed as the listing selects them.
pub(crate) fn listed_variant_of(row: &PgRow) -> Result<ListedVariant, StoreError> {
    let variant = Variant {
        id: get_id(row, "variant_id")?,
        product_id: get_id(row, "id")?,
        sku: get_text(row, "sku")?,
        option_name: get_text_opt(row, "option_name")?,
        additional_price: get_money(row, "additional_price", get_currency(row, "variant_currency")?)?,
        active: get(row, "active")?,
        price_rules: price_rules(row, "price_rules")?,
        version: get_u64(row, "variant_version")?,
        created_at: get_at(row, "variant_created_at")?,
        updated_at: get_at(row, "variant_updated_at")?,
    };
    let stock =
        Stock { variant_id: variant.id, on_hand: get_u64(row, "on_hand")?, version: get_u64(row, "stock_version")? };
    Ok(ListedVariant { variant: Arc::new(variant), stock })
}
