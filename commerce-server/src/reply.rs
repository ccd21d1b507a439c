//! Answers that succeed.

use std::sync::Arc;

use commerce_core::Receipt;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::Serialize;

/// The header that marks an answer given before, under the same key.
pub const REPLAYED: &str = "idempotent-replayed";

/// A JSON answer with its status, written in one pass.
#[derive(Debug)]
pub struct Reply<T, const STATUS: u16 = 200> {
    body: T,
    version: Option<u64>,
    replayed: bool,
}

/// Something was created.
pub type Created<T> = Reply<T, 201>;

/// Something is to be done.
pub type Accepted<T> = Reply<T, 202>;

impl<T, const STATUS: u16> Reply<T, STATUS> {
    /// An answer.
    pub fn new(body: T) -> Self {
        Self { body, version: None, replayed: false }
    }

    /// The answer to a command: what it came to, marked if it came to that before.
    pub fn of<O>(receipt: &Receipt<Arc<O>>) -> Self
    where
        T: for<'a> From<&'a O>,
    {
        Self { body: T::from(&receipt.outcome), version: None, replayed: receipt.replayed }
    }

    /// The same answer with another body.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Reply<U, STATUS> {
        Reply { body: to(self.body), version: self.version, replayed: self.replayed }
    }

    /// The same answer, marked if what was asked for was so before.
    #[must_use]
    pub fn replayed(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }

    /// The same answer with the record's version as its ETag.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }
}

impl<T: Serialize + Send, const STATUS: u16> IntoResponse for Reply<T, STATUS> {
    fn into_response(self) -> Response {
        let bytes = match serde_json::to_vec(&self.body) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                return crate::problem::framework::internal().into_response();
            }
        };
        let mut response = Response::builder().content_type("application/json").body(bytes);
        response.set_status(StatusCode::from_u16(STATUS).unwrap_or_default());
        let headers = response.headers_mut();
        if let Some(etag) = self.version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok()) {
            headers.insert(header::ETAG, etag);
        }
        if self.replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl<T: Type, const STATUS: u16> ApiResponse for Reply<T, STATUS> {
    fn meta() -> MetaResponses {
        let text = |name: &str, description: &str| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required: false,
            deprecated: false,
            schema: <String as Type>::schema_ref(),
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: match STATUS {
                    201 => "Created.",
                    202 => "To be done.",
                    _ => "As asked.",
                },
                status: Some(STATUS),
                status_range: None,
                content: vec![MetaMediaType { content_type: "application/json", schema: Self::body_schema() }],
                headers: vec![
                    text("ETag", "The record's version, where it has one; If-Match takes it."),
                    text("Idempotent-Replayed", "\"true\" if this is the answer given before, under the same key."),
                ],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type, const STATUS: u16> Reply<T, STATUS> {
    fn body_schema() -> MetaSchemaRef {
        T::schema_ref()
    }
}
