//! The program, as an operator starts it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

pub(crate) const SECRET: &str = "a secret for tests, long enough for HMAC";

/// A running server. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    /// Kept open: the server goes on printing.
    _stdout: BufReader<ChildStdout>,
    /// Where it is, as it said itself: the system chose the port.
    pub(crate) base: String,
}

/// The program with the settings of `database` and no others.
fn command(database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_commerce-server"));
    command.env_clear().env("COMMERCE_DATABASE_URL", database).env("COMMERCE_JWT_SECRET", SECRET);
    command.env("COMMERCE_LISTEN", "127.0.0.1:0").env("COMMERCE_LOG", "off").stdin(Stdio::null());
    command
}

impl Program {
    /// Starts the server, and waits for it to say where it is.
    pub(crate) fn start(database: &str) -> Self {
        let mut child = command(database).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let base = line.split_whitespace().find_map(|word| word.strip_suffix("/v1")).unwrap_or_default().to_owned();
        assert!(base.starts_with("http://"), "the server said {line:?}");
        Self { child, _stdout: stdout, base }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the program can be killed");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Killing what is dead already is no error here.
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

/// Runs one of the program's other tasks; its output and whether it succeeded.
pub(crate) fn task(database: &str, task: &str) -> (String, bool) {
    let output = command(database).arg(task).output().expect("the program starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}
