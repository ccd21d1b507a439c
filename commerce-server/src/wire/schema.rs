//! From one declaration both the JSON and the schema of a wire type, so that neither can drift from the other.
//!
//! Bodies are parsed and written by serde in one pass; poem-openapi only describes them.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

/// A schema with a description added.
pub(crate) fn described(schema: MetaSchemaRef, description: &'static str) -> MetaSchemaRef {
    schema.merge(MetaSchema { description: Some(description), ..MetaSchema::ANY })
}

/// The parts of [`Type`](poem_openapi::types::Type) that are the same for every type without validators.
macro_rules! plain_type {
    // The same for one that the document names.
    ($name:literal) => {
        $crate::wire::schema::plain_type!();

        fn name() -> std::borrow::Cow<'static, str> {
            $name.into()
        }

        fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
            poem_openapi::registry::MetaSchemaRef::Reference($name.to_owned())
        }
    };
    () => {
        const IS_REQUIRED: bool = true;
        type RawValueType = Self;
        type RawElementValueType = Self;

        fn as_raw_value(&self) -> Option<&Self> {
            Some(self)
        }

        fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
            Box::new(std::iter::once(self))
        }
    };
}
pub(crate) use plain_type;

/// The schema of a struct, field by field.
macro_rules! object_schema {
    ($name:ident, [$($doc:literal)+], { $([$($fdoc:literal)+] $field:ident : $ty:ty,)* }) => {
        impl poem_openapi::types::Type for $name {
            $crate::wire::schema::plain_type!();

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Reference(stringify!($name).to_owned())
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                registry.create_schema::<Self, _>(stringify!($name).to_owned(), |registry| {
                    $(<$ty as poem_openapi::types::Type>::register(registry);)*
                    let fields = [$((stringify!($field), <$ty as poem_openapi::types::Type>::IS_REQUIRED),)*];
                    poem_openapi::registry::MetaSchema {
                        description: Some(concat!($($doc),+)),
                        required: fields.iter().filter(|(_, required)| *required).map(|(name, _)| *name).collect(),
                        properties: vec![$((
                            stringify!($field),
                            $crate::wire::schema::described(
                                <$ty as poem_openapi::types::Type>::schema_ref(),
                                concat!($($fdoc),+),
                            ),
                        ),)*],
                        ..poem_openapi::registry::MetaSchema::new("object")
                    }
                });
            }
        }
    };
}
pub(crate) use object_schema;

/// Reads a struct, whose derived reader is `remote`, from a JSON object alone: serde would take an array of the
/// members' values for one as well.
macro_rules! only_from_object {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members;

                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, members: A) -> Result<$name, A::Error> {
                        // The derived reader: of two functions of this name the struct's own is meant.
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(members))
                    }
                }

                deserializer.deserialize_map(Members)
            }
        }
    };
}
pub(crate) use only_from_object;

/// A body that the server reads: unknown fields are refused.
macro_rules! request {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident : $ty:ty,)* })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(remote = "Self", deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $fdoc])+ pub $field: $ty,)*
        }

        $crate::wire::schema::only_from_object!($name);
        $crate::wire::schema::object_schema!($name, [$($doc)+], { $([$($fdoc)+] $field: $ty,)* });
    )+};
}
pub(crate) use request;

/// A body that the server writes: what is absent is left out.
macro_rules! response {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $fdoc:literal])+ $field:ident : $ty:ty,)* })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, serde::Serialize)]
        pub struct $name {
            $(
                $(#[doc = $fdoc])+
                #[serde(skip_serializing_if = "poem_openapi::types::Type::is_none")]
                pub $field: $ty,
            )*
        }

        $crate::wire::schema::object_schema!($name, [$($doc)+], { $([$($fdoc)+] $field: $ty,)* });
    )+};
}
pub(crate) use response;

/// A choice between the values of one of the core's enums, by their stable texts.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident = $($value:ident)|+;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(pub commerce_core::$name);

        // Derived, it would take an object with the text as its only member as well.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::of_text(&text).map_err(serde::de::Error::custom)
            }
        }

        impl $name {
            const ALL: &'static [commerce_core::$name] = &[$(commerce_core::$name::$value),+];

            fn of_text(text: &str) -> Result<Self, String> {
                let known = Self::ALL.iter().copied().find(|value| value.as_str() == text).map(Self);
                known.ok_or_else(|| {
                    let texts: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("it is one of {}", texts.join(", "))
                })
            }
        }

        impl poem_openapi::types::Type for $name {
            $crate::wire::schema::plain_type!();

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Reference(stringify!($name).to_owned())
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                // Exhaustive, so that a new value of the core's enum cannot be forgotten here.
                let text = |value: &commerce_core::$name| match value {
                    $(commerce_core::$name::$value)|+ => value.as_str().into(),
                };
                registry.create_schema::<Self, _>(stringify!($name).to_owned(), |_| {
                    poem_openapi::registry::MetaSchema {
                        description: Some(concat!($($doc),+)),
                        enum_items: Self::ALL.iter().map(text).collect(),
                        ..poem_openapi::registry::MetaSchema::new("string")
                    }
                });
            }
        }

        impl poem_openapi::types::ParseFromParameter for $name {
            fn parse_from_parameter(text: &str) -> poem_openapi::types::ParseResult<Self> {
                Self::of_text(text).map_err(poem_openapi::types::ParseError::custom)
            }
        }
    )+};
}
pub(crate) use choices;
