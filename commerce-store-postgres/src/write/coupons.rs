//! Coupons, their counters, customers' copies and their use.

use commerce_core::{AppliedCoupon, Coupon, Discount, OrderId};
use sqlx::PgConnection;

use super::{Net, at, column, count, skip_if_empty};
use crate::error::Failure;

const NEW_COUPONS: &str = "insert into coupons (id, code, name, discount_amount, discount_percent, discount_cap, \
     min_subtotal, discount_currency, minimum_currency, total_quantity, per_customer_limit, starts_at, ends_at, active, \
     version, created_at, updated_at, stacking, priority, by_code) \
     select id, code, name, amount, percent::numeric, cap, minimum, discount_currency, minimum_currency, total, \
     per_customer, starts_at, ends_at, active, version, created_at, updated_at, stacking, priority, by_code \
     from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], \
     $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::boolean[], \
     $15::bigint[], $16::timestamptz[], $17::timestamptz[], $18::text[], $19::bigint[], $20::boolean[]) \
     as u (id, code, name, amount, percent, cap, minimum, discount_currency, minimum_currency, total, per_customer, \
     starts_at, ends_at, active, version, created_at, updated_at, stacking, priority, by_code)";
/// Beside those that are good for one copy, whose key they share.
const OWN_CODES: &str = "insert into coupon_codes (code, coupon_id, created_at, own) \
     select code, coupon_id, created_at, true from unnest($1::text[], $2::bigint[], $3::timestamptz[]) \
     as u (code, coupon_id, created_at)";
const NEW_PRODUCTS: &str = "insert into coupon_products (coupon_id, product_id) \
     select * from unnest($1::bigint[], $2::bigint[])";
const COUPONS: &str = "update coupons c set active = u.active, version = u.version, updated_at = u.updated_at \
     from unnest($1::bigint[], $2::boolean[], $3::bigint[], $4::timestamptz[]) \
     as u (id, active, version, updated_at) where c.id = u.id";
const NEW_ISSUANCES: &str = "insert into coupon_issuances (coupon_id, issued, total_quantity) \
     select u.coupon_id, u.issued, c.total_quantity from unnest($1::bigint[], $2::bigint[]) as u (coupon_id, issued) \
     join coupons c on c.id = u.coupon_id";
const COPIES: &str = "update issued_coupons i set status = u.status, order_id = u.order_id, used_at = u.used_at, \
     revoked_by = u.revoked_by, revoked_for = u.revoked_for, revoked_at = u.revoked_at \
     from unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::timestamptz[]) \
     as u (id, status, order_id, used_at, revoked_by, revoked_for, revoked_at) where i.id = u.id";
const NEW_CODES: &str = "insert into coupon_codes (code, coupon_id, created_at, customer_id, issued_coupon_id, claimed_at) \
     select * from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::timestamptz[])";
const CODES: &str = "update coupon_codes c set customer_id = u.customer_id, issued_coupon_id = u.issued_coupon_id, \
     claimed_at = u.claimed_at from unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[]) \
     as u (code, customer_id, issued_coupon_id, claimed_at) where c.code = u.code";
const NEW_REDEMPTIONS: &str = "insert into coupon_redemptions \
     (issued_coupon_id, order_id, coupon_id, discount, currency, status, created_at, updated_at) \
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], \
     $7::timestamptz[], $8::timestamptz[])";
const REDEMPTIONS: &str = "update coupon_redemptions r set status = u.status, updated_at = u.updated_at \
     from unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[]) \
     as u (issued_coupon_id, order_id, status, updated_at) \
     where r.issued_coupon_id = u.issued_coupon_id and r.order_id = u.order_id";
const ORDER_COUPONS: &str = "insert into order_coupons \
     (order_id, position, issued_coupon_id, coupon_id, name, discount, currency) \
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[])";

pub(super) const STATEMENTS: &[&str] = &[
    NEW_COUPONS,
    OWN_CODES,
    NEW_PRODUCTS,
    COUPONS,
    NEW_ISSUANCES,
    COPIES,
    NEW_CODES,
    CODES,
    NEW_REDEMPTIONS,
    REDEMPTIONS,
    ORDER_COUPONS,
];

pub(super) async fn write_campaigns(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    write_new_coupons(connection, net).await?;
    if !net.coupons.changed.is_empty() {
        let rows = || net.coupons.changed.values();
        sqlx::query(COUPONS)
            .bind(column!(rows(), c => c.id.get()))
            .bind(column!(rows(), c => c.active))
            .bind(column!(rows(), c => count(c.version)))
            .bind(column!(rows(), c => at(c.updated_at)))
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.issuances.new);
    let rows = || net.issuances.new.values();
    sqlx::query(NEW_ISSUANCES)
        .bind(column!(rows(), i => i.coupon_id.get()))
        .bind(column!(rows(), i => i64::from(i.issued)))
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_new_coupons(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.coupons.new);
    let rows = || net.coupons.new.values();
    sqlx::query(NEW_COUPONS)
        .bind(column!(rows(), c => c.id.get()))
        .bind(column!(rows(), c => c.code.as_ref().map(|code| code.as_str())))
        .bind(column!(rows(), c => c.name.as_str()))
        .bind(column!(rows(), c => Terms::of(c).amount))
        .bind(column!(rows(), c => Terms::of(c).percent))
        .bind(column!(rows(), c => Terms::of(c).cap))
        .bind(column!(rows(), c => c.min_subtotal.map(|m| m.minor())))
        .bind(column!(rows(), c => Terms::of(c).currency))
        .bind(column!(rows(), c => c.min_subtotal.map(|m| m.currency().to_string())))
        .bind(column!(rows(), c => c.total_quantity.map(i64::from)))
        .bind(column!(rows(), c => i64::from(c.per_customer_limit)))
        .bind(column!(rows(), c => at(c.window.from)))
        .bind(column!(rows(), c => c.window.until.map(at)))
        .bind(column!(rows(), c => c.active))
        .bind(column!(rows(), c => count(c.version)))
        .bind(column!(rows(), c => at(c.created_at)))
        .bind(column!(rows(), c => at(c.updated_at)))
        .bind(column!(rows(), c => c.stacking.as_str()))
        .bind(column!(rows(), c => i64::from(c.priority)))
        .bind(column!(rows(), c => c.by_code))
        .execute(&mut *connection)
        .await?;
    let own: Vec<(&Coupon, &str)> = rows().filter_map(|c| Some((&**c, c.code.as_ref()?.as_str()))).collect();
    if !own.is_empty() {
        sqlx::query(OWN_CODES)
            .bind(column!(own.iter(), (_, code) => *code))
            .bind(column!(own.iter(), (c, _) => c.id.get()))
            .bind(column!(own.iter(), (c, _) => at(c.created_at)))
            .execute(&mut *connection)
            .await?;
    }
    let scoped: Vec<(i64, i64)> =
        rows().flat_map(|c| c.scope.products().map(|product| (c.id.get(), product.get()))).collect();
    skip_if_empty!(scoped);
    sqlx::query(NEW_PRODUCTS)
        .bind(column!(scoped.iter(), (coupon, _) => *coupon))
        .bind(column!(scoped.iter(), (_, product) => *product))
        .execute(connection)
        .await?;
    Ok(())
}

/// A discount as columns.
struct Terms {
    amount: Option<i64>,
    percent: Option<String>,
    cap: Option<i64>,
    currency: Option<String>,
}

impl Terms {
    fn of(coupon: &Coupon) -> Self {
        match coupon.discount {
            Discount::Amount(amount) => Self {
                amount: Some(amount.minor()),
                percent: None,
                cap: None,
                currency: Some(amount.currency().to_string()),
            },
            Discount::Percent { rate, cap } => Self {
                amount: None,
                percent: Some(rate.value().to_string()),
                cap: cap.map(|cap| cap.minor()),
                currency: cap.map(|cap| cap.currency().to_string()),
            },
        }
    }
}

/// What became of copies, and their use, after the orders that they name.
pub(super) async fn write_copies(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    write_codes(connection, net).await?;
    write_taken(connection, net).await?;
    write_order_coupons(connection, net).await?;
    write_redemptions(connection, net).await
}

async fn write_codes(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    if !net.codes.new.is_empty() {
        let rows = || net.codes.new.values();
        sqlx::query(NEW_CODES)
            .bind(column!(rows(), c => c.code.as_str()))
            .bind(column!(rows(), c => c.coupon_id.get()))
            .bind(column!(rows(), c => at(c.created_at)))
            .bind(column!(rows(), c => c.claim.map(|claim| claim.customer_id.get())))
            .bind(column!(rows(), c => c.claim.map(|claim| claim.issued_coupon_id.get())))
            .bind(column!(rows(), c => c.claim.map(|claim| at(claim.claimed_at))))
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.codes.changed);
    let rows = || net.codes.changed.values();
    sqlx::query(CODES)
        .bind(column!(rows(), c => c.code.as_str()))
        .bind(column!(rows(), c => c.claim.map(|claim| claim.customer_id.get())))
        .bind(column!(rows(), c => c.claim.map(|claim| claim.issued_coupon_id.get())))
        .bind(column!(rows(), c => c.claim.map(|claim| at(claim.claimed_at))))
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_taken(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.issued_coupons.changed);
    let rows = || net.issued_coupons.changed.values();
    sqlx::query(COPIES)
        .bind(column!(rows(), i => i.id.get()))
        .bind(column!(rows(), i => i.status.as_str()))
        .bind(column!(rows(), i => i.order_id.map(|id| id.get())))
        .bind(column!(rows(), i => i.used_at.map(at)))
        .bind(column!(rows(), i => i.revocation.as_ref().map(|told| told.actor.to_string())))
        .bind(column!(rows(), i => i.revocation.as_ref().and_then(|told| Some(told.reason.as_ref()?.as_str()))))
        .bind(column!(rows(), i => i.revocation.as_ref().map(|told| at(told.revoked_at))))
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_order_coupons(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    let rows: Vec<(OrderId, i64, &AppliedCoupon)> = net
        .orders
        .new
        .values()
        .flat_map(|order| (1..).zip(&order.coupons).map(|(position, coupon)| (order.id, position, coupon)))
        .collect();
    skip_if_empty!(rows);
    sqlx::query(ORDER_COUPONS)
        .bind(column!(rows.iter(), (order, ..) => order.get()))
        .bind(column!(rows.iter(), (_, position, _) => *position))
        .bind(column!(rows.iter(), (.., c) => c.issued_coupon_id.get()))
        .bind(column!(rows.iter(), (.., c) => c.coupon_id.get()))
        .bind(column!(rows.iter(), (.., c) => c.name.as_str()))
        .bind(column!(rows.iter(), (.., c) => c.discount.minor()))
        .bind(column!(rows.iter(), (.., c) => c.discount.currency().to_string()))
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_redemptions(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    // Uses that end go first: a copy is in the hands of one order at a time, also in between.
    if !net.redemptions.changed.is_empty() {
        let rows = || net.redemptions.changed.values();
        sqlx::query(REDEMPTIONS)
            .bind(column!(rows(), r => r.issued_coupon_id.get()))
            .bind(column!(rows(), r => r.order_id.get()))
            .bind(column!(rows(), r => r.status.as_str()))
            .bind(column!(rows(), r => at(r.updated_at)))
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.redemptions.new);
    let rows = || net.redemptions.new.values();
    sqlx::query(NEW_REDEMPTIONS)
        .bind(column!(rows(), r => r.issued_coupon_id.get()))
        .bind(column!(rows(), r => r.order_id.get()))
        .bind(column!(rows(), r => r.coupon_id.get()))
        .bind(column!(rows(), r => r.discount.minor()))
        .bind(column!(rows(), r => r.discount.currency().to_string()))
        .bind(column!(rows(), r => r.status.as_str()))
        .bind(column!(rows(), r => at(r.created_at)))
        .bind(column!(rows(), r => at(r.updated_at)))
        .execute(connection)
        .await?;
    Ok(())
}
