//! Shops on each store, and tallies that lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use commerce_core::conformance::World;
use commerce_core::{ManualClock, Shop};
use commerce_server::gate::{Tally, Thing, Wish, Word};

use crate::stores;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")))
}

pub(crate) fn memory() -> World {
    stores::memory(Shop::default(), clock())
}

pub(crate) async fn postgres() -> World {
    stores::postgres(stores::database().await, Shop::default(), clock()).await
}

/// The shop and the URL of its database.
pub(crate) async fn postgres_at() -> (World, String) {
    let database = stores::database().await;
    let url = database.url.clone();
    (stores::postgres(database, Shop::default(), clock()).await, url)
}

/// Says the same of everything.
pub(crate) struct Always(pub(crate) Word);

#[async_trait]
impl Tally for Always {
    async fn ask(&self, _: &[Wish]) -> Word {
        self.0
    }
    async fn gone(&self, _: Thing) {}
    async fn lost(&self, _: &[Wish]) {}
    async fn forget(&self, _: &[Wish]) {}
}

/// Says now this, now that.
#[derive(Default)]
pub(crate) struct Chance(AtomicU64);

#[async_trait]
impl Tally for Chance {
    async fn ask(&self, _: &[Wish]) -> Word {
        let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61;
        [Word::Open, Word::Counted, Word::Doubtful][usize::try_from(number).expect("small") % 3]
    }
    async fn gone(&self, _: Thing) {}
    async fn lost(&self, _: &[Wish]) {}
    async fn forget(&self, _: &[Wish]) {}
}
