//! Ids: exactly the plain decimal digits of 1 to 2^63 - 1 are an id, and it prints as it was written.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use commerce_core::{
    CouponId, CustomerId, IdError, IssuedCouponId, MessageId, OrderId, PaymentId, ProductId, VariantId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::round_trip::survives_json;

/// Reads the input as each kind of id.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check(text, CustomerId::get);
    check(text, ProductId::get);
    check(text, VariantId::get);
    check(text, CouponId::get);
    check(text, IssuedCouponId::get);
    check(text, OrderId::get);
    check(text, PaymentId::get);
    check(text, MessageId::get);
}

fn check<I>(text: &str, raw: fn(I) -> i64)
where
    I: FromStr<Err = IdError> + Display + Debug + PartialEq + Copy + Serialize + DeserializeOwned,
{
    let parsed = text.parse::<I>().ok();
    assert_eq!(parsed.map(raw), number(text), "{text:?}");
    let from_json = serde_json::from_value::<I>(serde_json::Value::from(text)).ok();
    assert_eq!(from_json, parsed, "JSON and text disagree on {text:?}");
    if let Some(id) = parsed {
        assert_eq!(id.to_string(), text);
        survives_json(&id);
    }
}

/// The number that a text is allowed to mean.
fn number(text: &str) -> Option<i64> {
    let mut number: i64 = 0;
    for (place, c) in text.chars().enumerate() {
        let digit = match c {
            '0' if place == 0 => return None,
            '0'..='9' => i64::from(c as u32 - '0' as u32),
            _ => return None,
        };
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    (number > 0).then_some(number)
}
