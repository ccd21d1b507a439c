//! The smallest useful shop inside a program of your own.
//!
//! `cargo run --example quickstart -p commerce-examples`

use std::error::Error;
use std::sync::Arc;

use commerce_core::store::{Orders, Wallets};
use commerce_core::*;
use commerce_store_memory::MemoryStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// The whole story; a test runs it too.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    // A store keeps the records; the shop on top of it has one method a command. This store lives in memory.
    let store = Arc::new(MemoryStore::new(Shop::default()));
    let shop = Commerce::new(store.clone(), NodeId::default());

    // Every command says who asks, and names the attempt by a key of the caller's choice. Whoever gets no answer
    // asks again with the same key: the command runs once, however often it is sent.
    let staff = |key: &str| -> Result<Caller, TextError> {
        Ok(Caller::new(Principal::Operator(OperatorName::new("mina")?), IdempotencyKey::new(key)?))
    };
    let krw = |amount: &str| Money::parse(amount, Currency::KRW);

    // Staff put a product up for sale. What is bought is a variant of it; a plain product has one.
    let shirt = NewVariant { sku: Sku::new("SHIRT")?, option_name: None, additional_price: krw("0")?, stock: 3 };
    let product = CreateProduct {
        name: Name::new("T-shirt")?,
        description: None,
        base_price: krw("15000")?,
        status: ProductStatus::OnSale,
        variants: vec![shirt],
    };
    let listing = shop.create_product(staff("product-1")?, product).await?.outcome;
    let variant_id = listing.variants[0].variant.id;

    // A customer, with money in the wallet.
    let ann = RegisterCustomer { customer_id: None, username: Username::new("ann")?, name: Name::new("Ann")? };
    let ann = shop.register_customer(staff("customer-1")?, ann).await?.outcome.id;
    shop.deposit(staff("deposit-1")?, Deposit { customer_id: ann, amount: krw("50000")?, memo: None }).await?;

    // A coupon: ten percent off, a hundred copies, one a customer. Ann claims hers by its code.
    let coupon = CreateCoupon {
        code: Some(CouponCode::new("WELCOME")?),
        name: Name::new("Welcome")?,
        discount: Discount::Percent { rate: Percent::new(10.into())?, cap: None },
        scope: CouponScope::Order,
        stacking: Stacking::Exclusive,
        priority: 0,
        by_code: false,
        min_subtotal: None,
        total_quantity: Some(100),
        per_customer_limit: 1,
        window: Window { from: store.now().await?, until: None },
        active: true,
    };
    shop.create_coupon(staff("coupon-1")?, coupon).await?;
    let as_ann = |key: &str| -> Result<Caller, TextError> {
        Ok(Caller::new(Principal::Customer(ann), IdempotencyKey::new(key)?))
    };
    let claim = IssueCoupon { customer_id: ann, coupon: CouponRef::Code(CouponCode::new("WELCOME")?) };
    let copy = shop.issue_coupon(as_ann("claim-1")?, claim).await?.outcome;

    // She buys two shirts. Stock, coupon, money, payment, history and message: one commit, or nothing.
    let lines = vec![LineRequest { variant_id, quantity: Quantity::new(2)? }];
    let basket = Basket { lines: lines.clone().into(), coupons: vec![copy.id] };
    let order = PlaceOrder { customer_id: ann, basket, payment: Some(PaymentMethod::Wallet) };
    let order_id = shop.place_order(as_ann("order-1")?, order).await?.outcome.id;

    // Reads go to the store.
    let order = store.order(order_id).await?.ok_or("the order is gone")?;
    println!("order {}: {} - {} = {}, {:?}", order.id, order.subtotal, order.discount, order.total, order.status);
    assert_eq!((order.status, order.total), (OrderStatus::Paid, krw("27000")?));
    let balance = store.wallets(ann).await?[0].balance;
    println!("wallet: {balance}");
    assert_eq!(balance, krw("23000")?);

    // One shirt is left. A refusal changes nothing, has a stable code, and carries its numbers.
    let again = PlaceOrder { customer_id: ann, basket: Basket { lines: lines.into(), coupons: vec![] }, payment: None };
    let refused = shop.place_order(as_ann("order-2")?, again).await.err().ok_or("sold what was not there")?;
    let rejection = refused.rejection().ok_or("the store failed")?;
    println!("refused: {} ({rejection})", rejection.code());
    assert!(matches!(rejection, Rejection::OutOfStock { requested: 2, available: 1, .. }));
    Ok(())
}
