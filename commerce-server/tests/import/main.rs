//! `commerce-server import`, as a process, into a database of its own.

#![expect(clippy::expect_used, reason = "tests fail by panicking, in their helpers too")]

#[path = "../stores/database.rs"]
mod database;

use std::path::{Path, PathBuf};
use std::process::Command;

use database::database;

const SAMPLE: &str = "../examples/products.csv";

/// The exit code, what was printed, and what was shown of the progress.
async fn import(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_commerce-server"));
    program.env_remove("COMMERCE_DATABASE_URL").arg("import").args(arguments);
    let output = tokio::task::spawn_blocking(move || program.output()).await.expect("no panic").expect("the program");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn file(name: &str, csv: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.csv", std::process::id()));
    std::fs::write(&path, csv).expect("a file");
    path
}

#[tokio::test]
async fn the_same_file_again_makes_nothing_twice() {
    let url = database().await.url;
    let into = ["--database-url", &url];
    let (code, tried, _) = import(&[&[SAMPLE, "--dry-run"], &into[..]].concat()).await;
    assert_eq!((code, tried.lines().last()), (Some(0), Some("0 accepted, 0 refused; nothing was to be stored")));
    let (code, first, progress) = import(&[&[SAMPLE], &into[..]].concat()).await;
    assert_eq!((code, first.lines().last()), (Some(0), Some("5 accepted, 0 refused; what is accepted is stored")));
    assert!(progress.ends_with("\r5 of 5 rows, 0 refused\n"), "{progress:?}");
    let (code, again, _) = import(&[&[SAMPLE], &into[..]].concat()).await;
    assert_eq!((code, again), (Some(0), first));
    let (code, taken, _) = import(&[&[SAMPLE, "--key", "another", "--all-or-nothing"], &into[..]].concat()).await;
    assert_eq!((code, taken.lines().last()), (Some(1), Some("0 accepted, 5 refused; nothing is stored")));
    assert!(taken.contains("row 2 (line 2) SHIRT-S: refused, "), "{taken}");
}

#[tokio::test]
async fn a_bad_row_is_named_and_stops_the_whole_only_if_told_to() {
    let (url, header) = (database().await.url, "name,status,currency,base_price,sku\n");
    let csv = file("bad-row", &format!("{header}Mug,on_sale,KRW,1000,MUG\nPlate,on_sale,KRW,much,PLATE\n"));
    let csv = csv.to_str().expect("a path");
    let (code, whole, _) = import(&[csv, "--all-or-nothing", "--database-url", &url]).await;
    assert_eq!((code, whole.lines().next()), (Some(1), Some("row 2 (line 2) MUG: acceptable")), "{whole}");
    let (code, each, progress) = import(&[csv, "--database-url", &url]).await;
    let lines: Vec<_> = each.lines().collect();
    assert!(lines[0].starts_with("row 2 (line 2) MUG: accepted, product "), "{each}");
    assert!(lines[1].starts_with("row 3 (line 3) PLATE: refused, column base_price: csv_field_invalid: "), "{each}");
    assert_eq!((code, lines[2]), (Some(1), "1 accepted, 1 refused; what is accepted is stored"));
    assert!(progress.ends_with("\r2 of 2 rows, 1 refused\n"), "{progress:?}");
}

#[tokio::test]
async fn what_cannot_be_imported_at_all() {
    let url = database().await.url;
    let headless = file("headless", "Mug,on_sale\n");
    for (arguments, said) in [
        (&["no-such-file.csv", "--database-url", &url][..], "no-such-file.csv"),
        (&[headless.to_str().expect("a path"), "--database-url", &url], "csv_header_invalid"),
        (&[SAMPLE], "COMMERCE_DATABASE_URL"),
        (&[SAMPLE, "--key", "two words"], "--key"),
    ] {
        let (code, out, err) = import(arguments).await;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.starts_with("error: ") && err.contains(said), "{arguments:?}: {err}");
    }
}
