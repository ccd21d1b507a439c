//! Short texts: accepted exactly when their shape is right, and then kept as they were given.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use commerce_core::{CouponCode, IdempotencyKey, LeaseName, Name, Note, OperatorName, Owner, Sku, TextError, Username};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::round_trip::survives_json;

/// Reads the input as each kind of text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check::<Name>(text, people_read(text, 200, &[]));
    check::<Note>(text, people_read(text, 2_000, &['\n', '\t']));
    check::<Username>(text, consists_of(text, 64, "abcdefghijklmnopqrstuvwxyz0123456789.-_@+"));
    check::<Sku>(text, consists_of(text, 64, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"));
    check::<CouponCode>(text, consists_of(text, 32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"));
    check::<IdempotencyKey>(text, machines_read(text, 255));
    check::<OperatorName>(text, machines_read(text, 64));
    check::<LeaseName>(text, machines_read(text, 128));
    check::<Owner>(text, machines_read(text, 128));
}

fn check<T>(text: &str, well_formed: bool)
where
    T: FromStr<Err = TextError> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let parsed = text.parse::<T>();
    assert_eq!(parsed.is_ok(), well_formed, "{text:?}: {parsed:?}");
    let from_json = serde_json::from_value::<T>(serde_json::Value::from(text));
    assert_eq!(from_json.ok().as_ref(), parsed.as_ref().ok(), "JSON and text disagree on {text:?}");
    match parsed {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            survives_json(&value);
        }
        Err(error) => assert_eq!(error.length, text.chars().count(), "{text:?}"),
    }
}

fn consists_of(text: &str, max: usize, allowed: &str) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| allowed.contains(c))
}

fn machines_read(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| (0x21..=0x7e).contains(&b))
}

fn people_read(text: &str, max: usize, controls: &[char]) -> bool {
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    !blank(text.chars().next())
        && !blank(text.chars().next_back())
        && text.chars().count() <= max
        && text.chars().all(|c| controls.contains(&c) || !c.is_control())
}
