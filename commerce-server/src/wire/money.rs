//! Money on the wire: major units as a string, and a currency; never a float.

use std::borrow::Cow;

use commerce_core::{Currency, Money as CoreMoney, MoneyError, Revenue as CoreRevenue};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::schema::{only_from_object, plain_type};

/// An amount that the server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money(pub CoreMoney);

impl From<CoreMoney> for Money {
    fn from(money: CoreMoney) -> Self {
        Self(money)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Money", 2)?;
        object.serialize_field("amount", &format_args!("{}", self.0.major()))?;
        object.serialize_field("currency", self.0.currency().code())?;
        object.end()
    }
}

/// A sum over many orders: written as an amount is, without a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revenue(pub CoreRevenue);

impl Serialize for Revenue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Revenue", 2)?;
        object.serialize_field("amount", &self.0.major())?;
        object.serialize_field("currency", self.0.currency().code())?;
        object.end()
    }
}

fn schema(description: &'static str, pattern: &str) -> MetaSchema {
    let text = |pattern: &str, description| {
        let pattern = Some(pattern.to_owned());
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern,
            description: Some(description),
            ..MetaSchema::new("string")
        }))
    };
    MetaSchema {
        description: Some(description),
        required: vec!["amount", "currency"],
        properties: vec![
            ("amount", text(pattern, "Major units, with no more decimals than the currency has.")),
            ("currency", text("^[A-Z]{3}$", "The code of ISO 4217.")),
        ],
        ..MetaSchema::new("object")
    }
}

impl Type for Money {
    plain_type!("Money");

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>("Money".to_owned(), |_| {
            schema("An exact amount of money.", r"^-?(0|[1-9][0-9]{0,16})(\.[0-9]{1,4})?$")
        });
    }
}

impl Type for Revenue {
    plain_type!("Revenue");

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>("Revenue".to_owned(), |_| {
            schema("An exact sum of money over many orders.", r"^-?(0|[1-9][0-9]*)(\.[0-9]{1,4})?$")
        });
    }
}

/// An amount that the server reads: the same shape, not yet checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct MoneyInput {
    amount: String,
    currency: String,
}

only_from_object!(MoneyInput);

impl MoneyInput {
    /// The amount, if it is one; the reason why not otherwise.
    pub fn parse(&self) -> Result<CoreMoney, MoneyError> {
        CoreMoney::parse(&self.amount, Currency::from_code(&self.currency)?)
    }
}

impl Type for MoneyInput {
    plain_type!();

    fn name() -> Cow<'static, str> {
        Money::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        Money::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Money::register(registry);
    }
}

/// An optional amount, checked.
pub fn parse_optional(money: Option<&MoneyInput>) -> Result<Option<CoreMoney>, MoneyError> {
    money.map(MoneyInput::parse).transpose()
}
