//! Money as text: accepted exactly when it is an amount of the currency, and then exact.

use commerce_core::{Currency, MAX_MINOR, Money, Percent};
use rust_decimal::Decimal;

use crate::round_trip::survives_json;

/// Reads the input as `CUR amount`; without such a beginning, as an amount in won.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (code, amount) = text.split_once(' ').unwrap_or(("KRW", text));
    match Currency::from_code(code) {
        Ok(currency) => {
            assert_eq!(currency.code(), code);
            survives_json(&currency);
            check_amount(amount, currency);
        }
        Err(_) => assert!(Currency::all().all(|currency| currency.code() != code), "{code:?} was refused"),
    }
    check_percent(amount);
}

fn check_amount(text: &str, currency: Currency) {
    let parsed = Money::parse(text, currency).ok();
    assert_eq!(parsed.map(Money::minor), minor_units(text, currency.exponent()), "{text:?} in {currency}");
    let Some(money) = parsed else { return };
    let printed = money.major().to_string();
    assert_eq!(Money::parse(&printed, currency), Ok(money), "{text:?} -> {printed:?}");
    assert_eq!(money.to_string(), format!("{printed} {currency}"));
    assert_eq!(Money::new(money.minor(), currency), Ok(money));
    assert_eq!(money.negated().negated(), money);
    survives_json(&money);
}

/// The minor units that a text is allowed to mean, with `exponent` decimals.
fn minor_units(text: &str, exponent: u32) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (whole, decimals) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let superfluous_zero = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || superfluous_zero || decimals.len() > exponent as usize {
        return None;
    }
    let missing = "0".repeat(exponent as usize - decimals.len());
    let mut minor: i64 = 0;
    for c in whole.chars().chain(decimals.chars()).chain(missing.chars()) {
        let digit = c.to_digit(10)?;
        minor = minor.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    (minor <= MAX_MINOR).then_some(if negative { -minor } else { minor })
}

/// A percentage of at most four decimals, and what it takes of a few amounts: rounded down, never up.
fn check_percent(text: &str) {
    let Ok(percent) = text.parse::<Decimal>().map_err(drop).and_then(|rate| Percent::new(rate).map_err(drop)) else {
        return;
    };
    survives_json(&percent);
    let millionths = minor_units(&percent.value().to_string(), 4).expect("a percentage has at most 4 decimals");
    assert!((1..=1_000_000).contains(&millionths), "{percent:?}");
    for minor in [0, 1, 3, 99, 10_007, 123_456_789, MAX_MINOR - 1, MAX_MINOR] {
        let amount = Money::new(minor, Currency::KRW).expect("within the bound");
        let share = i128::from(percent.of(amount).expect("a share is no larger than the whole").minor());
        let exact = i128::from(minor) * i128::from(millionths);
        assert!(share * 1_000_000 <= exact && exact < (share + 1) * 1_000_000, "{percent:?} of {minor} is {share}");
    }
}
