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
    pub(crate) fn get(&self, scope: &KeyScope) -> Option<&KeyRecord> {
        let hash = self.hasher.hash_one(scope);
        let is_it = |slot: &Slot| slot.hash == hash && self.rows.get(slot.row).is_some_and(|row| row.scope == *scope);
        self.index.find(hash, is_it).and_then(|slot| self.rows.get(slot.row)).map(|row| &row.record)
    }

    /// Adds a key that [`get`](Self::get) does not find.
    pub(crate) fn insert(&mut self, scope: KeyScope, record: KeyRecord) {
        let slot = Slot { hash: self.hasher.hash_one(&scope), row: self.rows.len() };
        self.rows.push(KeyRow { scope, record });
        self.index.insert_unique(slot.hash, slot, |slot| slot.hash);
    }
}
