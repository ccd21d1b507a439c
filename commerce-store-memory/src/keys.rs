//! The idempotency keys that have been used.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use commerce_core::{KeyRecord, KeyScope, Timestamp};
use hashbrown::HashTable;

/// Rows per chunk. Appending never moves more rows than this.
const CHUNK: usize = 1_024;

/// Used keys, found by hash, kept in the order they were used. The rows stay where they are when the index
/// grows, so that growing moves sixteen bytes a key and not the key.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    /// A row that was forgotten is none; a chunk goes when all of its rows have.
    chunks: VecDeque<Vec<Option<KeyRow>>>,
    /// How many rows were in chunks that are gone.
    gone: usize,
    /// How many rows were forgotten, from the first on.
    forgotten: usize,
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
        let is_it = |slot: &Slot| slot.hash == hash && self.row(slot.row).is_some_and(|row| row.scope == *scope);
        let slot = self.index.find(hash, is_it);
        slot.and_then(|slot| self.row(slot.row)).map(|row| &row.record).ok_or(Vacancy { hash })
    }

    /// Adds a key where [`find`](Self::find) found none.
    pub(crate) fn insert(&mut self, vacancy: Vacancy, scope: KeyScope, record: KeyRecord) {
        if self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push_back(Vec::with_capacity(CHUNK));
        }
        let before = self.gone + (self.chunks.len() - 1) * CHUNK;
        let Some(chunk) = self.chunks.back_mut() else { return };
        let slot = Slot { hash: vacancy.hash, row: before + chunk.len() };
        chunk.push(Some(KeyRow { scope, record }));
        self.index.insert_unique(slot.hash, slot, |slot| slot.hash);
    }

    /// Forgets up to `limit` keys that were used before an instant, and says how many. They are at the front, unless the
    /// clock went back: then they go once those in front of them do.
    pub(crate) fn prune(&mut self, before: Timestamp, limit: u32) -> u64 {
        for count in 0..u64::from(limit) {
            let (place, number) = (self.forgotten - self.gone, self.forgotten);
            let Some(slot) = self.chunks.front_mut().and_then(|chunk| chunk.get_mut(place)) else { return count };
            let Some(row) = slot.take_if(|row| row.record.created_at < before) else { return count };
            let hash = self.hasher.hash_one(&row.scope);
            if let Ok(found) = self.index.find_entry(hash, |slot| slot.row == number) {
                found.remove();
            }
            self.forgotten += 1;
            if self.forgotten - self.gone == CHUNK {
                self.chunks.pop_front();
                self.gone += CHUNK;
            }
        }
        u64::from(limit)
    }

    fn row(&self, number: usize) -> Option<&KeyRow> {
        let place = number.checked_sub(self.gone)?;
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref()
    }
}

/// Where a key that is not used yet goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vacancy {
    hash: u64,
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroI64;
    use std::sync::Arc;

    use commerce_core::{CodeBatch, Fingerprint, Id, IdempotencyKey, Operation, Outcome, Principal};

    use super::*;

    fn scope(number: usize) -> KeyScope {
        let key = IdempotencyKey::new(format!("key-{number}")).expect("a key");
        KeyScope { key, principal: Principal::System, operation: Operation::Deposit }
    }

    fn at(number: usize) -> Timestamp {
        Timestamp::from_micros(i64::try_from(number).expect("a small number"))
    }

    fn use_key(keys: &mut KeyTable, number: usize) {
        let vacancy = keys.find(&scope(number)).expect_err("a key that is free");
        let batch = CodeBatch { coupon_id: Id::from_raw(NonZeroI64::MIN), quantity: 1, created_at: at(number) };
        let outcome = Outcome::CodeBatch(Arc::new(batch));
        let record = KeyRecord { fingerprint: Fingerprint([0; 16]), outcome, created_at: at(number) };
        keys.insert(vacancy, scope(number), record);
    }

    /// Across the bounds of chunks, in steps of any size.
    #[test]
    fn the_oldest_keys_are_forgotten_and_the_others_found() {
        let mut keys = KeyTable::default();
        let count = 3 * CHUNK + 7;
        (0..count).for_each(|number| use_key(&mut keys, number));
        let mut forgotten = 0;
        for (until, limit) in [(5, 3), (5, 3), (5, 3), (CHUNK, u32::MAX), (2 * CHUNK + 1, 700), (count, 1_000)] {
            let before = forgotten;
            forgotten += usize::try_from(keys.prune(at(until), limit)).expect("few");
            assert_eq!(forgotten, until.min(before.saturating_add(limit as usize)).max(before));
            let found = (0..count).filter(|number| keys.find(&scope(*number)).is_ok()).collect::<Vec<_>>();
            assert_eq!(found, (forgotten..count).collect::<Vec<_>>());
        }
        // A key that was forgotten is used anew, and kept for as long as any.
        use_key(&mut keys, 0);
        assert_eq!(keys.prune(at(count), u32::MAX) as usize, count + 1 - forgotten);
        assert!(keys.find(&scope(0)).is_err());
        use_key(&mut keys, count);
        assert_eq!(keys.prune(at(count), u32::MAX), 0);
        assert!(keys.find(&scope(count)).is_ok());
    }
}
