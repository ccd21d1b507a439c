//! Carts: their rows, and those of their items that are new, another or gone.

use std::sync::Arc;

use commerce_core::Cart;
use sqlx::PgConnection;

use super::{Net, at, column, count, skip_if_empty};
use crate::error::Failure;

/// No item is both taken out and put in: each has one last value. A foreign key is checked at the statement's end,
/// when the new carts are there.
const CARTS: &str = "\
with new_carts as (
  insert into carts (customer_id, line_count, version, updated_at)
  select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])
), carts_changed as (
  update carts c set line_count = u.line_count, version = u.version, updated_at = u.updated_at
  from unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[])
    as u (customer_id, line_count, version, updated_at)
  where c.customer_id = u.customer_id
), items_gone as (
  delete from cart_items i using unnest($9::bigint[], $10::bigint[]) as u (customer_id, variant_id)
  where i.customer_id = u.customer_id and i.variant_id = u.variant_id
)
insert into cart_items as i (customer_id, variant_id, quantity, saved_price, currency, added_at)
select * from unnest($11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[], $16::timestamptz[])
on conflict (customer_id, variant_id) do update set quantity = excluded.quantity,
  saved_price = excluded.saved_price, currency = excluded.currency, added_at = excluded.added_at";

pub(super) const STATEMENTS: &[&str] = &[CARTS];

pub(super) async fn write(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.cart_items);
    let items = || net.cart_items.iter();
    let gone = || items().filter(|(_, item)| item.is_none()).map(|(key, _)| key);
    let there = || items().filter_map(|((customer, _), item)| item.map(|item| (*customer, item)));
    let query = bind_carts(sqlx::query(CARTS), net.carts.new.values());
    bind_carts(query, net.carts.changed.values())
        .bind(column!(gone(), (customer, _) => customer.get()))
        .bind(column!(gone(), (_, variant) => variant.get()))
        .bind(column!(there(), (customer, _) => customer.get()))
        .bind(column!(there(), (_, item) => item.variant_id.get()))
        .bind(column!(there(), (_, item) => i64::from(item.quantity)))
        .bind(column!(there(), (_, item) => item.saved_price.minor()))
        .bind(column!(there(), (_, item) => item.saved_price.currency().to_string()))
        .bind(column!(there(), (_, item) => at(item.added_at)))
        .execute(connection)
        .await?;
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn bind_carts<'q, 'c>(query: Query<'q>, carts: impl Iterator<Item = &'c Arc<Cart>> + Clone) -> Query<'q> {
    query
        .bind(column!(carts.clone(), c => c.customer_id.get()))
        .bind(column!(carts.clone(), c => count(c.items.len() as u64)))
        .bind(column!(carts.clone(), c => count(c.version)))
        .bind(column!(carts, c => c.updated_at.map(at)))
}
