//! A CSV file of products, row by row: what each row asks for, or what is wrong with it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt::Display;
use std::str::FromStr;

use commerce_core::{
    AddVariant, CreateProduct, Currency, ImportItem, MAX_IMPORT, MAX_STOCK, Money, NewVariant, ProductStatus, Sku,
};
use csv::{ByteRecord, Reader, ReaderBuilder};

use super::quotes;
use super::row::{Entry, Refusal, Row};
use crate::problem::Problem;

/// The columns that a file may have, in any order; a file needs the first five.
pub const COLUMNS: [&str; 10] = [
    "name",
    "status",
    "currency",
    "base_price",
    "sku",
    "product_id",
    "description",
    "option_name",
    "additional_price",
    "stock",
];
const NEEDED: usize = 5;
/// What belongs to a product, not to a variant.
const OF_PRODUCT: [&str; 4] = ["description", "status", "currency", "base_price"];

/// A file that was read: everything in it, in its order.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Products with their rows, and further variants.
    pub(super) entries: Vec<Entry>,
    /// How many rows there are, the header and blank ones aside.
    pub(super) rows: usize,
}

impl Sheet {
    /// Reads a file. Refused as a whole: a header that is missing or not understood, and more rows than
    /// [`MAX_IMPORT`]. What is wrong with a row is said of that row.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut record = ByteRecord::new();
        let columns = Columns::read(bytes, &mut reader, &mut record)?;
        // The header is row 1, as a spreadsheet counts.
        let (mut entries, mut skus, mut rows, mut number) = (Vec::new(), BTreeMap::new(), 0, 1);
        while read(&mut reader, &mut record)? {
            number += 1;
            let raw = raw(bytes, &reader, &record);
            // What a spreadsheet writes for rows that were cleared: nothing, and not of the product above.
            if is_blank(&record) && quotes::are_sound(raw.0) {
                continue;
            }
            rows += 1;
            if rows <= MAX_IMPORT {
                let fields = Fields { columns: &columns, record: &record };
                let sku = fields.get("sku").map(str::to_owned);
                // The first row that has a SKU is the one that the others are told of.
                let above = sku.clone().and_then(|sku| match skus.entry(sku) {
                    Slot::Vacant(free) => {
                        free.insert(number);
                        None
                    }
                    Slot::Occupied(taken) => Some(*taken.get()),
                });
                add_row(&mut entries, &fields, raw.0, Row { number, line: raw.1, sku, above });
            }
        }
        if rows > MAX_IMPORT {
            let problem =
                Problem::bad_request("csv_too_many_rows", format!("{rows} rows; a file has at most {MAX_IMPORT}"));
            return Err(problem.with("rows", rows).with("max", MAX_IMPORT));
        }
        if rows == 0 {
            return Err(Problem::bad_request("csv_empty", "there is no row below the header"));
        }
        Ok(Self { entries, rows })
    }
}

fn read(reader: &mut Reader<&[u8]>, record: &mut ByteRecord) -> Result<bool, Problem> {
    // From memory, with rows of any width, reading cannot fail; the crate's signature says that it could.
    reader.read_byte_record(record).map_err(|error| Problem::bad_request("body_unreadable", error.to_string()))
}

fn is_blank(record: &ByteRecord) -> bool {
    record.iter().all(|field| field.trim_ascii().is_empty())
}

/// The bytes of the record just read, its end of line included, and the line that they begin on.
fn raw<'a>(bytes: &'a [u8], reader: &Reader<&[u8]>, record: &ByteRecord) -> (&'a [u8], u64) {
    let at = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
    let (from, line) = record.position().map_or((0, 1), |position| (at(position.byte()), position.line()));
    let raw = bytes.get(from..at(reader.position().byte())).unwrap_or_default();
    // Blank lines before a record are passed over, and count as its own.
    let blank = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let (skipped, lines) = blank.fold((0, 0), |(n, lines), byte| (n + 1, lines + u64::from(*byte == b'\n')));
    (raw.get(skipped..).unwrap_or_default(), line + lines)
}

/// Which column each field is in.
struct Columns(Vec<&'static str>);

impl Columns {
    fn read(bytes: &[u8], reader: &mut Reader<&[u8]>, record: &mut ByteRecord) -> Result<Self, Problem> {
        if !read(reader, record)? {
            return Err(Problem::bad_request(
                "csv_empty",
                format!("the file is empty; its first line names columns: {}", COLUMNS.join(", ")),
            ));
        }
        let (raw, line) = raw(bytes, reader, record);
        let wrong = |detail: String| {
            Problem::bad_request("csv_header_invalid", detail).with("line", line).with("known", &COLUMNS[..])
        };
        if !quotes::are_sound(raw) {
            return Err(wrong("the quotes of the header do not pair up".to_owned()));
        }
        let mut columns = Vec::with_capacity(record.len());
        for (number, field) in (1..).zip(&*record) {
            let text = String::from_utf8_lossy(field);
            if text.trim().is_empty() {
                return Err(wrong(format!("column {number} has no name")).with("column_number", number));
            }
            let known = COLUMNS.iter().find(|known| **known == text.trim());
            let column = *known
                .ok_or_else(|| wrong(format!("there is no column {:?}", text.trim())).with("column", text.trim()))?;
            if columns.contains(&column) {
                return Err(wrong(format!("the column {column} is there twice")).with("column", column));
            }
            columns.push(column);
        }
        match COLUMNS[..NEEDED].iter().find(|needed| !columns.contains(needed)) {
            Some(missing) => Err(wrong(format!("the column {missing} is missing")).with("column", *missing)),
            None => Ok(Self(columns)),
        }
    }
}

/// The fields of a row by the names of their columns.
struct Fields<'a> {
    columns: &'a Columns,
    record: &'a ByteRecord,
}

impl<'a> Fields<'a> {
    /// What is in the column; nothing if that is blank, or no UTF-8.
    fn get(&self, column: &str) -> Option<&'a str> {
        let place = self.columns.0.iter().position(|known| *known == column)?;
        let text = std::str::from_utf8(self.record.get(place)?).ok()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The same without asking whether it is text.
    fn is_blank(&self, column: &str) -> bool {
        let place = self.columns.0.iter().position(|known| *known == column);
        place.and_then(|place| self.record.get(place)).is_none_or(|field| field.trim_ascii().is_empty())
    }

    fn needed(&self, column: &'static str) -> Result<&'a str, Refusal> {
        self.get(column).ok_or_else(|| Refusal::new(column, "csv_field_missing", format!("{column} is needed here")))
    }

    fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<Option<T>, Refusal> {
        self.get(column).map(|text| text.parse().map_err(|error| invalid(column, error))).transpose()
    }

    fn money(&self, column: &'static str, currency: Currency) -> Result<Option<Money>, Refusal> {
        self.get(column).map(|text| Money::parse(text, currency).map_err(|error| invalid(column, error))).transpose()
    }

    fn currency(&self) -> Result<Currency, Refusal> {
        Currency::from_code(self.needed("currency")?).map_err(|error| invalid("currency", error))
    }

    fn status(&self) -> Result<ProductStatus, Refusal> {
        let text = self.needed("status")?;
        let all = [ProductStatus::OnSale, ProductStatus::Paused, ProductStatus::Discontinued];
        let known = all.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| invalid("status", format!("it is one of {}", all.map(ProductStatus::as_str).join(", "))))
    }

    fn variant(&self, currency: Currency) -> Result<NewVariant, Refusal> {
        let sku: Sku = self.needed("sku")?.parse().map_err(|error| invalid("sku", error))?;
        Ok(NewVariant {
            sku,
            option_name: self.parsed("option_name")?,
            additional_price: self.money("additional_price", currency)?.unwrap_or(Money::zero(currency)),
            stock: self.units("stock")?,
        })
    }

    fn units(&self, column: &'static str) -> Result<u64, Refusal> {
        let Some(text) = self.get(column) else { return Ok(0) };
        let unreadable = |_| invalid(column, format!("{text:?} is not a whole number of units, 0 to {MAX_STOCK}"));
        text.parse().map_err(unreadable)
    }

    fn product(&self) -> Result<CreateProduct, Refusal> {
        let currency = self.currency()?;
        self.needed("base_price")?;
        Ok(CreateProduct {
            name: self.needed("name")?.parse().map_err(|error| invalid("name", error))?,
            description: self.parsed("description")?,
            base_price: self.money("base_price", currency)?.unwrap_or(Money::zero(currency)),
            status: self.status()?,
            variants: vec![self.variant(currency)?],
        })
    }

    fn further_variant(&self) -> Result<AddVariant, Refusal> {
        self.none_of(&["name", "description", "status", "base_price"])?;
        let product_id = self.needed("product_id")?.parse().map_err(|error| invalid("product_id", error))?;
        Ok(AddVariant { product_id, variant: self.variant(self.currency()?)? })
    }

    fn none_of(&self, columns: &[&'static str]) -> Result<(), Refusal> {
        match columns.iter().find(|column| self.get(column).is_some()) {
            Some(column) => {
                Err(Refusal::new(column, "csv_field_unexpected", format!("{column} is for the row of a new product")))
            }
            None => Ok(()),
        }
    }

    /// Whether the row as such can be read.
    fn check(&self, raw: &[u8], line: u64) -> Result<(), Refusal> {
        if !quotes::are_sound(raw) {
            let lines = raw.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
            let through = line + lines.max(1) - 1;
            let detail = "a quote is left open, or stands within a field: quote the whole field, and write \"\" for a quote in it";
            return Err(Refusal::of_row("csv_quotes_invalid", detail).with("through_line", through));
        }
        let (fields, expected) = (self.record.len(), self.columns.0.len());
        if fields != expected {
            let detail = format!("{fields} fields, where the header has {expected}");
            return Err(Refusal::of_row("csv_row_ragged", detail).with("fields", fields).with("expected", expected));
        }
        let bad = self.record.iter().position(|field| std::str::from_utf8(field).is_err());
        match bad.and_then(|place| self.columns.0.get(place)) {
            Some(column) => {
                Err(Refusal::new(column, "csv_not_utf8", "the text is not UTF-8; save the file as CSV UTF-8"))
            }
            None => Ok(()),
        }
    }
}

fn invalid(column: &'static str, error: impl Display) -> Refusal {
    Refusal::new(column, "csv_field_invalid", error.to_string())
}

/// Adds a row to the product above it, or as something new. A product of which a row is refused is refused.
fn add_row(entries: &mut Vec<Entry>, fields: &Fields<'_>, raw: &[u8], row: Row) {
    let checked = fields.check(raw, row.line);
    let names = |column| !fields.is_blank(column);
    if names("product_id") || names("name") {
        let item = checked.and_then(|()| {
            if names("product_id") {
                fields.further_variant().map(ImportItem::Variant)
            } else {
                fields.product().map(ImportItem::Product)
            }
        });
        entries.push(Entry::new(row, item));
        return;
    }
    let Some(above) = entries.last_mut() else {
        let missing = Refusal::new("name", "csv_field_missing", "the first row names a product, or the id of one");
        entries.push(Entry::new(row, checked.and(Err(missing))));
        return;
    };
    match (checked.and_then(|()| fields.none_of(&OF_PRODUCT)), above.further()) {
        (Err(refusal), _) => above.push(row, Err(refusal)),
        // What is wrong above is said there.
        (Ok(()), None) => above.push(row, Ok(None)),
        (Ok(()), Some((Some(product_id), currency))) => {
            let item = fields.variant(currency).map(|variant| ImportItem::Variant(AddVariant { product_id, variant }));
            entries.push(Entry::new(row, item));
        }
        (Ok(()), Some((None, currency))) => above.push(row, fields.variant(currency).map(Some)),
    }
}
