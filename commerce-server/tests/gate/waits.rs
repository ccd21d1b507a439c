//! What the gate is for: who is turned away waits for nobody's lock.

use std::sync::Arc;

use commerce_core::Rejection;
use commerce_core::conformance::basket;
use commerce_server::gate::Tally;
use commerce_server::gate::process::InProcess;
use sqlx::{Connection, PgConnection};

use crate::behind;
use crate::shop::postgres_at;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_too_late_waits_for_no_lock() {
    turned_away(Arc::new(InProcess::default())).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_too_late_by_redis_waits_for_no_lock() {
    let redis = crate::servers::redis::Redis::start().await;
    turned_away(crate::redis::tally(&redis)).await;
}

async fn turned_away(tally: Arc<dyn Tally>) {
    let (world, url) = postgres_at().await;
    let door = behind(&world, tally);
    let coupon = world.coupon(|coupon| coupon.total_quantity = Some(1)).await;
    let variant = world.variant(1_000, 1).await;
    let customers = world.customers(3, 1_000_000).await;
    // A tally may begin to count with the first who comes.
    door.issue(coupon, customers[0]).await;
    door.buy(customers[0], basket(&[(variant, 1)])).await;
    // The first refusals come from the store.
    door.try_issue(coupon, customers[1]).await.expect_err("sold out");
    door.try_buy(customers[1], basket(&[(variant, 1)])).await.expect_err("sold out");

    let mut other = PgConnection::connect(&url).await.expect("a connection");
    let mut held = other.begin().await.expect("a transaction");
    for statement in ["select 1 from coupons for update", "select 1 from product_stocks for update"] {
        sqlx::query(statement).execute(&mut *held).await.expect("locks");
    }
    let refused = door.try_issue(coupon, customers[2]).await.expect_err("sold out");
    assert!(matches!(refused, Rejection::CouponSoldOut { total: 1, .. }), "{refused}");
    let refused = door.try_buy(customers[2], basket(&[(variant, 1)])).await.expect_err("sold out");
    assert!(matches!(refused, Rejection::OutOfStock { available: 0, .. }), "{refused}");
    held.rollback().await.expect("the end of it");
}
