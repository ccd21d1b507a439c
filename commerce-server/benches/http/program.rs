//! The program, as an operator starts it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::SECRET;
use crate::load::Outcome;

/// A running server. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    /// Kept open: the server goes on printing.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts the server on a database, as one of several nodes, and waits for it to say where it is.
    pub(crate) fn start(database: &str, node: u16) -> Outcome<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_commerce-server"))
            .env_clear()
            .env("COMMERCE_DATABASE_URL", database)
            .env("COMMERCE_JWT_SECRET", SECRET)
            .env("COMMERCE_NODE_ID", node.to_string())
            .env("COMMERCE_LISTEN", "127.0.0.1:0")
            .env("COMMERCE_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("the server has no output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let base = line.split_whitespace().find_map(|word| word.strip_prefix("http://")?.strip_suffix("/v1"));
        let address = base.ok_or_else(|| format!("the server said {line:?}"))?.parse()?;
        Ok(Self { child, _stdout: stdout, address })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Killing what is dead already is no error here.
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}
