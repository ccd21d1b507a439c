//! Operators: products from a CSV file.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use poem::http::{HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Response};
use poem_openapi::param::Query;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};
use serde_json::Value;

use super::{Answer, Shared, Tag, operator};
use crate::auth::AsOperator;
use crate::extract::{Csv, Key};
use crate::import::{Done, Import, RowDone, Step, Whole};
use crate::problem::Problem;
use crate::reply::REPLAYED;
use crate::wire::import::{ImportReport, ImportedRow};

pub(super) struct AdminImportApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::AdminCatalog")]
impl AdminImportApi {
    /// Import products
    ///
    /// From a CSV file: a row a variant, the first row of a product naming it. Tells of every row what became of it, while
    /// it goes on. Sent again under the same key it goes on where it stopped, and makes nothing twice.
    #[oai(path = "/products/import", method = "post", operation_id = "import_products")]
    async fn import_products(
        &self,
        staff: AsOperator,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// All rows in one commit, or none of them if one is refused; product by product if not said.
        all_or_nothing: Query<Option<bool>>,
        /// Only tell what would become of each row.
        dry_run: Query<Option<bool>>,
        body: Csv,
    ) -> Answer<ImportReply> {
        let commerce = self.0.commerce()?.clone();
        let import = Import::read(commerce, operator(staff.0, key), &body.0)?;
        if dry_run.0.unwrap_or(false) {
            return Ok(ImportReply::whole(import.dry_run().await?));
        }
        if !all_or_nothing.0.unwrap_or(false) {
            return Ok(ImportReply::each(import));
        }
        let whole = import.whole().await?;
        if whole.is_refused() { Err(refused(&whole)) } else { Ok(ImportReply::whole(whole)) }
    }
}

/// Nothing was imported; the rows to blame.
fn refused(whole: &Whole) -> Problem {
    let is_refused = |(_, done): &&RowDone| matches!(done, Done::Refused(_));
    let rows: Vec<Value> = whole.rows.iter().filter(is_refused).map(|row| json(&ImportedRow::from(row))).collect();
    let detail = format!("nothing is imported: {} of {} rows are refused", rows.len(), whole.rows.len());
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "import_refused", detail).with("rows", rows)
}

/// A report that is written while rows are done.
pub(super) struct ImportReply {
    body: Body,
    replayed: bool,
}

impl ImportReply {
    fn whole(whole: Whole) -> Self {
        let total = whole.rows.len();
        let step = Step { rows: whole.rows, broken: false };
        Self { body: report(stream::iter([step]), total), replayed: whole.replayed }
    }

    fn each(import: Import) -> Self {
        let total = import.rows();
        Self { body: report(import.each(), total), replayed: false }
    }
}

/// One JSON object, a row a line.
fn report(steps: impl futures_util::Stream<Item = Step> + Send + 'static, total: usize) -> Body {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let counted = Arc::clone(&counts);
    // What comes after a store that does not answer is not asked for.
    let until_broken = steps.scan(false, |broken, step| {
        let over = *broken;
        *broken = step.broken;
        std::future::ready((!over).then_some(step))
    });
    let rows = until_broken.map(move |step| counted.lock().unwrap_or_else(PoisonError::into_inner).write(&step.rows));
    let end = stream::once(async move { counts.lock().unwrap_or_else(PoisonError::into_inner).end(total) });
    let text = stream::once(std::future::ready("{\"rows\":[".to_owned())).chain(rows).chain(end);
    Body::from_bytes_stream(text.map(|text| Ok::<_, std::io::Error>(Bytes::from(text))))
}

#[derive(Default)]
struct Counts {
    rows: usize,
    accepted: usize,
    refused: usize,
    unanswered: usize,
}

impl Counts {
    fn write(&mut self, rows: &[RowDone]) -> String {
        let mut text = String::new();
        for row in rows {
            text.push_str(if self.rows == 0 { "\n" } else { ",\n" });
            text.push_str(&json(&ImportedRow::from(row)).to_string());
            self.rows += 1;
            match row.1 {
                Done::Accepted(..) => self.accepted += 1,
                Done::Refused(_) => self.refused += 1,
                Done::Unanswered(_) => self.unanswered += 1,
                Done::Acceptable => {}
            }
        }
        text
    }

    fn end(&self, total: usize) -> String {
        let (accepted, refused, left) = (self.accepted, self.refused, total - self.rows + self.unanswered);
        format!("\n],\"accepted\":{accepted},\"refused\":{refused},\"left\":{left}}}\n")
    }
}

fn json(row: &ImportedRow) -> Value {
    // Texts and numbers: always JSON.
    serde_json::to_value(row).unwrap_or_default()
}

impl IntoResponse for ImportReply {
    fn into_response(self) -> Response {
        let mut response = Response::builder().content_type("application/json").body(self.body);
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl ApiResponse for ImportReply {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "What became of each row.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType { content_type: "application/json", schema: ImportReport::schema_ref() }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        ImportReport::register(registry);
    }
}
