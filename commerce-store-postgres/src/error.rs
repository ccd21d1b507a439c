//! From what the database says to what the store says: the one place that knows SQLSTATEs.

use std::fmt;
use std::time::Duration;

use commerce_core::StoreError;

/// Why statements failed, as far as it matters for what to do next.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// 40001, 40P01: another transaction was in the way. The same again, whole, may succeed.
    Contended(String),
    /// 23505: a row appeared that was not there when the decision was made. Deciding again sees it; if it does
    /// not, the row is one that no decision looks at (an id used twice).
    Overtaken(String),
    /// A constraint or the statement itself: the same again fails again.
    Refused(String),
    /// The server is there, and cannot now (timeouts, no resources, shutting down for an operator).
    Busy(String),
    /// The connection is gone or unusable; nothing of the transaction was committed unless its commit was sent.
    Lost(String),
    /// A row could not be read.
    Corrupt(StoreError),
}

/// What went wrong, and nothing on what has happened.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contended(reason) | Self::Busy(reason) | Self::Lost(reason) => f.write_str(reason),
            Self::Overtaken(what) | Self::Refused(what) => f.write_str(what),
            Self::Corrupt(error) => error.fmt(f),
        }
    }
}

impl Failure {
    /// What callers hear when it stays at that. Only for transactions whose commit was not sent.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Contended(reason) | Self::Busy(reason) | Self::Lost(reason) => StoreError::Unavailable { reason },
            Self::Overtaken(what) | Self::Refused(what) => StoreError::Corrupt { what },
            Self::Corrupt(error) => error,
        }
    }

    /// A deadline passed while the server owed an answer.
    pub(crate) fn late(deadline: Duration) -> Self {
        Self::Lost(format!("the database did not answer within {deadline:?}"))
    }

    /// Whether the connection cannot be used again.
    pub(crate) const fn breaks_connection(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Corrupt(error)
    }
}

/// The one function that maps SQLSTATE and constraint.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(error) = error else {
            return match error {
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                    Self::Refused(error.to_string())
                }
                other => Self::Lost(other.to_string()),
            };
        };
        let code = error.code().unwrap_or_default().into_owned();
        let said = match error.constraint() {
            Some(constraint) => format!("constraint {constraint} refused: {} ({code})", error.message()),
            None => format!("{} ({code})", error.message()),
        };
        match code.as_str() {
            "40001" | "40P01" => Self::Contended(said),
            "23505" => Self::Overtaken(said),
            // Shutdown, crash of another backend, start-up, idle session ended; connection exceptions; commit state
            // unknown to the server.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "40003" => Self::Lost(said),
            // A server that only reads (a primary that was), and one that does not know what was prepared: not the one
            // that this connection was made to.
            "25006" | "26000" | "42P05" => Self::Lost(said),
            // Lock and statement timeouts.
            "55P03" | "57014" => Self::Busy(said),
            // Failed in an earlier statement of the transaction that nobody noticed: never commit past it.
            "25P02" => Self::Lost(said),
            _ => match code.get(..2) {
                Some("08") => Self::Lost(said),
                // No resources, system errors.
                Some("53" | "58" | "25") => Self::Busy(said),
                _ => Self::Refused(said),
            },
        }
    }
}
