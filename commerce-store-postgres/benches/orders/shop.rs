//! A shop to buy in: 10,000 variants, 1,000 customers with money, one coupon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commerce_core::{
    Caller, Commerce, CouponId, CreateCoupon, CreateProduct, Currency, CustomerId, Deposit, Discount, IdempotencyKey,
    Money, Name, NewVariant, NodeId, OperatorName, Principal, ProductStatus, RegisterCustomer, Sku, Username,
    VariantId, Window,
};
use commerce_store_postgres::PostgresStore;

pub(crate) struct Fixture {
    pub(crate) commerce: Commerce,
    pub(crate) variants: Vec<VariantId>,
    pub(crate) customers: Vec<CustomerId>,
    pub(crate) coupon: CouponId,
    counter: AtomicU64,
}

pub(crate) const PRICE: i64 = 1_000;

impl Fixture {
    pub(crate) async fn make(store: &Arc<PostgresStore>) -> Self {
        let commerce = Commerce::new(store.clone(), NodeId::default());
        let caller = |key: String| {
            Caller::new(Principal::Operator(OperatorName::new("bench").unwrap()), IdempotencyKey::new(key).unwrap())
        };
        let new = |i: usize| NewVariant {
            sku: Sku::new(format!("SKU-{i}")).unwrap(),
            option_name: None,
            additional_price: Money::zero(Currency::KRW),
            stock: 1_000_000_000,
        };
        let product = |i: usize| CreateProduct {
            name: Name::new(format!("Product {i}")).unwrap(),
            description: None,
            base_price: Money::new(PRICE, Currency::KRW).unwrap(),
            status: ProductStatus::OnSale,
            variants: (0..10).map(|n| new(i * 10 + n)).collect(),
        };
        let mut tasks = Vec::new();
        for i in 0..1_000 {
            let (commerce, caller, product) = (commerce.clone(), caller(format!("p{i}")), product(i));
            tasks.push(tokio::spawn(async move { commerce.create_product(caller, product).await.unwrap() }));
        }
        let mut variants = Vec::new();
        for task in tasks {
            variants.extend(task.await.unwrap().outcome.variants.iter().map(|listed| listed.variant.id));
        }
        let mut tasks = Vec::new();
        for i in 0..1_000 {
            let (commerce, register, pay) = (commerce.clone(), caller(format!("c{i}")), caller(format!("d{i}")));
            tasks.push(tokio::spawn(async move {
                let (username, name) = (Username::new(format!("user{i}")).unwrap(), Name::new("Somebody").unwrap());
                let new = RegisterCustomer { customer_id: None, username, name };
                let customer_id = commerce.register_customer(register, new).await.unwrap().outcome.id;
                let amount = Money::new(100_000_000_000_000, Currency::KRW).unwrap();
                commerce.deposit(pay, Deposit { customer_id, amount, memo: None }).await.unwrap();
                customer_id
            }));
        }
        let mut customers = Vec::new();
        for task in tasks {
            customers.push(task.await.unwrap());
        }
        let coupon = CreateCoupon {
            code: None,
            name: Name::new("Launch").unwrap(),
            discount: Discount::Amount(Money::new(100, Currency::KRW).unwrap()),
            min_subtotal: None,
            total_quantity: None,
            per_customer_limit: 1_000_000,
            window: Window { from: "2020-01-01T00:00:00Z".parse().unwrap(), until: None },
            active: true,
        };
        let coupon = commerce.create_coupon(caller("coupon".to_owned()), coupon).await.unwrap().outcome.id;
        Self { commerce, variants, customers, coupon, counter: AtomicU64::new(1) }
    }

    /// A number that nobody else gets.
    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// An id for what the baselines write, out of the generator's reach.
    pub(crate) fn id(&self) -> i64 {
        i64::MAX / 2 + i64::try_from(self.number()).unwrap()
    }

    /// Two variants and a customer.
    pub(crate) fn draw(&self, hot: bool) -> (CustomerId, [VariantId; 2]) {
        let mut x = self.number().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = |n: usize| {
            x ^= x >> 31;
            x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
            usize::try_from((x >> 33) % n as u64).unwrap()
        };
        let customer = self.customers[next(self.customers.len())];
        if hot {
            return (customer, [self.variants[0], self.variants[10]]);
        }
        let a = next(self.variants.len());
        let b = (a + 1 + next(self.variants.len() - 1)) % self.variants.len();
        (customer, [self.variants[a.min(b)], self.variants[a.max(b)]])
    }
}
