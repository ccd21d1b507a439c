//! Short texts with a shape: checked once when they come in, cheap to share ever after.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::ids::{IssuedCouponId, OrderId};

/// A text that does not have the shape its type asks for.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{what} has {min} to {max} characters, {shape}; got {length}")]
pub struct TextError {
    /// Which text, in words: "a SKU", "a username".
    pub what: String,
    /// The characters allowed, in words.
    pub shape: String,
    /// The least number of characters.
    pub min: usize,
    /// The greatest number of characters.
    pub max: usize,
    /// How many characters were given.
    pub length: usize,
}

struct Shape {
    what: &'static str,
    shape: &'static str,
    max: usize,
    allowed: fn(&str) -> bool,
}

impl Shape {
    fn check(&self, text: &str) -> Result<(), TextError> {
        let length = text.chars().count();
        let blank_edge = text.trim() != text;
        if length == 0 || length > self.max || blank_edge || !(self.allowed)(text) {
            return Err(TextError {
                what: self.what.to_owned(),
                shape: self.shape.to_owned(),
                min: 1,
                max: self.max,
                length,
            });
        }
        Ok(())
    }
}

fn printable(text: &str) -> bool {
    !text.contains(char::is_control)
}

fn multi_line(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t'))
}

fn visible_ascii(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

fn code(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn handle(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_' | b'@' | b'+'))
}

/// A handle that stands in paths: these two clients take for places, and leave them out before they send a path.
fn segment(text: &str) -> bool {
    handle(text) && !matches!(text, "." | "..")
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $what:literal, $max:literal, $allowed:path, $shape:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most characters there can be.
            pub const MAX: usize = $max;

            /// Checks the shape; the text is kept as given.
            pub fn new(text: impl AsRef<str>) -> Result<Self, TextError> {
                let text = text.as_ref();
                Shape { what: $what, shape: $shape, max: $max, allowed: $allowed }.check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;
            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;
            fn try_from(text: String) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    )+};
}

texts! {
    /// What people read: the name of a product, an option, a coupon, a person.
    Name = "a name", 200, printable, "none of them a control character, no blank at either end";
    /// A longer text for people: a product's description, a memo on a wallet entry, a reason.
    Note = "a note", 2000, multi_line, "no control character but line breaks and tabs, no blank at either end";
    /// The name a customer signs in with; unique in the shop.
    Username = "a username", 64, handle, "lower-case letters, digits and . - _ @ +";
    /// The code of one variant; unique in the shop.
    Sku = "a SKU", 64, code, "capital letters, digits, - and _";
    /// The code that customers type to claim a coupon; unique in the shop, whether it is the coupon's own or one of many.
    CouponCode = "a coupon code", 32, code, "capital letters, digits, - and _";
    /// The client's name for one attempt at one mutation (see [`Envelope`](crate::Envelope)).
    IdempotencyKey = "an idempotency key", 255, visible_ascii, "printable ASCII without blanks";
    /// Who an operator's token names: kept in history and in the scope of idempotency keys.
    OperatorName = "an operator name", 64, visible_ascii, "printable ASCII without blanks";
    /// What a lease is about ("relay", "job:daily-sales").
    LeaseName = "a lease name", 128, visible_ascii, "printable ASCII without blanks";
    /// What comes round by itself ("daily-sales"); unique in the shop.
    JobName = "a job's name", 64, segment, "lower-case letters, digits and . - _ @ +, but not . or .. alone";
    /// Which process holds a lease or a claim.
    Owner = "an owner", 128, visible_ascii, "printable ASCII without blanks";
    /// Where messages are delivered to ("stdout", "webhook-books"); unique in the shop.
    SinkName = "a sink's name", 64, segment, "lower-case letters, digits and . - _ @ +, but not . or .. alone";
    /// An endpoint that operators have events sent to ("books"); unique in the shop.
    WebhookName = "a webhook's name", 56, segment, "lower-case letters, digits and . - _ @ +, but not . or .. alone";
    /// Where the calls of a webhook go. Whoever makes them says what else it has to be.
    WebhookUrl = "a webhook's address", 2048, visible_ascii, "printable ASCII without blanks";
}

impl CouponCode {
    /// A code of 80 bits, which nobody guesses if they are random: four groups of four capital letters and digits, none of
    /// which looks like another (Crockford's base 32).
    #[must_use]
    pub fn of_bits(bits: [u8; 10]) -> Self {
        const DIGITS: [char; 32] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M',
            'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
        ];
        let bits = bits.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut text = String::with_capacity(19);
        for place in (0..16_u32).rev() {
            let [low, ..] = (bits >> (5 * place)).to_le_bytes();
            text.push(DIGITS[usize::from(low % 32)]);
            if place % 4 == 0 && place > 0 {
                text.push('-');
            }
        }
        Self(text.into())
    }
}

impl WebhookName {
    /// The sink of the webhook: its own, for other sinks have names that begin otherwise.
    #[must_use]
    pub fn sink(&self) -> SinkName {
        SinkName(format!("webhook-{self}").into())
    }
}

impl LeaseName {
    /// The lease of a job; a job's name leaves room for it.
    pub(crate) fn of_job(job: &JobName) -> Self {
        Self(format!("job:{job}").into())
    }
}

impl CouponCode {
    /// A code as somebody typed it: without its blanks, and in capital letters.
    pub fn typed(text: &str) -> Result<Self, TextError> {
        Self::new(text.split_whitespace().collect::<String>().to_ascii_uppercase())
    }

    /// The code [made of bits](Self::of_bits) that somebody may have meant who typed this: groups are set apart by anything or
    /// nothing, and letters that look like digits are taken for them. None if it is no such code, or is one as it stands.
    #[must_use]
    pub fn misread(&self) -> Option<Self> {
        let digit = |c: char| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let digits: Vec<char> = self.0.chars().filter(|c| c.is_ascii_alphanumeric()).map(digit).collect();
        let read = digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-");
        (digits.len() == 16 && !digits.contains(&'U') && *read != *self.0).then(|| Self(read.into()))
    }
}

impl IdempotencyKey {
    /// The key of what the shop itself does to an order once.
    pub(crate) fn of_order(order: OrderId) -> Self {
        Self(format!("order-{order}").into())
    }

    /// The key of what the shop itself does to a customer's copy of a coupon once.
    pub(crate) fn of_copy(copy: IssuedCouponId) -> Self {
        Self(format!("copy-{copy}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_enforced_and_errors_carry_the_numbers() {
        assert!(Sku::new("TSHIRT-RED_M").is_ok());
        assert!(Name::new("반팔 티셔츠").is_ok());
        for wrong in ["", "tshirt", "A B", "Ä"] {
            assert!(Sku::new(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["", " a", "a ", "a\nb", "\u{0}"] {
            assert!(Name::new(wrong).is_err(), "{wrong:?}");
        }
        for place in [".", ".."] {
            assert!(WebhookName::new(place).is_err() && SinkName::new(place).is_err(), "{place}");
            assert!(JobName::new(place).is_err() && Username::new(place).is_ok(), "{place}");
        }
        for name in ["...", ".books", "books.", "a..b"] {
            assert!(WebhookName::new(name).is_ok(), "{name}");
        }
        let error = WebhookName::new("..").expect_err("a place");
        assert!(error.to_string().contains("not . or .. alone"), "{error}");
        assert_eq!(CouponCode::of_bits([0; 10]).as_str(), "0000-0000-0000-0000");
        assert_eq!(CouponCode::of_bits([0xff; 10]).as_str(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        let code = CouponCode::of_bits([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(code.as_str(), "0410-6105-0R3G-G28A");
        assert_eq!(CouponCode::new(code.as_str()).as_ref(), Ok(&code));
        for typed in [" 0410-6105-0r3g-g28a", "0410 6105 0R3G G28A", "041061050R3GG28A", "O4lo-6i05-or3g_G28A\n"] {
            let typed = CouponCode::typed(typed).expect("a code");
            assert_eq!(typed.misread().unwrap_or(typed), code);
        }
        for other in ["WELCOME10", "0410-6105-0R3G-G28U", "0410-6105-0R3G-G28A-0"] {
            assert_eq!(CouponCode::new(other).expect("a code").misread(), None);
        }
        let error = CouponCode::new("X".repeat(33)).expect_err("too long");
        assert_eq!((error.length, error.max), (33, 32));
    }
}
