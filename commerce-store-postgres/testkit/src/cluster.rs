//! One cluster: made, started, crashed, started again, and removed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Error;
use crate::programs::{Account, command, directory};

/// How a cluster keeps its word.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether a commit waits for the disk. Off, a crash of the machine (not of the server) may lose commits.
    pub durable: bool,
}

impl Settings {
    /// For tests that do not crash the machine: no waiting for the disk.
    #[must_use]
    pub const fn fast() -> Self {
        Self { durable: false }
    }

    /// As in production: for crash tests and measurements.
    #[must_use]
    pub const fn durable() -> Self {
        Self { durable: true }
    }
}

/// A running cluster in a temporary directory, reachable by unix socket alone. Dropping it stops the server; when
/// the process dies in any other way, a watchdog at the end of a pipe does.
#[derive(Debug)]
pub struct Cluster {
    home: TempDir,
    programs: PathBuf,
    account: Option<Account>,
    settings: Settings,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    server: Child,
    watchdog: Child,
}

impl Cluster {
    /// Makes a cluster and starts it.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        let programs = directory()?;
        let account = Account::needed();
        // Not below a build directory: the path of a unix socket has at most 107 bytes.
        let home = tempfile::Builder::new().prefix("commerce-pg-").tempdir().map_err(program("temporary directory"))?;
        if let Some(account) = account {
            account.own(home.path()).map_err(program("chown"))?;
        }
        let output = command(&programs.join("initdb"), account)
            .args(["--no-sync", "--locale=C", "--encoding=UTF8", "--auth=trust", "--username=postgres", "-D"])
            .arg(home.path().join("data"))
            .output()
            .map_err(program("initdb"))?;
        if !output.status.success() {
            return Err(Error::Program(format!("initdb: {}", String::from_utf8_lossy(&output.stderr))));
        }
        let cluster = Self { home, programs, account, settings, running: Mutex::new(None) };
        cluster.resume()?;
        Ok(cluster)
    }

    /// The URL of a database of the cluster.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let socket = self.home.path().to_string_lossy().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{database}")
    }

    /// The file of the server's unix socket, for proxies.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.home.path().join(".s.PGSQL.5432")
    }

    /// `kill -9` of the server, all of its processes. What it had acknowledged is on disk if the cluster is durable.
    pub fn kill(&self) -> Result<(), Error> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut running) = running {
            // The first process last could start new ones; the others would live on for a moment without it.
            let others = children(running.server.id());
            running.server.kill().and_then(|()| running.server.wait()).map_err(program("kill"))?;
            for process in others {
                // One that is gone already is as good as killed.
                drop(Command::new("kill").args(["-9", &process]).stderr(Stdio::null()).status());
            }
            // Its end of the pipe must not reach for the number of a process that is gone.
            running.watchdog.kill().and_then(|()| running.watchdog.wait()).map_err(program("kill"))?;
        }
        Ok(())
    }

    /// Starts the server of a cluster that was killed, and waits until it is ready.
    pub fn resume(&self) -> Result<(), Error> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return Ok(());
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let server = self.spawn_server()?;
            let watchdog = self.spawn_watchdog(server.id())?;
            let mut attempt = Running { server, watchdog };
            if self.await_ready(&mut attempt.server, deadline)? {
                *running = Some(attempt);
                return Ok(());
            }
            // Backends of a killed server may hold its shared memory for a moment yet.
            attempt.watchdog.kill().and_then(|()| attempt.watchdog.wait()).map_err(program("kill"))?;
            if Instant::now() > deadline {
                let log = self.log()?;
                return Err(Error::Program(format!("postgres ended: {log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the server has logged since it was started last.
    pub fn log(&self) -> Result<String, Error> {
        std::fs::read_to_string(self.home.path().join("log")).map_err(program("log"))
    }

    fn spawn_server(&self) -> Result<Child, Error> {
        let switch = if self.settings.durable { "on" } else { "off" };
        let log = std::fs::File::create(self.home.path().join("log")).map_err(program("log"))?;
        command(&self.programs.join("postgres"), self.account)
            .arg("-D")
            .arg(self.home.path().join("data"))
            .arg("-k")
            .arg(self.home.path())
            .args(["-c", "listen_addresses=", "-c", "max_connections=300", "-c", "shared_buffers=256MB"])
            .args(["-c", "max_wal_size=4GB", "-c", "min_wal_size=2GB"])
            .args(["-c", &format!("fsync={switch}")])
            .args(["-c", &format!("full_page_writes={switch}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(program("postgres"))
    }

    /// A shell that waits for the end of its input, which comes when this process ends, however it ends.
    fn spawn_watchdog(&self, server: u32) -> Result<Child, Error> {
        let script = "read _; kill -QUIT \"$1\"; while kill -0 \"$1\" 2>/dev/null; do sleep 0.05; done; rm -rf \"$2\"";
        command(Path::new("/bin/sh"), None)
            .args(["-c", script, "watchdog", &server.to_string()])
            .arg(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(program("sh"))
    }

    /// Whether the server became ready; `false` if it ended.
    fn await_ready(&self, server: &mut Child, deadline: Instant) -> Result<bool, Error> {
        let status = self.home.path().join("data/postmaster.pid");
        let own = server.id().to_string();
        while Instant::now() < deadline {
            if server.try_wait().map_err(program("postgres"))?.is_some() {
                return Ok(false);
            }
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let mut lines = text.lines();
            let (pid, state) = (lines.next().map(str::trim), lines.nth(6).map(str::trim));
            if pid == Some(own.as_str()) && state == Some("ready") {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(false)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An immediate shutdown; the directory goes with `home`.
            let quit = Command::new("kill").args(["-QUIT", &running.server.id().to_string()]).status();
            if quit.is_ok() {
                drop(running.server.wait());
            }
            drop(running.watchdog.kill().and_then(|()| running.watchdog.wait()));
        }
    }
}

/// The processes that `parent` has started.
fn children(parent: u32) -> Vec<String> {
    let parent = parent.to_string();
    let of_parent = |process: &String| {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // After the name in parentheses: the state, then the parent.
        let fields = status.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields.split_ascii_whitespace().nth(1) == Some(parent.as_str())
    };
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    processes.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).filter(of_parent).collect()
}

fn program(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::Program(format!("{what}: {error}"))
}
