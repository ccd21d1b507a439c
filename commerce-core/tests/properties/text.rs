//! Texts: a type takes exactly the texts of its shape, and gives them back as they were.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use commerce_core::{CouponCode, IdempotencyKey, LeaseName, Name, Note, OperatorName, Owner, Sku, TextError, Username};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cases;

fn holds<T>(text: &str, max: usize, allowed: fn(char) -> bool) -> Result<(), TestCaseError>
where
    T: FromStr<Err = TextError> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let length = text.chars().count();
    let sound = (1..=max).contains(&length) && text.trim() == text && text.chars().all(allowed);
    let json = serde_json::to_string(text).expect("text");
    match text.parse::<T>() {
        Ok(value) => {
            prop_assert!(sound, "{:?} should be refused", text);
            prop_assert_eq!(value.to_string(), text);
            prop_assert_eq!(serde_json::to_string(&value).expect("text"), json.clone());
            prop_assert_eq!(serde_json::from_str::<T>(&json).ok(), Some(value));
        }
        Err(error) => {
            prop_assert!(!sound, "{:?} should be taken: {}", text, error);
            prop_assert_eq!((error.min, error.max, error.length), (1, max, length));
            prop_assert!(serde_json::from_str::<T>(&json).is_err());
        }
    }
    Ok(())
}

fn in_code(c: char) -> bool {
    matches!(c, 'A'..='Z' | '0'..='9' | '-' | '_')
}

fn in_handle(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_' | '@' | '+')
}

fn in_key(c: char) -> bool {
    matches!(c, '!'..='~')
}

fn in_name(c: char) -> bool {
    !c.is_control()
}

fn in_note(c: char) -> bool {
    !c.is_control() || c == '\n' || c == '\t'
}

fn every_type_holds(text: &str) -> Result<(), TestCaseError> {
    holds::<Name>(text, 200, in_name)?;
    holds::<Note>(text, 2_000, in_note)?;
    holds::<Username>(text, 64, in_handle)?;
    holds::<Sku>(text, 64, in_code)?;
    holds::<CouponCode>(text, 32, in_code)?;
    holds::<IdempotencyKey>(text, 255, in_key)?;
    holds::<OperatorName>(text, 64, in_key)?;
    holds::<LeaseName>(text, 128, in_key)?;
    holds::<Owner>(text, 128, in_key)
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn types_take_their_shape_and_nothing_else(
        text in prop_oneof![".{0,40}", "[A-Z0-9_-]{0,70}", "[a-z0-9.@+_-]{0,70}", "[!-~]{0,260}", "[ -~\n\t가-힣]{0,30}"],
    ) {
        every_type_holds(&text)?;
    }

    #[test]
    fn lengths_are_counted_in_characters(length in prop_oneof![0..300_usize, 1_990..2_010_usize], letter in "[A가a.]") {
        every_type_holds(&letter.repeat(length))?;
    }
}
