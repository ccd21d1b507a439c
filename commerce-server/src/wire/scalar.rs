//! Scalars on the wire: ids, texts, instants and days as strings of a declared shape.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use chrono::Datelike;
use commerce_core::{
    CouponCode, Currency, Date, Id, JobName, Name, Note, SinkName, Sku, Timestamp, Username, WebhookName, WebhookUrl,
};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};
use serde::{Deserialize, Serialize};

use super::schema::plain_type;

/// A typed id: a string of digits, because JavaScript loses 64-bit integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WireId<I>(pub I);

impl<I: Id + Send + Sync> Type for WireId<I> {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "Id".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some("^[1-9][0-9]{0,18}$".to_owned()),
            ..MetaSchema::new_with_format("string", "id")
        }))
    }
}

impl<I: Id + Send + Sync + FromStr<Err: Display>> ParseFromParameter for WireId<I> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        text.parse().map(Self).map_err(ParseError::custom)
    }
}

/// Whether a text is a whole number as it is written: digits, none of them a superfluous zero.
pub(crate) fn is_plain_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// A whole number in a query, from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub struct Count<const MIN: u32, const MAX: u32>(pub u32);

impl<const MIN: u32, const MAX: u32> Type for Count<MIN, MAX> {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "Count".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(f64::from(MIN)),
            maximum: Some(f64::from(MAX)),
            ..MetaSchema::new_with_format("integer", "uint32")
        }))
    }
}

impl<const MIN: u32, const MAX: u32> ParseFromParameter for Count<MIN, MAX> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        let number = Some(text).filter(|text| is_plain_number(text)).and_then(|text| text.parse().ok());
        let count = number.filter(|number| (MIN..=MAX).contains(number)).map(Self);
        count.ok_or_else(|| ParseError::custom(format!("it is a number from {MIN} to {MAX}")))
    }
}

/// A text whose shape the core checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<T>(pub T);

/// How long a text may be.
pub trait Bounded: Send + Sync {
    /// The most characters there can be.
    const MAX: usize;
}

macro_rules! bounded {
    ($($name:ident),+) => {$(
        impl Bounded for $name {
            const MAX: usize = $name::MAX;
        }
    )+};
}

bounded!(CouponCode, JobName, Name, Note, SinkName, Sku, Username, WebhookName, WebhookUrl);

impl<T: Bounded> Type for Text<T> {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "Text".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(T::MAX),
            ..MetaSchema::new("string")
        }))
    }
}

impl<T: Bounded + FromStr<Err: Display>> ParseFromParameter for Text<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        text.parse().map(Self).map_err(ParseError::custom)
    }
}

/// An instant in RFC 3339, UTC, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub Timestamp);

impl Type for Instant {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }
}

impl ParseFromParameter for Instant {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        text.parse().map(Self).map_err(ParseError::custom)
    }
}

/// A day of the shop's calendar: `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub Date);

impl Type for Day {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "Day".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date")))
    }
}

impl ParseFromParameter for Day {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        // chrono also reads "2026-1-2"; only the form that is written is read.
        let date = Date::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text);
        let date = date.filter(|date| (1970..=9999).contains(&date.year()));
        date.map(Self).ok_or_else(|| ParseError::custom("it is a day from 1970 to 9999, like \"2026-11-21\""))
    }
}

/// A currency in a path or a query.
#[derive(Debug, Clone, Copy)]
pub struct CurrencyCode(pub Currency);

impl Type for CurrencyCode {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "CurrencyCode".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let pattern = Some("^[A-Z]{3}$".to_owned());
        MetaSchemaRef::Inline(Box::new(MetaSchema { pattern, ..MetaSchema::new("string") }))
    }
}

impl ParseFromParameter for CurrencyCode {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Currency::from_code(text).map(Self).map_err(ParseError::custom)
    }
}
