//! What the store says to PostgreSQL.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};

use crate::harness::database;

/// No statement is checked when the crate is compiled, so that users need no database for that: here each is.
#[tokio::test]
async fn every_statement_can_be_prepared() {
    let database = database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let statements = commerce_store_postgres::statements();
    assert!(statements.len() > 50);
    for statement in statements {
        let prepared = connection.prepare(statement.into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}\n{}", prepared.err().unwrap());
    }
}

/// Ledgers only grow, for the tables' owner too.
#[tokio::test]
async fn ledgers_and_histories_cannot_be_changed() {
    let database = database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    for table in ["order_events", "stock_entries", "wallet_entries", "order_items", "order_coupons"] {
        let rules: i64 = sqlx::query_scalar(
            "select count(*) from pg_rules where tablename = $1 and definition ilike '%do instead nothing%'",
        )
        .bind(table)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        assert_eq!(rules, 2, "{table}");
    }
    connection.execute(AssertSqlSafe("begin".to_owned())).await.unwrap();
}
