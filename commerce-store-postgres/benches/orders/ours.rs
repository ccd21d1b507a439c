//! The store, as an embedder calls it.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    Basket, Caller, Commerce, CouponRef, IdempotencyKey, IssueCoupon, LineRequest, PaymentMethod, PlaceOrder,
    Principal, Quantity,
};

use crate::contestant::Ours;
use crate::measure::{Figure, Load, Outcome};
use crate::shop::Fixture;

/// What callers saw, and what the instances made of it.
pub(crate) struct Run {
    pub(crate) figure: Figure,
    /// Commands in a transaction, on average.
    pub(crate) batch: f64,
    /// Transactions run again because another was in the way.
    pub(crate) again: u64,
}

/// The callers are dealt out to the instances.
pub(crate) async fn measure(
    instances: &[Ours],
    fixture: &Arc<Fixture>,
    load: Load,
    callers: usize,
    time: Duration,
) -> Outcome<Run> {
    let before = totals(instances);
    let (fixture, fronts) = (Arc::clone(fixture), instances.iter().map(|ours| ours.commerce.clone()));
    let fronts: Arc<[Commerce]> = fronts.collect();
    let figure = crate::measure::measure(callers, time, move |caller| {
        let (fixture, commerce) = (Arc::clone(&fixture), fronts[caller % fronts.len()].clone());
        async move { one(&commerce, &fixture, load).await }
    })
    .await?;
    let after = totals(instances);
    let [batches, commands, again] = [0, 1, 2].map(|i| after[i] - before[i]);
    Ok(Run { figure, batch: commands as f64 / batches.max(1) as f64, again })
}

fn totals(instances: &[Ours]) -> [u64; 3] {
    instances.iter().map(Ours::stats).fold([0; 3], |[batches, commands, again], stats| {
        [
            batches + stats.batches,
            commands + stats.commands,
            again + stats.contended + stats.overtaken + stats.misjudged,
        ]
    })
}

async fn one(commerce: &Commerce, fixture: &Fixture, load: Load) -> Outcome<()> {
    let (customer_id, variants) = fixture.draw(load == Load::Hot);
    let caller = Caller::new(Principal::Customer(customer_id), IdempotencyKey::new(fixture.key())?);
    if load == Load::Coupon {
        let coupon = CouponRef::Id(fixture.coupon);
        commerce.issue_coupon(caller, IssueCoupon { customer_id, coupon }).await?;
        return Ok(());
    }
    let lines = variants.map(|variant_id| LineRequest { variant_id, quantity: Quantity::ONE });
    let basket = Basket { lines: lines.to_vec().into(), coupons: Vec::new() };
    let order = PlaceOrder { customer_id, basket, payment: Some(PaymentMethod::Wallet) };
    commerce.place_order(caller, order).await?;
    Ok(())
}
