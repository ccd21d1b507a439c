//! A tally in this process's memory: what the store has said is gone.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;

use super::{Tally, Thing, Wish, Word};

/// How many things it remembers; beyond that it begins anew.
const MOST: usize = 10_000;

/// Remembers what is gone until somebody is found to have it granted.
#[derive(Debug, Default)]
pub struct InProcess {
    gone: RwLock<HashSet<Thing>>,
}

#[async_trait]
impl Tally for InProcess {
    async fn ask(&self, wishes: &[Wish]) -> Word {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        if wishes.iter().any(|wish| gone.contains(&wish.thing)) { Word::Doubtful } else { Word::Open }
    }

    async fn gone(&self, thing: Thing) {
        let mut gone = self.gone.write().unwrap_or_else(PoisonError::into_inner);
        if gone.len() >= MOST {
            gone.clear();
        }
        gone.insert(thing);
    }

    async fn lost(&self, _: &[Wish]) {}

    async fn forget(&self, wishes: &[Wish]) {
        let mut gone = self.gone.write().unwrap_or_else(PoisonError::into_inner);
        for wish in wishes {
            gone.remove(&wish.thing);
        }
    }
}
