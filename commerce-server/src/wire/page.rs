//! Pages of lists.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::Serialize;

use super::schema::{described, plain_type};

/// One page of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T: Type> Type for Page<T> {
    plain_type!();

    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |registry| {
            T::register(registry);
            MetaSchema {
                description: Some("One page of a list."),
                required: vec!["items"],
                properties: vec![
                    ("items", described(Vec::<T>::schema_ref(), "The items, in the list's order.")),
                    (
                        "next_cursor",
                        described(String::schema_ref(), "Ask with it for what follows; absent on the last page."),
                    ),
                ],
                ..MetaSchema::new("object")
            }
        });
    }
}
