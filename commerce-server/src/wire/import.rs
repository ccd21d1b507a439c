//! What became of an import, on the wire.

use commerce_core::{ProductId, VariantId};

use super::scalar::WireId;
use super::schema::response;
use crate::import::{Done, RowDone};
use crate::problem::Problem;

response! {
    /// A row of the file, and what became of it.
    ImportedRow {
        /// As a spreadsheet counts: the header is row 1.
        row: u64,
        /// The line of the file that it begins on; a field in quotes may have several.
        line: u64,
        /// Its SKU, as it is there.
        sku: Option<String>,
        /// What became of it: accepted, acceptable (nothing was to be stored), refused, or unanswered (the store did not say;
        /// the same file under the same key tells).
        outcome: String,
        /// The product, of an accepted row.
        product_id: Option<WireId<ProductId>>,
        /// The variant, of an accepted row.
        variant_id: Option<WireId<VariantId>>,
        /// The column to be corrected, of a refused row, where it is one.
        column: Option<String>,
        /// Why, of a row that is refused or unanswered.
        problem: Option<Problem>,
    }

    /// An import, row by row. It is written while rows are done, each on a line of its own.
    ImportReport {
        /// Every row that was done, in the order of the file.
        rows: Vec<ImportedRow>,
        /// How many were accepted.
        accepted: u64,
        /// How many were refused.
        refused: u64,
        /// How many are unanswered or were not tried, because the store did not answer: send the file again under the same
        /// key.
        left: u64,
    }
}

impl From<&RowDone> for ImportedRow {
    fn from((row, done): &RowDone) -> Self {
        let told = |outcome: &str| Self {
            row: row.number,
            line: row.line,
            sku: row.sku.clone(),
            outcome: outcome.to_owned(),
            product_id: None,
            variant_id: None,
            column: None,
            problem: None,
        };
        match done {
            Done::Accepted(product, variant) => {
                Self { product_id: Some(WireId(*product)), variant_id: Some(WireId(*variant)), ..told("accepted") }
            }
            Done::Acceptable => told("acceptable"),
            Done::Refused(refusal) => Self {
                column: refusal.column.map(str::to_owned),
                problem: Some(refusal.problem.clone()),
                ..told("refused")
            },
            Done::Unanswered(problem) => Self { problem: Some(problem.clone()), ..told("unanswered") },
        }
    }
}
