//! Reads: whole commits only, and all of a load from one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::world::sound;
use super::{World, basket};
use crate::command::PlaceOrder;
use crate::ids::{CustomerId, OrderId, VariantId};
use crate::money::Currency;
use crate::order::OrderStatus;
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::reconcile::reconcile;
use crate::records::Records;
use crate::store::Envelope;
use crate::wallet::WalletId;
use crate::working_set::Keys;

const WRITERS: usize = 8;
const READERS: usize = 3;
const ORDERS: usize = 6;

/// A shop that is busy: each writer buys with a customer of its own, paid at once or later or not at all.
struct Traffic {
    customers: Vec<CustomerId>,
    variant: VariantId,
    envelopes: Vec<Vec<Envelope>>,
    orders: Vec<OrderId>,
    writing: AtomicUsize,
}

impl Traffic {
    async fn new(world: &World) -> Self {
        let variant = world.variant(100, 1_000).await;
        let customers = world.customers(WRITERS, 10_000).await;
        let envelope = |customer_id: CustomerId, n: usize| {
            let payment = n.is_multiple_of(2).then_some(PaymentMethod::Wallet);
            let order = PlaceOrder { customer_id, basket: basket(&[(variant, 2)]), payment };
            world.envelope(&Principal::Customer(customer_id), order)
        };
        let envelopes: Vec<Vec<Envelope>> =
            customers.iter().map(|customer| (0..ORDERS).map(|n| envelope(*customer, n)).collect()).collect();
        // The first fresh id becomes the order's: readers know what to look for before it is there.
        let mut blocks: Vec<_> = envelopes.iter().flatten().map(|envelope| envelope.ids).collect();
        let orders = blocks.iter_mut().filter_map(|ids| ids.take()).collect();
        Self { customers, variant, envelopes, orders, writing: AtomicUsize::new(WRITERS) }
    }

    async fn write(&self, world: &World, writer: usize) {
        for (n, envelope) in self.envelopes[writer].iter().enumerate() {
            world.send(envelope.clone()).await;
            let order = world.order(self.orders[writer * ORDERS + n]).await;
            match n % 4 {
                1 => drop(world.pay(&order).await),
                3 => drop(world.cancel(&order).await),
                _ => {}
            }
        }
        self.writing.fetch_sub(1, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.writing.load(Ordering::SeqCst) == 0
    }
}

pub(super) async fn facts_add_up_at_any_moment(world: World) {
    let traffic = Arc::new(Traffic::new(&world).await);
    world
        .race(WRITERS + READERS, |world: World, n: usize| {
            let traffic = Arc::clone(&traffic);
            async move {
                if n < WRITERS {
                    return traffic.write(&world, n).await;
                }
                while !traffic.is_over() {
                    let report = sound(reconcile(world.store()).await);
                    assert_eq!(report.drifts, vec![], "what does not add up while others write");
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
}

pub(super) async fn a_load_is_from_one_moment(world: World) {
    let traffic = Arc::new(Traffic::new(&world).await);
    world
        .race(WRITERS + READERS, |world: World, n: usize| {
            let traffic = Arc::clone(&traffic);
            async move {
                if n < WRITERS {
                    return traffic.write(&world, n).await;
                }
                while !traffic.is_over() {
                    load_adds_up(&world, &traffic).await;
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
    load_adds_up(&world, &traffic).await;
}

async fn load_adds_up(world: &World, traffic: &Traffic) {
    let wallet = |customer_id: &CustomerId| WalletId { customer_id: *customer_id, currency: Currency::KRW };
    let keys = Keys {
        orders: traffic.orders.iter().copied().collect(),
        variants: [traffic.variant].into(),
        wallets: traffic.customers.iter().map(wallet).collect(),
        ..Keys::default()
    };
    let loaded = sound(world.store().load(&keys).await);
    let orders: Vec<_> = traffic.orders.iter().filter_map(|id| loaded.order(*id)).collect();
    let holding = orders.iter().filter(|order| order.status != OrderStatus::Cancelled);
    let units: u64 = holding.flat_map(|order| order.lines.iter()).map(|line| u64::from(line.quantity)).sum();
    let on_hand = loaded.stock(traffic.variant).map_or(0, |stock| stock.on_hand);
    assert_eq!(on_hand + units, 1_000, "units on hand ({on_hand}) and in {} orders loaded with them", orders.len());
    let paid = orders.iter().filter(|order| order.status == OrderStatus::Paid);
    let spent: i64 = paid.map(|order| order.total.minor()).sum();
    let left: i64 = keys.wallets.iter().filter_map(|id| loaded.wallet(*id)).map(|wallet| wallet.balance.minor()).sum();
    let all = 10_000 * i64::try_from(traffic.customers.len()).unwrap_or(0);
    assert_eq!(left + spent, all, "won in wallets ({left}) and in paid orders loaded with them");
    let without = orders.iter().filter(|o| (o.status == OrderStatus::Paid) != loaded.payment(o.id).is_some()).count();
    assert_eq!(without, 0, "orders loaded as paid without a payment, or the other way round");
}

pub(super) async fn an_order_comes_with_its_history(world: World) {
    let traffic = Arc::new(Traffic::new(&world).await);
    world
        .race(WRITERS + READERS, |world: World, n: usize| {
            let traffic = Arc::clone(&traffic);
            async move {
                if n < WRITERS {
                    return traffic.write(&world, n).await;
                }
                while !traffic.is_over() {
                    for id in &traffic.orders {
                        reads_agree(&world, *id).await;
                    }
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
}

/// What is read later is at least as new as what was read before.
async fn reads_agree(world: &World, id: OrderId) {
    let Some(order) = sound(world.store().order(id).await) else { return };
    let history = sound(world.store().history(id).await);
    assert!(history.len() as u64 >= order.version, "{} events of an order at {}", history.len(), order.version);
    let then = usize::try_from(order.version).ok().and_then(|version| history.get(version - 1));
    assert_eq!(then.map(|event| &event.order), Some(&order), "the order as its history tells it");
    if order.status == OrderStatus::Paid {
        let payment = sound(world.store().payment(id).await).map(|payment| payment.amount);
        assert_eq!(payment, Some(order.total), "the payment of a paid order");
    }
}
