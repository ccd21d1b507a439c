//! A shop to try things in: a store, its clock, and short ways to fill it and to ask it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Barrier;

use super::{Harness, Opened};
use crate::catalog::ProductStatus;
use crate::command::{
    Basket, CancelOrder, Command, CouponRef, CreateCoupon, CreateProduct, Deposit, IssueCoupon, LineRequest,
    NewVariant, PayOrder, PlaceOrder, Quantity, RegisterCustomer,
};
use crate::commerce::{Caller, Commerce, TypedCommand};
use crate::coupon::{Discount, IssuedCoupon};
use crate::decide::{Listing, Shop};
use crate::ids::{CouponId, CustomerId, IssuedCouponId, NodeId, OrderId, VariantId};
use crate::money::{Currency, Money};
use crate::order::Order;
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::records::Records;
use crate::rejection::Rejection;
use crate::store::{Envelope, Error, Receipt, Store, StoreError};
use crate::text::{IdempotencyKey, Name, OperatorName, Sku, Username};
use crate::time::{Clock, ManualClock, TimeZone, Timestamp, Window};
use crate::wallet::WalletId;
use crate::working_set::Keys;

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
    Basket { lines: lines.iter().map(line).collect(), coupons: Vec::new() }
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

fn decided<T>(answer: Result<T, Error>) -> Result<T, Rejection> {
    match answer {
        Ok(value) => Ok(value),
        Err(Error::Rejected(rejection)) => Err(rejection),
        Err(Error::Store(error)) => panic!("the store could not answer: {error}"),
    }
}

fn accepted<T>(answer: Result<T, Rejection>) -> T {
    answer.unwrap_or_else(|rejection| panic!("refused, against expectation: {rejection}"))
}

/// Making one, and asking it.
impl World {
    /// A shop on a fresh store: New York's days, half an hour to pay, the clock at noon on 30 October 2026.
    pub async fn open(harness: &dyn Harness) -> Self {
        let shop = Shop { time_zone: TimeZone::America__New_York, ..Shop::default() };
        let clock = Arc::new(ManualClock::new("2026-10-30T16:00:00Z".parse().expect("an instant")));
        let Opened { store, guard } = harness.open(shop, Arc::clone(&clock)).await;
        Self::over(store, clock, guard)
    }

    /// A shop on a store that is there already and reads this clock.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, clock: Arc<ManualClock>, guard: Arc<dyn Any + Send + Sync>) -> Self {
        let commerce = Commerce::with_clock(store, NodeId::default(), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { commerce, clock, count: Arc::default(), _guard: guard }
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
        decided(self.store().execute(envelope).await)
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

/// Filling it.
impl World {
    /// A new customer with an empty wallet.
    pub async fn customer(&self) -> CustomerId {
        let username = Username::new(format!("customer-{}", self.number())).expect("a username");
        let name = Name::new("Kim").expect("a name");
        self.run(&operator(), RegisterCustomer { customer_id: None, username, name }).await.id
    }

    /// New customers with `won` in each wallet.
    pub async fn customers(&self, count: usize, won: i64) -> Vec<CustomerId> {
        let mut customers = Vec::with_capacity(count);
        for _ in 0..count {
            customers.push(self.customer_with(won).await);
        }
        customers
    }

    /// A new customer with `won` in the wallet.
    pub async fn customer_with(&self, won: i64) -> CustomerId {
        let customer = self.customer().await;
        self.deposit(customer, won).await;
        customer
    }

    /// Puts money into a wallet.
    pub async fn deposit(&self, customer_id: CustomerId, won: i64) {
        self.run(&operator(), Deposit { customer_id, amount: krw(won), memo: None }).await;
    }

    /// A SKU that has not been used.
    #[must_use]
    pub fn sku(&self) -> Sku {
        Sku::new(format!("SKU-{}", self.number())).expect("a SKU")
    }

    /// A variant to be, at no additional price.
    #[must_use]
    pub fn new_variant(&self, stock: u64) -> NewVariant {
        NewVariant { sku: self.sku(), option_name: None, additional_price: krw(0), stock }
    }

    /// A product to be, on sale at `won`, with one variant for each stock.
    #[must_use]
    pub fn new_product(&self, won: i64, stocks: &[u64]) -> CreateProduct {
        CreateProduct {
            name: Name::new(format!("Product {}", self.number())).expect("a name"),
            description: None,
            base_price: krw(won),
            status: ProductStatus::OnSale,
            variants: stocks.iter().map(|stock| self.new_variant(*stock)).collect(),
        }
    }

    /// A product on sale at `won`, with one variant for each stock.
    pub async fn product(&self, won: i64, stocks: &[u64]) -> Arc<Listing> {
        self.run(&operator(), self.new_product(won, stocks)).await
    }

    /// The only variant of a new product on sale at `won`.
    pub async fn variant(&self, won: i64, stock: u64) -> VariantId {
        self.product(won, &[stock]).await.variants[0].variant.id
    }

    /// A coupon to be: 1,000 won off anything, no cap, one copy a customer, from now on without end.
    #[must_use]
    pub fn new_coupon(&self) -> CreateCoupon {
        CreateCoupon {
            code: None,
            name: Name::new(format!("Coupon {}", self.number())).expect("a name"),
            discount: Discount::Amount(krw(1_000)),
            min_subtotal: None,
            total_quantity: None,
            per_customer_limit: 1,
            window: Window { from: self.now(), until: None },
            active: true,
        }
    }

    /// Creates [`new_coupon`](Self::new_coupon) with changes.
    pub async fn coupon(&self, edit: impl FnOnce(&mut CreateCoupon)) -> CouponId {
        let mut coupon = self.new_coupon();
        edit(&mut coupon);
        self.run(&operator(), coupon).await.id
    }

    /// A customer claims a copy.
    pub async fn try_issue(&self, coupon: CouponId, customer_id: CustomerId) -> Result<IssuedCouponId, Rejection> {
        let claim = IssueCoupon { customer_id, coupon: CouponRef::Id(coupon) };
        self.try_run(&Principal::Customer(customer_id), claim).await.map(|copy| copy.id)
    }

    /// A customer gets a copy.
    pub async fn issue(&self, coupon: CouponId, customer: CustomerId) -> IssuedCouponId {
        accepted(self.try_issue(coupon, customer).await)
    }
}

/// Buying.
impl World {
    /// An order of a customer, paid by wallet in the same commit.
    pub async fn try_buy(&self, customer_id: CustomerId, basket: Basket) -> Result<Arc<Order>, Rejection> {
        let order = PlaceOrder { customer_id, basket, payment: Some(PaymentMethod::Wallet) };
        self.try_run(&Principal::Customer(customer_id), order).await
    }

    /// An order of a customer, paid by wallet in the same commit.
    pub async fn buy(&self, customer: CustomerId, basket: Basket) -> Arc<Order> {
        accepted(self.try_buy(customer, basket).await)
    }

    /// An order of a customer, to be paid later.
    pub async fn try_place(&self, customer_id: CustomerId, basket: Basket) -> Result<Arc<Order>, Rejection> {
        let order = PlaceOrder { customer_id, basket, payment: None };
        self.try_run(&Principal::Customer(customer_id), order).await
    }

    /// An order of a customer, to be paid later.
    pub async fn place(&self, customer: CustomerId, basket: Basket) -> Arc<Order> {
        accepted(self.try_place(customer, basket).await)
    }

    /// Its customer pays an order from the wallet.
    pub async fn try_pay(&self, order: &Order) -> Result<Arc<Order>, Rejection> {
        let pay = PayOrder { order_id: order.id, method: PaymentMethod::Wallet };
        self.try_run(&Principal::Customer(order.customer_id), pay).await
    }

    /// Its customer pays an order from the wallet.
    pub async fn pay(&self, order: &Order) -> Arc<Order> {
        accepted(self.try_pay(order).await)
    }

    /// Its customer cancels an order.
    pub async fn try_cancel(&self, order: &Order) -> Result<Arc<Order>, Rejection> {
        let cancel = CancelOrder { order_id: order.id, reason: None };
        self.try_run(&Principal::Customer(order.customer_id), cancel).await
    }

    /// Its customer cancels an order.
    pub async fn cancel(&self, order: &Order) -> Arc<Order> {
        accepted(self.try_cancel(order).await)
    }
}

/// Looking.
impl World {
    /// Units on hand.
    pub async fn on_hand(&self, variant: VariantId) -> u64 {
        let keys = Keys { variants: [variant].into(), ..Keys::default() };
        sound(self.store().load(&keys).await).stock(variant).map_or(0, |stock| stock.on_hand)
    }

    /// What is in the wallet, in won.
    pub async fn balance(&self, customer_id: CustomerId) -> i64 {
        let id = WalletId { customer_id, currency: Currency::KRW };
        let wallets = sound(self.store().wallets(customer_id).await);
        wallets.iter().find(|wallet| wallet.id == id).map_or(0, |wallet| wallet.balance.minor())
    }

    /// How many copies of a coupon are out.
    pub async fn issued(&self, coupon: CouponId) -> u32 {
        sound(self.store().coupon(coupon).await).map_or(0, |(_, issued)| issued)
    }

    /// A customer's copy, as stored.
    pub async fn copy(&self, copy: IssuedCouponId) -> IssuedCoupon {
        let keys = Keys { issued_coupons: [copy].into(), ..Keys::default() };
        sound(self.store().load(&keys).await).issued_coupon(copy).expect("the copy is there")
    }

    /// An order, as it is now.
    pub async fn order(&self, order: OrderId) -> Arc<Order> {
        sound(self.store().order(order).await).expect("the order is there")
    }

    /// Moves the clock on.
    pub fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }
}
