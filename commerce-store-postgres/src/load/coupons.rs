//! Coupons with their counters, and customers' copies.

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::{
    Changes, Coupon, CouponId, CouponScope, Discount, Issuance, IssuedCoupon, IssuedCouponId, Money, Percent,
    ProductId, Revocation, StoreError, Window,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::Mode;
use super::hot::raw;
use crate::error::Failure;
use crate::row::{
    corrupt, get, get_at, get_at_opt, get_code, get_currency, get_id, get_id_opt, get_principal, get_text,
    get_text_opt, get_u32, id, money,
};

/// Coupons, as [`coupon_of`] reads them, with what says which and how.
macro_rules! coupons {
    ($which:literal) => {
        concat!(
            "select c.id, c.code, c.name, c.discount_amount, c.discount_percent::text as discount_percent,",
            " c.discount_cap, c.min_subtotal, c.discount_currency, c.minimum_currency, c.stacking, c.priority,",
            " c.by_code,",
            " array(select p.product_id from coupon_products p where p.coupon_id = c.id) as products,",
            " c.total_quantity, c.per_customer_limit, c.starts_at, c.ends_at, c.active, c.version, c.created_at,",
            " c.updated_at, i.issued from coupons c join coupon_issuances i on i.coupon_id = c.id ",
            $which
        )
    };
}
pub(crate) use coupons;

pub(crate) const COUPONS: &str = coupons!("where c.id = any($1) order by c.id");
pub(crate) const COUPONS_LOCKED: &str = coupons!("where c.id = any($1) order by c.id for no key update");

pub(super) async fn fetch(
    connection: &mut PgConnection,
    ids: &BTreeSet<CouponId>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let statement = if mode == Mode::Read { COUPONS } else { COUPONS_LOCKED };
    for row in sqlx::query(statement).bind(raw(ids)).fetch_all(connection).await? {
        let (coupon, issued) = coupon_of(&row)?;
        records.issuances.push(Issuance { coupon_id: coupon.id, issued });
        records.coupons.push(Arc::new(coupon));
    }
    Ok(())
}

/// A coupon and the number of copies that are out.
pub(crate) fn coupon_of(row: &PgRow) -> Result<(Coupon, u32), StoreError> {
    let discount = amount(row, "discount_amount", "discount_currency")?;
    let cap = amount(row, "discount_cap", "discount_currency")?;
    let rate: Option<&str> = get(row, "discount_percent")?;
    let discount = match (discount, rate) {
        (Some(amount), None) => Discount::Amount(amount),
        (None, Some(rate)) => Discount::Percent { rate: percent(rate)?, cap },
        _ => return Err(corrupt("a coupon takes off an amount or a percentage")),
    };
    let total: Option<i64> = get(row, "total_quantity")?;
    let products: Vec<i64> = get(row, "products")?;
    let products = products.into_iter().map(id).collect::<Result<BTreeSet<ProductId>, _>>()?;
    let coupon = Coupon {
        id: get_id(row, "id")?,
        code: get_text_opt(row, "code")?,
        name: get_text(row, "name")?,
        discount,
        scope: if products.is_empty() { CouponScope::Order } else { CouponScope::Products(products) },
        stacking: get_code(row, "stacking")?,
        priority: get::<i64>(row, "priority")?.try_into().map_err(corrupt)?,
        by_code: get(row, "by_code")?,
        min_subtotal: amount(row, "min_subtotal", "minimum_currency")?,
        total_quantity: total.map(u32::try_from).transpose().map_err(corrupt)?,
        per_customer_limit: get_u32(row, "per_customer_limit")?,
        window: Window { from: get_at(row, "starts_at")?, until: get_at_opt(row, "ends_at")? },
        active: get(row, "active")?,
        version: crate::row::get_u64(row, "version")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    };
    Ok((coupon, get_u32(row, "issued")?))
}

fn amount(row: &PgRow, minor: &'static str, currency: &'static str) -> Result<Option<Money>, StoreError> {
    let Some(minor) = get::<Option<i64>>(row, minor)? else { return Ok(None) };
    money(minor, get_currency(row, currency)?).map(Some)
}

/// The core's percentage, through the text form of its serde: decimal digits.
fn percent(text: &str) -> Result<Percent, StoreError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(corrupt)
}

/// Copies, as [`issued_coupon_of`] reads them, with what says which and how.
macro_rules! copies {
    ($which:literal) => {
        concat!(
            "select id, coupon_id, customer_id, status, order_id, issued_at, expires_at, used_at, revoked_by,",
            " revoked_for, revoked_at from issued_coupons ",
            $which
        )
    };
}
pub(crate) use copies;

pub(crate) const COPIES: &str = copies!("where id = any($1) order by id");
pub(crate) const COPIES_LOCKED: &str = copies!("where id = any($1) order by id for no key update");

pub(super) async fn fetch_copies(
    connection: &mut PgConnection,
    ids: &BTreeSet<IssuedCouponId>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let statement = if mode == Mode::Read { COPIES } else { COPIES_LOCKED };
    for row in sqlx::query(statement).bind(raw(ids)).fetch_all(connection).await? {
        records.issued_coupons.push(issued_coupon_of(&row)?);
    }
    Ok(())
}

/// A customer's copy.
pub(crate) fn issued_coupon_of(row: &PgRow) -> Result<IssuedCoupon, StoreError> {
    Ok(IssuedCoupon {
        id: get_id(row, "id")?,
        coupon_id: get_id(row, "coupon_id")?,
        customer_id: get_id(row, "customer_id")?,
        status: get_code(row, "status")?,
        order_id: get_id_opt(row, "order_id")?,
        issued_at: get_at(row, "issued_at")?,
        expires_at: get_at_opt(row, "expires_at")?,
        used_at: get_at_opt(row, "used_at")?,
        revocation: revocation_of(row)?.map(Arc::new),
    })
}

fn revocation_of(row: &PgRow) -> Result<Option<Revocation>, StoreError> {
    let Some(revoked_at) = get_at_opt(row, "revoked_at")? else { return Ok(None) };
    Ok(Some(Revocation {
        actor: get_principal(row, "revoked_by")?,
        reason: get_text_opt(row, "revoked_for")?,
        revoked_at,
    }))
}

pub(super) const STATEMENTS: &[&str] = &[COUPONS, COUPONS_LOCKED, COPIES, COPIES_LOCKED];
