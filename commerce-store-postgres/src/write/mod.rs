//! Writing a batch's net result: set by set, from columns, in the order that foreign keys ask for.
//!
//! What an order needs is two statements ([`sale`]); the rest are one statement a table, and only those that have
//! rows. Rows are written in ascending order of their keys, so that transactions meet in one direction here too.

mod cards;
mod carts;
mod catalog;
mod coupons;
mod net;
mod refunds;
mod sale;

use chrono::{DateTime, Utc};
use commerce_core::Timestamp;
use sqlx::PgConnection;

pub(crate) use net::Net;

use crate::error::Failure;

/// Every statement, for the test that prepares them.
pub(crate) fn statements() -> Vec<&'static str> {
    let refunds = refunds::STATEMENTS;
    [cards::STATEMENTS, carts::STATEMENTS, catalog::STATEMENTS, coupons::STATEMENTS, refunds, sale::STATEMENTS].concat()
}

/// Writes `net`. The last statement is always one that writes, and that therefore fails in a transaction that an
/// earlier error has aborted.
pub(crate) async fn write(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    catalog::write(connection, net).await?;
    coupons::write_campaigns(connection, net).await?;
    carts::write(connection, net).await?;
    sale::write_changed(connection, net).await?;
    sale::write_new(connection, net).await?;
    sale::write(connection, net, net).await?;
    refunds::write(connection, net).await?;
    cards::write(connection, net).await?;
    coupons::write_copies(connection, net).await
}

/// The part of [`write`] that a batch which only sells needs no lock for: orders that are new, with all that bears their
/// ids, and, unless it came to nothing, keys and copies of coupons, which nobody else writes but who does the same.
pub(crate) async fn write_new(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    sale::write_new(connection, net).await?;
    sale::write_own(connection, net).await
}

/// What is left of such a batch when that is written.
pub(crate) async fn write_rest(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    sale::write_shared(connection, net).await
}

fn at(at: Timestamp) -> DateTime<Utc> {
    at.to_utc()
}

/// A count as the database's whole number. Counts are bounded far below its limit.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whether there is a row to write.
macro_rules! skip_if_empty {
    ($rows:expr) => {
        if $rows.is_empty() {
            return Ok(());
        }
    };
}
use skip_if_empty;

/// `columns!(rows => |row| a, b, c)`: one vector a column.
macro_rules! column {
    ($rows:expr, $row:pat => $value:expr) => {
        $rows.map(|$row| $value).collect::<Vec<_>>()
    };
}
use column;
