//! Whether the quotes of a record pair up: the reader of CSV takes anything, and would pass a lost row over in silence.

/// A field that has quotes begins and ends with one, and has others in pairs.
pub(super) fn are_sound(record: &[u8]) -> bool {
    enum At {
        Start,
        Plain,
        Quoted,
        /// Behind a quote that ends the field, unless another follows.
        Closed,
    }
    let mut at = At::Start;
    for byte in record {
        at = match (at, byte) {
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) | (At::Closed | At::Start, b'"') => At::Quoted,
            (_, b',' | b'\r' | b'\n') => At::Start,
            (At::Closed, _) | (At::Plain, b'"') => return false,
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    !matches!(at, At::Quoted)
}

#[cfg(test)]
mod tests {
    use super::are_sound;

    #[test]
    fn quotes_surround_a_field_or_come_in_pairs_within() {
        for sound in ["", "a,b", "\"a\",b", "\"a,\"\"b\"\"\",c\r\n", "\"two\nlines\",\"\"", "\"\"\"\"", ",\"\","] {
            assert!(are_sound(sound.as_bytes()), "{sound:?}");
        }
        for unsound in ["\"a,b", "a\"b", "\"a\"b,c", "a, \"b\"", "\"\"\"", "\"a\" ,b", "\"a\"\"\n"] {
            assert!(!are_sound(unsound.as_bytes()), "{unsound:?}");
        }
    }
}
