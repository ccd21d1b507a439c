//! A command that the database refuses.

use std::sync::Arc;

use commerce_core::conformance::{krw, operator};
use commerce_core::store::Store;
use commerce_core::{Deposit, Error, StoreError, reconcile};
use sqlx::{Connection, PgConnection};

use crate::harness::{database, open_at, world};

/// A command that the database refuses, whatever is tried, fails alone: those that were in its batch are answered.
#[tokio::test]
async fn a_poisoned_command_fails_alone() {
    let database = database().await;
    let store = open_at(&database.url, |config| config.lanes = 1).await;
    let world = world(&store);
    let customers = world.customers(3, 100).await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("alter table wallet_entries add constraint unlucky check (amount <> 13)")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for (customer_id, amount) in customers.iter().copied().zip([12, 13, 14]) {
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(amount), memo: None });
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move { store.execute(envelope).await }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    match &answers[1] {
        Err(Error::Store(StoreError::Corrupt { what })) => assert!(what.contains("unlucky"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.stats().split, 1);
    assert_eq!(reconcile(&*store).await.unwrap().drifts, []);
}
