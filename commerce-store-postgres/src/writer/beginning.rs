//! How a transaction of the store's own begins; and begins anew, when it holds locks that come after one it has yet to take.

use std::time::Duration;

use sqlx::{Executor, PgConnection};

use crate::error::Failure;

/// How long locks are waited for in a transaction.
const PATIENCE: &str = "select set_config('lock_timeout', $1, true)";

pub(super) const STATEMENTS: &[&str] = &[PATIENCE];

/// How a transaction begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning {
    pub(super) statement: &'static str,
    /// How long it waits for a row, if not as the connection does.
    pub(super) patience: Option<Duration>,
}

impl Beginning {
    pub(super) async fn begin(self, connection: &mut PgConnection) -> Result<(), Failure> {
        connection.execute(self.statement).await?;
        if let Some(patience) = self.patience {
            sqlx::query(PATIENCE).bind(patience.as_millis().to_string()).execute(connection).await?;
        }
        Ok(())
    }

    /// Lets go of every lock. Nothing has been written yet.
    pub(super) async fn begin_anew(self, connection: &mut PgConnection) -> Result<(), Failure> {
        connection.execute("rollback").await?;
        self.begin(connection).await
    }
}
