//! A small shop to try things on.

use std::sync::Arc;

use commerce_core::{
    Caller, Commerce, CouponCode, CouponScope, CreateCoupon, CreateProduct, Currency, CustomerId, Deposit, Discount,
    Error, IdempotencyKey, Listing, Money, MoneyError, Name, NewVariant, Note, Percent, Principal, ProductStatus,
    RegisterCustomer, Rejection, Sku, Stacking, TextError, Username, VariantId, Window,
};
use rust_decimal::Decimal;

/// What the demo shop has that a first call needs.
#[derive(Debug, Clone, Copy)]
pub struct Demo {
    /// The customer, with money in the wallet.
    pub customer: CustomerId,
    /// Something to buy.
    pub variant: VariantId,
}

/// The demo shop could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A command was refused, or the store could not.
    #[error(transparent)]
    Core(#[from] Error),
    /// A text of the demo is not well-formed.
    #[error(transparent)]
    Text(#[from] TextError),
    /// An amount of the demo is not well-formed.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The demo customer's id is not one, or a product came without its variants.
    #[error("the demo shop is incomplete")]
    Incomplete,
}

/// Product, base price in won, and its variants: SKU, option, additional price, stock.
type Entry = (&'static str, i64, &'static [(&'static str, Option<&'static str>, i64, u64)]);

const CATALOG: &[Entry] = &[
    ("Filter coffee, 200 g", 14_000, &[("COFFEE-200", None, 0, 500)]),
    (
        "T-shirt",
        29_000,
        &[("TSHIRT-BLACK-M", Some("black, M"), 0, 40), ("TSHIRT-BLACK-XL", Some("black, XL"), 2_000, 25)],
    ),
    ("Limited print, signed", 120_000, &[("PRINT-SIGNED", None, 0, 3)]),
];

/// Fills an empty shop; on a shop that has the demo already it changes nothing.
pub async fn fill(commerce: &Commerce) -> Result<Demo, DemoError> {
    let customer = CustomerId::try_from(1001).map_err(|_| DemoError::Incomplete)?;
    let mut first = None;
    for entry in CATALOG {
        let listing = create_product(commerce, entry).await?;
        first = first.or_else(|| listing.variants.first().map(|listed| listed.variant.id));
    }
    create_coupons(commerce).await?;
    let register = RegisterCustomer {
        customer_id: Some(customer),
        username: Username::new("demo")?,
        name: Name::new("Demo Customer")?,
    };
    accept_existing(commerce.register_customer(caller("demo-customer")?, register).await.map(drop))?;
    let amount = won(1_000_000)?;
    let memo = Some(Note::new("a start")?);
    commerce.deposit(caller("demo-deposit")?, Deposit { customer_id: customer, amount, memo }).await?;
    Ok(Demo { customer, variant: first.ok_or(DemoError::Incomplete)? })
}

async fn create_product(commerce: &Commerce, (name, price, variants): &Entry) -> Result<Arc<Listing>, DemoError> {
    let variant = |(sku, option, additional, stock): &(&str, Option<&str>, i64, u64)| {
        Ok(NewVariant {
            sku: Sku::new(sku)?,
            option_name: option.map(Name::new).transpose()?,
            additional_price: won(*additional)?,
            stock: *stock,
        })
    };
    let command = CreateProduct {
        name: Name::new(name)?,
        description: None,
        base_price: won(*price)?,
        status: ProductStatus::OnSale,
        variants: variants.iter().map(variant).collect::<Result<_, DemoError>>()?,
    };
    let key = variants.first().map_or(*name, |(sku, ..)| *sku);
    Ok(commerce.create_product(caller(&format!("demo-{key}"))?, command).await?.outcome)
}

async fn create_coupons(commerce: &Commerce) -> Result<(), DemoError> {
    let window = Window { from: commerce_core::Timestamp::from_millis(0), until: None };
    let coupon = |code, name, discount, minimum: Option<i64>, total_quantity| {
        Ok::<_, DemoError>(CreateCoupon {
            code: Some(CouponCode::new(code)?),
            name: Name::new(name)?,
            discount,
            scope: CouponScope::Order,
            stacking: Stacking::Exclusive,
            priority: 0,
            by_code: false,
            min_subtotal: minimum.map(won).transpose()?,
            total_quantity,
            per_customer_limit: 1,
            window,
            active: true,
        })
    };
    let tenth = Discount::Percent { rate: Percent::new(Decimal::TEN)?, cap: Some(won(5_000)?) };
    let welcome = coupon("WELCOME10", "10% off, at most 5,000", tenth, None, None)?;
    let first_hundred =
        coupon("FIRST100", "3,000 off, for the first hundred", Discount::Amount(won(3_000)?), Some(20_000), Some(100))?;
    commerce.create_coupon(caller("demo-welcome")?, welcome).await?;
    commerce.create_coupon(caller("demo-first-hundred")?, first_hundred).await?;
    Ok(())
}

/// The customer may have registered before on a store that remembers.
fn accept_existing(result: Result<(), Error>) -> Result<(), DemoError> {
    match result {
        Err(Error::Rejected(Rejection::AlreadyRegistered { .. })) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn caller(key: &str) -> Result<Caller, DemoError> {
    Ok(Caller::new(Principal::System, IdempotencyKey::new(key)?))
}

fn won(minor: i64) -> Result<Money, MoneyError> {
    Money::new(minor, Currency::KRW)
}
