//! Files of products: whatever a file is, each of its rows is told once and in order; what a look at it finds acceptable is
//! accepted; all or nothing is one of them; and a file sent again makes nothing twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::{
    Caller, Commerce, IdempotencyKey, ManualClock, NodeId, Principal, ProductId, Shop, Timestamp, VariantId, reconcile,
};
use commerce_server::import::{Done, Import, RowDone};
use commerce_store_memory::MemoryStore;
use futures_util::StreamExt;

use crate::sequence::{Snapshot, answer as polled};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A shop with nothing in it.
struct Empty {
    store: Arc<MemoryStore>,
    commerce: Commerce,
}

impl Empty {
    fn open() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let store = Arc::new(MemoryStore::with_clock(Shop::default(), clock.clone()));
        let commerce = Commerce::with_clock(store.clone(), NodeId::default(), clock);
        Self { store, commerce }
    }

    fn read(&self, csv: &[u8]) -> Option<Import> {
        let caller = Caller::new(Principal::System, IdempotencyKey::new("import").expect("a key"));
        Import::read(self.commerce.clone(), caller, csv).ok()
    }

    fn each(&self, csv: &[u8]) -> Vec<RowDone> {
        let steps = self.read(csv).map(|import| polled(import.each().collect::<Vec<_>>()));
        steps.into_iter().flatten().flat_map(|step| step.rows).collect()
    }

    fn books(&self) -> Snapshot {
        assert_eq!(polled(reconcile(&*self.store)).expect("the store in memory answers").drifts, []);
        Snapshot::of(&self.store)
    }
}

/// The codes of the rows that are refused, by their numbers.
fn refused(rows: &[RowDone]) -> BTreeMap<u64, &'static str> {
    let code = |(row, done): &RowDone| match done {
        Done::Refused(refusal) => Some((row.number, refusal.problem.code())),
        Done::Accepted(..) | Done::Acceptable | Done::Unanswered(_) => None,
    };
    rows.iter().filter_map(code).collect()
}

/// What was made of each row that is accepted, by their numbers. What is refused may name ids that were never used.
fn accepted_ids(rows: &[RowDone]) -> BTreeMap<u64, (ProductId, VariantId)> {
    let ids = |(row, done): &RowDone| match done {
        Done::Accepted(product, variant) => Some((row.number, (*product, *variant))),
        Done::Refused(_) | Done::Acceptable | Done::Unanswered(_) => None,
    };
    rows.iter().filter_map(ids).collect()
}

/// Reads the input as a file, and imports it in every way, each into a shop of its own.
pub fn run(data: &[u8]) {
    let (looked, whole, each) = (Empty::open(), Empty::open(), Empty::open());
    let nothing = looked.books();
    let Some(import) = looked.read(data) else { return };
    let total = import.rows() as u64;
    let found = polled(import.dry_run()).expect("nothing refuses it as a whole").rows;
    // Rows that are blank are counted, and passed over.
    let numbers: Vec<u64> = found.iter().map(|(row, _)| row.number).collect();
    let in_order = numbers.is_sorted_by(|one, next| one < next) && numbers.first().is_none_or(|first| *first >= 2);
    assert!(in_order && numbers.len() as u64 == total, "rows lost, doubled or out of order: {found:?}");
    assert!(found.is_sorted_by(|(one, _), (next, _)| one.line <= next.line), "lines out of order: {found:?}");
    assert!(looked.books() == nothing, "a look at a file left a trace");

    let wrong = refused(&found);
    let import = whole.read(data).expect("read before");
    let done = polled(import.whole()).expect("nothing refuses it as a whole").rows;
    assert_eq!(refused(&done), wrong, "what is refused with all, and what a look at it finds");
    let accepted = done.iter().filter(|(_, done)| matches!(done, Done::Accepted(..))).count() as u64;
    assert_eq!(accepted, if wrong.is_empty() { total } else { 0 }, "neither all nor nothing");
    assert_eq!(whole.books() == nothing, accepted == 0, "what is told, and what is there");

    let done = each.each(data);
    assert_eq!(done.len() as u64, total);
    for (row, _) in done.iter().filter(|(_, done)| matches!(done, Done::Refused(_))) {
        assert!(wrong.contains_key(&row.number), "{row:?} is refused, and was found acceptable");
    }
    let books = each.books();
    let made = (accepted_ids(&done), refused(&done));
    let again = each.each(data);
    assert_eq!((accepted_ids(&again), refused(&again)), made, "told otherwise the second time");
    assert!(each.books() == books, "made twice");
}
