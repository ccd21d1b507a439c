//! Charges and top-ups.

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::{Changes, Charge, ChargeId, ChargePurpose, StoreError, TopUp, TopUpId};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::Mode;
use super::hot::raw;
use crate::error::Failure;
use crate::row::{corrupt, get_at, get_code, get_currency, get_id, get_id_opt, get_money, get_text_opt, get_u32};

macro_rules! charges {
    ($tail:literal) => {
        concat!(
            "select id, order_id, attempt, top_up_id, customer_id, amount, currency, status, failure_reason,",
            " gateway_transaction_id, created_at, updated_at from charges ",
            $tail
        )
    };
}
pub(crate) use charges;

macro_rules! top_ups {
    ($tail:literal) => {
        concat!(
            "select id, customer_id, amount, currency, status, charge_id, failure_reason, expires_at, created_at,",
            " updated_at from top_ups ",
            $tail
        )
    };
}
pub(crate) use top_ups;

pub(crate) const CHARGES: &str = charges!("where id = any($1) order by id");
pub(crate) const CHARGES_LOCKED: &str = charges!("where id = any($1) order by id for no key update");
pub(crate) const TOP_UPS: &str = top_ups!("where id = any($1) order by id");
pub(crate) const TOP_UPS_LOCKED: &str = top_ups!("where id = any($1) order by id for no key update");

pub(super) const STATEMENTS: &[&str] = &[CHARGES, CHARGES_LOCKED, TOP_UPS, TOP_UPS_LOCKED];

pub(super) async fn fetch_charges(
    connection: &mut PgConnection,
    ids: &BTreeSet<ChargeId>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let statement = if mode == Mode::Read { CHARGES } else { CHARGES_LOCKED };
    for row in sqlx::query(statement).bind(raw(ids)).fetch_all(connection).await? {
        records.charges.push(Arc::new(charge_of(&row)?));
    }
    Ok(())
}

pub(super) async fn fetch_top_ups(
    connection: &mut PgConnection,
    ids: &BTreeSet<TopUpId>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let statement = if mode == Mode::Read { TOP_UPS } else { TOP_UPS_LOCKED };
    for row in sqlx::query(statement).bind(raw(ids)).fetch_all(connection).await? {
        records.top_ups.push(Arc::new(top_up_of(&row)?));
    }
    Ok(())
}

/// A charge.
pub(crate) fn charge_of(row: &PgRow) -> Result<Charge, StoreError> {
    let purpose = match (get_id_opt(row, "order_id")?, get_id_opt(row, "top_up_id")?) {
        (Some(order_id), None) => ChargePurpose::Order { order_id, attempt: get_u32(row, "attempt")? },
        (None, Some(top_up_id)) => ChargePurpose::TopUp { top_up_id },
        _ => return Err(corrupt("a charge is for an order or for a top-up")),
    };
    Ok(Charge {
        id: get_id(row, "id")?,
        purpose,
        customer_id: get_id(row, "customer_id")?,
        amount: get_money(row, "amount", get_currency(row, "currency")?)?,
        status: get_code(row, "status")?,
        failure_reason: get_text_opt(row, "failure_reason")?,
        gateway_transaction_id: get_text_opt(row, "gateway_transaction_id")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}

/// A top-up.
pub(crate) fn top_up_of(row: &PgRow) -> Result<TopUp, StoreError> {
    Ok(TopUp {
        id: get_id(row, "id")?,
        customer_id: get_id(row, "customer_id")?,
        amount: get_money(row, "amount", get_currency(row, "currency")?)?,
        status: get_code(row, "status")?,
        charge_id: get_id(row, "charge_id")?,
        failure_reason: get_text_opt(row, "failure_reason")?,
        expires_at: get_at(row, "expires_at")?,
        created_at: get_at(row, "created_at")?,
        updated_at: get_at(row, "updated_at")?,
    })
}
