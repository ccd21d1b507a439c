//! Charges, top-ups, and what top-ups credit.

use commerce_core::{ChargePurpose, WalletEntry};
use sqlx::PgConnection;

use super::{Net, at, column, count, skip_if_empty};
use crate::error::Failure;

const CHARGES: &str = "update charges c set status = u.status, failure_reason = u.failure_reason, \
     gateway_transaction_id = u.gateway_transaction_id, updated_at = u.updated_at \
     from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) \
     as u (id, status, failure_reason, gateway_transaction_id, updated_at) where c.id = u.id";
const NEW_CHARGES: &str = "insert into charges (id, order_id, attempt, top_up_id, customer_id, amount, currency, \
     status, failure_reason, gateway_transaction_id, created_at, updated_at) \
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
     $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])";
const TOP_UPS: &str = "update top_ups t set status = u.status, failure_reason = u.failure_reason, \
     updated_at = u.updated_at from unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) \
     as u (id, status, failure_reason, updated_at) where t.id = u.id";
const NEW_TOP_UPS: &str = "insert into top_ups (id, customer_id, amount, currency, status, charge_id, \
     failure_reason, expires_at, created_at, updated_at) \
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], \
     $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])";
const CREDITS: &str = "insert into wallet_entries (customer_id, currency, sequence, kind, amount, balance_after, \
     top_up_id, actor, memo, created_at) \
     select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], \
     $8::text[], $9::text[], $10::timestamptz[])";

pub(super) const STATEMENTS: &[&str] = &[CHARGES, NEW_CHARGES, TOP_UPS, NEW_TOP_UPS, CREDITS];

/// After the orders and wallets that they name.
pub(super) async fn write(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    write_top_ups(connection, net).await?;
    write_charges(connection, net).await?;
    write_credits(connection, net).await
}

async fn write_charges(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    // What ends goes first: an order waits for one charge at a time, also in between.
    if !net.charges.changed.is_empty() {
        let rows = || net.charges.changed.values();
        sqlx::query(CHARGES)
            .bind(column!(rows(), c => c.id.get()))
            .bind(column!(rows(), c => c.status.as_str()))
            .bind(column!(rows(), c => c.failure_reason.as_ref().map(|r| r.as_str())))
            .bind(column!(rows(), c => c.gateway_transaction_id.as_ref().map(|g| g.as_str())))
            .bind(column!(rows(), c => at(c.updated_at)))
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.charges.new);
    let rows = || net.charges.new.values();
    let attempt = |purpose: &ChargePurpose| match purpose {
        ChargePurpose::Order { attempt, .. } => Some(i64::from(*attempt)),
        ChargePurpose::TopUp { .. } => None,
    };
    let top_up = |purpose: &ChargePurpose| match purpose {
        ChargePurpose::Order { .. } => None,
        ChargePurpose::TopUp { top_up_id } => Some(top_up_id.get()),
    };
    sqlx::query(NEW_CHARGES)
        .bind(column!(rows(), c => c.id.get()))
        .bind(column!(rows(), c => c.purpose.order_id().map(|id| id.get())))
        .bind(column!(rows(), c => attempt(&c.purpose)))
        .bind(column!(rows(), c => top_up(&c.purpose)))
        .bind(column!(rows(), c => c.customer_id.get()))
        .bind(column!(rows(), c => c.amount.minor()))
        .bind(column!(rows(), c => c.amount.currency().to_string()))
        .bind(column!(rows(), c => c.status.as_str()))
        .bind(column!(rows(), c => c.failure_reason.as_ref().map(|r| r.as_str())))
        .bind(column!(rows(), c => c.gateway_transaction_id.as_ref().map(|g| g.as_str())))
        .bind(column!(rows(), c => at(c.created_at)))
        .bind(column!(rows(), c => at(c.updated_at)))
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_top_ups(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    if !net.top_ups.changed.is_empty() {
        let rows = || net.top_ups.changed.values();
        sqlx::query(TOP_UPS)
            .bind(column!(rows(), t => t.id.get()))
            .bind(column!(rows(), t => t.status.as_str()))
            .bind(column!(rows(), t => t.failure_reason.as_ref().map(|r| r.as_str())))
            .bind(column!(rows(), t => at(t.updated_at)))
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.top_ups.new);
    let rows = || net.top_ups.new.values();
    sqlx::query(NEW_TOP_UPS)
        .bind(column!(rows(), t => t.id.get()))
        .bind(column!(rows(), t => t.customer_id.get()))
        .bind(column!(rows(), t => t.amount.minor()))
        .bind(column!(rows(), t => t.amount.currency().to_string()))
        .bind(column!(rows(), t => t.status.as_str()))
        .bind(column!(rows(), t => t.charge_id.get()))
        .bind(column!(rows(), t => t.failure_reason.as_ref().map(|r| r.as_str())))
        .bind(column!(rows(), t => at(t.expires_at)))
        .bind(column!(rows(), t => at(t.created_at)))
        .bind(column!(rows(), t => at(t.updated_at)))
        .execute(connection)
        .await?;
    Ok(())
}

/// The entries that credit top-ups. They are few, and apart from the statement of a sale.
async fn write_credits(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    let entries: Vec<&WalletEntry> = net.wallet_entries.iter().filter(|entry| entry.top_up_id.is_some()).collect();
    skip_if_empty!(entries);
    let rows = || entries.iter();
    sqlx::query(CREDITS)
        .bind(column!(rows(), e => e.wallet_id.customer_id.get()))
        .bind(column!(rows(), e => e.wallet_id.currency.to_string()))
        .bind(column!(rows(), e => count(e.sequence)))
        .bind(column!(rows(), e => e.kind.as_str()))
        .bind(column!(rows(), e => e.amount.minor()))
        .bind(column!(rows(), e => e.balance_after.minor()))
        .bind(column!(rows(), e => e.top_up_id.map(|id| id.get())))
        .bind(column!(rows(), e => e.actor.to_string()))
        .bind(column!(rows(), e => e.memo.as_ref().map(|m| m.as_str())))
        .bind(column!(rows(), e => at(e.created_at)))
        .execute(connection)
        .await?;
    Ok(())
}
