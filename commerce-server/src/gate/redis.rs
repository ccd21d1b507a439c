//! A tally in Redis, shared by processes: units count down in a script, as claims and orders come, so that a crowd is
//! doubted from the last unit on and not from the first refusal on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use commerce_core::{Keys, Store};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Script, pipe};

use super::{Tally, Thing, Wish, Word};
use crate::sink::causes;

/// How long Redis may take over an answer: longer than a claim without it.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long it is left alone after it failed.
const REST: Duration = Duration::from_secs(1);
/// How long a count is kept, in milliseconds; then it begins anew, from the records.
const KEPT_MS: i64 = 60_000;

/// Counts in Redis. When Redis does not answer, or not with a count, nothing is doubted.
pub struct InRedis {
    connection: ConnectionManager,
    script: Script,
    /// Held while a count is begun: one of a crowd is enough for that.
    learning: tokio::sync::Mutex<()>,
    /// Before every key, so that several shops can share a Redis.
    prefix: String,
    began: Instant,
    /// Until when it is left alone, in milliseconds since it began.
    rests_until: AtomicU64,
}

impl std::fmt::Debug for InRedis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InRedis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl InRedis {
    /// Connects with the first question, and again whenever the connection is lost.
    ///
    /// # Errors
    /// The URL is none of Redis's.
    pub fn new(url: &str, prefix: &str) -> Result<Self, String> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_pipeline_buffer_size(4_096)
            .set_number_of_retries(0);
        let connection = Client::open(url).and_then(|client| ConnectionManager::new_lazy_with_config(client, config));
        Ok(Self {
            connection: connection.map_err(causes)?,
            script: Script::new(include_str!("tally.lua")),
            learning: tokio::sync::Mutex::default(),
            prefix: prefix.to_owned(),
            began: Instant::now(),
            rests_until: AtomicU64::new(0),
        })
    }

    /// The keys of a thing: one slot of a cluster.
    fn keys(&self, thing: &Thing) -> [String; 2] {
        let hash = format!("{}:gate:{{{thing}}}", self.prefix);
        [hash.clone(), format!("{hash}:customers")]
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn rests(&self) -> bool {
        self.elapsed() < self.rests_until.load(Ordering::Relaxed)
    }

    /// What Redis says, unless it fails, or has failed a moment ago.
    async fn told<T>(&self, asked: impl Future<Output = RedisResult<T>>) -> Option<T> {
        if self.rests() {
            return None;
        }
        match asked.await {
            Ok(told) => Some(told),
            Err(error) => {
                let rest = u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
                self.rests_until.store(self.elapsed().saturating_add(rest), Ordering::Relaxed);
                tracing::warn!(%error, "the gate's Redis does not answer: nobody is turned away for {REST:?}");
                None
            }
        }
    }

    async fn take(&self, wish: &Wish) -> Word {
        let [hash, customers] = self.keys(&wish.thing);
        let mut invocation = self.script.key(hash);
        invocation.key(customers).arg(wish.units);
        invocation.arg(wish.customer.map(|id| id.to_string()).unwrap_or_default());
        invocation.arg(KEPT_MS);
        let mut connection = self.connection.clone();
        match self.told(invocation.invoke_async::<u8>(&mut connection)).await {
            Some(0) => Word::Doubtful,
            Some(2) => Word::Counted,
            _ => Word::Open,
        }
    }

    /// Changes keys, and does not mind if it cannot.
    async fn change(&self, changes: redis::Pipeline) {
        // Told of already, and only a hint is missing.
        let _ = self.told(changes.exec_async(&mut self.connection.clone())).await;
    }
}

#[async_trait]
impl Tally for InRedis {
    async fn ask(&self, wishes: &[Wish]) -> Word {
        let mut counted: &[Wish] = &[];
        for (n, wish) in wishes.iter().enumerate() {
            match self.take(wish).await {
                Word::Counted if counted.len() == n => counted = &wishes[..=n],
                Word::Counted => self.lost(std::slice::from_ref(wish)).await,
                Word::Doubtful => {
                    self.lost(counted).await;
                    return Word::Doubtful;
                }
                Word::Open => {}
            }
        }
        if counted.len() == wishes.len() {
            return Word::Counted;
        }
        self.lost(counted).await;
        Word::Open
    }

    async fn gone(&self, thing: Thing) {
        let [hash, _] = self.keys(&thing);
        let mut changes = pipe();
        changes.hset(&hash, "left", 0).ignore().pexpire(&hash, KEPT_MS).ignore();
        self.change(changes).await;
    }

    async fn lost(&self, wishes: &[Wish]) {
        if wishes.is_empty() {
            return;
        }
        let mut changes = pipe();
        for wish in wishes {
            let [hash, customers] = self.keys(&wish.thing);
            let units = i64::try_from(wish.units).unwrap_or(i64::MAX);
            // On a count that has run out meanwhile this makes one of the units alone: looks, and then a new one.
            changes.hincr(&hash, "left", units).ignore();
            changes.pexpire(&hash, KEPT_MS).ignore();
            if let Some(customer) = wish.customer {
                changes.hincr(customers, customer.to_string(), -units).ignore();
            }
        }
        self.change(changes).await;
    }

    async fn forget(&self, wishes: &[Wish]) {
        let mut changes = pipe();
        for wish in wishes {
            changes.del(&self.keys(&wish.thing)[..]).ignore();
        }
        self.change(changes).await;
    }

    async fn learn(&self, store: &dyn Store, wishes: &[Wish]) {
        let Ok(_turn) = self.learning.try_lock() else { return };
        if self.rests() {
            return;
        }
        let mut keys = Keys::default();
        for wish in wishes {
            // Each is a set: what is in it twice is asked for once.
            let _ = match &wish.thing {
                Thing::Coupon(id) => keys.coupons.insert(*id),
                Thing::Code(code) => keys.coupon_codes.insert(code.clone()),
                Thing::Variant(id) => keys.variants.insert(*id),
            };
        }
        // A store that cannot be read says so to the command itself.
        let Ok(records) = store.load(&keys).await else { return };
        let mut changes = pipe();
        for wish in wishes {
            let Some((left, limit)) = super::wish::left(&records, &wish.thing) else { continue };
            let [hash, _] = self.keys(&wish.thing);
            // Another process may have begun it meanwhile, and be counting.
            changes.hset_nx(&hash, "left", left).ignore().pexpire(&hash, KEPT_MS).ignore();
            if let Some(limit) = limit {
                changes.hset(&hash, "limit", limit).ignore();
            }
        }
        self.change(changes).await;
    }
}
