//! Customers who shop at once, their own record of what they were told, and what the books must say by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::conformance::{World, basket, krw, operator};
use commerce_core::store::{Orders, Wallets};
use commerce_core::{
    CancelOrder, CouponId, CouponRef, CustomerId, Deposit, Drift, Envelope, IssueCoupon, Order, OrderId, OrderStatus,
    Outcome, PageRequest, PaymentMethod, PlaceOrder, Principal, VariantId, Window, reconcile,
};
use commerce_store_postgres::PostgresStore;
use tokio::sync::Semaphore;

use crate::harness::insist;

const STOCK: u64 = 1_000_000;
const WON: i64 = 1_000_000_000;
const PRICE: i64 = 10;

/// What customers were told, request by request.
pub(crate) type Told = Vec<(Envelope, Outcome)>;

/// What the record and the books disagree on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Acknowledged, and not there, or not as it was told.
    pub(crate) lost: usize,
    /// There, and nobody was told of it.
    pub(crate) unheard_of: usize,
    /// Wallets that are not what the record comes to.
    pub(crate) balances: usize,
    /// Units on hand beyond what the record comes to.
    pub(crate) units: i64,
    /// Copies of the coupon beyond those told of.
    pub(crate) copies: i64,
    /// What does not add up by itself.
    pub(crate) drifts: Vec<Drift>,
}

/// A shop with customers, two variants that all of them want, and a coupon.
#[derive(Clone)]
pub(crate) struct Shopping {
    pub(crate) world: World,
    pub(crate) customers: Vec<CustomerId>,
    variants: [VariantId; 2],
    coupon: CouponId,
}

impl Shopping {
    pub(crate) async fn open(world: World, customers: usize) -> Self {
        let customers = world.customers(customers, WON).await;
        let variants = [world.variant(PRICE, STOCK).await, world.variant(PRICE, STOCK).await];
        let ever = Window { from: "2020-01-01T00:00:00Z".parse().unwrap(), until: None };
        let coupon = world.coupon(|coupon| (coupon.per_customer_limit, coupon.window) = (1_000_000, ever)).await;
        Self { world, customers, variants, coupon }
    }

    /// What a customer does next: calls off the order that waits, or one of the other things, in turn.
    fn next(&self, customer_id: CustomerId, turn: usize, pending: &mut Option<OrderId>) -> Envelope {
        let (world, customer) = (&self.world, Principal::Customer(customer_id));
        if let Some(order_id) = pending.take() {
            return world.envelope(&customer, CancelOrder { order_id, reason: None });
        }
        let [a, b] = self.variants;
        let lines = if turn.is_multiple_of(2) { [(a, 1), (b, 2)] } else { [(b, 1), (a, 1)] };
        let place = |payment| PlaceOrder { customer_id, basket: basket(&lines), payment };
        match turn % 5 {
            0 => world.envelope(&customer, IssueCoupon { customer_id, coupon: CouponRef::Id(self.coupon) }),
            1 => world.envelope(&operator(), Deposit { customer_id, amount: krw(7), memo: None }),
            2 => world.envelope(&customer, place(None)),
            _ => world.envelope(&customer, place(Some(PaymentMethod::Wallet))),
        }
    }

    /// One customer's requests, one after another, each asked until it is answered.
    pub(crate) async fn visit(
        &self,
        store: &PostgresStore,
        customer: CustomerId,
        turns: usize,
        answered: &Semaphore,
    ) -> Told {
        let (mut told, mut pending) = (Told::new(), None);
        for turn in 0..turns {
            let envelope = self.next(customer, turn, &mut pending);
            let outcome = insist(store, &envelope).await.unwrap().outcome;
            answered.add_permits(1);
            if let Outcome::Order(order) = &outcome {
                pending = (order.status == OrderStatus::Pending).then_some(order.id);
            }
            told.push((envelope, outcome));
        }
        told
    }

    /// All customers at once, each on one of `stores`; what they were told.
    pub(crate) async fn rush(&self, stores: &[Arc<PostgresStore>], turns: usize, answered: &Arc<Semaphore>) -> Told {
        let mut visits = Vec::new();
        for (number, customer) in self.customers.iter().copied().enumerate() {
            let (shopping, store) = (self.clone(), Arc::clone(&stores[number % stores.len()]));
            let answered = Arc::clone(answered);
            visits.push(tokio::spawn(async move { shopping.visit(&store, customer, turns, &answered).await }));
        }
        let mut told = Told::new();
        for visit in visits {
            told.extend(visit.await.unwrap());
        }
        told
    }

    /// Asks again under the keys of the record; how many were not told the same again.
    pub(crate) async fn ask_again(&self, store: &PostgresStore, told: &Told) -> usize {
        let mut lost = 0;
        for (envelope, outcome) in told {
            let again = insist(store, envelope).await;
            lost += usize::from(!again.is_ok_and(|again| again.replayed && again.outcome == *outcome));
        }
        lost
    }

    /// Holds the whole record against the books.
    pub(crate) async fn compare(&self, store: &PostgresStore, told: &Told) -> Findings {
        let mut findings = Findings::default();
        let mut on_hand = [i64::try_from(STOCK).unwrap(); 2];
        let mut copies = 0;
        for customer in self.customers.iter().copied() {
            let books = Books::of(customer, told);
            let found = orders(store, customer).await;
            findings.lost += books.orders.iter().filter(|(id, order)| found.get(*id) != Some(*order)).count();
            findings.unheard_of += found.keys().filter(|id| !books.orders.contains_key(*id)).count();
            let wallet = store.wallets(customer).await.unwrap()[0];
            findings.balances += usize::from(wallet.balance != krw(books.balance));
            copies += books.copies;
            for order in books.orders.values().filter(|order| order.status != OrderStatus::Cancelled) {
                for line in order.lines.iter() {
                    let at = self.variants.iter().position(|id| *id == line.variant_id).unwrap();
                    on_hand[at] -= i64::from(line.quantity);
                }
            }
        }
        for (variant, by_record) in self.variants.into_iter().zip(on_hand) {
            findings.units += i64::try_from(self.world.on_hand(variant).await).unwrap() - by_record;
        }
        findings.copies = i64::from(self.world.issued(self.coupon).await) - copies;
        findings.drifts = reconcile(store).await.unwrap().drifts;
        findings
    }
}

/// A customer's books as the record has them.
struct Books {
    orders: BTreeMap<OrderId, Arc<Order>>,
    balance: i64,
    copies: i64,
}

impl Books {
    fn of(customer: CustomerId, told: &Told) -> Self {
        let mut books = Self { orders: BTreeMap::new(), balance: WON, copies: 0 };
        for (_, outcome) in told {
            match outcome {
                Outcome::WalletEntry(entry) if entry.wallet_id.customer_id == customer => {
                    books.balance += entry.amount.minor();
                }
                Outcome::IssuedCoupon(copy) if copy.customer_id == customer => books.copies += 1,
                Outcome::Order(order) if order.customer_id == customer => {
                    if order.status == OrderStatus::Paid {
                        books.balance -= order.total.minor();
                    }
                    books.orders.insert(order.id, Arc::clone(order));
                }
                _ => {}
            }
        }
        books
    }
}

async fn orders(store: &PostgresStore, customer: CustomerId) -> BTreeMap<OrderId, Arc<Order>> {
    let mut found = BTreeMap::new();
    let mut request = PageRequest::first(1_000);
    loop {
        let page = store.orders(customer, None, request).await.unwrap();
        found.extend(page.items.into_iter().map(|order| (order.id, order)));
        match page.next {
            Some(after) => request = PageRequest { after: Some(after), ..request },
            None => return found,
        }
    }
}
