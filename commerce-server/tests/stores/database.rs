//! A fresh database in a cluster that the tests start, migrated.

use commerce_store_postgres_testkit as testkit;

pub(crate) async fn database() -> testkit::Database {
    let migrate = |url: String| async move {
        commerce_store_postgres::migrate(&url).await.map_err(|error| testkit::Error::Server(error.to_string()))
    };
    let schema = commerce_store_postgres::schema_fingerprint();
    testkit::fresh_database(&schema, migrate).await.expect("a PostgreSQL of the tests' own")
}
