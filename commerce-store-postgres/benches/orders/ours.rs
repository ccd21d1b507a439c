//! The store, as an embedder calls it.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    Basket, Caller, CouponRef, IdempotencyKey, IssueCoupon, LineRequest, PaymentMethod, PlaceOrder, Principal, Quantity,
};
use commerce_store_postgres::PostgresStore;

use crate::shop::Fixture;
use crate::{Figure, Load};

pub(crate) async fn measure(
    _: &Arc<PostgresStore>,
    fixture: &Arc<Fixture>,
    load: Load,
    callers: usize,
    time: Duration,
) -> Figure {
    let shared = Arc::clone(fixture);
    crate::measure(callers, time, move || {
        let fixture = Arc::clone(&shared);
        async move {
            let (customer_id, variants) = fixture.draw(load == Load::Hot);
            let key = IdempotencyKey::new(format!("{:032x}", fixture.number())).unwrap();
            let caller = Caller::new(Principal::Customer(customer_id), key);
            if load == Load::Coupon {
                let coupon = CouponRef::Id(fixture.coupon);
                fixture.commerce.issue_coupon(caller, IssueCoupon { customer_id, coupon }).await.unwrap();
                return;
            }
            let lines = variants.map(|variant_id| LineRequest { variant_id, quantity: Quantity::ONE });
            let basket = Basket { lines: lines.to_vec(), coupons: Vec::new() };
            let order = PlaceOrder { customer_id, basket, payment: Some(PaymentMethod::Wallet) };
            fixture.commerce.place_order(caller, order).await.unwrap();
        }
    })
    .await
}
