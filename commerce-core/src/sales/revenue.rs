//! Sums of money without a bound.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};

/// Money summed over any number of orders. One amount is bounded by [`MAX_MINOR`](crate::MAX_MINOR); what many orders
/// brought in is not, and is exact however much it is.
///
/// ```
/// use commerce_core::{Currency, MAX_MINOR, Money, Revenue};
///
/// let most = Money::new(MAX_MINOR, Currency::USD)?;
/// let revenue = Revenue::from(most).plus(most.into());
/// assert_eq!(revenue.to_string(), "20000000000000.00 USD");
/// # Ok::<(), commerce_core::MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawRevenue", into = "RawRevenue")]
pub struct Revenue {
    minor: i128,
    currency: Currency,
}

/// The storage form: digits, because not every format has whole numbers of this size.
#[derive(Serialize, Deserialize)]
struct RawRevenue {
    minor: String,
    currency: Currency,
}

impl TryFrom<RawRevenue> for Revenue {
    type Error = <i128 as FromStr>::Err;
    fn try_from(raw: RawRevenue) -> Result<Self, Self::Error> {
        Ok(Self::new(raw.minor.parse()?, raw.currency))
    }
}

impl From<Revenue> for RawRevenue {
    fn from(revenue: Revenue) -> Self {
        Self { minor: revenue.minor.to_string(), currency: revenue.currency }
    }
}

impl From<Money> for Revenue {
    fn from(money: Money) -> Self {
        Self::new(i128::from(money.minor()), money.currency())
    }
}

impl Revenue {
    /// A sum of `minor` units.
    #[must_use]
    pub const fn new(minor: i128, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing yet, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum in whole minor units (won, cents).
    #[must_use]
    pub const fn minor(self) -> i128 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Both together, in the currency of the first: a product keeps its currency, so whoever adds up its sales has
    /// only one. No number of orders comes near the limit of the type.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { minor: self.minor.saturating_add(other.minor), currency: self.currency }
    }

    /// The sum in major units, with the currency's full number of decimals.
    #[must_use]
    pub fn major(self) -> String {
        let decimals = self.currency.exponent() as usize;
        let digits = format!("{:0>1$}", self.minor.unsigned_abs(), decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let (sign, point) = (if self.minor < 0 { "-" } else { "" }, if decimals > 0 { "." } else { "" });
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// Major units and the code: `12.50 USD`.
impl fmt::Display for Revenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.major(), self.currency)
    }
}

impl fmt::Debug for Revenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::MAX_MINOR;

    #[test]
    fn it_is_written_as_an_amount_is() {
        for minor in [0, 1, 9, 10, 99, 100, 1_250, MAX_MINOR, -1, -99, -100, -MAX_MINOR] {
            for currency in [Currency::KRW, Currency::USD] {
                let money = Money::new(minor, currency).expect("an amount");
                assert_eq!(Revenue::from(money).to_string(), money.to_string());
            }
        }
    }

    #[test]
    fn it_goes_past_the_bound_of_an_amount_and_comes_back() {
        let most = Revenue::from(Money::new(MAX_MINOR, Currency::KRW).expect("an amount"));
        let sum = (0..20_000).fold(Revenue::zero(Currency::KRW), |sum, _| sum.plus(most));
        assert_eq!(sum.minor(), 20_000 * i128::from(MAX_MINOR), "past what 64 bits hold");
        let text = serde_json::to_string(&sum).expect("plain data");
        assert_eq!(serde_json::from_str::<Revenue>(&text).expect("what was written"), sum);
        let back = (0..20_000).fold(sum, |sum, _| sum.plus(Revenue::new(-most.minor(), Currency::KRW)));
        assert_eq!(back, Revenue::zero(Currency::KRW));
    }
}
