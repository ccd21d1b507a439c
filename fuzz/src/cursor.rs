//! Cursors: only what was sealed for the same list under the same secret opens, and then to the key that went in.

use commerce_server::cursor::Cursors;

/// What a text can be changed to: the alphabet of cursors, and what is not of it.
const TELLING: &[char] = &['A', 'Q', 'z', '0', '9', '-', '_', '+', '/', '=', ' ', '\0', '\u{e9}', '\u{1f9fe}'];

/// Reads the input as a key (eight bytes), the name of a list (a line), and a text that may be a cursor of it.
pub fn run(data: &[u8]) {
    let Some((key, rest)) = data.split_first_chunk::<8>() else { return };
    let Ok(rest) = std::str::from_utf8(rest) else { return };
    let (list, text) = rest.split_once('\n').unwrap_or((rest, ""));
    let cursors = Cursors::new(b"a secret for fuzzing");

    let sealed = cursors.seal(list, key);
    assert_eq!(cursors.open(list, &sealed), Some(key.to_vec()), "it does not open to what was sealed");
    assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{sealed:?} needs escaping");
    check_text(&cursors, list, text);
    check_elsewhere(&cursors, list, text, key, &sealed);
    check_changes(&cursors, list, &sealed, key.iter().map(|byte| usize::from(*byte)).sum::<usize>() + text.len());
}

/// Whatever opens is, letter for letter, what sealing its key gives.
fn check_text(cursors: &Cursors, list: &str, text: &str) {
    if let Some(key) = cursors.open(list, text) {
        assert_eq!(cursors.seal(list, &key), text, "forged, or written in a second way");
    }
}

/// No other list and no other secret opens it.
fn check_elsewhere(cursors: &Cursors, list: &str, text: &str, key: &[u8], sealed: &str) {
    let others = [text.to_owned(), format!("{list} "), format!("{list}{text}"), format!("\0{list}"), String::new()];
    for other in others.iter().filter(|other| *other != list) {
        assert_eq!(cursors.open(other, sealed), None, "a cursor of {list:?} opens for {other:?}");
        assert_ne!(cursors.seal(other, key), sealed, "{list:?} and {other:?} seal alike");
    }
    for secret in [&b"another secret"[..], b"a secret for fuzzing.", b""] {
        assert_eq!(Cursors::new(secret).open(list, sealed), None, "opened under the secret {secret:?}");
    }
}

/// No change of one letter opens: another in its place, one left out, one put in.
fn check_changes(cursors: &Cursors, list: &str, sealed: &str, turn: usize) {
    for at in 0..=sealed.len() {
        let letter = TELLING[(turn + at) % TELLING.len()];
        let (head, tail) = sealed.split_at(at);
        let mut changed = vec![format!("{head}{letter}{tail}"), head.to_owned()];
        let mut after = tail.chars();
        if let Some(replaced) = after.next() {
            let after = after.as_str();
            changed.push(format!("{head}{after}"));
            changed.extend((letter != replaced).then(|| format!("{head}{letter}{after}")));
        }
        for text in changed.iter().filter(|text| *text != sealed) {
            assert_eq!(cursors.open(list, text), None, "{text:?} opens, and {sealed:?} was sealed");
        }
    }
}
