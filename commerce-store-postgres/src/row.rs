//! Between rows and domain values. What a row holds was checked by the database's constraints when it was written;
//! what does not fit here all the same is [`StoreError::Corrupt`].

use std::cell::Cell;
use std::fmt::Display;
use std::num::NonZeroI64;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use commerce_core::{
    ChargeStatus, Currency, CustomerId, Id, IssuedCouponStatus, Money, OperatorName, OrderStatus, PaymentMethod,
    PaymentStatus, Principal, ProductStatus, RedemptionStatus, RefundDestination, RefundStatus, Stacking, StockReason,
    StoreError, Timestamp, TopUpStatus, WalletEntryKind,
};
use sqlx::Row;
use sqlx::postgres::PgRow;

/// A row that cannot be read as what it should be.
pub(crate) fn corrupt(what: impl Display) -> StoreError {
    StoreError::Corrupt { what: what.to_string() }
}

/// The value of a column.
pub(crate) fn get<'r, T>(row: &'r PgRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| corrupt(format_args!("column {column}: {error}")))
}

/// A typed id.
pub(crate) fn id<I: Id>(raw: i64) -> Result<I, StoreError> {
    let positive = NonZeroI64::new(raw).filter(|raw| raw.get() > 0);
    positive.map(I::from_raw).ok_or_else(|| corrupt(format_args!("{raw} is not an id")))
}

/// The typed id of a column.
pub(crate) fn get_id<I: Id>(row: &PgRow, column: &'static str) -> Result<I, StoreError> {
    id(get(row, column)?)
}

/// The typed id of a column that may be empty.
pub(crate) fn get_id_opt<I: Id>(row: &PgRow, column: &'static str) -> Result<Option<I>, StoreError> {
    get::<Option<i64>>(row, column)?.map(id).transpose()
}

/// A count, which is never negative.
pub(crate) fn get_u64(row: &PgRow, column: &'static str) -> Result<u64, StoreError> {
    let raw: i64 = get(row, column)?;
    u64::try_from(raw).map_err(|_| corrupt(format_args!("column {column} is {raw}")))
}

/// A count within 32 bits.
pub(crate) fn get_u32(row: &PgRow, column: &'static str) -> Result<u32, StoreError> {
    let raw: i64 = get(row, column)?;
    u32::try_from(raw).map_err(|_| corrupt(format_args!("column {column} is {raw}")))
}

/// An instant.
pub(crate) fn get_at(row: &PgRow, column: &'static str) -> Result<Timestamp, StoreError> {
    Ok(get::<DateTime<Utc>>(row, column)?.into())
}

/// An instant that may be missing.
pub(crate) fn get_at_opt(row: &PgRow, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
    Ok(get::<Option<DateTime<Utc>>>(row, column)?.map(Timestamp::from))
}

/// A text with a shape.
pub(crate) fn get_text<T>(row: &PgRow, column: &'static str) -> Result<T, StoreError>
where
    T: FromStr<Err: Display>,
{
    get::<&str>(row, column)?.parse().map_err(|error| corrupt(format_args!("column {column}: {error}")))
}

/// A text with a shape, if there is one.
pub(crate) fn get_text_opt<T>(row: &PgRow, column: &'static str) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Display>,
{
    let text: Option<&str> = get(row, column)?;
    text.map(|text| text.parse().map_err(|error| corrupt(format_args!("column {column}: {error}")))).transpose()
}

thread_local! {
    /// A shop mostly has one currency: the last one looked up saves a walk through the table of ISO 4217.
    static LAST: Cell<Option<Currency>> = const { Cell::new(None) };
}

/// A currency by its code.
pub(crate) fn currency(code: &str) -> Result<Currency, StoreError> {
    if let Some(last) = LAST.get().filter(|last| last.code() == code) {
        return Ok(last);
    }
    let currency = Currency::from_code(code).map_err(corrupt)?;
    LAST.set(Some(currency));
    Ok(currency)
}

/// The currency of a column.
pub(crate) fn get_currency(row: &PgRow, column: &'static str) -> Result<Currency, StoreError> {
    currency(get(row, column)?)
}

/// An amount of minor units.
pub(crate) fn money(minor: i64, currency: Currency) -> Result<Money, StoreError> {
    Money::new(minor, currency).map_err(corrupt)
}

/// The amount of a column, in `currency`.
pub(crate) fn get_money(row: &PgRow, column: &'static str, currency: Currency) -> Result<Money, StoreError> {
    money(get(row, column)?, currency)
}

/// Who did it: the text of [`Principal`]'s `Display`, read back.
pub(crate) fn principal(text: &str) -> Result<Principal, StoreError> {
    let unknown = || corrupt(format_args!("{text:?} is not a principal"));
    match text.split_once(':') {
        None if text == "system" => Ok(Principal::System),
        Some(("customer", id)) => id.parse::<CustomerId>().map(Principal::Customer).map_err(|_| unknown()),
        Some(("operator", name)) => OperatorName::new(name).map(Principal::Operator).map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

/// The principal of a column.
pub(crate) fn get_principal(row: &PgRow, column: &'static str) -> Result<Principal, StoreError> {
    principal(get(row, column)?)
}

/// A status by its stable text.
pub(crate) trait Code: Copy + 'static {
    /// Every value.
    const VALUES: &'static [Self];
    /// The stable text.
    fn code(self) -> &'static str;
}

macro_rules! codes {
    ($($type:ident: $($variant:ident),+;)+) => {$(
        impl Code for $type {
            const VALUES: &'static [Self] = &[$(Self::$variant),+];
            fn code(self) -> &'static str {
                // Exhaustive, so that a new value cannot be forgotten above.
                match self { $(Self::$variant)|+ => self.as_str() }
            }
        }
    )+};
}

codes! {
    ProductStatus: OnSale, Paused, Discontinued;
    StockReason: Order, Cancel, Refund, Adjust;
    WalletEntryKind: Deposit, Payment, Refund, Adjustment;
    Stacking: Exclusive, Stackable;
    IssuedCouponStatus: Available, Held, Used, Expired, Revoked;
    RedemptionStatus: Held, Used, Released;
    OrderStatus: Pending, Processing, Paid, Shipped, Delivered, Cancelled, Refunded;
    PaymentMethod: Wallet, Card;
    RefundDestination: Wallet, Gateway;
    RefundStatus: Pending, Succeeded, Failed;
    ChargeStatus: Initiated, Pending, Captured, Failed, Cancelled, RefundDue, Refunded;
    TopUpStatus: Pending, Completed, Failed, Expired;
    PaymentStatus: Initiated, Pending, Succeeded, Failed, Cancelled;
}

/// The status of a column.
pub(crate) fn get_code<C: Code>(row: &PgRow, column: &'static str) -> Result<C, StoreError> {
    code(get(row, column)?)
}

/// The value with this stable text.
pub(crate) fn code<C: Code>(text: &str) -> Result<C, StoreError> {
    let known = C::VALUES.iter().find(|value| value.code() == text);
    known.copied().ok_or_else(|| corrupt(format_args!("{text:?} is not a known status")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_read_as_they_are_written() {
        let operator = OperatorName::new("mina:of:the:shop").expect("a name");
        let customer = "42".parse().expect("an id");
        for who in [Principal::System, Principal::Operator(operator), Principal::Customer(customer)] {
            assert_eq!(principal(&who.to_string()), Ok(who));
        }
        for wrong in ["", "root", "customer:", "customer:0", "customer:x"] {
            assert!(principal(wrong).is_err(), "{wrong:?}");
        }
    }
}
