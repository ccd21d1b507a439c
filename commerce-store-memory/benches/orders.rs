//! Orders per second in process: two lines, paid from the wallet, with history, message and key.
//!
//! `cargo bench -p commerce-store-memory` prints the figures for few hot and many spread variants, chunk by
//! chunk as the store fills, and the cost per order late in the run against early in it.
//! `ORDERS=10000000` sets how many orders each case places (a gigabyte and a half of memory per million).

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark stops at the first surprise, and prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce_core::{
    Basket, Caller, Commerce, CreateProduct, Currency, CustomerId, Deposit, IdempotencyKey, LineRequest, Money, Name,
    NewVariant, NodeId, OperatorName, PaymentMethod, PlaceOrder, Principal, ProductStatus, Quantity, RegisterCustomer,
    Shop, Sku, Username, VariantId,
};
use commerce_store_memory::MemoryStore;

/// The allocator of the server's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUSTOMERS: usize = 10_000;
const VARIANTS: usize = 10_000;
const CHUNK: usize = 10_000;

fn main() {
    let orders = std::env::var("ORDERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for (name, variants) in [("hot, 2 variants", 2), ("spread, 10,000 variants", VARIANTS)] {
        runtime.block_on(measure(name, variants, orders));
    }
}

async fn measure(name: &str, variants: usize, orders: usize) {
    let market = Market::open().await;
    let mut random = Random(88_172_645_463_325_252);
    let mut costs = Vec::with_capacity(orders / CHUNK);
    for chunk in 0..orders / CHUNK {
        let requests: Vec<_> = (0..CHUNK).map(|i| market.request(variants, chunk * CHUNK + i, &mut random)).collect();
        let begin = Instant::now();
        for (caller, command) in requests {
            market.shop.place_order(caller, command).await.expect("enough of everything");
        }
        costs.push(begin.elapsed());
    }
    report(name, &costs);
}

fn report(name: &str, costs: &[Duration]) {
    let per_order = |chunks: &[Duration]| median(chunks).as_nanos() as f64 / CHUNK as f64 / 1_000.0;
    let window = (costs.len() / 10).max(1);
    let (early, late) = (per_order(&costs[..window]), per_order(&costs[costs.len() - window..]));
    println!("{name}: {} orders", costs.len() * CHUNK);
    println!("  median  {:>9.0} orders/s, {:.2} us each", 1e6 / per_order(costs), per_order(costs));
    println!("  early   {early:.2} us each (first tenth), late {late:.2} us (last tenth): {:.2}x", late / early);
}

fn median(costs: &[Duration]) -> Duration {
    let mut sorted = costs.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

struct Market {
    shop: Commerce,
    customers: Vec<CustomerId>,
    variants: Vec<VariantId>,
}

impl Market {
    async fn open() -> Self {
        let shop = Commerce::new(Arc::new(MemoryStore::new(Shop::default())), NodeId::default());
        let mut market = Self { shop, customers: Vec::new(), variants: Vec::new() };
        for n in 0..VARIANTS {
            market.list(n).await;
        }
        for n in 0..CUSTOMERS {
            market.register(n).await;
        }
        market
    }

    async fn list(&mut self, n: usize) {
        let variant = NewVariant {
            sku: Sku::new(format!("SKU-{n}")).expect("a SKU"),
            option_name: None,
            additional_price: Money::zero(Currency::KRW),
            stock: 1_000_000_000,
        };
        let product = CreateProduct {
            name: Name::new(format!("Product {n}")).expect("a name"),
            description: None,
            base_price: Money::new(1_000, Currency::KRW).expect("a price"),
            status: ProductStatus::OnSale,
            variants: vec![variant],
        };
        let listing = self.shop.create_product(staff(format!("p{n}")), product).await.expect("a product").outcome;
        self.variants.push(listing.variants[0].variant.id);
    }

    async fn register(&mut self, n: usize) {
        let username = Username::new(format!("user{n}")).expect("a username");
        let customer = RegisterCustomer { customer_id: None, username, name: Name::new("Somebody").expect("a name") };
        let customer = self.shop.register_customer(staff(format!("c{n}")), customer).await.expect("a customer").outcome;
        let amount = Money::new(1_000_000_000_000, Currency::KRW).expect("an amount");
        let deposit = Deposit { customer_id: customer.id, amount, memo: None };
        self.shop.deposit(staff(format!("d{n}")), deposit).await.expect("a deposit");
        self.customers.push(customer.id);
    }

    fn request(&self, variants: usize, n: usize, random: &mut Random) -> (Caller, PlaceOrder) {
        let customer_id = self.customers[random.below(CUSTOMERS)];
        let first = random.below(variants);
        let line = |n: usize| LineRequest { variant_id: self.variants[n % variants], quantity: Quantity::ONE };
        let basket = Basket { lines: vec![line(first), line(first + 1)].into(), coupons: Vec::new() };
        let key = IdempotencyKey::new(format!("{n:036}")).expect("a key");
        let order = PlaceOrder { customer_id, basket, payment: Some(PaymentMethod::Wallet) };
        (Caller::new(Principal::Customer(customer_id), key), order)
    }
}

fn staff(key: String) -> Caller {
    let operator = Principal::Operator(OperatorName::new("bench").expect("a name"));
    Caller::new(operator, IdempotencyKey::new(key).expect("a key"))
}

/// Xorshift: the same requests in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or(0)
    }
}
