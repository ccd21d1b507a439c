//! Rows of a file, and what becomes of them.

use commerce_core::{
    Currency, Error, ImportItem, ImportedItem, MAX_STOCK, NewVariant, ProductId, Rejection, Sku, VariantId,
};
use poem::http::StatusCode;
use serde_json::Value;

use crate::problem::Problem;

/// A row of the file, below its header.
#[derive(Debug, Clone)]
pub struct Row {
    /// As a spreadsheet counts: the header is row 1.
    pub number: u64,
    /// The line that it begins on; a field in quotes may have several.
    pub line: u64,
    /// The SKU as it is there.
    pub sku: Option<String>,
    /// The first row above it that has the same SKU, if one has.
    pub above: Option<u64>,
}

/// Why a row is refused, and which of its columns is to be corrected, if it is one.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The column.
    pub column: Option<&'static str>,
    /// What is wrong, with the numbers.
    pub problem: Problem,
}

impl Refusal {
    pub(super) fn new(column: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { column: Some(column), ..Self::of_row(code, detail) }
    }

    pub(super) fn of_row(code: &'static str, detail: impl Into<String>) -> Self {
        Self { column: None, problem: Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    pub(super) fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        Self { problem: self.problem.with(name, value), ..self }
    }
}

/// What became of a row.
#[derive(Debug, Clone)]
pub enum Done {
    /// Its variant was made, of this product.
    Accepted(ProductId, VariantId),
    /// It could be, and was not asked to be.
    Acceptable,
    /// Nothing came of it.
    Refused(Refusal),
    /// The store did not say what came of it; the same file under the same key tells.
    Unanswered(Problem),
}

/// A row with what became of it.
pub type RowDone = (Row, Done);

/// A product with the rows of its variants, or a further variant.
#[derive(Debug)]
pub(super) struct Entry {
    /// The rows, each with what is wrong with it by itself.
    rows: Vec<(Row, Option<Refusal>)>,
    /// What they ask for; none once one of them is refused.
    item: Option<ImportItem>,
}

impl Entry {
    pub(super) fn new(row: Row, item: Result<ImportItem, Refusal>) -> Self {
        match item {
            Ok(item) => Self { rows: vec![(row, None)], item: Some(item) },
            Err(refusal) => Self { rows: vec![(row, Some(refusal))], item: None },
        }
    }

    /// A further row of the same product, with its variant.
    pub(super) fn push(&mut self, row: Row, variant: Result<Option<NewVariant>, Refusal>) {
        match (variant, &mut self.item) {
            (Ok(variant), item) => {
                if let Some(ImportItem::Product(product)) = item {
                    product.variants.extend(variant);
                }
                self.rows.push((row, None));
            }
            (Err(refusal), item) => {
                *item = None;
                self.rows.push((row, Some(refusal)));
            }
        }
    }

    /// What a further row is for: its product, if there is one already, and the currency; nothing if it is refused.
    pub(super) fn further(&self) -> Option<(Option<ProductId>, Currency)> {
        match self.item.as_ref()? {
            ImportItem::Product(product) => Some((None, product.base_price.currency())),
            ImportItem::Variant(added) => Some((Some(added.product_id), added.variant.additional_price.currency())),
        }
    }

    /// The first of its rows, which names it in the import.
    pub(super) fn number(&self) -> u64 {
        self.rows.first().map_or(0, |(row, _)| row.number)
    }

    /// What is to be imported, if the rows can be read.
    pub(super) fn item(&self) -> Option<&ImportItem> {
        self.item.as_ref()
    }

    /// What became of the rows of an entry that can be read.
    pub(super) fn done(self, result: Result<ImportedItem, Error>) -> Vec<RowDone> {
        match result {
            Ok(made) => {
                let accepted = |((row, _), variant)| (row, Done::Accepted(made.product_id, variant));
                self.rows.into_iter().zip(made.variant_ids).map(accepted).collect()
            }
            Err(Error::Rejected(rejection)) => self.rejected(rejection),
            Err(error) => {
                let problem = Problem::from(error);
                self.rows.into_iter().map(|(row, _)| (row, Done::Unanswered(problem.clone()))).collect()
            }
        }
    }

    /// The same of one that was only looked at.
    pub(super) fn acceptable(self) -> Vec<RowDone> {
        self.rows.into_iter().map(|(row, _)| (row, Done::Acceptable)).collect()
    }

    /// The rows of an entry that cannot be read.
    pub(super) fn unreadable(self) -> Vec<RowDone> {
        let culprit = self.rows.iter().find(|(_, refusal)| refusal.is_some()).map_or(0, |(row, _)| row.number);
        let refused = |(row, refusal): (Row, Option<Refusal>)| {
            (row, Done::Refused(refusal.unwrap_or_else(|| because_of(culprit))))
        };
        self.rows.into_iter().map(refused).collect()
    }

    pub(super) fn rejected(self, rejection: Rejection) -> Vec<RowDone> {
        let (place, column) = self.item.as_ref().map_or((0, None), |item| culprit(item, &rejection));
        let above = self.rows.get(place).and_then(|(row, _)| row.above);
        let problem = match (rejection, above) {
            (Rejection::SkuTaken { sku }, Some(above)) => twice(sku, above),
            (rejection, _) => rejection.into(),
        };
        self.blamed(place, Refusal { column, problem })
    }

    /// One row is at fault, and the others are refused with it.
    fn blamed(self, place: usize, refusal: Refusal) -> Vec<RowDone> {
        let number = self.rows.get(place).map_or(0, |(row, _)| row.number);
        let refused = |(n, (row, _)): (usize, (Row, _))| {
            (row, Done::Refused(if n == place { refusal.clone() } else { because_of(number) }))
        };
        self.rows.into_iter().enumerate().map(refused).collect()
    }
}

fn because_of(row: u64) -> Refusal {
    let detail = format!("another row of the same product is refused: row {row}");
    Refusal::of_row("import_row_left_out", detail).with("because_of_row", row)
}

/// A SKU that another row has too, whoever else may have it.
fn twice(sku: Sku, above: u64) -> Problem {
    let text = sku.to_string();
    let problem = Problem::from(Rejection::SkuTaken { sku });
    let detail = format!("{}; row {above} has it too", problem.detail());
    Problem::new(problem.status(), problem.code(), detail).with("sku", text).with("row_with_sku", above)
}

/// Which row and column of an item a rejection is about.
fn culprit(item: &ImportItem, rejection: &Rejection) -> (usize, Option<&'static str>) {
    let last = |fits: &dyn Fn(&NewVariant) -> bool| item.variants().iter().rposition(fits).unwrap_or(0);
    match rejection {
        Rejection::SkuTaken { sku } => (last(&|variant| variant.sku == *sku), Some("sku")),
        Rejection::StockOutOfRange { .. } => (last(&|variant| variant.stock > MAX_STOCK), Some("stock")),
        Rejection::NegativePrice { .. } => match item {
            ImportItem::Product(product) if product.base_price.is_negative() => (0, Some("base_price")),
            _ => (last(&|variant| variant.additional_price.is_negative()), Some("additional_price")),
        },
        Rejection::Amount { .. } => match item {
            ImportItem::Variant(_) => (0, Some("currency")),
            ImportItem::Product(product) => {
                (last(&|variant| product.base_price.plus(variant.additional_price).is_err()), Some("additional_price"))
            }
        },
        Rejection::TooManyLines { max, .. } => (*max, Some("name")),
        Rejection::ProductNotFound { .. } => (0, Some("product_id")),
        _ => (0, None),
    }
}
