//! A shop to try things in: a store, its clock, and short ways to fill it and to ask it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Barrier;

use super::{Harness, Opened};
use crate::admission::Gate;
use crate::command::{Basket, BasketLines, CartLines, Command, LineRequest, Quantity};
use crate::commerce::{Caller, Commerce, TypedCommand};
use crate::decide::Shop;
use crate::ids::{NodeId, VariantId};
use crate::money::{Currency, Money};
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::store::{Envelope, Error, Receipt, Store, StoreError};
use crate::text::{IdempotencyKey, OperatorName};
use crate::time::{Clock, ManualClock, TimeZone, Timestamp};

/// A shop on a fresh store, with a clock that stands still until it is moved.
///
/// Its day is New York's, where midnight is not UTC's and days may have 23 or 25 hours. Methods without `try_`
/// expect success and panic otherwise; all of them panic when the store cannot answer, for in a test it can.
/// Clones are the same shop: hand one to every task.
#[derive(Clone)]
pub struct World {
    commerce: Commerce,
    clock: Arc<ManualClock>,
    count: Arc<AtomicU64>,
    // Declared last, so that it goes after the store.
    _guard: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// An amount in won, which has no smaller unit.
#[must_use]
pub fn krw(amount: i64) -> Money {
    Money::new(amount, Currency::KRW).expect("an amount within the bounds")
}

/// A member of staff.
#[must_use]
pub fn operator() -> Principal {
    Principal::Operator(OperatorName::new("mina").expect("an operator's name"))
}

/// A basket of variants and units, without coupons.
#[must_use]
pub fn basket(lines: &[(VariantId, i64)]) -> Basket {
    let line = |&(variant_id, units)| LineRequest { variant_id, quantity: Quantity::new(units).expect("a quantity") };
    Basket { lines: lines.iter().map(line).collect::<Vec<_>>().into(), coupons: Vec::new() }
}

/// All that is in the customer's cart, if it is at that version; without coupons.
#[must_use]
pub fn cart_basket(cart_version: Option<u64>) -> Basket {
    Basket { lines: BasketLines::Cart(CartLines { cart_version }), coupons: Vec::new() }
}

/// What went through, and what was refused.
#[must_use]
pub fn split<T>(results: Vec<Result<T, Rejection>>) -> (Vec<T>, Vec<Rejection>) {
    let mut both = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => both.0.push(value),
            Err(rejection) => both.1.push(rejection),
        }
    }
    both
}

/// The answer of a store that has no reason to fail.
pub(super) fn sound<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("the store could not answer: {error}"))
}

pub(super) fn decided<T>(answer: Result<T, Error>) -> Result<T, Rejection> {
    match answer {
        Ok(value) => Ok(value),
        Err(Error::Rejected(rejection)) => Err(rejection),
        Err(Error::Store(error)) => panic!("the store could not answer: {error}"),
    }
}

pub(super) fn accepted<T>(answer: Result<T, Rejection>) -> T {
    answer.unwrap_or_else(|rejection| panic!("refused, against expectation: {rejection}"))
}

/// Making one, and asking it.
impl World {
    /// A shop on a fresh store: New York's days, half an hour to pay, the clock at noon on 30 October 2026.
    pub async fn open(harness: &dyn Harness) -> Self {
        let shop = Shop { time_zone: TimeZone::America__New_York, ..Shop::default() };
        let clock = Arc::new(ManualClock::new("2026-10-30T16:00:00Z".parse().expect("an instant")));
        let Opened { store, guard, gate } = harness.open(shop, Arc::clone(&clock)).await;
        let world = Self::over(store, clock, guard);
        match gate {
            Some(gate) => world.behind(gate),
            None => world,
        }
    }

    /// A shop on a store that is there already and reads this clock.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, clock: Arc<ManualClock>, guard: Arc<dyn Any + Send + Sync>) -> Self {
        let commerce = Commerce::with_clock(store, NodeId::default(), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { commerce, clock, count: Arc::default(), _guard: guard }
    }

    /// The same shop with a gate in front of its store.
    #[must_use]
    pub fn behind(self, gate: Arc<dyn Gate>) -> Self {
        Self { commerce: self.commerce.behind(gate), ..self }
    }

    /// The façade.
    #[must_use]
    pub fn commerce(&self) -> &Commerce {
        &self.commerce
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &**self.commerce.store()
    }

    /// The store's clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sets the clock to an RFC 3339 instant.
    pub fn set_clock(&self, instant: &str) {
        self.clock.set(instant.parse().expect("an instant"));
    }

    /// A number that this shop has not given before.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A key that has not been used.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        IdempotencyKey::new(format!("key-{}", self.number())).expect("a key")
    }

    /// A request under a fresh key.
    #[must_use]
    pub fn envelope(&self, principal: &Principal, command: impl Into<Command>) -> Envelope {
        self.commerce.envelope(Caller::new(principal.clone(), self.key()), command.into())
    }

    /// The same request again: same principal, key and command, other fresh ids, as a client's retry has.
    #[must_use]
    pub fn again(&self, envelope: &Envelope) -> Envelope {
        let caller = Caller::new(envelope.principal.clone(), envelope.key.clone());
        self.commerce.envelope(caller, envelope.command.clone())
    }

    /// Sends a request.
    pub async fn try_send(&self, envelope: Envelope) -> Result<Receipt, Rejection> {
        decided(self.commerce.execute(envelope).await)
    }

    /// Sends a request that is to be accepted.
    pub async fn send(&self, envelope: Envelope) -> Receipt {
        accepted(self.try_send(envelope).await)
    }

    /// Runs a command under a fresh key.
    pub async fn try_run<C: TypedCommand>(&self, principal: &Principal, command: C) -> Result<C::Output, Rejection> {
        let caller = Caller::new(principal.clone(), self.key());
        decided(self.commerce.run(caller, command).await).map(|receipt| receipt.outcome)
    }

    /// Runs a command under a fresh key; it is to be accepted.
    pub async fn run<C: TypedCommand>(&self, principal: &Principal, command: C) -> C::Output {
        accepted(self.try_run(principal, command).await)
    }

    /// Runs `tasks` tasks that start together, each on a clone of this shop, and waits for all. A panic in one
    /// of them goes on.
    pub async fn race<T, F>(&self, tasks: usize, task: impl Fn(Self, usize) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(tasks));
        let spawned: Vec<_> = (0..tasks)
            .map(|number| {
                let (start, task) = (Arc::clone(&start), task(self.clone(), number));
                tokio::spawn(async move {
                    start.wait().await;
                    task.await
                })
            })
            .collect();
        let mut results = Vec::with_capacity(tasks);
        for task in spawned {
            match task.await {
                Ok(result) => results.push(result),
                Err(ended) => std::panic::resume_unwind(ended.into_panic()),
            }
        }
        results
    }
}
