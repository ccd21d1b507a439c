//! Codes that are good for one copy.

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::{Changes, CodeClaim, CouponCode, SingleUseCode, StoreError};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::Mode;
use crate::error::Failure;
use crate::row::{get_at, get_at_opt, get_id, get_text};

/// Codes, as [`code_of`] reads them, with what says which and how.
macro_rules! codes {
    ($which:literal) => {
        concat!(
            "select code, coupon_id, created_at, customer_id, issued_coupon_id, claimed_at from coupon_codes ",
            $which
        )
    };
}
pub(crate) use codes;

const CODES: &str = codes!("where code = any($1) and own is null order by code");
const CODES_LOCKED: &str = codes!("where code = any($1) and own is null order by code for no key update");

pub(super) const STATEMENTS: &[&str] = &[CODES, CODES_LOCKED];

pub(super) async fn fetch(
    connection: &mut PgConnection,
    codes: &BTreeSet<CouponCode>,
    mode: Mode,
    records: &mut Changes,
) -> Result<(), Failure> {
    let statement = if mode == Mode::Read { CODES } else { CODES_LOCKED };
    let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    for row in sqlx::query(statement).bind(codes).fetch_all(connection).await? {
        records.codes.push(Arc::new(code_of(&row)?));
    }
    Ok(())
}

/// A code that is good for one copy.
pub(crate) fn code_of(row: &PgRow) -> Result<SingleUseCode, StoreError> {
    let claim = match get_at_opt(row, "claimed_at")? {
        None => None,
        Some(claimed_at) => {
            let (customer_id, issued_coupon_id) = (get_id(row, "customer_id")?, get_id(row, "issued_coupon_id")?);
            Some(CodeClaim { customer_id, issued_coupon_id, claimed_at })
        }
    };
    let (code, coupon_id) = (get_text(row, "code")?, get_id(row, "coupon_id")?);
    Ok(SingleUseCode { code, coupon_id, created_at: get_at(row, "created_at")?, claim })
}
