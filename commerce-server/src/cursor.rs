//! Cursors: opaque, and good only for the list, the filters and the principal that they were made for.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of the authentication code that go into a cursor: 128 bits.
const MAC: usize = 16;

/// Makes and checks cursors with a key of its own.
#[derive(Debug)]
pub struct Cursors(hmac::Key);

impl Cursors {
    /// Cursors under a key derived from `secret`, so that neither a token nor a cursor can pass for the other.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"commerce-server cursor v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The cursor to what follows the item with `key`, in the list that `list` describes.
    #[must_use]
    pub fn seal(&self, list: &str, key: &[u8]) -> String {
        let mut bytes = key.to_vec();
        bytes.extend_from_slice(&self.mac(list, key).as_ref()[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key inside a cursor, if it was made here for `list`.
    #[must_use]
    pub fn open(&self, list: &str, cursor: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (key, mac) = bytes.split_last_chunk::<MAC>()?;
        let expected = self.mac(list, key);
        aws_lc_rs::constant_time::verify_slices_are_equal(mac, &expected.as_ref()[..MAC]).ok()?;
        Some(key.to_vec())
    }

    fn mac(&self, list: &str, key: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        // Its length first: where the key ends and the list begins is part of what is sealed.
        context.update(&(key.len() as u64).to_be_bytes());
        context.update(key);
        context.update(list.as_bytes());
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_where_it_was_made() {
        let cursors = Cursors::new(&[7; 32]);
        let cursor = cursors.seal("orders customer:1", &[4, 2]);
        assert_eq!(cursors.open("orders customer:1", &cursor), Some(vec![4, 2]));
        assert_eq!(cursors.open("orders customer:2", &cursor), None);
        assert_eq!(Cursors::new(&[8; 32]).open("orders customer:1", &cursor), None);
    }

    #[test]
    fn no_change_of_a_cursor_opens() {
        let cursors = Cursors::new(&[7; 32]);
        let cursor = cursors.seal("list", &[4, 2]);
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(cursors.open("list", &changed), None, "{changed}");
        }
        for wrong in ["", "A", "====", &cursor[1..], &format!("{cursor}AAAA"), &format!("{cursor}=")] {
            assert_eq!(cursors.open("list", wrong), None, "{wrong:?}");
        }
    }
}
