//! Commands inside a caller's own transaction.

use commerce_core::conformance::World;
use commerce_core::store::{Customers, Wallets};
use commerce_core::{Deposit, ManualClock};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;

use crate::harness::{database, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_committed_or_rolled_back_with_the_callers_other_work() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let clock = Arc::new(ManualClock::new("2026-11-21T09:30:00Z".parse().unwrap()));
    let world = World::over(store.clone(), clock, Arc::new(()));
    let customer_id = world.customer().await;
    let deposit = Deposit { customer_id, amount: commerce_core::conformance::krw(500), memo: None };
    let envelope = world.envelope(&commerce_core::conformance::operator(), deposit);

    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("create table notes (text text not null)").execute(&mut connection).await.unwrap();
    let mut balances = Vec::new();
    for commit in [false, true] {
        let mut transaction = connection.begin().await.unwrap();
        sqlx::query("insert into notes values ('paid in')").execute(&mut *transaction).await.unwrap();
        let receipt = store.execute_in(&mut transaction, envelope.clone()).await.unwrap();
        assert!(!receipt.replayed);
        if commit {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        balances.push(store.wallets(customer_id).await.unwrap().first().map(|wallet| wallet.balance.minor()));
    }
    assert_eq!(balances, [None, Some(500)]);
    let notes: i64 = sqlx::query_scalar("select count(*) from notes").fetch_one(&mut connection).await.unwrap();
    assert_eq!(notes, 1);
    // The key went with it.
    let again = world.send(envelope).await;
    assert!(again.replayed);
    assert!(store.customer(customer_id).await.unwrap().is_some());
}
