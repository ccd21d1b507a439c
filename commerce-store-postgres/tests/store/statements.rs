//! What the store says to PostgreSQL.

use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};

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
