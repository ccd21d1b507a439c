//! A shop of 10,000 variants and a customer with money for each client, and the orders that they place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commerce_core::{
    Basket, Caller, Commerce, CreateProduct, Currency, CustomerId, Deposit, IdempotencyKey, LineRequest, Money, Name,
    NewVariant, OperatorName, PaymentMethod, PlaceOrder, Principal, ProductStatus, Quantity, RegisterCustomer, Sku,
    Username, VariantId,
};
use tokio::task::JoinSet;

use crate::load::{Client, Connection, Outcome, order};

const PRODUCTS: usize = 1_000;
const VARIANTS: usize = 10;

/// What there is to buy and who buys it.
pub(crate) struct Market {
    variants: Vec<VariantId>,
    pub(crate) customers: Vec<CustomerId>,
    counter: AtomicU64,
}

impl Market {
    /// Fills a shop.
    pub(crate) async fn make(commerce: &Commerce, customers: usize) -> Outcome<Self> {
        let (mut listings, mut crowd) = (JoinSet::new(), JoinSet::new());
        for i in 0..PRODUCTS {
            listings.spawn(list(commerce.clone(), i));
        }
        for i in 0..customers {
            crowd.spawn(welcome(commerce.clone(), i));
        }
        let variants = listings.join_all().await.into_iter().collect::<Outcome<Vec<_>>>()?.concat();
        let customers = crowd.join_all().await.into_iter().collect::<Outcome<_>>()?;
        Ok(Self { variants, customers, counter: AtomicU64::new(0) })
    }

    /// A key that nobody else gets, and two variants.
    fn draw(&self, hot: bool) -> (String, [VariantId; 2]) {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut x = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = |n: usize| {
            x ^= x >> 31;
            x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
            (x >> 33) as usize % n
        };
        let a = if hot { 0 } else { next(self.variants.len()) };
        let step = if hot { VARIANTS } else { 1 + next(self.variants.len() - 1) };
        (format!("{number:032x}"), [self.variants[a], self.variants[(a + step) % self.variants.len()]])
    }
}

/// A customer who orders in this process.
pub(crate) struct Embedded {
    pub(crate) market: Arc<Market>,
    pub(crate) commerce: Commerce,
    pub(crate) customer_id: CustomerId,
    pub(crate) hot: bool,
}

impl Client for Embedded {
    async fn ask(&mut self) -> Outcome<()> {
        let (key, variants) = self.market.draw(self.hot);
        let caller = Caller::new(Principal::Customer(self.customer_id), IdempotencyKey::new(key)?);
        let lines = variants.map(|variant_id| LineRequest { variant_id, quantity: Quantity::ONE });
        let basket = Basket { lines: lines.to_vec().into(), coupons: Vec::new() };
        let order = PlaceOrder { customer_id: self.customer_id, basket, payment: Some(PaymentMethod::Wallet) };
        self.commerce.place_order(caller, order).await?;
        Ok(())
    }
}

/// A customer who orders over HTTP.
pub(crate) struct Remote {
    pub(crate) market: Arc<Market>,
    pub(crate) connection: Connection,
    pub(crate) token: String,
    pub(crate) hot: bool,
}

impl Client for Remote {
    async fn ask(&mut self) -> Outcome<()> {
        let (key, variants) = self.market.draw(self.hot);
        let lines = variants.map(|variant| format!(r#"{{"variant_id":"{variant}","quantity":1}}"#));
        self.connection.ask(order(&self.token, &key, &lines.join(",")).as_bytes()).await
    }
}

fn caller(key: &str) -> Outcome<Caller> {
    Ok(Caller::new(Principal::Operator(OperatorName::new("bench")?), IdempotencyKey::new(key)?))
}

/// Lists a product, with stock for more orders than anybody can place.
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
        base_price: Money::new(1_000, Currency::KRW)?,
        status: ProductStatus::OnSale,
        variants: (0..VARIANTS).map(variant).collect::<Outcome<_>>()?,
    };
    let listing = commerce.create_product(caller(&format!("product-{i}"))?, product).await?.outcome;
    Ok(listing.variants.iter().map(|listed| listed.variant.id).collect())
}

/// Registers a customer, with money for as many orders.
async fn welcome(commerce: Commerce, i: usize) -> Outcome<CustomerId> {
    let (username, name) = (Username::new(format!("user{i}"))?, Name::new("Somebody")?);
    let new = RegisterCustomer { customer_id: None, username, name };
    let customer_id = commerce.register_customer(caller(&format!("customer-{i}"))?, new).await?.outcome.id;
    let amount = Money::new(100_000_000_000_000, Currency::KRW)?;
    commerce.deposit(caller(&format!("deposit-{i}"))?, Deposit { customer_id, amount, memo: None }).await?;
    Ok(customer_id)
}
