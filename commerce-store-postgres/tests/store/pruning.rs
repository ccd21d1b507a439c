//! Pruning: rows go, a few at a time; what is stuck is not in the way; the books still find out what is missing.

use std::sync::Arc;

use commerce_core::conformance::{World, basket};
use commerce_core::store::{Outbox, Pruning};
use commerce_core::{ClaimRequest, Drift, Holder, Timestamp, reconcile};
use commerce_store_postgres::PostgresStore;

use crate::harness::{Backstage, database, open, world};

async fn rows(backstage: &mut Backstage, table: &str) -> i64 {
    backstage.count(&format!("select count(*) from {table}")).await
}

/// Placed and cancelled: two messages.
async fn order(world: &World) {
    let variant = world.variant(1_000, 1).await;
    let customer = world.customer().await;
    let order = world.place(customer, basket(&[(variant, 1)])).await;
    world.cancel(&order).await;
}

/// Delivers to a sink whatever it can; buries the first.
async fn work(store: &PostgresStore, sink: &str, bury: bool) {
    let holder = Holder { sink: sink.parse().unwrap(), owner: "relay".parse().unwrap() };
    let mut bury = bury;
    loop {
        let hold = std::time::Duration::from_secs(60);
        let claimed = store.claim(ClaimRequest { holder: holder.clone(), limit: 100, hold }).await.unwrap();
        if claimed.is_empty() {
            return;
        }
        for claimed in claimed {
            if std::mem::take(&mut bury) {
                assert!(store.bury(&holder, claimed.message.id, "gone").await.unwrap());
            } else {
                assert_eq!(store.acknowledge(&holder, &[claimed.message.id]).await, Ok(1));
            }
        }
    }
}

#[tokio::test]
async fn messages_go_once_nobody_waits_for_them() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let (world, mut backstage) = (world(&store), Backstage::at(&database.url).await);
    for sink in ["books", "mail"] {
        store.register_sink(&sink.parse().unwrap()).await.unwrap();
    }
    for _ in 0..4 {
        order(&world).await;
    }
    assert_eq!(store.distribute(100).await, Ok(8));
    work(&store, "books", true).await;
    let now = async || commerce_core::Store::now(&*store).await.unwrap();
    assert_eq!(store.prune_messages(now().await, 100).await, Ok(0), "the other sink waits for all of them");
    work(&store, "mail", false).await;
    let later = now().await;
    order(&world).await;
    assert_eq!(store.distribute(100).await, Ok(2));
    work(&store, "books", false).await;
    work(&store, "mail", false).await;

    // The first is a dead letter, and in the way of nobody.
    assert_eq!(store.prune_messages(Timestamp::from_micros(0), 100).await, Ok(0));
    assert_eq!((store.prune_messages(later, 3).await, store.prune_messages(later, 100).await), (Ok(3), Ok(4)));
    assert_eq!(rows(&mut backstage, "outbox_messages").await, 1 + 2);
    assert_eq!(reconcile(&*store).await.unwrap().drifts, []);

    // What is younger than the pruned is missed by the books as before.
    let lost = "delete from outbox_messages where due_at = (select max(due_at) from outbox_messages)";
    assert_eq!(backstage.run(lost).await, 1);
    let drifts = reconcile(&*store).await.unwrap().drifts;
    assert!(matches!(&drifts[..], [Drift::Messages { events: 2, delivered: 1, .. }]), "{drifts:?}");
}

#[tokio::test]
async fn racing_prunings_forget_each_key_once() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let (world, mut backstage) = (world(&store), Backstage::at(&database.url).await);
    world.customers(50, 1_000).await;
    let before = rows(&mut backstage, "idempotency_keys").await;
    assert!(before >= 50);
    let end = commerce_core::Store::now(&*store).await.unwrap();
    let prune = |_: World, _: usize| {
        let store = Arc::clone(&store);
        async move {
            let mut pruned = 0;
            // Whoever finds all of them in the hands of others comes back.
            for _ in 0..100 {
                pruned += store.prune_keys(end, 3).await.unwrap();
            }
            pruned
        }
    };
    let pruned: u64 = world.race(4, prune).await.into_iter().sum();
    assert_eq!(i64::try_from(pruned).unwrap(), before);
    assert_eq!(rows(&mut backstage, "idempotency_keys").await, 0);
}
