//! What a database must be for the store to work on it.

use commerce_core::Shop;
use commerce_store_postgres::{Config, PostgresStore, SchemaError, migrate, schema_version};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::harness::{Backstage, config, database};

/// Migrations of a service that has the shop in its database.
async fn of_a_service() -> (TempDir, Migrator) {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("20260101000000_notes.sql"), "create table notes (text text not null);").unwrap();
    let migrator = Migrator::new(home.path().to_owned()).await.unwrap();
    (home, migrator)
}

#[tokio::test]
async fn a_service_has_migrations_of_its_own_beside_it() {
    let database = database().await;
    let (_home, service) = of_a_service().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    for _ in 0..2 {
        service.run_direct(None, &mut connection, false).await.unwrap();
        migrate(&database.url).await.unwrap();
    }
    PostgresStore::open(config(&database)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_may_migrate_at_once() {
    let database = database().await;
    Backstage::at(&database.url).await.run("drop schema public cascade; create schema public").await;
    let all = (0..4).map(|_| {
        let url = database.url.clone();
        tokio::spawn(async move { migrate(&url).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    PostgresStore::open(config(&database)).await.unwrap();
}

/// What the store says of a database after this was done to it.
async fn said_after(sql: &str) -> SchemaError {
    let database = database().await;
    Backstage::at(&database.url).await.run(sql).await;
    let config = Config::new(&database.url, Shop::default()).unwrap();
    PostgresStore::open(config).await.map(drop).expect_err(sql)
}

#[tokio::test]
async fn a_database_of_another_version_is_refused_with_what_to_do() {
    let needed = schema_version();
    let empty = said_after("drop schema public cascade; create schema public").await;
    assert!(matches!(empty, SchemaError::Outdated { found: 0, .. }), "{empty}");
    let older = said_after("delete from commerce_migrations where version > 3").await;
    assert!(matches!(older, SchemaError::Outdated { found: 3, needed: n } if n == needed), "{older}");
    assert!(older.to_string().contains("run `migrate` first"), "{older}");
    let newer = said_after("update commerce_migrations set version = 9999 where version = 3").await;
    assert!(matches!(newer, SchemaError::Newer { found: 9999, .. }), "{newer}");
    let gap = said_after("delete from commerce_migrations where version = 3").await;
    assert!(matches!(gap, SchemaError::Outdated { found: 2, .. }), "{gap}");
    let edited = said_after("update commerce_migrations set checksum = '\\x00' where version = 3").await;
    assert!(matches!(edited, SchemaError::Migration(MigrateError::VersionMismatch(3))), "{edited}");
}

#[tokio::test]
async fn a_database_that_forgets_commits_is_refused() {
    let database = database().await;
    let forget = format!("alter database {} set synchronous_commit = off", database.name);
    Backstage::at(&database.url).await.run(&forget).await;
    let refused = PostgresStore::open(config(&database)).await.map(drop).expect_err("it is off");
    assert!(matches!(refused, SchemaError::NotDurable), "{refused}");
}

#[tokio::test]
async fn no_index_depends_on_a_locale() {
    const INDEXED: &str = "select distinct i.indexrelid::regclass::text, o.collname in ('C', 'POSIX') from pg_index i \
         join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace \
         cross join unnest(i.indcollation::oid[]) as u (collation_id) \
         join pg_collation o on o.oid = u.collation_id order by 1";
    let database = database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let indexed: Vec<(String, bool)> = sqlx::query_as(INDEXED).fetch_all(&mut connection).await.unwrap();
    assert!(indexed.contains(&("idempotency_keys_pkey".to_owned(), true)), "{indexed:?}");
    let by_locale: Vec<_> = indexed.iter().filter(|(_, by_bytes)| !by_bytes).collect();
    assert!(by_locale.is_empty(), "{by_locale:?}");
}
