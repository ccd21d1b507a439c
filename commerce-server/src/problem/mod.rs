//! Every error that a client sees: a problem document (RFC 9457) with a stable code and the numbers.

pub mod framework;
pub mod rejection;

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The media type of problem documents.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The most characters of a text that may repeat what the client sent.
const MAX_DETAIL: usize = 200;

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: String,
    members: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with its stable code, and what happened in words.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = shortened(detail.into());
        Self(Box::new(Parts { status, code, detail, members: Vec::new(), headers: Vec::new() }))
    }

    /// A request that is not what the document asks for.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// The same problem with one more member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.push((name, value.into()));
        self
    }

    /// The same problem with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    fn document(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("/problems/{}", self.0.code).into());
        body.insert("title".to_owned(), title(self.0.code).into());
        body.insert("status".to_owned(), self.0.status.as_u16().into());
        body.insert("detail".to_owned(), self.0.detail.as_str().into());
        body.insert("code".to_owned(), self.0.code.into());
        for (name, value) in &self.0.members {
            body.insert((*name).to_owned(), value.clone());
        }
        body
    }

    fn body(&self) -> Vec<u8> {
        // A map of text keys to JSON values is always JSON.
        serde_json::to_vec(&self.document()).unwrap_or_default()
    }

    /// What happened, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }
}

/// A text that may repeat what the client sent, cut where it is too long to read.
pub(crate) fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The code in words, the same for every occurrence: `out_of_stock` is "Out of stock".
fn title(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The document, as a part of another one.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document().serialize(serializer)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.0.status).content_type(CONTENT_TYPE).body(self.body());
        for (name, value) in self.0.headers {
            response.headers_mut().insert(name, value);
        }
        if self.0.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}

fn schema() -> MetaSchema {
    let text = |description| {
        MetaSchemaRef::Inline(Box::new(MetaSchema { description: Some(description), ..MetaSchema::new("string") }))
    };
    let status = MetaSchema {
        description: Some("The HTTP status, repeated."),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    MetaSchema {
        description: Some(
            "An error (RFC 9457). The code is stable; the numbers of the rule that refused come as further members.",
        ),
        required: vec!["type", "title", "status", "detail", "code"],
        properties: vec![
            ("type", text("Names the kind of problem; not to be fetched.")),
            ("title", text("The kind of problem in words.")),
            ("status", MetaSchemaRef::Inline(Box::new(status))),
            ("detail", text("What happened, in words.")),
            ("code", text("The stable, machine-readable code.")),
        ],
        additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)))),
        ..MetaSchema::new("object")
    }
}

impl Type for Problem {
    crate::wire::schema::plain_type!();

    fn name() -> std::borrow::Cow<'static, str> {
        "Problem".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference("Problem".to_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>("Problem".to_owned(), |_| schema());
    }
}

/// Documented as the response of every status that an operation does not name.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "A problem: the code tells which, the status what to do about it.",
                status: None,
                status_range: None,
                content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: Self::schema_ref() }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        <Self as Type>::register(registry);
    }
}
