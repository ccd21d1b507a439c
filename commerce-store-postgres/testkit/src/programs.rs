//! Where the server's programs are, and as whom to run them.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// The directory that holds `initdb` and `postgres`: one of `PATH`, else the newest that a distribution's packages
/// put beside it.
pub(crate) fn directory() -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&path).collect();
    candidates.extend(packaged("/usr/lib/postgresql", "bin"));
    candidates.extend(packaged("/opt/homebrew/opt", "bin"));
    candidates.push(PathBuf::from("/usr/pgsql/bin"));
    let complete = |dir: &&PathBuf| dir.join("initdb").is_file() && dir.join("postgres").is_file();
    candidates
        .iter()
        .find(complete)
        .cloned()
        .ok_or_else(|| Error::Missing { looked_in: "PATH and /usr/lib/postgresql/*/bin".to_owned() })
}

/// `<root>/*/<leaf>`, greatest version first.
fn packaged(root: &str, leaf: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .map(|entry| {
            let version = entry.file_name().to_string_lossy().trim_start_matches("postgresql@").parse().unwrap_or(0);
            (version, entry.path().join(leaf))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, dir)| dir).collect()
}

/// Whom the server runs as: PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// An unprivileged account, if this process is root's.
    pub(crate) fn needed() -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let root = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
        if !root {
            return None;
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let named = |name: &str| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        };
        named("postgres").or_else(|| named("nobody"))
    }

    pub(crate) fn own(self, dir: &Path) -> std::io::Result<()> {
        std::os::unix::fs::chown(dir, Some(self.uid), Some(self.gid))
    }
}

/// A command that runs as `account`, in a process group of its own: an interrupt at the terminal leaves it to
/// the watchdog.
pub(crate) fn command(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.process_group(0).current_dir("/");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}
