//! The corpus of `http` is worth starting from: every operation succeeds somewhere in it.

#![cfg(feature = "server")]

use std::collections::BTreeSet;
use std::path::Path;

use commerce_fuzz::http::{operations, played};

#[test]
fn every_operation_succeeds_somewhere_in_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/http");
    let mut missing: BTreeSet<_> = operations();
    assert!(!missing.is_empty());
    for entry in std::fs::read_dir(folder).expect("a corpus") {
        let script = std::fs::read(entry.expect("a readable folder").path()).expect("a readable file");
        for operation in played(&script) {
            missing.remove(operation);
        }
    }
    assert_eq!(missing, BTreeSet::new(), "never succeeded");
}
