//! A server program of the tests' own, which does not outlive them.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs while it is kept. It is killed when it is dropped, and also when the process of the tests ends in any other way: a
/// shell waits for the end of its pipe.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(program: &str, arguments: &[&str], home: &Path) -> Self {
        // Where distributions put what is not for everybody's PATH.
        let path = std::env::var("PATH").unwrap_or_default();
        let watch = "\"$@\" >log 2>&1 & server=$!; read _; kill -9 $server; wait $server";
        let shell = Command::new("sh")
            .args(["-c", watch, "sh", program])
            .args(arguments)
            .current_dir(home)
            .env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(shell.expect("a shell"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            // The line that the shell reads; if it is gone, so is the server.
            drop(pipe.write_all(b"\n"));
        }
        drop(self.0.wait());
    }
}

/// What the server said, for a test that waits in vain.
pub(crate) fn log(home: &Path) -> String {
    std::fs::read_to_string(home.join("log")).unwrap_or_default()
}
