//! Products from a CSV file: read row by row, imported as a whole or product by product.
//!
//! What may be imported is for the core to say. Here a file becomes commands, and what the core says of them is said of
//! the rows that they came from.

mod quotes;
mod row;
mod sheet;
mod told;

use std::collections::BTreeMap;

use commerce_core::{Caller, Commerce, Error, IdempotencyKey, ImportProducts, ImportedItem, RefusedItem, Rejection};
use futures_util::{Stream, StreamExt, stream};

use self::row::Entry;
pub use self::row::{Done, Refusal, Row, RowDone};
pub use self::sheet::COLUMNS;
use self::sheet::Sheet;
pub use self::told::{How, key_of, tell, words};
use crate::problem::Problem;

/// How many products are on their way at a time, when each has its own commit: a store takes what waits in one.
const AT_ONCE: usize = 32;

/// A file that was read, about to be imported by someone.
#[derive(Debug)]
pub struct Import {
    commerce: Commerce,
    caller: Caller,
    /// With the key that each goes under if it goes alone.
    entries: Vec<(IdempotencyKey, Entry)>,
    rows: usize,
}

/// What became of a whole file.
#[derive(Debug)]
pub struct Whole {
    /// Every row.
    pub rows: Vec<RowDone>,
    /// Whether it was imported under this key before, and nothing was done now.
    pub replayed: bool,
}

impl Whole {
    /// Whether a row is refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.rows.iter().any(|(_, done)| matches!(done, Done::Refused(_)))
    }
}

/// What became of one product with its rows, or of one further variant.
#[derive(Debug)]
pub struct Step {
    /// Its rows.
    pub rows: Vec<RowDone>,
    /// The store did not answer: those that come after would hear the same.
    pub broken: bool,
}

impl Import {
    /// Reads a file.
    ///
    /// # Errors
    /// Refused as a whole: a header that is not understood, too many rows or none, a key that is too long to make keys of
    /// products from. What is wrong with a row is told of the row.
    pub fn read(commerce: Commerce, caller: Caller, csv: &[u8]) -> Result<Self, Problem> {
        let sheet = Sheet::read(csv)?;
        let malformed = |error| Problem::bad_request("idempotency_key_malformed", format!("for an import: {error}"));
        let keyed = |entry: Entry| Ok((caller.key.part(entry.number()).map_err(malformed)?, entry));
        let entries = sheet.entries.into_iter().map(keyed).collect::<Result<_, Problem>>()?;
        Ok(Self { commerce, caller, entries, rows: sheet.rows })
    }

    /// How many rows there are, the header aside.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Tells what would become of each row if all were imported at once, and changes nothing.
    ///
    /// # Errors
    /// What is said of the file as a whole: who may not import is refused, and a store may not answer.
    pub async fn dry_run(self) -> Result<Whole, Error> {
        let checked = match self.command() {
            Some(command) => self.commerce.check_import(&self.caller.principal, command).await,
            None => Ok(()),
        };
        match checked {
            Ok(()) => Ok(self.judged(BTreeMap::new())),
            Err(error) => self.refused(error),
        }
    }

    /// Imports all rows in one commit, or none of them if one is refused.
    ///
    /// # Errors
    /// As [`dry_run`](Self::dry_run); after `Unknown` the same file under the same key tells what became of it.
    pub async fn whole(self) -> Result<Whole, Error> {
        let is_readable = self.entries.iter().all(|(_, entry)| entry.item().is_some());
        let (true, Some(command)) = (is_readable, self.command()) else { return self.dry_run().await };
        match self.commerce.import_products(self.caller.clone(), command).await {
            Ok(receipt) => {
                let made = |((_, entry), item): ((_, Entry), &ImportedItem)| entry.done(Ok(item.clone()));
                let rows = self.entries.into_iter().zip(&receipt.outcome.items).flat_map(made).collect();
                Ok(Whole { rows, replayed: receipt.replayed })
            }
            Err(error) => self.refused(error),
        }
    }

    /// Imports product by product, each in its own commit, in the order of the file. The same file under the same key
    /// again goes on where it stopped: what was made is told again, and not made twice.
    pub fn each(self) -> impl Stream<Item = Step> + Send {
        let Self { commerce, caller, entries, .. } = self;
        let one = move |(key, entry): (IdempotencyKey, Entry)| {
            let (commerce, caller) = (commerce.clone(), Caller::new(caller.principal.clone(), key));
            async move {
                let Some(item) = entry.item().cloned() else { return Step { rows: entry.unreadable(), broken: false } };
                let result = commerce.import_item(caller, item).await;
                let broken = matches!(result, Err(Error::Store(_)));
                Step { rows: entry.done(result), broken }
            }
        };
        stream::iter(entries).map(one).buffered(AT_ONCE)
    }

    /// Everything that can be read; nothing if there is nothing.
    fn command(&self) -> Option<ImportProducts> {
        let items: Vec<_> = self.entries.iter().filter_map(|(_, entry)| entry.item().cloned()).collect();
        (!items.is_empty()).then_some(ImportProducts { items })
    }

    /// Each row with what was said of it; what was said of the whole is passed on.
    fn refused(self, error: Error) -> Result<Whole, Error> {
        match error {
            Error::Rejected(Rejection::ImportRefused { refused }) => {
                let said = |refused: RefusedItem| (refused.item, refused.reason);
                Ok(self.judged(refused.into_iter().map(said).collect()))
            }
            error => Err(error),
        }
    }

    /// Each row with what is wrong with it; `said` is of those that can be read, by their place among them.
    fn judged(self, mut said: BTreeMap<usize, Rejection>) -> Whole {
        let mut place = 0;
        let judged = |(_, entry): (IdempotencyKey, Entry)| {
            if entry.item().is_none() {
                return entry.unreadable();
            }
            place += 1;
            match said.remove(&(place - 1)) {
                Some(rejection) => entry.rejected(rejection),
                None => entry.acceptable(),
            }
        };
        Whole { rows: self.entries.into_iter().flat_map(judged).collect(), replayed: false }
    }
}
