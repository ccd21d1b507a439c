//! The admission gate: whatever its tally says, outcomes are the store's, and who it turns away could not have won.

#![expect(clippy::expect_used, reason = "tests fail by panicking, in their helpers too")]

mod contract;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
#[path = "../servers/mod.rs"]
mod servers;
mod shop;
#[path = "../stores/mod.rs"]
mod stores;
mod waits;

use std::sync::Arc;

use commerce_core::conformance::{World, basket, split};
use commerce_core::{CouponId, CustomerId, Rejection};
use commerce_server::gate::process::InProcess;
use commerce_server::gate::{Doorway, Tally};

use crate::shop::{Always, Chance, memory, postgres};

/// The shop behind a gate with this tally, as another process would have it.
pub(crate) fn behind(world: &World, tally: Arc<dyn Tally>) -> World {
    world.clone().behind(Doorway::new(Arc::clone(world.commerce().store()), tally))
}

/// Races customers, each several times, for fewer copies of a coupon than there are customers, from several processes.
pub(crate) async fn claims_are_exact(doors: &[World]) {
    let world = &doors[0];
    let coupon: CouponId = world.coupon(|coupon| coupon.total_quantity = Some(20)).await;
    let customers: Arc<Vec<CustomerId>> = Arc::new(world.customers(40, 1).await);
    let doors: Arc<[World]> = doors.into();
    let claims = world
        .race(120, |_, n| {
            let (doors, customers) = (Arc::clone(&doors), Arc::clone(&customers));
            async move { doors[n % doors.len()].try_issue(coupon, customers[n % customers.len()]).await }
        })
        .await;
    let (won, refused) = split(claims);
    assert_eq!((won.len(), world.issued(coupon).await), (20, 20));
    for rejection in refused {
        let expected = matches!(
            rejection,
            Rejection::CouponSoldOut { total: 20, .. } | Rejection::CouponAlreadyClaimed { copies: 1, limit: 1, .. }
        );
        assert!(expected, "{rejection}");
    }
    assert_eq!(commerce_core::reconcile(world.store()).await.expect("a report").drifts, []);
}

/// What a cancellation has brought back is sold to whoever asks after it, whichever door it came in by; nobody who asks
/// hears "sold out" of it.
pub(crate) async fn what_comes_back_is_sold(doors: &[World]) {
    let world = &doors[0];
    let variant = world.variant(1_000, 1).await;
    let customers = world.customers(8, 1_000_000).await;
    let mut order = world.place(customers[0], basket(&[(variant, 1)])).await;
    for round in 0..24 {
        let (here, there) = (&doors[round % doors.len()], &doors[(round + 1) % doors.len()]);
        let customer = customers[round % customers.len()];
        for door in [here, there] {
            let refused = door.try_place(customer, basket(&[(variant, 1)])).await.expect_err("sold out");
            assert!(matches!(refused, Rejection::OutOfStock { available: 0, .. }), "{refused}");
        }
        here.cancel(&order).await;
        order = there.place(customer, basket(&[(variant, 1)])).await;
    }
}

/// Buyers race for what others cancel: as many win as there are units, and the books are right.
pub(crate) async fn sales_are_exact(doors: &[World]) {
    let world = &doors[0];
    let variant = world.variant(1_000, 10).await;
    let customers: Arc<Vec<CustomerId>> = Arc::new(world.customers(30, 1_000_000).await);
    let doors: Arc<[World]> = doors.into();
    let kept = world
        .race(60, |_, n| {
            let (doors, customers) = (Arc::clone(&doors), Arc::clone(&customers));
            async move {
                let door = &doors[n % doors.len()];
                let order = door.try_place(customers[n % customers.len()], basket(&[(variant, 1)])).await.ok()?;
                if n.is_multiple_of(2) {
                    door.cancel(&order).await;
                    return None;
                }
                Some(order.id)
            }
        })
        .await;
    let kept = kept.into_iter().flatten().count() as u64;
    assert_eq!(world.on_hand(variant).await, 10 - kept);
    assert_eq!(commerce_core::reconcile(world.store()).await.expect("a report").drifts, []);
}

/// Who has won hears so again under the same key, however long it is sold out.
pub(crate) async fn a_winner_is_answered_again(door: &World) {
    let coupon = door.coupon(|coupon| coupon.total_quantity = Some(1)).await;
    let variant = door.variant(1_000, 1).await;
    let (winner, loser) = (door.customer_with(10_000).await, door.customer_with(10_000).await);
    let commands = |customer_id| {
        let claim = commerce_core::IssueCoupon { customer_id, coupon: commerce_core::CouponRef::Id(coupon) };
        let payment = Some(commerce_core::PaymentMethod::Wallet);
        let order = commerce_core::PlaceOrder { customer_id, basket: basket(&[(variant, 1)]), payment };
        [commerce_core::Command::from(claim), order.into()]
    };
    let principal = commerce_core::Principal::Customer;
    let envelopes = commands(winner).map(|command| door.envelope(&principal(winner), command));
    for envelope in &envelopes {
        assert!(!door.send(envelope.clone()).await.replayed);
    }
    for command in commands(loser) {
        for _ in 0..2 {
            door.try_send(door.envelope(&principal(loser), command.clone())).await.expect_err("sold out");
        }
    }
    for envelope in &envelopes {
        assert!(door.send(door.again(envelope)).await.replayed);
    }
}

async fn everything(world: World, tally: impl Fn() -> Arc<dyn Tally>) {
    let doors = [behind(&world, tally()), behind(&world, tally())];
    claims_are_exact(&doors).await;
    what_comes_back_is_sold(&doors).await;
    sales_are_exact(&doors).await;
    a_winner_is_answered_again(&doors[0]).await;
}

macro_rules! with_tallies {
    ($($name:ident: $tally:expr;)+) => {
        mod on_memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                everything(memory(), || Arc::new($tally)).await;
            })+
        }
        mod on_postgres {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                everything(postgres().await, || Arc::new($tally)).await;
            })+
        }
    };
}

with_tallies! {
    a_tally_in_process: InProcess::default();
    a_tally_that_doubts_everything: Always(commerce_server::gate::Word::Doubtful);
    a_tally_that_doubts_nothing: Always(commerce_server::gate::Word::Open);
    a_tally_of_chance: Chance::default();
}
