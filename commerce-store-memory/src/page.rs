//! Cutting pages out of ordered tables.

use std::collections::BTreeMap;
use std::ops::Bound;

use commerce_core::{Page, PageRequest};

use crate::log::Log;

/// The entries below `after`, from the greatest key down.
pub(crate) fn newest_first<K: Ord, V>(map: &BTreeMap<K, V>, after: Option<K>) -> impl Iterator<Item = (&K, &V)> {
    let end = after.map_or(Bound::Unbounded, Bound::Excluded);
    map.range((Bound::Unbounded, end)).rev()
}

/// The ids of an ascending list below `after`, from the greatest down.
pub(crate) fn ids_newest_first<T: Ord + Copy>(ids: &[T], after: Option<T>) -> impl Iterator<Item = T> {
    let end = after.map_or(ids.len(), |after| ids.partition_point(|id| *id < after));
    ids[..end].iter().rev().copied()
}

/// A page of a ledger, latest first: rows number from 1, so the rows before sequence `n` are the first `n − 1`.
pub(crate) fn ledger_page<T: Clone>(
    log: &Log<T>,
    page: PageRequest<u64>,
    sequence: impl Fn(&T) -> u64,
) -> Page<T, u64> {
    let end = page.after.map_or(usize::MAX, |after| usize::try_from(after.saturating_sub(1)).unwrap_or(usize::MAX));
    Page::cut(log.before(end).cloned(), page.size(), sequence)
}

/// No items.
pub(crate) const fn empty<T, K>() -> Page<T, K> {
    Page { items: Vec::new(), next: None }
}
