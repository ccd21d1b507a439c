//! A [`Store`] in process memory: the embedded default, and the model that other stores are compared with.
//!
//! It is a real store with the whole contract, except that it forgets when the process ends. Commands run one at
//! a time under one lock, decided in place on the tables; reads share the lock. Each takes microseconds, so a
//! finer grain would cost more than it gives.
//!
//! ```
//! use std::sync::Arc;
//! use commerce_core::{Commerce, NodeId, Shop};
//! use commerce_store_memory::MemoryStore;
//!
//! let store = Arc::new(MemoryStore::new(Shop::default()));
//! let shop = Commerce::new(store, NodeId::default());
//! ```

mod audit;
mod cards;
mod jobs;
mod keys;
mod lease;
mod load;
mod log;
mod outbox;
mod page;
mod prune;
mod queue;
mod read;
#[cfg(feature = "sabotage")]
mod sabotage;
mod sales;
mod shelf;
mod sync;
mod tables;
mod webhooks;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::decide::decide;
use commerce_core::{
    Clock, Context, Envelope, Error, Fingerprint, KeyRecord, KeyScope, Keys, Receipt, Shop, Store, StoreError,
    SystemClock, Timestamp, WorkingSet,
};

use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::tables::Tables;

/// The store. Share it in an [`Arc`].
pub struct MemoryStore {
    shop: Shop,
    clock: Arc<dyn Clock>,
    /// A blocking lock on purpose: it is held for microseconds and never across an await.
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    /// Raised while changes are being written. Found raised, it means that a panic came in between, which only a
    /// bug in this crate can cause: the store then stops answering rather than answer from half a commit.
    writing: bool,
}

impl MemoryStore {
    /// An empty store on the machine's clock.
    #[must_use]
    pub fn new(shop: Shop) -> Self {
        Self::with_clock(shop, Arc::new(SystemClock))
    }

    /// An empty store on another clock.
    #[must_use]
    pub fn with_clock(shop: Shop, clock: Arc<dyn Clock>) -> Self {
        Self { shop, clock, state: RwLock::new(State::default()) }
    }

    fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    fn read(&self) -> Result<ReadGuard<'_>, StoreError> {
        // A poisoned lock alone is harmless: decisions panic, if they do, before anything is written.
        let guard = self.state.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        if guard.writing { Err(halted()) } else { Ok(ReadGuard(guard)) }
    }

    fn write(&self) -> Result<WriteGuard<'_>, StoreError> {
        let guard = self.state.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if guard.writing { Err(halted()) } else { Ok(WriteGuard(guard)) }
    }

    /// [`Store::execute`] without the future.
    fn execute_now(&self, envelope: &Envelope) -> Result<Receipt, Error> {
        // What needs no lock is done before it is taken.
        let (scope, fingerprint) = (envelope.scope(), Fingerprint::of(&envelope.command));
        let mut tables = self.write()?;
        let vacancy = match tables.keys.find(&scope) {
            Ok(record) => return Ok(Receipt { outcome: record.replay(&scope, fingerprint)?, replayed: true }),
            Err(vacancy) => vacancy,
        };
        let context = Context { now: self.clock_now(), ids: envelope.ids, shop: &self.shop };
        let decision = decide(&*tables, &envelope.principal, &envelope.command, &context)?;

        let outcome = decision.outcome.clone();
        let record = KeyRecord { fingerprint, outcome: decision.outcome, created_at: context.now };
        tables.commit(|tables| {
            tables.apply(decision.changes);
            tables.keys.insert(vacancy, scope, record);
        });
        Ok(Receipt { outcome, replayed: false })
    }
}

fn halted() -> StoreError {
    StoreError::Corrupt { what: "a commit was interrupted by a panic; restart the process".to_owned() }
}

/// The shared lock on sound tables.
struct ReadGuard<'a>(RwLockReadGuard<'a, State>);

/// The exclusive lock on sound tables.
struct WriteGuard<'a>(RwLockWriteGuard<'a, State>);

impl std::ops::Deref for ReadGuard<'_> {
    type Target = Tables;
    fn deref(&self) -> &Tables {
        &self.0.tables
    }
}

impl std::ops::Deref for WriteGuard<'_> {
    type Target = Tables;
    fn deref(&self) -> &Tables {
        &self.0.tables
    }
}

impl std::ops::DerefMut for WriteGuard<'_> {
    fn deref_mut(&mut self) -> &mut Tables {
        &mut self.0.tables
    }
}

impl WriteGuard<'_> {
    /// Writes, and leaves the flag up if that panics.
    fn commit(&mut self, write: impl FnOnce(&mut Tables)) {
        self.0.writing = true;
        write(&mut self.0.tables);
        self.0.writing = false;
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn execute(&self, envelope: Envelope) -> Result<Receipt, Error> {
        self.execute_now(&envelope)
    }

    async fn load(&self, keys: &Keys) -> Result<WorkingSet, StoreError> {
        let tables = self.read()?;
        let mut loaded = WorkingSet::default();
        loaded.apply(&load::records(&tables, keys));
        Ok(loaded)
    }

    async fn used(&self, scopes: &[KeyScope]) -> Result<Vec<bool>, StoreError> {
        let tables = self.read()?;
        Ok(scopes.iter().map(|scope| tables.keys.find(scope).is_ok()).collect())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock_now())
    }

    fn shop(&self) -> &Shop {
        &self.shop
    }
}

/// Names the store; its contents are for reads to show.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("shop", &self.shop).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(commerce_loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// No command can cause this: what it needs is a bug in this crate, in the middle of writing.
    #[test]
    fn a_panic_in_the_middle_of_a_commit_halts_the_store() {
        let store = MemoryStore::new(Shop::default());
        let interrupted = catch_unwind(AssertUnwindSafe(|| {
            store.write().expect("a sound store").commit(|_| panic!("in the middle of writing"));
        }));
        assert!(interrupted.is_err());
        assert_eq!(store.read().err(), Some(halted()));
        assert_eq!(store.write().err(), Some(halted()), "and it stays so");
    }

    /// A panic before anything is written only poisons the lock, and nobody minds.
    #[test]
    fn a_panic_before_a_commit_does_not() {
        let store = MemoryStore::new(Shop::default());
        let interrupted = catch_unwind(AssertUnwindSafe(|| {
            let _held = store.write().expect("a sound store");
            panic!("while deciding");
        }));
        assert!(interrupted.is_err() && store.state.is_poisoned());
        assert!(store.read().is_ok() && store.write().is_ok());
    }
}
