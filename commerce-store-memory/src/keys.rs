//! The idempotency keys that have been used.

use std::hash::{BuildHasher, RandomState};

use commerce_core::{KeyRecord, KeyScope};
use hashbrown::HashTable;

use crate::log::Log;

/// Used keys, found by hash, kept in the order they were used. The rows stay where they are when the index
/// grows, so that growing moves sixteen bytes a key and not the key.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    rows: Log<KeyRow>,
    index: HashTable<Slot>,
    /// Clients choose the keys: only a hasher that withstands chosen collisions will do.
    hasher: RandomState,
}

#[derive(Debug)]
struct KeyRow {
    scope: KeyScope,
    record: KeyRecord,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    row: usize,
}

impl KeyTable {
    /// The record of a used key, or the place where a new one goes.
    pub(crate) fn find(&self, scope: &KeyScope) -> Result<&KeyRecord, Vacancy> {
        let hash = self.hasher.hash_one(scope);
        let is_it = |slot: &Slot| slot.hash == hash && self.rows.get(slot.row).is_some_and(|row| row.scope == *scope);
        let slot = self.index.find(hash, is_it);
        slot.and_then(|slot| self.rows.get(slot.row)).map(|row| &row.record).ok_or(Vacancy { hash })
    }

    /// Adds a key where [`find`](Self::find) found none.
    pub(crate) fn insert(&mut self, vacancy: Vacancy, scope: KeyScope, record: KeyRecord) {
        let slot = Slot { hash: vacancy.hash, row: self.rows.len() };
        self.rows.push(KeyRow { scope, record });
        self.index.insert_unique(slot.hash, slot, |slot| slot.hash);
    }
}

/// Where a key that is not used yet goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vacancy {
    hash: u64,
}
