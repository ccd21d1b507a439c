//! What is over is forgotten by the sweep, and nothing else.

use std::time::Duration;

use commerce_core::conformance::World;
use commerce_core::reconcile;
use commerce_server::work::prune::{Pruned, Retention, sweep};

use crate::each::on_every_store;
use crate::receiver::Receiver;
use crate::shop::{AtWork, orders, rush, transitions, until, until_delivered, webhook};

const DAY: Duration = Duration::from_secs(86_400);

async fn what_is_over_is_forgotten(world: World) {
    let retention = Retention { messages: 7 * DAY, keys: 2 * DAY };
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let relay = AtWork::start(&world, "a", 100, &[("books", webhook(&receiver))]);
    until(&world, async || !world.store().sinks().await.expect("the sinks").is_empty()).await;
    rush(&world, 8).await;
    until_delivered(&world, &["books"]).await;
    relay.stop().await;
    let now = async || sweep(world.store(), retention).await.expect("a sweep");
    assert_eq!(now().await, Pruned::default(), "nothing is over");
    world.wait(2 * DAY + Duration::from_secs(1));
    let pruned = now().await;
    assert!(pruned.keys > 8 && pruned.messages == 0, "{pruned:?}");
    world.wait(5 * DAY);
    rush(&world, 8).await;
    let pruned = now().await;
    // A store may keep no record of what was delivered; the keys of the last rush are young.
    assert!(pruned.keys == 0 && [0, receiver.taken().len()].map(|n| n as u64).contains(&pruned.messages), "{pruned:?}");
    assert_eq!(now().await, Pruned::default(), "once it is forgotten");
    assert_eq!(reconcile(world.store()).await.expect("a report").drifts, []);

    let relay = AtWork::start(&world, "b", 100, &[("books", webhook(&receiver))]);
    until_delivered(&world, &["books"]).await;
    relay.stop().await;
    assert_eq!(receiver.read_model(), orders(&world).await);
}

/// A shop without a sink keeps what happens for a while, and its first sink gets what is left.
async fn what_nobody_asks_for_is_forgotten(world: World) {
    let retention = Retention { messages: 7 * DAY, keys: 2 * DAY };
    rush(&world, 8).await;
    let old = transitions(&world).await as u64;
    let now = async || sweep(world.store(), retention).await.expect("a sweep").messages;
    assert_eq!(now().await, 0, "nothing is over");
    world.wait(7 * DAY + Duration::from_secs(1));
    rush(&world, 8).await;
    assert_eq!((now().await, now().await), (old, 0));
    assert_eq!(reconcile(world.store()).await.expect("a report").drifts, []);

    let receiver = Receiver::start(|_, _| Some(200)).await;
    let relay = AtWork::start(&world, "a", 100, &[("books", webhook(&receiver))]);
    until_delivered(&world, &["books"]).await;
    relay.stop().await;
    assert_eq!(receiver.taken().len() as u64, transitions(&world).await as u64 - old);
    assert!(receiver.read_model().len() >= 8, "the orders of the second rush");
}

on_every_store!(what_is_over_is_forgotten, what_nobody_asks_for_is_forgotten);
