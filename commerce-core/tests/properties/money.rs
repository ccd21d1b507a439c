//! Money: what is written is what is read, every operation is exact or refused, and splits lose nothing.

use commerce_core::{Currency, MAX_MINOR, Money, MoneyError, Percent};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::cases;
use crate::generate::{currency, minor, money};

/// Major units written by hand: sign, digits, point, as many decimals as the currency has.
fn written(minor: i64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    let (sign, size) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    match decimals {
        0 => format!("{sign}{size}"),
        _ => format!("{sign}{}.{:0width$}", size / unit, size % unit, width = decimals as usize),
    }
}

/// What a text says, read by hand: `None` unless it is digits, none of them a superfluous
/// leading zero, with at most one point and a leading minus.
fn read(text: &str, decimals: u32) -> Option<Result<i128, &'static str>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut parts = unsigned.split('.');
    let (whole, fraction) = (parts.next()?, parts.next());
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if parts.next().is_some() || !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let fraction = fraction.unwrap_or("");
    if fraction.len() > decimals as usize {
        return Some(Err("too_many_decimals"));
    }
    let padded = format!("{whole}{fraction:0<width$}", width = decimals as usize);
    let significant = padded.trim_start_matches('0');
    let size: i128 = if significant.is_empty() { 0 } else { significant.parse().unwrap_or(i128::MAX) };
    let out_of_range = size > i128::from(MAX_MINOR);
    Some(if out_of_range { Err("amount_out_of_range") } else { Ok(if text.starts_with('-') { -size } else { size }) })
}

fn code(error: &MoneyError) -> &'static str {
    commerce_core::Rejection::from(error.clone()).code()
}

#[test]
fn every_currency_reads_what_it_writes_at_the_edges() {
    for currency in Currency::all() {
        for minor in [0, 1, -1, 9, 10, 99, 100, 101, -12_345, MAX_MINOR, -MAX_MINOR] {
            let amount = Money::new(minor, currency).expect("within the bound");
            let text = written(minor, currency.exponent());
            assert_eq!(amount.to_string(), format!("{text} {currency}"));
            assert_eq!(Money::parse(&text, currency), Ok(amount));
        }
        for minor in [MAX_MINOR + 1, -MAX_MINOR - 1, i64::MAX, i64::MIN] {
            assert_eq!(Money::new(minor, currency), Err(MoneyError::OutOfRange { max: MAX_MINOR }));
            let text = written(minor, currency.exponent());
            assert_eq!(Money::parse(&text, currency), Err(MoneyError::OutOfRange { max: MAX_MINOR }), "{text}");
        }
        let finer = format!("1.{}", "0".repeat(currency.exponent() as usize + 1));
        let error = Money::parse(&finer, currency).expect_err("more decimals than there are");
        assert_eq!(code(&error), "too_many_decimals");
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn text_and_storage_round_trip(amount in money()) {
        let text = written(amount.minor(), amount.currency().exponent());
        prop_assert_eq!(amount.to_string(), format!("{} {}", text, amount.currency()));
        prop_assert_eq!(Money::parse(&text, amount.currency()), Ok(amount));
        prop_assert_eq!(Money::from_major(amount.major(), amount.currency()), Ok(amount));
        let stored = serde_json::to_string(&amount).expect("plain data");
        prop_assert_eq!(serde_json::from_str::<Money>(&stored).expect("what was stored"), amount);
    }

    #[test]
    fn storage_refuses_what_no_amount_can_be(minor in any::<i64>(), currency in currency()) {
        let stored = format!(r#"{{"minor":{minor},"currency":"{currency}"}}"#);
        let within = minor.unsigned_abs() <= MAX_MINOR.unsigned_abs();
        prop_assert_eq!(serde_json::from_str::<Money>(&stored).is_ok(), within);
    }

    #[test]
    fn a_text_is_read_as_a_person_would(text in "-?[0-9]{0,20}\\.?[0-9]{0,6}|-?0{0,40}[0-9]{1,16}|.{0,12}", currency in currency()) {
        let expected = read(&text, currency.exponent()).unwrap_or(Err("amount_malformed"));
        let got = Money::parse(&text, currency).map(|amount| i128::from(amount.minor())).map_err(|error| code(&error));
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn sums_and_products_are_exact_or_refused(a in minor(), b in minor(), n in 0..=1_000_000_u32, currency in currency()) {
        let money = |minor| Money::new(minor, currency).expect("within the bound");
        let exact = |value: i128| {
            let within = value.abs() <= i128::from(MAX_MINOR);
            if within { Ok(money(i64::try_from(value).expect("small"))) } else { Err(MoneyError::OutOfRange { max: MAX_MINOR }) }
        };
        let (x, y) = (i128::from(a), i128::from(b));
        prop_assert_eq!(money(a).plus(money(b)), exact(x + y));
        prop_assert_eq!(money(a).minus(money(b)), exact(x - y));
        prop_assert_eq!(money(a).times(n), exact(x * i128::from(n)));
        prop_assert_eq!(money(a).negated().minor(), -a);
        prop_assert_eq!(money(a).at_most(money(b)), Ok(money(a.min(b))));
        prop_assert_eq!(money(a).covers(money(b)), Ok(a >= b));
    }

    #[test]
    fn currencies_never_mix(a in money(), b in money()) {
        prop_assume!(a.currency() != b.currency());
        let mixed = MoneyError::CurrencyMismatch { expected: a.currency(), found: b.currency() };
        prop_assert_eq!(a.plus(b), Err(mixed.clone()));
        prop_assert_eq!(a.minus(b), Err(mixed.clone()));
        prop_assert_eq!(a.at_most(b), Err(mixed.clone()));
        prop_assert_eq!(a.covers(b), Err(mixed));
    }

    #[test]
    fn parts_sum_to_the_whole_and_each_is_within_one_unit(
        whole in money(),
        weights in prop::collection::vec(prop_oneof![0..=5_i64, 0..=MAX_MINOR, -3..=0_i64], 0..=100),
    ) {
        let parts = whole.split(&weights);
        prop_assert_eq!(parts.len(), weights.len());
        if weights.is_empty() {
            return Ok(());
        }
        let sum: i128 = parts.iter().map(|part| i128::from(part.minor())).sum();
        prop_assert_eq!(sum, i128::from(whole.minor()));
        let all: i128 = weights.iter().map(|weight| i128::from((*weight).max(0))).sum();
        if all == 0 {
            prop_assert_eq!(parts[0], whole);
            return Ok(());
        }
        for (part, weight) in parts.iter().zip(&weights) {
            // |part − whole × weight / all| < 1, in integers.
            let off = i128::from(part.minor()) * all - i128::from(whole.minor()) * i128::from((*weight).max(0));
            prop_assert!(off.abs() < all, "{} is off its share by {}/{}", part, off, all);
            prop_assert!(*weight > 0 || part.is_zero(), "no weight, no part");
        }
    }

    #[test]
    fn ties_go_to_the_earlier_part(units in 0..=1_000_i64, parts in 1..=100_usize) {
        let whole = Money::new(units, Currency::KRW).expect("small");
        let shares: Vec<i64> = whole.split(&vec![7; parts]).iter().map(|part| part.minor()).collect();
        prop_assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]), "{:?}", shares);
        prop_assert!(shares[0] - shares[parts - 1] <= 1);
    }

    #[test]
    fn a_percentage_is_exact_rounded_down(rate in 1..=1_000_000_i64, units in 0..=MAX_MINOR) {
        let percent = Percent::new(Decimal::new(rate, 4)).expect("a percentage");
        let share = percent.of(Money::new(units, Currency::USD).expect("within the bound")).expect("a share");
        // rate is in millionths of the whole: share ≤ units × rate / 10⁶ < share + 1.
        let exact = i128::from(units) * i128::from(rate);
        let given = i128::from(share.minor()) * 1_000_000;
        prop_assert!(given <= exact && exact < given + 1_000_000, "{} of {} is not {}", percent.value(), units, share);
    }

    #[test]
    fn percentages_outside_their_range_do_not_exist(mantissa in -2_000_000_i64..=20_000_000, scale in 0..=7_u32) {
        let given = Decimal::new(mantissa, scale);
        let in_range = mantissa > 0 && i128::from(mantissa) <= 100 * 10_i128.pow(scale);
        let fine = 10_i64.pow(scale.saturating_sub(4));
        let sound = in_range && mantissa % fine == 0;
        prop_assert_eq!(Percent::new(given).is_ok(), sound, "{}", given);
        let stored = format!("\"{given}\"");
        match serde_json::from_str::<Percent>(&stored) {
            Ok(read) => prop_assert_eq!(serde_json::to_string(&read).ok(), Some(format!("\"{}\"", given.normalize()))),
            Err(_) => prop_assert!(!sound),
        }
    }
}
