//! How a transaction of the store's own begins; and begins anew, when it holds locks that come after one it has yet to take.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::error::Failure;

/// How a transaction begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning {
    /// Begins it, with new plans or without.
    pub(super) statement: &'static str,
    /// How long it waits for a row, if not as the connection does.
    pub(super) patience: Option<Duration>,
}

impl Beginning {
    pub(super) async fn begin(self, connection: &mut PgConnection) -> Result<(), Failure> {
        match self.patience {
            None => connection.execute(self.statement).await?,
            Some(patience) => {
                let (begin, patience) = (self.statement, patience.as_millis());
                let begin = AssertSqlSafe(format!("{begin}; set local lock_timeout = {patience}"));
                connection.execute(sqlx::raw_sql(begin)).await?
            }
        };
        Ok(())
    }

    /// Lets go of every lock. Nothing has been written yet.
    pub(super) async fn begin_anew(self, connection: &mut PgConnection) -> Result<(), Failure> {
        connection.execute("rollback").await?;
        self.begin(connection).await
    }
}
