//! Refunds, after the payments that they give back.

use commerce_core::{Refund, RefundLine};
use sqlx::PgConnection;

use super::{Net, at, column, skip_if_empty};
use crate::error::Failure;

const NEW: &str = "\
with new_refunds as (
  insert into refunds (id, order_id, payment_id, total, currency, destination, restock, status, reason, failure_reason,
                       created_at, updated_at)
  select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::boolean[],
                       $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])
)
insert into refund_items (refund_id, order_id, position, quantity, amount)
select * from unnest($13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[])";
const CHANGED: &str = "update refunds r set status = u.status, failure_reason = u.failure_reason, \
     updated_at = u.updated_at from unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) \
     as u (id, status, failure_reason, updated_at) where r.id = u.id";
/// Told anew from the rows, so that the sum is theirs whatever came before.
const SUMS: &str = "update payments p set refunded = s.refunded from (select payment_id, \
       coalesce(sum(total) filter (where status <> 'failed'), 0) as refunded \
     from refunds where payment_id = any($1) group by payment_id) s where p.id = s.payment_id";

pub(super) const STATEMENTS: &[&str] = &[NEW, CHANGED, SUMS];

pub(super) async fn write(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    insert(connection, net).await?;
    update(connection, net).await?;
    let all = || net.refunds.new.values().chain(net.refunds.changed.values());
    if all().next().is_some() {
        sqlx::query(SUMS).bind(column!(all(), r => r.payment_id.get())).execute(connection).await?;
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.refunds.new);
    let rows = || net.refunds.new.values();
    let items: Vec<(&Refund, &RefundLine)> =
        rows().flat_map(|refund| refund.lines.iter().map(|line| (&**refund, line))).collect();
    let items = || items.iter();
    sqlx::query(NEW)
        .bind(column!(rows(), r => r.id.get()))
        .bind(column!(rows(), r => r.order_id.get()))
        .bind(column!(rows(), r => r.payment_id.get()))
        .bind(column!(rows(), r => r.total.minor()))
        .bind(column!(rows(), r => r.total.currency().to_string()))
        .bind(column!(rows(), r => r.destination.as_str()))
        .bind(column!(rows(), r => r.restock))
        .bind(column!(rows(), r => r.status.as_str()))
        .bind(column!(rows(), r => r.reason.as_ref().map(|reason| reason.as_str())))
        .bind(column!(rows(), r => r.failure_reason.as_ref().map(|reason| reason.as_str())))
        .bind(column!(rows(), r => at(r.created_at)))
        .bind(column!(rows(), r => at(r.updated_at)))
        .bind(column!(items(), (r, _) => r.id.get()))
        .bind(column!(items(), (r, _) => r.order_id.get()))
        .bind(column!(items(), (_, line) => i64::from(line.position)))
        .bind(column!(items(), (_, line) => i64::from(line.quantity)))
        .bind(column!(items(), (_, line) => line.amount.minor()))
        .execute(connection)
        .await?;
    Ok(())
}

async fn update(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.refunds.changed);
    let rows = || net.refunds.changed.values();
    sqlx::query(CHANGED)
        .bind(column!(rows(), r => r.id.get()))
        .bind(column!(rows(), r => r.status.as_str()))
        .bind(column!(rows(), r => r.failure_reason.as_ref().map(|reason| reason.as_str())))
        .bind(column!(rows(), r => at(r.updated_at)))
        .execute(connection)
        .await?;
    Ok(())
}
