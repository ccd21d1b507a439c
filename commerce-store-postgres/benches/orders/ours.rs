//! The store, as an embedder calls it.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    AddCartItem, Basket, Caller, ChargeReport, Commerce, CouponRef, GatewayPayment, GatewayStatus, IdempotencyKey,
    IssueCoupon, LineRequest, Name, PaymentMethod, PlaceOrder, Principal, Quantity, RefundOrder, SettleCharge,
    StartCardPayment,
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
    let (customer_id, variants) = fixture.draw(matches!(load, Load::Hot | Load::Cart));
    let caller = |principal| Outcome::Ok(Caller::new(principal, IdempotencyKey::new(fixture.key())?));
    let me = Principal::Customer(customer_id);
    match load {
        Load::Coupon => {
            let coupon = CouponRef::Id(fixture.coupon);
            commerce.issue_coupon(caller(me)?, IssueCoupon { customer_id, coupon }).await?;
        }
        Load::Cart => {
            let variant_id = variants[usize::from(customer_id.get() % 2 == 0)];
            commerce
                .add_cart_item(caller(me)?, AddCartItem { customer_id, variant_id, quantity: Quantity::ONE })
                .await?;
        }
        Load::Hot | Load::Spread | Load::Card | Load::Refund => {
            let lines = variants.map(|variant_id| LineRequest { variant_id, quantity: Quantity::ONE });
            let basket = Basket { lines: lines.to_vec().into(), coupons: Vec::new() };
            let payment = (load != Load::Card).then_some(PaymentMethod::Wallet);
            let order = PlaceOrder { customer_id, basket, payment };
            let order_id = commerce.place_order(caller(me.clone())?, order).await?.outcome.id;
            if load == Load::Card {
                let charge = commerce.start_card_payment(caller(me)?, StartCardPayment { order_id }).await?.outcome;
                let transaction_id = Name::new(format!("tx-{}", charge.id))?;
                let status = GatewayStatus::Captured;
                let found = GatewayPayment { transaction_id, customer_id, amount: charge.amount, status };
                let report = SettleCharge { charge_id: charge.id, report: ChargeReport::Found(found) };
                commerce.settle_charge(caller(Principal::System)?, report).await?;
            } else if load == Load::Refund {
                let whole = RefundOrder { order_id, lines: None, restock: true, destination: None, reason: None };
                commerce.refund_order(caller(Principal::System)?, whole).await?;
            }
        }
    }
    Ok(())
}
