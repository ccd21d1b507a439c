//! The shop before the doors open.

use std::sync::Arc;

use commerce_core::{
    Caller, Commerce, CouponId, CouponScope, CreateCoupon, CreateProduct, Currency, CustomerId, Deposit, Discount,
    IdempotencyKey, Money, MoneyError, Name, NewVariant, NodeId, Percent, Principal, ProductStatus, RegisterCustomer,
    Shop, Sku, Stacking, Store, TextError, Username, VariantId, Window,
};
use commerce_store_memory::MemoryStore;

use super::{Failure, Plan};

/// A shop with one product, one coupon and its customers, each with money for one unit.
pub(super) struct Scene {
    pub(super) shop: Commerce,
    pub(super) store: Arc<MemoryStore>,
    pub(super) variant: VariantId,
    pub(super) coupon: CouponId,
    pub(super) customers: Vec<CustomerId>,
}

/// What one unit costs, and what every buyer starts with.
pub(super) fn price() -> Result<Money, MoneyError> {
    Money::new(20_000, Currency::KRW)
}

impl Scene {
    pub(super) async fn set(plan: Plan) -> Result<Self, Failure> {
        let store = Arc::new(MemoryStore::new(Shop::default()));
        let shop = Commerce::new(store.clone(), NodeId::default());
        let variant = list_product(&shop, plan.units).await?;
        let coupon = announce_coupon(&shop, &*store, plan.coupons).await?;
        let mut customers = Vec::with_capacity(plan.buyers as usize);
        for number in 1..=plan.buyers {
            customers.push(register(&shop, number).await?);
        }
        Ok(Self { shop, store, variant, coupon, customers })
    }
}

async fn list_product(shop: &Commerce, units: u32) -> Result<VariantId, Failure> {
    let sneaker = NewVariant {
        sku: Sku::new("SNEAKER")?,
        option_name: None,
        additional_price: Money::zero(Currency::KRW),
        stock: u64::from(units),
    };
    let product = CreateProduct {
        name: Name::new("Limited sneaker")?,
        description: None,
        base_price: price()?,
        status: ProductStatus::OnSale,
        variants: vec![sneaker],
    };
    let listing = shop.create_product(the_shop("product")?, product).await?.outcome;
    Ok(listing.variants.first().ok_or("a product without variants")?.variant.id)
}

async fn announce_coupon(shop: &Commerce, store: &dyn Store, copies: u32) -> Result<CouponId, Failure> {
    let coupon = CreateCoupon {
        code: None,
        name: Name::new("Ten percent for the quick")?,
        discount: Discount::Percent { rate: Percent::new(10.into())?, cap: None },
        scope: CouponScope::Order,
        stacking: Stacking::Exclusive,
        priority: 0,
        by_code: false,
        min_subtotal: None,
        total_quantity: Some(copies),
        per_customer_limit: 1,
        window: Window { from: store.now().await?, until: None },
        active: true,
    };
    Ok(shop.create_coupon(the_shop("coupon")?, coupon).await?.outcome.id)
}

async fn register(shop: &Commerce, number: u32) -> Result<CustomerId, Failure> {
    let key = format!("buyer-{number}");
    let customer = RegisterCustomer { customer_id: None, username: Username::new(&key)?, name: Name::new(&key)? };
    let customer_id = shop.register_customer(the_shop(&key)?, customer).await?.outcome.id;
    shop.deposit(the_shop(&key)?, Deposit { customer_id, amount: price()?, memo: None }).await?;
    Ok(customer_id)
}

/// The shop itself as a caller.
fn the_shop(key: &str) -> Result<Caller, TextError> {
    Ok(Caller::new(Principal::System, IdempotencyKey::new(key)?))
}
