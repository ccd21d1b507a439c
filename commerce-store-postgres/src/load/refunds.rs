//! The refunds of orders. Whoever decides on them holds their order's row.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use commerce_core::{Currency, OrderId, Refund, RefundLine, StoreError};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::hot::raw;
use crate::error::Failure;
use crate::row::{get, get_at, get_code, get_currency, get_id, get_money, get_text_opt, get_u32};

macro_rules! refunds {
    ($tail:literal) => {
        concat!(
            "select id, order_id, payment_id, total, currency, destination, restock, status, reason, failure_reason,",
            " created_at, updated_at from refunds ",
            $tail
        )
    };
}
pub(crate) use refunds;

const REFUNDS: &str = refunds!("where order_id = any($1) order by order_id, id");
const ITEMS: &str = "select refund_id, position, quantity, amount from refund_items where refund_id = any($1) \
     order by refund_id, position";

pub(super) const STATEMENTS: &[&str] = &[REFUNDS, ITEMS];

pub(super) async fn fetch(
    connection: &mut PgConnection,
    orders: &BTreeSet<OrderId>,
) -> Result<Vec<Arc<Refund>>, Failure> {
    refunds_of(connection, &raw(orders)).await
}

/// The refunds of these orders, by order and id.
pub(crate) async fn refunds_of(connection: &mut PgConnection, orders: &[i64]) -> Result<Vec<Arc<Refund>>, Failure> {
    let rows = sqlx::query(REFUNDS).bind(orders).fetch_all(&mut *connection).await?;
    refunds_from(connection, &rows).await
}

/// The refunds of these rows, with what they give back.
pub(crate) async fn refunds_from(connection: &mut PgConnection, rows: &[PgRow]) -> Result<Vec<Arc<Refund>>, Failure> {
    let ids = rows.iter().map(|row| get(row, "id")).collect::<Result<Vec<i64>, _>>()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut items: HashMap<i64, Vec<PgRow>> = HashMap::with_capacity(ids.len());
    for row in sqlx::query(ITEMS).bind(&ids).fetch_all(&mut *connection).await? {
        items.entry(get(&row, "refund_id")?).or_default().push(row);
    }
    let refund = |(row, id): (&PgRow, &i64)| refund_of(row, &items.remove(id).unwrap_or_default()).map(Arc::new);
    Ok(rows.iter().zip(&ids).map(refund).collect::<Result<_, _>>()?)
}

fn refund_of(row: &PgRow, items: &[PgRow]) -> Result<Refund, StoreError> {
    let currency = get_currency(row, "currency")?;
    Ok(Refund {
        id: get_id(row, "id")?,
        order_id: get_id(row, "order_id")?,
        payment_id: get_id(row, "payment_id")?,
        lines: items.iter().map(|item| line_of(item, currency)).collect::<Result<_, _>>()?,
        total: get_money(row, "total", currency)?,
        destination: get_code(row, "destination")?,
        restock: get(row, "restock")?,
        status: get_code(row, "status")?,
        reason: get_text_opt(row, "reason")?,
        failure_reason: get_text_opt(row, "failure_reason")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}

fn line_of(row: &PgRow, currency: Currency) -> Result<RefundLine, StoreError> {
    Ok(RefundLine {
        position: get_u32(row, "position")?,
        quantity: get_u32(row, "quantity")?,
        amount: get_money(row, "amount", currency)?,
    })
}
