//! Every property on the checked-in corpus, and on a short, always equal burst of inputs made from it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test of its own; the helpers are not marked as tests")]

use std::path::{Path, PathBuf};

use commerce_fuzz::{TARGETS, Target};

/// Inputs per target, besides the corpus itself.
const BURST: usize = 2_000;
/// No input of the burst is longer.
const MAX_LENGTH: usize = 4_096;

fn corpus_of(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let data = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path, data)
    };
    paths.into_iter().map(read).collect()
}

/// Runs the property, and names the input if it does not hold.
fn hold(target: &Target, what: &str, data: &[u8]) {
    if std::panic::catch_unwind(|| (target.run)(data)).is_err() {
        panic!("{} does not hold for {what}: {:?}", target.name, data.escape_ascii().to_string());
    }
}

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).expect("a target of this name")
}

fn replay(name: &str) {
    let target = target(name);
    let corpus = corpus_of(&target);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for (path, data) in &corpus {
        hold(&target, &path.display().to_string(), data);
    }
    let mut random = Random(0x5eed ^ name.len() as u64);
    for number in 0..BURST {
        let data = mutated(&corpus, &mut random);
        hold(&target, &format!("input {number} of the burst"), &data);
    }
}

macro_rules! replays {
    ($($(#[$meta:meta])* $name:ident)+) => {
        $(#[test]
        $(#[$meta])*
        fn $name() {
            replay(stringify!($name));
        })+

        #[test]
        fn no_target_is_left_out() {
            let mut replayed = [$($(#[$meta])* stringify!($name)),+];
            replayed.sort_unstable();
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), replayed);
            for name in replayed {
                let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets").join(name).with_extension("rs");
                assert!(shim.is_file(), "{} is missing", shim.display());
            }
        }
    };
}

replays! {
    command_json
    #[cfg(feature = "server")]
    cursor
    #[cfg(feature = "server")]
    http
    #[cfg(feature = "server")]
    http_body
    ids
    #[cfg(feature = "server")]
    import
    money
    pricing
    sequence
    texts
    timestamp
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// A new input: one of the corpus with a few edits, a mixture of two, or noise.
fn mutated(corpus: &[(PathBuf, Vec<u8>)], random: &mut Random) -> Vec<u8> {
    let pick = |random: &mut Random| corpus[random.below(corpus.len())].1.clone();
    let mut data = match random.below(8) {
        0 => (0..random.below(600)).map(|_| random.next() as u8).collect(),
        1 => {
            let (mut head, tail) = (pick(random), pick(random));
            head.truncate(random.below(head.len() + 1));
            head.extend_from_slice(&tail[random.below(tail.len() + 1)..]);
            head
        }
        _ => pick(random),
    };
    for _ in 0..random.below(5) {
        edit(&mut data, random);
    }
    data.truncate(MAX_LENGTH);
    data
}

fn edit(data: &mut Vec<u8>, random: &mut Random) {
    const TELLING: &[u8] = b"09.-+:TZ \"{}[],\n\x00\x7f\xff";
    let at = random.below(data.len() + 1);
    match random.below(5) {
        0 => data.insert(at, TELLING[random.below(TELLING.len())]),
        1 => data.insert(at, random.next() as u8),
        2 if at < data.len() => drop(data.remove(at)),
        3 if at < data.len() => data[at] ^= 1 << random.below(8),
        4 if at < data.len() => {
            let end = (at + 1 + random.below(16)).min(data.len());
            let again = data[at..end].to_vec();
            data.splice(at..at, again);
        }
        _ => {}
    }
}
