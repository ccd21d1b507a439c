//! What handlers ask of a request: a body, an idempotency key, a version, a page.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use commerce_core::{
    ChargeId, Commerce, CopyPlace, CouponCode, Currency, CustomerId, DeadLetterKey, IdempotencyKey, IssuedCouponId,
    MessageId, Money, Page, PageRequest, ProductId, ProductPlace, Rejection, SinkName,
};
use poem::error::ReadBodyError;
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaParamIn, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::app::{App, app};
use crate::auth::now;
use crate::gateway::protocol::Hint;
use crate::gateway::signature::{SignatureError, Signed};
use crate::problem::Problem;
use crate::wire::page::Page as WirePage;
use crate::wire::scalar::Count;
use crate::wire::schema::plain_type;

/// A JSON body, parsed in one pass.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request.headers(), "application/json")?;
        let bytes = read(request, body, app(request)?.limits.body).await?;
        let parsed = serde_json::from_slice(&bytes).map_err(|error| refused(&error))?;
        Ok(Self(parsed))
    }
}

/// A CSV file as the body.
#[derive(Debug, Clone)]
pub struct Csv(pub Bytes);

impl<'a> ApiExtractor<'a> for Csv {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(
                "UTF-8, with a header: name, status, currency, base_price, sku, and as wanted product_id, description, \
                 option_name, additional_price, stock. A row is a variant. One with a name begins a product, one with a \
                 product_id adds to a product that there is, one with neither adds to what the row above it is of.",
            ),
            ..MetaSchema::new("string")
        }));
        let content = vec![MetaMediaType { content_type: "text/csv", schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request.headers(), "text/csv")?;
        Ok(Self(read(request, body, app(request)?.limits.import).await?))
    }
}

/// The bytes of a body, as many as may be.
async fn read(request: &Request, body: &mut RequestBody, limit: usize) -> poem::Result<Bytes> {
    let declared = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(too_large(limit).into());
    }
    let reading = request.extensions().get::<Reading>();
    reading.inspect(|reading| reading.set(true));
    let bytes = body.take()?.into_bytes_limit(limit).await.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => too_large(limit),
        _ => Problem::bad_request("body_unreadable", "the body ended before it was complete"),
    })?;
    reading.inspect(|reading| reading.set(false));
    Ok(bytes)
}

/// A call of the payment gateway, its signature checked before a word of it is read.
#[derive(Debug, Clone, Copy)]
pub struct Called {
    /// The charge that it is about.
    pub charge: ChargeId,
}

impl<'a> ApiExtractor<'a> for Called {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("Whatever the gateway says; `data.reference` names the charge."),
            ..MetaSchema::new("object")
        }));
        let content = vec![MetaMediaType { content_type: "application/json", schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let cards = app(request)?.cards.as_ref().ok_or_else(|| Problem::from(Rejection::PaymentMethodNotOffered))?;
        let bytes = read(request, body, app(request)?.limits.body).await?;
        let header = |name: &str| {
            let mut values = request.headers().get_all(name).iter();
            let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or("");
            if values.next().is_some() { "" } else { value }
        };
        let headers = Signed {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
        };
        let wrong = |error: SignatureError| Problem::bad_request("webhook_signature_invalid", error.to_string());
        cards.webhooks.verify(headers, &bytes, now()).map_err(wrong)?;
        let hint: Hint = serde_json::from_slice(&bytes).map_err(|error| refused(&error))?;
        Ok(Self { charge: hint.data.reference })
    }
}

/// Whether a request's body is being read, and nothing has run yet: for the router to tell once time is up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading(Arc<AtomicBool>);

impl Reading {
    fn set(&self, reading: bool) {
        self.0.store(reading, Ordering::Relaxed);
    }

    /// Whether it is.
    pub(crate) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn check_content_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("send the body as Content-Type: {wanted}"),
    ))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("a body has at most {limit} bytes"))
        .with("max_bytes", limit)
}

/// What is wrong with the JSON: not JSON at all, or not the JSON that was asked for.
fn refused(error: &serde_json::Error) -> Problem {
    let detail = error.to_string();
    match error.classify() {
        Category::Data if detail.starts_with("unknown field") => Problem::bad_request("unknown_field", detail),
        Category::Data => Problem::bad_request("invalid_body", detail),
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_request("malformed_json", detail),
    }
}

/// The `Idempotency-Key` header, which every change needs that cannot be repeated as it is.
#[derive(Debug, Clone)]
pub struct Key(pub IdempotencyKey);

impl<'a> ApiExtractor<'a> for Key {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(IdempotencyKey::MAX),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let mut values = request.headers().get_all("idempotency-key").iter();
        let malformed = |detail: String| Problem::bad_request("idempotency_key_malformed", detail);
        let (value, more) = (values.next(), values.next());
        let value = value.ok_or_else(|| {
            Problem::bad_request(
                "idempotency_key_missing",
                "every change needs an Idempotency-Key header: a fresh random name for this attempt, kept for its retries",
            )
        })?;
        if more.is_some() {
            return Err(malformed("there is more than one Idempotency-Key header".to_owned()).into());
        }
        let text = value.to_str().map_err(|error| malformed(error.to_string()))?;
        Ok(Self(IdempotencyKey::new(text).map_err(|error| malformed(error.to_string()))?))
    }
}

/// The `If-Match` header: the version that the caller read, if it insists on one.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<u64>);

impl<'a> ApiExtractor<'a> for IfMatch {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let pattern = Some(r#"^(\*|"[1-9][0-9]{0,18}")$"#.to_owned());
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema { pattern, ..MetaSchema::new("string") })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let malformed =
            || Problem::bad_request("if_match_malformed", "If-Match takes one ETag as it was read, like \"3\", or *");
        let mut values = request.headers().get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        if values.next().is_some() {
            return Err(malformed().into());
        }
        let text = value.to_str().unwrap_or("").trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let version = quoted.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).and_then(|d| d.parse().ok());
        Ok(Self(Some(version.ok_or_else(malformed)?)))
    }
}

/// How many items a page has: 1 to 100, 20 if not said.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub u32);

impl Limit {
    const MAX: u32 = 100;
    const DEFAULT: Self = Self(20);
}

impl Type for Limit {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(1.0),
            maximum: Some(f64::from(Self::MAX)),
            default: Some(Self::DEFAULT.0.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }))
    }
}

impl ParseFromParameter for Limit {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Count::<1, { Self::MAX }>::parse_from_parameter(text).map(|count| Self(count.0)).map_err(ParseError::propagate)
    }
}

/// A key that a cursor can carry.
pub trait CursorKey: Sized {
    /// The key as bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// The key of the bytes, if it is one.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl CursorKey for u64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

macro_rules! cursor_keys {
    ($($id:ident),+) => {$(
        impl CursorKey for commerce_core::$id {
            fn to_bytes(&self) -> Vec<u8> {
                self.get().to_be_bytes().to_vec()
            }
            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(i64::from_be_bytes).and_then(|raw| Self::try_from(raw).ok())
            }
        }
    )+};
}

cursor_keys!(CouponId, CustomerId, IssuedCouponId, MessageId, OrderId, ProductId, TopUpId);

/// Its text.
impl CursorKey for CouponCode {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::new(std::str::from_utf8(bytes).ok()?).ok()
    }
}

/// The customer, then the copy.
impl CursorKey for CopyPlace {
    fn to_bytes(&self) -> Vec<u8> {
        [self.0.to_bytes(), self.1.to_bytes()].concat()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (customer, copy) = bytes.split_first_chunk::<8>()?;
        Some((CustomerId::from_bytes(customer)?, IssuedCouponId::from_bytes(copy)?))
    }
}

/// The message, and the sink to the end.
impl CursorKey for DeadLetterKey {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.message.to_bytes()[..], self.sink.as_str().as_bytes()].concat()
    }
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (message, sink) = bytes.split_first_chunk::<8>()?;
        let sink = SinkName::new(std::str::from_utf8(sink).ok()?).ok()?;
        Some(Self { message: MessageId::from_bytes(message)?, sink })
    }
}

/// Its id, its price, and its name to the end.
impl CursorKey for ProductPlace {
    fn to_bytes(&self) -> Vec<u8> {
        let currency = self.price.currency();
        let (id, minor) = (self.id.to_bytes(), self.price.minor().to_be_bytes());
        [&id, &minor[..], currency.code().as_bytes(), self.name.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<8>()?;
        let (minor, rest) = rest.split_first_chunk::<8>()?;
        let (currency, name) = rest.split_first_chunk::<3>()?;
        let currency = Currency::from_code(std::str::from_utf8(currency).ok()?).ok()?;
        let price = Money::new(i64::from_be_bytes(*minor), currency).ok()?;
        Some(Self { id: ProductId::from_bytes(id)?, name: std::str::from_utf8(name).ok()?.into(), price })
    }
}

/// One list, as one principal sees it through one filter: what a cursor belongs to.
#[derive(Debug, Clone)]
pub struct List<'a> {
    app: &'a App,
    name: String,
}

impl<'a> List<'a> {
    /// A list by its name, with everything in it that says which one: the owner, the filters.
    #[must_use]
    pub fn new(app: &'a App, name: String) -> Self {
        Self { app, name }
    }

    /// The page that is asked for; a cursor of another list, or a forged one, is refused.
    pub fn request<K: CursorKey>(&self, limit: Option<Limit>, cursor: Option<&str>) -> Result<PageRequest<K>, Problem> {
        let invalid = || {
            Problem::bad_request(
                "cursor_invalid",
                "this cursor was not given for this list with these filters; start anew",
            )
        };
        let open =
            |cursor| self.app.cursors.open(&self.name, cursor).and_then(|key| K::from_bytes(&key)).ok_or_else(invalid);
        Ok(PageRequest { after: cursor.map(open).transpose()?, limit: limit.unwrap_or(Limit::DEFAULT).0 })
    }

    /// The page that is answered.
    pub fn page<T, U, K: CursorKey>(&self, page: Page<T, K>, each: impl FnMut(T) -> U) -> WirePage<U> {
        WirePage {
            next_cursor: page.next.map(|key| self.app.cursors.seal(&self.name, &key.to_bytes())),
            items: page.items.into_iter().map(each).collect(),
        }
    }
}

impl std::ops::Deref for List<'_> {
    type Target = Commerce;
    fn deref(&self) -> &Commerce {
        &self.app.commerce
    }
}
