//! What can go wrong before a test has its database.

use std::fmt;

/// Why there is no database. Its `Debug` is its text, so that a test's `unwrap` shows it.
#[derive(Clone)]
pub enum Error {
    /// The server's programs are not installed.
    Missing {
        /// Where they were looked for.
        looked_in: String,
    },
    /// A program failed.
    Program(String),
    /// The server refused.
    Server(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { looked_in } => write!(
                f,
                "PostgreSQL is not installed: found no `initdb` and `postgres` in {looked_in}. Install the server \
                 (Debian, Ubuntu: `apt-get install postgresql`; Fedora: `dnf install postgresql-server`; macOS: \
                 `brew install postgresql@17`), or set COMMERCE_TEST_DATABASE_URL to a server whose role may create \
                 databases, like postgres://user:password@localhost/postgres."
            ),
            Self::Program(what) => write!(f, "the test database did not start: {what}"),
            Self::Server(what) => write!(f, "the test database refused: {what}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
