//! A flash sale: many buyers at once after a few units and a few coupons, and the proof that not one too many
//! was handed out.
//!
//! Every buyer is a task of its own. All wait at one gate; when it opens, each claims a copy of the coupon, then
//! orders one unit, with the coupon if there was one, paid from the wallet in the same commit.

mod proof;
mod shop;

use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce_core::{
    Basket, Caller, Commerce, CouponRef, CustomerId, Error, IdempotencyKey, IssueCoupon, IssuedCouponId, LineRequest,
    PaymentMethod, PlaceOrder, Principal, Quantity, Rejection, TextError,
};
use hdrhistogram::Histogram;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use proof::Proof;
use shop::Scene;

/// How large the sale is.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Buyers, each of whom wants one unit.
    pub buyers: u32,
    /// Units on hand; at least 1.
    pub units: u32,
    /// Copies of the coupon, one per customer; at least 1.
    pub coupons: u32,
}

/// What the buyers were told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders placed and paid.
    pub sold: u32,
    /// Orders refused because nothing was left.
    pub sold_out: u32,
    /// Copies of the coupon handed out.
    pub coupons_issued: u32,
    /// Claims refused because all copies were out.
    pub coupons_sold_out: u32,
}

/// A sale that is over.
#[derive(Debug)]
pub struct Sale {
    /// What the buyers were told.
    pub tally: Tally,
    /// From the opening of the gate to the last answer.
    pub elapsed: Duration,
    /// How long each attempt to order took, answered or refused, in microseconds.
    pub order_micros: Histogram<u64>,
    /// What the books say.
    pub proof: Proof,
}

/// A sale that could not be held.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Holds the sale on a store in memory, and audits it. `each_buyer_done` is called once a buyer, from the
/// buyers' tasks.
pub async fn hold(plan: Plan, each_buyer_done: impl Fn() + Clone + Send + 'static) -> Result<Sale, Failure> {
    let scene = Arc::new(Scene::set(plan).await?);
    let (gate, _) = watch::channel(false);
    let mut buyers = JoinSet::new();
    for &customer in &scene.customers {
        let (scene, mut opened, done) = (Arc::clone(&scene), gate.subscribe(), each_buyer_done.clone());
        buyers.spawn(async move {
            opened.wait_for(|open| *open).await?;
            let attempt = buy(&scene, customer).await?;
            done();
            Ok::<_, Failure>(attempt)
        });
    }

    let opened_at = Instant::now();
    gate.send_replace(true);
    let mut tally = Tally::default();
    let mut order_micros = Histogram::new(3)?;
    while let Some(attempt) = buyers.join_next().await {
        let attempt = attempt??;
        tally.count(&attempt);
        order_micros.record(u64::try_from(attempt.order_took.as_micros())?)?;
    }
    let elapsed = opened_at.elapsed();
    let proof = Proof::of(&scene, plan, tally).await?;
    Ok(Sale { tally, elapsed, order_micros, proof })
}

/// What one buyer came home with.
struct Attempt {
    coupon: Option<IssuedCouponId>,
    bought: bool,
    order_took: Duration,
}

async fn buy(scene: &Scene, customer_id: CustomerId) -> Result<Attempt, Failure> {
    let coupon = claim(&scene.shop, scene, customer_id).await?;
    let lines = vec![LineRequest { variant_id: scene.variant, quantity: Quantity::ONE }];
    let basket = Basket { lines: lines.into(), coupons: coupon.into_iter().collect() };
    let order = PlaceOrder { customer_id, basket, payment: Some(PaymentMethod::Wallet) };
    let caller = caller(customer_id, "order")?;
    let asked_at = Instant::now();
    let answer = scene.shop.place_order(caller, order).await;
    let order_took = asked_at.elapsed();
    let bought = match answer {
        Ok(_) => true,
        Err(Error::Rejected(Rejection::OutOfStock { .. })) => false,
        Err(unexpected) => return Err(unexpected.into()),
    };
    Ok(Attempt { coupon, bought, order_took })
}

async fn claim(shop: &Commerce, scene: &Scene, customer_id: CustomerId) -> Result<Option<IssuedCouponId>, Failure> {
    let claim = IssueCoupon { customer_id, coupon: CouponRef::Id(scene.coupon) };
    match shop.issue_coupon(caller(customer_id, "claim")?, claim).await {
        Ok(receipt) => Ok(Some(receipt.outcome.id)),
        Err(Error::Rejected(Rejection::CouponSoldOut { .. })) => Ok(None),
        Err(unexpected) => Err(unexpected.into()),
    }
}

/// The customer as a caller. Keys are scoped by principal and operation, so one text serves everybody.
fn caller(customer: CustomerId, key: &str) -> Result<Caller, TextError> {
    Ok(Caller::new(Principal::Customer(customer), IdempotencyKey::new(key)?))
}

impl Tally {
    fn count(&mut self, attempt: &Attempt) {
        match attempt.bought {
            true => self.sold += 1,
            false => self.sold_out += 1,
        }
        match attempt.coupon {
            Some(_) => self.coupons_issued += 1,
            None => self.coupons_sold_out += 1,
        }
    }
}

impl Sale {
    /// Attempts to order per second, answered or refused.
    #[must_use]
    pub fn orders_per_second(&self) -> f64 {
        f64::from(self.tally.sold + self.tally.sold_out) / self.elapsed.as_secs_f64()
    }
}
