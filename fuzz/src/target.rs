//! The list of targets, and what their binaries do without a fuzzer.

use std::process::ExitCode;

use crate::{command_json, ids, money, pricing, sequence, texts, timestamp};

/// A property, and the name that its binary and its corpus go by.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The property; panics if it does not hold.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "command_json", run: command_json::run },
    #[cfg(feature = "server")]
    Target { name: "cursor", run: crate::cursor::run },
    #[cfg(feature = "server")]
    Target { name: "http", run: crate::http::run },
    #[cfg(feature = "server")]
    Target { name: "http_body", run: crate::http_body::run },
    Target { name: "ids", run: ids::run },
    #[cfg(feature = "server")]
    Target { name: "import", run: crate::import::run },
    Target { name: "money", run: money::run },
    Target { name: "pricing", run: pricing::run },
    Target { name: "sequence", run: sequence::run },
    Target { name: "texts", run: texts::run },
    Target { name: "timestamp", run: timestamp::run },
];

/// Runs a property on the files that the command line names: a finding, without a fuzzer at hand.
#[must_use]
pub fn replay_files(run: fn(&[u8])) -> ExitCode {
    let mut paths = std::env::args_os().skip(1).peekable();
    if paths.peek().is_none() {
        eprintln!("name the files to run; to search for more, use cargo-fuzz");
        return ExitCode::FAILURE;
    }
    for path in paths {
        match std::fs::read(&path) {
            Ok(data) => run(&data),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
        println!("{}: holds", path.display());
    }
    ExitCode::SUCCESS
}

/// The whole of a target's binary: the fuzzer's entry point when it is built for fuzzing, and otherwise a
/// program that runs the property on files.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$name::run(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::replay_files($crate::$name::run)
        }
    };
}
