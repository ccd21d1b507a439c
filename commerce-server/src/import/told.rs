//! An import told to a terminal: a line a row, and how far it is.

use std::io::{self, Write};
use std::pin::pin;

use aws_lc_rs::digest::{SHA256, digest};
use commerce_core::{IdempotencyKey, TextError};
use futures_util::StreamExt;

use super::row::{Done, RowDone};
use super::{Import, Step};
use crate::problem::Problem;

/// How a file is imported.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// In one commit, or not at all.
    pub all_or_nothing: bool,
    /// Only looked at.
    pub dry_run: bool,
}

/// The same key for the same file: the hash of its bytes.
///
/// # Errors
/// [`TextError`] if that were no key; it always is one.
pub fn key_of(csv: &[u8]) -> Result<IdempotencyKey, TextError> {
    let hash: String = digest(&SHA256, csv).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    IdempotencyKey::new(format!("import-{hash}"))
}

/// A problem in words, for who reads no JSON.
#[must_use]
pub fn words(problem: Problem) -> String {
    format!("{}: {}", problem.code(), problem.detail())
}

/// Imports, with a line a row on `out` and how far it is on `progress`, and gives how many rows are refused. A store that
/// does not answer is an error; what was done until then is done, and told.
pub async fn tell(import: Import, how: How, out: &mut impl Write, progress: &mut impl Write) -> io::Result<usize> {
    let total = import.rows();
    let mut told = Told { out, progress, total, rows: 0, accepted: 0, refused: 0, unanswered: 0 };
    if how.dry_run || how.all_or_nothing {
        let whole = if how.dry_run { import.dry_run().await } else { import.whole().await };
        told.write(&whole.map_err(|error| io::Error::other(words(error.into())))?.rows)?;
    } else {
        let mut steps = pin!(import.each());
        while let Some(Step { rows, broken }) = steps.next().await {
            told.write(&rows)?;
            if broken {
                let left = total - told.rows + told.unanswered;
                writeln!(told.progress)?;
                return Err(io::Error::other(format!(
                    "the store does not answer; {left} rows are left: import the file again"
                )));
            }
        }
    }
    told.end(how)
}

struct Told<'a, O, P> {
    out: &'a mut O,
    progress: &'a mut P,
    total: usize,
    rows: usize,
    accepted: usize,
    refused: usize,
    unanswered: usize,
}

impl<O: Write, P: Write> Told<'_, O, P> {
    fn write(&mut self, rows: &[RowDone]) -> io::Result<()> {
        for (row, done) in rows {
            let sku = row.sku.as_deref().unwrap_or("-");
            write!(self.out, "row {} (line {}) {sku}: ", row.number, row.line)?;
            match done {
                Done::Accepted(product, variant) => {
                    self.accepted += 1;
                    writeln!(self.out, "accepted, product {product}, variant {variant}")?;
                }
                Done::Acceptable => writeln!(self.out, "acceptable")?,
                Done::Refused(refusal) => {
                    self.refused += 1;
                    let column = refusal.column.map(|column| format!("column {column}: ")).unwrap_or_default();
                    writeln!(self.out, "refused, {column}{}", words(refusal.problem.clone()))?;
                }
                Done::Unanswered(problem) => {
                    self.unanswered += 1;
                    writeln!(self.out, "unanswered, {}", words(problem.clone()))?;
                }
            }
        }
        self.rows += rows.len();
        write!(self.progress, "\r{} of {} rows, {} refused", self.rows, self.total, self.refused)?;
        self.progress.flush()
    }

    fn end(self, how: How) -> io::Result<usize> {
        writeln!(self.progress)?;
        let stored = match (how, self.refused) {
            (How { dry_run: true, .. }, _) => "nothing was to be stored",
            (How { all_or_nothing: true, .. }, 1..) => "nothing is stored",
            _ => "what is accepted is stored",
        };
        writeln!(self.out, "{} accepted, {} refused; {stored}", self.accepted, self.refused)?;
        Ok(self.refused)
    }
}
