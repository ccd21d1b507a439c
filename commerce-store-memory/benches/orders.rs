//! quick throughput probe
use commerce_core::*;
use commerce_store_memory::MemoryStore;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let n: usize = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
    rt.block_on(async {
        let store = Arc::new(MemoryStore::new(Shop::default()));
        let shop = Commerce::new(store, NodeId::default());
        let op = Principal::Operator(OperatorName::new("op").unwrap());
        let key = |s: String| IdempotencyKey::new(s).unwrap();
        let mut variants = vec![];
        for i in 0..10_000 {
            let l = shop
                .create_product(
                    Caller::new(op.clone(), key(format!("p{i}"))),
                    CreateProduct {
                        name: Name::new(format!("Product {i}")).unwrap(),
                        description: None,
                        base_price: Money::new(1000, Currency::KRW).unwrap(),
                        status: ProductStatus::OnSale,
                        variants: vec![NewVariant {
                            sku: Sku::new(format!("SKU-{i}")).unwrap(),
                            option_name: None,
                            additional_price: Money::zero(Currency::KRW),
                            stock: 1_000_000_000,
                        }],
                    },
                )
                .await
                .unwrap();
            variants.push(l.outcome.variants[0].variant.id);
        }
        let mut customers = vec![];
        for i in 0..10_000 {
            let c = shop
                .register_customer(
                    Caller::new(op.clone(), key(format!("c{i}"))),
                    RegisterCustomer {
                        customer_id: None,
                        username: Username::new(format!("user{i}")).unwrap(),
                        name: Name::new("X").unwrap(),
                    },
                )
                .await
                .unwrap()
                .outcome
                .id;
            shop.deposit(
                Caller::new(op.clone(), key(format!("d{i}"))),
                Deposit { customer_id: c, amount: Money::new(1_000_000_000_000, Currency::KRW).unwrap(), memo: None },
            )
            .await
            .unwrap();
            customers.push(c);
        }
        for (name, spread) in [("hot", 2usize), ("spread", 10_000)] {
            let mut x = 12345u64;
            let mut rnd = |n: usize| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                (x % n as u64) as usize
            };
            let chunk = n / 10;
            for c in 0..10 {
                let t = Instant::now();
                for i in 0..chunk {
                    let customer_id = customers[rnd(10_000)];
                    let lines = vec![
                        LineRequest {
                            variant_id: variants[if spread == 2 { 0 } else { rnd(spread) }],
                            quantity: Quantity::ONE,
                        },
                        LineRequest {
                            variant_id: variants[if spread == 2 { 1 } else { rnd(spread) }],
                            quantity: Quantity::ONE,
                        },
                    ];
                    let r = shop
                        .place_order(
                            Caller::new(Principal::Customer(customer_id), key(format!("{name}-{c}-{i:036}"))),
                            PlaceOrder {
                                customer_id,
                                basket: Basket { lines, coupons: vec![] },
                                payment: Some(PaymentMethod::Wallet),
                            },
                        )
                        .await;
                    if r.is_err() {
                        panic!("{r:?}");
                    }
                }
                let e = t.elapsed();
                println!(
                    "{name} {} orders: {:.0}/s  {:.2} us",
                    (c + 1) * chunk,
                    chunk as f64 / e.as_secs_f64(),
                    e.as_micros() as f64 / chunk as f64
                );
            }
        }
    });
}
