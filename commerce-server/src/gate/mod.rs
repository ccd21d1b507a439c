//! The admission gate in front of coupons and hot products: a tally says who may be too late, a look at the store tells.
//!
//! A claim or an order of what nobody doubts goes straight to the store. Of what the tally doubts, the gate looks at the
//! records and decides as the store would, for all who wait at once: who is refused there is turned away, who is not goes to
//! the store. So nobody hears "sold out" of what a cancellation or a delivery has brought back, and a tally that is lost,
//! flushed or wrong costs looks, never a sale.

mod look;
pub mod process;
#[cfg(feature = "redis")]
pub mod redis;
mod wish;

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::{Envelope, Error, Gate, Receipt, Store, StoreError};

use self::look::Look;
pub use self::wish::{Thing, Wish};
#[cfg(feature = "redis")]
use crate::config::BrokerUrl;
use crate::config::{GateKind, Settings};

/// What a tally makes of wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing is known against them.
    Open,
    /// The same, and they are counted from now on.
    Counted,
    /// One of them may be for what is gone.
    Doubtful,
}

/// Keeps count of what is left, as far as it knows. The port behind the gate: what it says is never final.
#[async_trait]
pub trait Tally: Send + Sync {
    /// What it makes of the wishes of one command.
    async fn ask(&self, wishes: &[Wish]) -> Word;

    /// The store has refused the command, because this is gone.
    async fn gone(&self, thing: Thing);

    /// What was counted came to nothing.
    async fn lost(&self, wishes: &[Wish]);

    /// It doubted wishes that the store would grant: what it knows of their things is wrong.
    async fn forget(&self, wishes: &[Wish]);

    /// A count for what nothing is known of, from the records of the store; one that needs none leaves it.
    async fn learn(&self, _: &dyn Store, _: &[Wish]) {}
}

/// The gate that the settings name, for a store; none if it is off.
///
/// # Errors
/// [`NotBuilt`](GateError::NotBuilt), or what the Redis client says of its URL.
pub fn gate(settings: &Settings, store: &Arc<dyn Store>) -> Result<Option<Arc<dyn Gate>>, GateError> {
    let tally: Arc<dyn Tally> = match settings.gate {
        GateKind::Off => return Ok(None),
        GateKind::Process => Arc::new(process::InProcess::default()),
        GateKind::Redis => in_redis(settings)?,
    };
    Ok(Some(Doorway::new(Arc::clone(store), tally)))
}

/// Why the settings name a gate that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// The Redis client does not take what it is told.
    #[error("COMMERCE_GATE_REDIS_URL (--gate-redis-url): {reason}")]
    Redis {
        /// What it says.
        reason: String,
    },
    /// The program was built without the Redis client.
    #[error(
        "COMMERCE_GATE (--gate): this program was built without Redis; build commerce-server with --features redis"
    )]
    NotBuilt,
}

#[cfg(feature = "redis")]
fn in_redis(settings: &Settings) -> Result<Arc<dyn Tally>, GateError> {
    let url = settings.gate_redis_url.as_ref().map_or("", BrokerUrl::as_str);
    Ok(Arc::new(redis::InRedis::new(url, "commerce").map_err(|reason| GateError::Redis { reason })?))
}

#[cfg(not(feature = "redis"))]
fn in_redis(_: &Settings) -> Result<Arc<dyn Tally>, GateError> {
    Err(GateError::NotBuilt)
}

/// The gate over a tally.
pub struct Doorway {
    tally: Arc<dyn Tally>,
    look: Look,
}

impl Doorway {
    /// A gate for the store, which looks there when the tally doubts.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, tally: Arc<dyn Tally>) -> Arc<Self> {
        Arc::new(Self { tally, look: Look::new(store) })
    }

    /// Tells the tally what became of wishes that were let through.
    async fn tell(&self, word: Word, wishes: &[Wish], answer: &Result<Receipt, Error>) {
        let came_to_nothing = match answer {
            Ok(receipt) => receipt.replayed,
            Err(Error::Rejected(_) | Error::Store(StoreError::Unavailable { .. })) => true,
            // It may have been carried out, and then it counts.
            Err(Error::Store(_)) => false,
        };
        if word == Word::Counted && came_to_nothing {
            self.tally.lost(wishes).await;
        }
        // Last: what is given back of a thing that is gone was never there.
        if let Err(Error::Rejected(rejection)) = answer
            && let Some(thing) = wish::gone(wishes, rejection)
        {
            self.tally.gone(thing).await;
        }
    }
}

#[async_trait]
impl Gate for Doorway {
    async fn pass(&self, store: &dyn Store, envelope: Envelope) -> Result<Receipt, Error> {
        let wishes = wish::wishes(&envelope);
        if wishes.is_empty() {
            return store.execute(envelope).await;
        }
        let word = self.tally.ask(&wishes).await;
        match word {
            Word::Doubtful => {
                if let Some(rejection) = self.look.at(&envelope).await {
                    return Err(rejection.into());
                }
                self.tally.forget(&wishes).await;
            }
            Word::Open => self.tally.learn(store, &wishes).await,
            Word::Counted => {}
        }
        let answer = store.execute(envelope).await;
        self.tell(word, &wishes, &answer).await;
        answer
    }
}
