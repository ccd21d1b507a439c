//! The schema: embedded migrations, and the check that they have run.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, PgConnection};
use thiserror::Error;

/// Every migration of this version of the crate, in order; noted in a table of their own, so that a service can have
/// migrations in the same database.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("./migrations");
    migrations.dangerous_set_table_name("commerce_migrations");
    migrations
});

/// The migrations that a database has had, and whether commits wait for its disk.
const APPLIED: &str = "select version, checksum from commerce_migrations where success order by version";
const COMMITS: &str = "select current_setting('synchronous_commit')";

/// Why a database is not fit for this version of the store.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// The database lacks migrations of this version.
    #[error("the database is at schema version {found}, this program needs {needed}; run `migrate` first")]
    Outdated {
        /// The version that the database is at; 0 for an empty one.
        found: i64,
        /// The version that this program needs.
        needed: i64,
    },
    /// The database was migrated by a later version of this program.
    #[error("the database is at schema version {found}, newer than this program's {needed}; run a newer program")]
    Newer {
        /// The version that the database is at.
        found: i64,
        /// The version that this program needs.
        needed: i64,
    },
    /// The database answers commits before they are on its disk.
    #[error(
        "the database has synchronous_commit off: what it calls committed may be lost; set it on for the store's role"
    )]
    NotDurable,
    /// A migration failed, or one that ran is not the one that this program has.
    #[error("a migration failed: {0}")]
    Migration(#[from] MigrateError),
    /// The database could not be asked.
    #[error("the database could not be reached: {0}")]
    Database(#[from] sqlx::Error),
}

/// Brings the database at `url` to the schema of this version: runs what is missing, each migration in a
/// transaction of its own. Safe to run twice, and by several at once.
pub async fn migrate(url: &str) -> Result<(), SchemaError> {
    let mut connection = PgConnection::connect(url).await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}

/// The version of the schema that this program needs.
#[must_use]
pub fn schema_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// A text that changes whenever a migration does.
#[must_use]
pub fn schema_fingerprint() -> String {
    let bytes = MIGRATIONS.iter().flat_map(|migration| migration.checksum.iter().take(4));
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Checks that the database has exactly the migrations of this program, and keeps what it says it has committed.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), SchemaError> {
    let applied: Vec<(i64, Vec<u8>)> = match sqlx::query_as(APPLIED).fetch_all(&mut *connection).await {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Vec::new(),
        other => other?,
    };
    let (needed, found) = (schema_version(), applied.last().map_or(0, |(version, _)| *version));
    match found {
        _ if found < needed => return Err(SchemaError::Outdated { found, needed }),
        _ if found > needed => return Err(SchemaError::Newer { found, needed }),
        _ => {}
    }
    for migration in MIGRATIONS.iter() {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => return Err(SchemaError::Outdated { found: migration.version.saturating_sub(1), needed }),
            Some((_, checksum)) if **checksum != *migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
            Some(_) => {}
        }
    }
    let commits: String = sqlx::query_scalar(COMMITS).fetch_one(connection).await?;
    if commits == "off" { Err(SchemaError::NotDurable) } else { Ok(()) }
}
