//! Carts with their items. The cart's row is locked for all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::{Cart, CartItem, Changes, CustomerId, StoreError};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::Mode;
use super::hot::raw;
use crate::error::Failure;
use crate::row::{corrupt, get_at, get_at_opt, get_currency, get_id, get_id_opt, get_money, get_u32, get_u64};

/// A row an item, and one for a cart that is empty: a single statement, so that it is all from one moment.
pub(crate) const CARTS: &str = "select c.customer_id, c.line_count, c.version, c.updated_at, i.variant_id, i.quantity, \
     i.saved_price, i.currency, i.added_at from carts c left join cart_items i on i.customer_id = c.customer_id \
     where c.customer_id = any($1) order by c.customer_id, i.added_at, i.variant_id";
/// Before the items are read, by a statement of its own: one that waits for a row sees the others as they were
/// before it waited.
const LOCK: &str = "select customer_id from carts where customer_id = any($1) order by customer_id for no key update";

pub(super) const STATEMENTS: &[&str] = &[LOCK, CARTS];

pub(super) async fn fetch(
    connection: &mut PgConnection,
    customers: &BTreeSet<CustomerId>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let mut ids = raw(customers);
    if mode != Mode::Read {
        // One that comes after this is nobody's to decide on: it would not be locked.
        ids = sqlx::query_scalar(LOCK).bind(&ids).fetch_all(&mut *connection).await?;
    }
    let rows = sqlx::query(CARTS).bind(&ids).fetch_all(connection).await?;
    records.carts = carts_of(&rows)?;
    Ok(())
}

/// The carts of rows that are sorted by customer.
pub(crate) fn carts_of(rows: &[PgRow]) -> Result<Vec<Arc<Cart>>, StoreError> {
    let customer_of = |row: &PgRow| get_id::<CustomerId>(row, "customer_id").ok();
    rows.chunk_by(|one, next| customer_of(one) == customer_of(next)).map(|rows| cart_of(rows).map(Arc::new)).collect()
}

fn cart_of(rows: &[PgRow]) -> Result<Cart, StoreError> {
    let first = rows.first().ok_or_else(|| corrupt("a cart without a row"))?;
    let items = rows.iter().filter_map(|row| item_of(row).transpose()).collect::<Result<Vec<_>, _>>()?;
    let (customer_id, count): (CustomerId, u64) = (get_id(first, "customer_id")?, get_u64(first, "line_count")?);
    if count != items.len() as u64 {
        return Err(corrupt(format_args!("the cart of {customer_id} counts {count} lines and has {}", items.len())));
    }
    Ok(Cart { customer_id, items, version: get_u64(first, "version")?, updated_at: get_at_opt(first, "updated_at")? })
}

fn item_of(row: &PgRow) -> Result<Option<CartItem>, StoreError> {
    let Some(variant_id) = get_id_opt(row, "variant_id")? else { return Ok(None) };
    let quantity = i64::from(get_u32(row, "quantity")?).try_into().map_err(corrupt)?;
    let saved_price = get_money(row, "saved_price", get_currency(row, "currency")?)?;
    Ok(Some(CartItem { variant_id, quantity, saved_price, added_at: get_at(row, "added_at")? }))
}
