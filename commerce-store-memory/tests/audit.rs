//! Reconciliation finds a record that was changed behind the store's back.
#![cfg(not(commerce_loom))]
#![expect(clippy::expect_used, reason = "these are tests")]

use std::sync::Arc;

use commerce_core::{
    Basket, Caller, Changes, Commerce, CreateProduct, Currency, Deposit, Drift, IdempotencyKey, LineRequest, Money,
    Name, NewVariant, NodeId, Order, PaymentMethod, PlaceOrder, Principal, ProductStatus, Quantity, RegisterCustomer,
    Shop, Sku, Username, reconcile,
};
use commerce_store_memory::MemoryStore;

fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW).expect("an amount")
}

fn staff(key: &str) -> Caller {
    Caller::new(Principal::System, IdempotencyKey::new(key).expect("a key"))
}

/// A store with one order, paid or pending.
async fn one_order(payment: Option<PaymentMethod>) -> (Arc<MemoryStore>, Arc<Order>) {
    let store = Arc::new(MemoryStore::new(Shop::default()));
    let shop = Commerce::new(Arc::clone(&store) as _, NodeId::default());
    let name = Name::new("Mug").expect("a name");
    let sku = Sku::new("MUG").expect("a SKU");
    let variants = vec![NewVariant { sku, option_name: None, additional_price: won(0), stock: 5 }];
    let status = ProductStatus::OnSale;
    let mug = CreateProduct { name: name.clone(), description: None, base_price: won(1_000), status, variants };
    let mug = shop.create_product(staff("mug"), mug).await.expect("a product").outcome;
    let username = Username::new("mina").expect("a username");
    let mina = RegisterCustomer { customer_id: None, username, name };
    let customer_id = shop.register_customer(staff("mina"), mina).await.expect("a customer").outcome.id;
    let deposit = Deposit { customer_id, amount: won(9_000), memo: None };
    shop.deposit(staff("deposit"), deposit).await.expect("a deposit");
    let line = LineRequest { variant_id: mug.variants[0].variant.id, quantity: Quantity::ONE };
    let basket = Basket { lines: vec![line], coupons: vec![] };
    let order = PlaceOrder { customer_id, basket, payment };
    let order = shop.place_order(staff("order"), order).await.expect("an order").outcome;
    (store, order)
}

/// What is found after `edit` of a sound store's order.
async fn found(payment: Option<PaymentMethod>, edit: impl FnOnce(&mut Order)) -> Vec<Drift> {
    let (store, order) = one_order(payment).await;
    assert_eq!(reconcile(&*store).await.expect("a report").drifts, [], "before the edit");
    let mut edited = (*order).clone();
    edit(&mut edited);
    let changes = Changes { orders: vec![Arc::new(edited)], ..Changes::default() };
    store.write_undecided(changes).expect("a write");
    reconcile(&*store).await.expect("a report").drifts
}

#[tokio::test]
async fn an_order_that_is_not_what_its_history_tells_is_found() {
    let touched = found(Some(PaymentMethod::Wallet), |order| order.updated_at = order.updated_at.plus(TICK)).await;
    assert!(matches!(touched[..], [Drift::History { .. }]), "{touched:?}");
    let endless = found(None, |order| order.expires_at = None).await;
    assert!(matches!(endless[..], [Drift::History { .. }]), "{endless:?}");
}

const TICK: std::time::Duration = std::time::Duration::from_micros(1);

#[tokio::test]
async fn an_order_that_names_no_payment_is_found() {
    let unnamed = found(Some(PaymentMethod::Wallet), |order| order.payment = None).await;
    assert!(unnamed.iter().any(|drift| matches!(drift, Drift::Payment { .. })), "{unnamed:?}");
}

#[tokio::test]
async fn a_line_that_is_not_its_price_times_its_quantity_is_found() {
    let more = found(Some(PaymentMethod::Wallet), |order| {
        let mut lines = order.lines.to_vec();
        lines[0].quantity = 2;
        order.lines = lines.into();
    });
    let more = more.await;
    assert!(more.iter().any(|drift| matches!(drift, Drift::Payment { .. })), "{more:?}");
}
