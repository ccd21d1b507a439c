//! A shop to buy in: 10,000 variants, 10,000 customers with money, one coupon.

use std::sync::atomic::{AtomicI64, Ordering};

use commerce_core::{
    Caller, Commerce, CouponId, CouponScope, CreateCoupon, CreateProduct, Currency, CustomerId, Deposit, Discount,
    IdempotencyKey, Money, Name, NewVariant, OperatorName, Principal, ProductStatus, RegisterCustomer, Sku, Stacking,
    Username, VariantId, Window,
};
use tokio::task::JoinSet;

use crate::measure::Outcome;

/// What there is to buy and who buys it.
pub(crate) struct Fixture {
    pub(crate) coupon: CouponId,
    variants: Vec<VariantId>,
    customers: Vec<CustomerId>,
    counter: AtomicI64,
}

pub(crate) const PRICE: i64 = 1_000;
const THOUSAND: usize = 1_000;

impl Fixture {
    /// Fills a shop.
    pub(crate) async fn make(commerce: &Commerce) -> Outcome<Self> {
        let (mut listings, mut customers) = (JoinSet::new(), JoinSet::new());
        for i in 0..THOUSAND {
            listings.spawn(list(commerce.clone(), i));
            customers.spawn(welcome(commerce.clone(), i));
        }
        let listings = listings.join_all().await.into_iter().collect::<Outcome<Vec<_>>>()?;
        let customers = customers.join_all().await.into_iter().collect::<Outcome<Vec<_>>>()?;
        let coupon = launch(commerce).await?;
        Ok(Self { coupon, variants: listings.concat(), customers: customers.concat(), counter: AtomicI64::new(1) })
    }

    /// A number that nobody else gets.
    fn number(&self) -> i64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// An idempotency key that nobody else gets, and that is as far from the one before as those of clients are.
    pub(crate) fn key(&self) -> String {
        let mut x = u128::from(self.number().cast_unsigned()).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        x ^= x >> 67;
        format!("{:032x}", x.wrapping_mul(0xDA94_2042_E4DD_58B5_2545_F491_4F6C_DD1D))
    }

    /// An id for what the baselines write, out of the generator's reach.
    pub(crate) fn id(&self) -> i64 {
        i64::MAX / 2 + self.number()
    }

    /// Two variants and a customer.
    pub(crate) fn draw(&self, hot: bool) -> (CustomerId, [VariantId; 2]) {
        let mut x = self.number().cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = |n: usize| {
            x ^= x >> 31;
            x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
            (x >> 33) as usize % n
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

fn caller(key: &str) -> Outcome<Caller> {
    Ok(Caller::new(Principal::Operator(OperatorName::new("bench")?), IdempotencyKey::new(key)?))
}

/// Lists a product of ten variants, with stock for more orders than anybody can place.
async fn list(commerce: Commerce, i: usize) -> Outcome<Vec<VariantId>> {
    let variant = |n: usize| {
        Ok(NewVariant {
            sku: Sku::new(format!("SKU-{i}-{n}"))?,
            option_name: None,
            additional_price: Money::zero(Currency::KRW),
            stock: 1_000_000_000,
        })
    };
    let product = CreateProduct {
        name: Name::new(format!("Product {i}"))?,
        description: None,
        base_price: Money::new(PRICE, Currency::KRW)?,
        status: ProductStatus::OnSale,
        variants: (0..10).map(variant).collect::<Outcome<_>>()?,
    };
    let listing = commerce.create_product(caller(&format!("product-{i}"))?, product).await?.outcome;
    Ok(listing.variants.iter().map(|listed| listed.variant.id).collect())
}

/// Registers ten customers, with money for as many orders as anybody can place.
async fn welcome(commerce: Commerce, i: usize) -> Outcome<Vec<CustomerId>> {
    let mut customers = Vec::new();
    for n in 0..10 {
        let (username, name) = (Username::new(format!("user{i}-{n}"))?, Name::new("Somebody")?);
        let new = RegisterCustomer { customer_id: None, username, name };
        let customer_id = commerce.register_customer(caller(&format!("customer-{i}-{n}"))?, new).await?.outcome.id;
        let amount = Money::new(100_000_000_000_000, Currency::KRW)?;
        commerce.deposit(caller(&format!("deposit-{i}-{n}"))?, Deposit { customer_id, amount, memo: None }).await?;
        customers.push(customer_id);
    }
    Ok(customers)
}

async fn launch(commerce: &Commerce) -> Outcome<CouponId> {
    let coupon = CreateCoupon {
        code: None,
        name: Name::new("Launch")?,
        discount: Discount::Amount(Money::new(100, Currency::KRW)?),
        scope: CouponScope::Order,
        stacking: Stacking::Exclusive,
        priority: 0,
        by_code: false,
        min_subtotal: None,
        total_quantity: None,
        per_customer_limit: 1_000_000,
        window: Window { from: "2020-01-01T00:00:00Z".parse()?, until: None },
        active: true,
    };
    Ok(commerce.create_coupon(caller("coupon")?, coupon).await?.outcome.id)
}
