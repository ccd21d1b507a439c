//! Orders with everything that hangs on them. The order's row is locked for all of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use commerce_core::{
    AppliedCoupon, CancelRequest, Changes, Currency, Order, OrderId, OrderLine, OrderPayment, Payment, Redemption,
    StoreError,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::Mode;
use super::hot::raw;
use crate::error::Failure;
use crate::row::{
    get, get_at, get_at_opt, get_code, get_currency, get_id, get_id_opt, get_money, get_text, get_text_opt, get_u32,
    get_u64, principal,
};

macro_rules! orders {
    ($tail:literal) => {
        concat!(
            "select id, customer_id, status, currency, subtotal, discount, total, payment_id, payment_method,",
            " expires_at, version, placed_at, updated_at from orders ",
            $tail
        )
    };
}
pub(crate) use orders;

pub(crate) const ORDERS: &str = orders!("where id = any($1) order by id");
pub(crate) const ORDERS_LOCKED: &str = orders!("where id = any($1) order by id for no key update");
pub(crate) const ITEMS: &str = "select order_id, product_id, variant_id, product_name, option_name, sku, unit_price, \
     quantity, subtotal, discount, currency, priced_by from order_items where order_id = any($1) order by order_id, position";
pub(crate) const ORDER_COUPONS: &str = "select order_id, issued_coupon_id, coupon_id, name, discount, currency \
     from order_coupons where order_id = any($1) order by order_id, position";
pub(crate) const PAYMENTS: &str = "select id, order_id, customer_id, method, amount, currency, status, attempts, \
     failure_reason, gateway_transaction_id, cancel_requested_by, cancel_reason, created_at, updated_at \
     from payments where order_id = any($1)";
pub(crate) const REDEMPTIONS: &str = "select issued_coupon_id, order_id, coupon_id, discount, currency, status, \
     created_at, updated_at from coupon_redemptions where order_id = any($1) order by order_id, issued_coupon_id";

pub(super) const STATEMENTS: &[&str] = &[ORDERS, ORDERS_LOCKED, ITEMS, ORDER_COUPONS, PAYMENTS, REDEMPTIONS];

pub(super) async fn fetch(
    connection: &mut PgConnection,
    ids: &BTreeSet<OrderId>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let ids = raw(ids);
    let statement = if mode == Mode::Read { ORDERS } else { ORDERS_LOCKED };
    let rows = sqlx::query(statement).bind(&ids).fetch_all(&mut *connection).await?;
    records.orders = orders_of(connection, &rows).await?;
    for row in sqlx::query(PAYMENTS).bind(&ids).fetch_all(&mut *connection).await? {
        records.payments.push(Arc::new(payment_of(&row)?));
    }
    for row in sqlx::query(REDEMPTIONS).bind(&ids).fetch_all(&mut *connection).await? {
        records.redemptions.push(redemption_of(&row)?);
    }
    Ok(())
}

/// Orders by id, as they are.
pub(crate) async fn orders_by_id(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<Arc<Order>>, Failure> {
    let rows = sqlx::query(ORDERS).bind(ids).fetch_all(&mut *connection).await?;
    orders_of(connection, &rows).await
}

/// The orders of these rows. Their lines and coupons never change, so a later look at them sees the same.
pub(crate) async fn orders_of(connection: &mut PgConnection, rows: &[PgRow]) -> Result<Vec<Arc<Order>>, Failure> {
    let ids = rows.iter().map(|row| get(row, "id")).collect::<Result<Vec<i64>, _>>()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines: HashMap<i64, Vec<OrderLine>> = HashMap::with_capacity(ids.len());
    for row in sqlx::query(ITEMS).bind(&ids).fetch_all(&mut *connection).await? {
        lines.entry(get(&row, "order_id")?).or_default().push(line_of(&row)?);
    }
    let mut coupons: HashMap<i64, Vec<AppliedCoupon>> = HashMap::new();
    for row in sqlx::query(ORDER_COUPONS).bind(&ids).fetch_all(&mut *connection).await? {
        coupons.entry(get(&row, "order_id")?).or_default().push(applied_of(&row)?);
    }
    let order = |(row, id): (&PgRow, &i64)| {
        let (lines, coupons) = (lines.remove(id).unwrap_or_default(), coupons.remove(id).unwrap_or_default());
        order_of(row, lines, coupons).map(Arc::new)
    };
    Ok(rows.iter().zip(&ids).map(order).collect::<Result<_, _>>()?)
}

/// An order from its row, its lines and its coupons.
pub(crate) fn order_of(row: &PgRow, lines: Vec<OrderLine>, coupons: Vec<AppliedCoupon>) -> Result<Order, StoreError> {
    let currency = get_currency(row, "currency")?;
    let payment = match get_id_opt(row, "payment_id")? {
        Some(payment_id) => Some(OrderPayment { payment_id, method: get_code(row, "payment_method")? }),
        None => None,
    };
    Ok(Order {
        id: get_id(row, "id")?,
        customer_id: get_id(row, "customer_id")?,
        status: get_code(row, "status")?,
        lines: lines.into(),
        coupons,
        subtotal: get_money(row, "subtotal", currency)?,
        discount: get_money(row, "discount", currency)?,
        total: get_money(row, "total", currency)?,
        payment,
        expires_at: get_at_opt(row, "expires_at")?,
        version: get_u64(row, "version")?,
        placed_at: get_at(row, "placed_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}

fn line_of(row: &PgRow) -> Result<OrderLine, StoreError> {
    let currency: Currency = get_currency(row, "currency")?;
    Ok(OrderLine {
        product_id: get_id(row, "product_id")?,
        variant_id: get_id(row, "variant_id")?,
        product_name: get_text(row, "product_name")?,
        option_name: get_text_opt(row, "option_name")?,
        sku: get_text(row, "sku")?,
        unit_price: get_money(row, "unit_price", currency)?,
        priced_by: get_text_opt(row, "priced_by")?,
        quantity: get_u32(row, "quantity")?,
        subtotal: get_money(row, "subtotal", currency)?,
        discount: get_money(row, "discount", currency)?,
    })
}

fn applied_of(row: &PgRow) -> Result<AppliedCoupon, StoreError> {
    Ok(AppliedCoupon {
        issued_coupon_id: get_id(row, "issued_coupon_id")?,
        coupon_id: get_id(row, "coupon_id")?,
        name: get_text(row, "name")?,
        discount: get_money(row, "discount", get_currency(row, "currency")?)?,
    })
}

/// A payment.
pub(crate) fn payment_of(row: &PgRow) -> Result<Payment, StoreError> {
    Ok(Payment {
        id: get_id(row, "id")?,
        order_id: get_id(row, "order_id")?,
        customer_id: get_id(row, "customer_id")?,
        method: get_code(row, "method")?,
        amount: get_money(row, "amount", get_currency(row, "currency")?)?,
        status: get_code(row, "status")?,
        attempts: get_u32(row, "attempts")?,
        failure_reason: get_text_opt(row, "failure_reason")?,
        gateway_transaction_id: get_text_opt(row, "gateway_transaction_id")?,
        cancel_request: cancel_request_of(row)?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}

fn cancel_request_of(row: &PgRow) -> Result<Option<CancelRequest>, StoreError> {
    let Some(requested_by) = get::<Option<&str>>(row, "cancel_requested_by")? else { return Ok(None) };
    Ok(Some(CancelRequest { requested_by: principal(requested_by)?, reason: get_text_opt(row, "cancel_reason")? }))
}

/// A redemption.
pub(crate) fn redemption_of(row: &PgRow) -> Result<Redemption, StoreError> {
    Ok(Redemption {
        issued_coupon_id: get_id(row, "issued_coupon_id")?,
        order_id: get_id(row, "order_id")?,
        coupon_id: get_id(row, "coupon_id")?,
        discount: get_money(row, "discount", get_currency(row, "currency")?)?,
        status: get_code(row, "status")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}
