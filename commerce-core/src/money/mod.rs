//! Exact money: whole minor units and a currency, every operation checked.

mod currency;

pub use currency::Currency;

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The largest amount, in minor units, that any price, balance or total may have (design, section 4).
///
/// Amounts are signed (a ledger entry may be negative), so this bounds the absolute value.
pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

/// Why an amount of money was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MoneyError {
    /// The text is not a plain decimal number: digits without a superfluous leading zero, at most one point, an
    /// optional leading minus.
    #[error("{text:?} is not an amount; write major units as digits, like \"29000\" or \"12.50\"")]
    Malformed {
        /// What was given, shortened to 40 characters.
        text: String,
    },
    /// More decimals than the currency has.
    #[error("{currency} has {allowed} decimals, the amount has {given}")]
    TooManyDecimals {
        /// The currency of the amount.
        currency: Currency,
        /// Decimals that were given.
        given: u32,
        /// Decimals that the currency allows.
        allowed: u32,
    },
    /// Beyond [`MAX_MINOR`], or an arithmetic result would be.
    #[error("the amount is beyond the bound of {max} minor units")]
    OutOfRange {
        /// The bound, [`MAX_MINOR`].
        max: i64,
    },
    /// Two currencies met in one calculation.
    #[error("{found} cannot be combined with {expected}")]
    CurrencyMismatch {
        /// The currency that the calculation is in.
        expected: Currency,
        /// The currency that came in.
        found: Currency,
    },
    /// Not a code of ISO 4217.
    #[error("{code:?} is not an ISO 4217 currency code; write three capital letters, like \"KRW\"")]
    UnknownCurrency {
        /// What was given, shortened to 40 characters.
        code: String,
    },
    /// A percentage outside `(0, 100]` or with more than four decimals.
    #[error("a percentage is more than 0, at most 100, with at most 4 decimals; got {given}")]
    PercentOutOfRange {
        /// What was given.
        given: String,
    },
}

/// An exact, signed amount: whole minor units of one [`Currency`], at most [`MAX_MINOR`] in size.
///
/// ```
/// use commerce_core::{Currency, Money};
///
/// let price = Money::parse("12.50", Currency::USD)?;
/// assert_eq!(price.minor(), 1250);
/// assert_eq!(price.times(3)?.to_string(), "37.50 USD");
/// assert!(Money::parse("12.505", Currency::USD).is_err());
/// # Ok::<(), commerce_core::MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawMoney", into = "RawMoney")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// The storage form of [`Money`]: minor units, so that nothing is parsed as a decimal on the way back.
#[derive(Serialize, Deserialize)]
struct RawMoney {
    minor: i64,
    currency: Currency,
}

impl TryFrom<RawMoney> for Money {
    type Error = MoneyError;
    fn try_from(raw: RawMoney) -> Result<Self, MoneyError> {
        Self::new(raw.minor, raw.currency)
    }
}

impl From<Money> for RawMoney {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: money.currency }
    }
}

impl Money {
    /// An amount of `minor` units; [`MoneyError::OutOfRange`] past [`MAX_MINOR`].
    pub const fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor > MAX_MINOR || minor < -MAX_MINOR {
            return Err(MoneyError::OutOfRange { max: MAX_MINOR });
        }
        Ok(Self { minor, currency })
    }

    /// The greatest amount there is, [`MAX_MINOR`], in `currency`.
    #[must_use]
    pub const fn most(currency: Currency) -> Self {
        Self { minor: MAX_MINOR, currency }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads major units ("29000", "12.50", "-3"), refusing more decimals than the currency has,
    /// exponents, signs other than a leading minus, superfluous leading zeros, blanks and grouping.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let malformed = || MoneyError::Malformed { text: text.chars().take(40).collect() };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let superfluous_zero = whole.len() > 1 && whole.starts_with('0');
        if !digits(whole) || !digits(decimals) || superfluous_zero {
            return Err(malformed());
        }
        let given = unsigned.split_once('.').map_or(0, |(_, d)| u32::try_from(d.len()).unwrap_or(u32::MAX));
        if given > currency.exponent() {
            return Err(MoneyError::TooManyDecimals { currency, given, allowed: currency.exponent() });
        }
        // 17 digits hold every amount within the bound; more cannot be one, whatever they say.
        if whole.len() > 17 {
            return Err(MoneyError::OutOfRange { max: MAX_MINOR });
        }
        Decimal::from_str_exact(text).map_err(|_| malformed()).and_then(|major| Self::from_major(major, currency))
    }

    /// Converts major units; refuses decimals that the currency does not have.
    pub fn from_major(major: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let major = major.normalize();
        if major.scale() > currency.exponent() {
            return Err(MoneyError::TooManyDecimals { currency, given: major.scale(), allowed: currency.exponent() });
        }
        let out_of_range = MoneyError::OutOfRange { max: MAX_MINOR };
        let minor = major
            .checked_mul(Decimal::from(10_i64.pow(currency.exponent())))
            .and_then(|minor| minor.to_i64())
            .ok_or(out_of_range)?;
        Self::new(minor, currency)
    }

    /// The amount in whole minor units (won, cents).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount in major units, with the currency's full number of decimals.
    #[must_use]
    pub fn major(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    /// Whether the amount is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Whether the amount is more than zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// Whether the amount is less than zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The sum; refuses mixed currencies and results past the bound.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        // Both are within 10^15, so the i64 sum cannot overflow; `new` checks the bound.
        Self::new(self.minor + other.minor, self.currency)
    }

    /// The difference; refuses mixed currencies and results past the bound.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::new(self.minor - other.minor, self.currency)
    }

    /// The amount `quantity` times; refuses results past the bound.
    pub fn times(self, quantity: u32) -> Result<Self, MoneyError> {
        let product = i128::from(self.minor) * i128::from(quantity);
        let minor = i64::try_from(product).map_err(|_| MoneyError::OutOfRange { max: MAX_MINOR })?;
        Self::new(minor, self.currency)
    }

    /// The amount with the opposite sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { minor: -self.minor, currency: self.currency }
    }

    /// The smaller of two amounts; refuses mixed currencies.
    pub fn at_most(self, limit: Self) -> Result<Self, MoneyError> {
        self.same_currency(limit)?;
        Ok(if self.minor <= limit.minor { self } else { limit })
    }

    /// Whether this amount reaches `other`; refuses mixed currencies.
    pub fn covers(self, other: Self) -> Result<bool, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor >= other.minor)
    }

    /// Splits the amount over `weights` by largest remainder: the parts always sum to the whole,
    /// each is within one minor unit of its exact share, and ties go to the earlier part.
    ///
    /// Negative weights count as zero. With no positive weight the first part takes all; without parts
    /// the result is empty (there is nothing to split over).
    #[must_use]
    pub fn split(self, weights: &[i64]) -> Vec<Self> {
        let weight = |i: usize| i128::from(weights[i].max(0));
        let sum: i128 = (0..weights.len()).map(weight).sum();
        if sum == 0 {
            let whole = |i| if i == 0 { self } else { Self::zero(self.currency) };
            return (0..weights.len()).map(whole).collect();
        }
        let size = i128::from(self.minor.unsigned_abs());
        let mut parts: Vec<i128> = (0..weights.len()).map(|i| size * weight(i) / sum).collect();
        let remainder = |i: usize| size * weight(i) % sum;
        let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
        by_remainder.sort_by_key(|&i| std::cmp::Reverse(remainder(i)));
        let left_over = size - parts.iter().sum::<i128>();
        for &i in by_remainder.iter().take(usize::try_from(left_over).unwrap_or(usize::MAX)) {
            parts[i] += 1;
        }
        // Each part is at most the whole, so it is back within the bound of an i64.
        let signed = |part: i128| i64::try_from(part).unwrap_or(i64::MAX) * self.minor.signum();
        parts.into_iter().map(|part| Self { minor: signed(part), currency: self.currency }).collect()
    }

    pub(crate) fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { expected: self.currency, found: other.currency })
    }
}

/// Major units and the code: `12.50 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.major(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A discount rate in percent: more than 0, at most 100, with at most four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Percent(Decimal);

impl Percent {
    /// Checks a percentage; `10` means ten percent.
    pub fn new(percent: Decimal) -> Result<Self, MoneyError> {
        let normal = percent.normalize();
        if normal <= Decimal::ZERO || normal > Decimal::ONE_HUNDRED || normal.scale() > 4 {
            return Err(MoneyError::PercentOutOfRange { given: percent.to_string() });
        }
        Ok(Self(normal))
    }

    /// The rate in percent.
    #[must_use]
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// This share of `amount`, rounded **down** to the minor unit: never more than was promised
    /// (design, section 4: the only rounding there is).
    pub fn of(self, amount: Money) -> Result<Money, MoneyError> {
        // Scaled by 10^4, the rate is a whole number of at most 10^6: exact integer arithmetic.
        let out_of_range = || MoneyError::PercentOutOfRange { given: self.0.to_string() };
        let scaled = (self.0 * Decimal::from(10_000)).to_i128().ok_or_else(out_of_range)?;
        let share = (i128::from(amount.minor) * scaled).div_euclid(1_000_000);
        let minor = i64::try_from(share).map_err(|_| MoneyError::OutOfRange { max: MAX_MINOR })?;
        Money::new(minor, amount.currency)
    }
}

impl TryFrom<Decimal> for Percent {
    type Error = MoneyError;
    fn try_from(percent: Decimal) -> Result<Self, MoneyError> {
        Self::new(percent)
    }
}

impl From<Percent> for Decimal {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}
