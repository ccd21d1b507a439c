//! Refunds through a gateway: they count from the moment they are recorded, and each is settled once.

use std::sync::Arc;
use std::time::Duration;

use super::cards::{self, Scene};
use super::refunds::sold;
use super::world::{accepted, sound};
use super::{World, krw, operator, split};
use crate::command::{Quantity, RefundLineRequest, RefundOrder, SettleRefund};
use crate::coupon::IssuedCouponStatus;
use crate::ids::{OrderId, RefundId};
use crate::order::OrderStatus;
use crate::principal::Principal;
use crate::refund::{Refund, RefundDestination, RefundReport, RefundStatus};
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::Note;

/// The order of [`cards::scene`], paid by card: 8,000 won.
async fn scene(world: &World) -> Scene {
    cards::scene(world).await.captured(world).await
}

/// Units on hand, the copy, won in the wallet, and the order.
async fn state(scene: &Scene, world: &World) -> (u64, IssuedCouponStatus, i64, OrderStatus) {
    let (units, copy, won) = scene.state(world).await;
    (units, copy, won, world.order(scene.order.id).await.status)
}

async fn refunds(scene: &Scene, world: &World) -> Vec<Arc<Refund>> {
    sound(world.store().refunds(scene.order.id).await)
}

async fn steps(scene: &Scene, world: &World) -> Vec<&'static str> {
    sound(world.store().history(scene.order.id).await).iter().map(|event| event.type_name()).collect()
}

fn of_units(order_id: OrderId, units: i64, destination: Option<RefundDestination>) -> RefundOrder {
    let quantity = Quantity::new(units).expect("a quantity");
    let lines = Some(vec![RefundLineRequest { position: 1, quantity }]);
    RefundOrder { order_id, lines, restock: true, destination, reason: Note::new("too small").ok() }
}

const TO_WALLET: Option<RefundDestination> = Some(RefundDestination::Wallet);

fn refused() -> RefundReport {
    RefundReport::Refused { reason: Note::new("the card is closed").ok() }
}

async fn try_settle(world: &World, refund: &Refund, report: RefundReport) -> Result<Arc<Refund>, Rejection> {
    let (order_id, refund_id) = (refund.order_id, refund.id);
    world.try_run(&Principal::System, SettleRefund { order_id, refund_id, report }).await
}

async fn settle(world: &World, refund: &Refund, report: RefundReport) -> Arc<Refund> {
    accepted(try_settle(world, refund, report).await)
}

pub(super) async fn a_gateway_refund_is_written_whole(world: World) {
    let scene = scene(&world).await;
    let (used, paid) = (IssuedCouponStatus::Used, OrderStatus::Paid);
    let begun = world.run(&operator(), of_units(scene.order.id, 1, None)).await;
    assert_eq!((begun.status, begun.destination), (RefundStatus::Pending, RefundDestination::Gateway), "as it begins");
    assert_eq!(begun.total, krw(2_666), "the first third of 8,000 won");
    assert_eq!(refunds(&scene, &world).await, vec![Arc::clone(&begun)], "the refund, read back");
    assert_eq!(state(&scene, &world).await, (7, used, 50_000, paid), "units, copy, won and order until it is back");
    assert_eq!(sold(&world).await, (3, 8_000), "units and won in the sales of the day until it is back");

    world.wait(Duration::from_secs(60));
    let back = settle(&world, &begun, RefundReport::Returned).await;
    let expected = (RefundStatus::Succeeded, world.now(), begun.created_at);
    assert_eq!((back.status, back.updated_at, back.created_at), expected, "as it ends");
    assert_eq!(refunds(&scene, &world).await, vec![back], "the refund, read back once it is settled");
    assert_eq!(state(&scene, &world).await, (8, used, 50_000, paid), "units, copy, won and order once it is back");
    assert_eq!(sold(&world).await, (2, 5_334), "units and won in the sales of the day once it is back");
    let (began, part) = ("order.refund_started", "order.partially_refunded");
    let expected = ["order.placed", "order.payment_started", "order.paid", began, part];
    assert_eq!(steps(&scene, &world).await, expected, "the history");
    assert_eq!(sound(world.store().backlog().await), expected.len() as u64, "messages");
}

pub(super) async fn a_failed_refund_frees_its_units(world: World) {
    let scene = scene(&world).await;
    let begun = world.run(&operator(), of_units(scene.order.id, 3, None)).await;
    let all = world.try_run(&operator(), of_units(scene.order.id, 1, TO_WALLET)).await;
    let order = scene.order.id;
    let none_left = Rejection::RefundTooLarge { order, position: 1, requested: 1, refundable: 0 };
    assert_eq!(all, Err(none_left), "another refund while all is on its way");
    let failed = settle(&world, &begun, refused()).await;
    let why = Note::new("the card is closed").ok();
    assert_eq!((failed.status, failed.failure_reason.clone()), (RefundStatus::Failed, why), "why it failed");
    assert_eq!(refunds(&scene, &world).await, vec![failed], "the failed refund, read back");
    let (used, paid) = (IssuedCouponStatus::Used, OrderStatus::Paid);
    assert_eq!(state(&scene, &world).await, (7, used, 50_000, paid), "units, copy, won and order after the failure");

    let another = world.run(&operator(), of_units(scene.order.id, 3, TO_WALLET)).await;
    assert_eq!(
        (another.total, another.status),
        (krw(8_000), RefundStatus::Succeeded),
        "the same units, into the wallet"
    );
    let given_back = (10, IssuedCouponStatus::Available, 58_000, OrderStatus::Refunded);
    assert_eq!(state(&scene, &world).await, given_back, "units, copy, won and order after the other refund");
    let late = settle(&world, &begun, RefundReport::Returned).await;
    assert_eq!(late.status, RefundStatus::Failed, "a refund that had failed, reported once more");
}

/// However much has been asked for: the order is refunded when the last of it is really back.
pub(super) async fn the_last_money_back_refunds_the_order(world: World) {
    let scene = scene(&world).await;
    let begun = world.run(&operator(), of_units(scene.order.id, 1, None)).await;
    let rest = RefundOrder { lines: None, ..of_units(scene.order.id, 1, TO_WALLET) };
    let rest = world.run(&operator(), rest).await;
    assert_eq!((rest.lines[0].quantity, rest.total), (2, krw(5_334)), "what is left beside what is on its way");
    let (used, paid) = (IssuedCouponStatus::Used, OrderStatus::Paid);
    assert_eq!(state(&scene, &world).await, (9, used, 55_334, paid), "units, copy, won and order, one unit on its way");
    settle(&world, &begun, RefundReport::Returned).await;
    let given_back = (10, IssuedCouponStatus::Available, 55_334, OrderStatus::Refunded);
    assert_eq!(state(&scene, &world).await, given_back, "units, copy, won and order once all is back");
    assert_eq!(sold(&world).await, (0, 0), "units and won in the sales of the day once all is back");
}

/// Either word from many at once: one of them settles it.
pub(super) async fn racing_words_settle_a_refund_once(world: World) {
    const TASKS: usize = 24;
    let scene = scene(&world).await;
    let begun = world.run(&operator(), of_units(scene.order.id, 3, None)).await;
    let report = |world: World, n: usize| {
        let begun = Arc::clone(&begun);
        async move {
            let word = if n.is_multiple_of(2) { RefundReport::Returned } else { refused() };
            settle(&world, &begun, word).await.status
        }
    };
    let heard = world.race(TASKS, report).await;
    let now = refunds(&scene, &world).await.pop().expect("the refund").status;
    assert_eq!(heard, vec![now; TASKS], "what the reporters heard");
    let settled = ["order.refund_failed", "order.refunded"];
    let steps = steps(&scene, &world).await;
    assert_eq!(steps.iter().filter(|step| settled.contains(step)).count(), 1, "times settled: {steps:?}");
    let units = if now == RefundStatus::Succeeded { 10 } else { 7 };
    assert_eq!(world.on_hand(scene.variant).await, units, "units on hand, of 10, for a refund that is {now:?}");
}

/// One way and the other, while some of them fail: never more than was paid, and all of it in the end.
pub(super) async fn racing_gateway_refunds_never_exceed_the_payment(world: World) {
    const TASKS: usize = 32;
    let scene = scene(&world).await;
    let order = scene.order.id;
    let give_back = |world: World, n: usize| async move {
        let destination = if n.is_multiple_of(2) { None } else { TO_WALLET };
        let begun = world.try_run(&operator(), of_units(order, 1, destination)).await?;
        match n % 4 {
            0 => try_settle(&world, &begun, refused()).await,
            2 => try_settle(&world, &begun, RefundReport::Returned).await,
            _ => Ok(begun),
        }
    };
    let (through, _) = split(world.race(TASKS, give_back).await);
    let back = |refunds: &[Arc<Refund>]| -> (u32, i64) {
        let back = refunds.iter().filter(|refund| refund.status == RefundStatus::Succeeded);
        back.fold((0, 0), |sum, refund| (sum.0 + refund.lines[0].quantity, sum.1 + refund.total.minor()))
    };
    let (units, won) = back(&through);
    assert!(units <= 3 && won <= 8_000, "units and won given back, of 3 units for 8,000 won: {units} and {won}");
    if units < 3 {
        let rest = RefundOrder { lines: None, ..of_units(order, 1, TO_WALLET) };
        world.run(&operator(), rest).await;
    }
    assert_eq!(back(&refunds(&scene, &world).await), (3, 8_000), "units and won given back in the end");
    let end = (world.on_hand(scene.variant).await, world.order(order).await.status);
    assert_eq!(end, (10, OrderStatus::Refunded), "units on hand and the order in the end");
}

/// What a sweep has to look after: found by age, page by page, and gone once it is settled.
pub(super) async fn pending_refunds_are_found_until_settled(world: World) {
    let mut refunds = Vec::new();
    for _ in 0..5 {
        let scene = scene(&world).await;
        refunds.push(world.run(&operator(), of_units(scene.order.id, 1, None)).await);
        world.wait(Duration::from_secs(1));
    }
    let before = world.now();
    let last = scene(&world).await;
    world.run(&operator(), of_units(last.order.id, 1, TO_WALLET)).await;
    let last = world.run(&operator(), of_units(last.order.id, 1, None)).await;
    settle(&world, &refunds[1], RefundReport::Returned).await;
    settle(&world, &refunds[3], refused()).await;
    let (mut found, mut after): (Vec<RefundId>, _) = (Vec::new(), None);
    loop {
        let page = sound(world.store().pending_refunds(before, PageRequest { after, limit: 2 }).await);
        found.extend(page.items.iter().map(|refund| refund.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [refunds[0].id, refunds[2].id, refunds[4].id], "pending refunds, oldest first");
    let later = world.now().plus(Duration::from_secs(1));
    let all = sound(world.store().pending_refunds(later, PageRequest::first(9)).await).items;
    assert_eq!((all.len(), all.last()), (4, Some(&last)), "all pending refunds, and the last of them");
}
