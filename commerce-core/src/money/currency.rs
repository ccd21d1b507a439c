//! ISO 4217: the codes and their number of decimals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::MoneyError;

/// A currency of ISO 4217, known by its three-letter code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency([u8; 3]);

/// Codes whose minor unit is not a hundredth, by decimals; every other code has two.
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";
const FOUR_DECIMALS: &str = "CLF UYW";
const TWO_DECIMALS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN \
    BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD \
    MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN \
    QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD \
    TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG";

impl Currency {
    /// South Korean won, no decimals.
    pub const KRW: Self = Self(*b"KRW");
    /// United States dollar, two decimals.
    pub const USD: Self = Self(*b"USD");
    /// Euro, two decimals.
    pub const EUR: Self = Self(*b"EUR");
    /// Japanese yen, no decimals.
    pub const JPY: Self = Self(*b"JPY");
    /// Kuwaiti dinar, three decimals.
    pub const KWD: Self = Self(*b"KWD");

    /// Looks a code up; only the capital letters of the standard are accepted.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::UnknownCurrency { code: code.chars().take(40).collect() };
        let bytes: [u8; 3] = code.as_bytes().try_into().map_err(|_| unknown())?;
        Self::all().find(|c| c.0 == bytes).ok_or_else(unknown)
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(&self) -> &str {
        // Only codes of the tables above are ever built, so this is always text.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Decimals of the minor unit: 0 for KRW, 2 for USD, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        let listed = |codes: &str| codes.as_bytes().chunks(4).any(|code| code.starts_with(&self.0));
        match () {
            () if listed(NO_DECIMALS) => 0,
            () if listed(THREE_DECIMALS) => 3,
            () if listed(FOUR_DECIMALS) => 4,
            () => 2,
        }
    }

    /// Every currency that money can be in: the active codes of ISO 4217 that have a minor unit.
    pub fn all() -> impl Iterator<Item = Self> {
        [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS, FOUR_DECIMALS]
            .into_iter()
            .flat_map(str::split_ascii_whitespace)
            .filter_map(|code| code.as_bytes().try_into().ok().map(Self))
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::from_code(code)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::from_code(&code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ISO 4217 codes without a minor unit: metals, funds, test codes. No price is in them.
    const NO_MINOR_UNIT: &[&str] =
        &["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"];

    #[test]
    fn the_table_agrees_with_the_published_one() {
        use iso_currency::{Currency as Published, IntoEnumIterator};
        for published in Published::iter().filter(|p| p.is_superseded().is_none()) {
            let code = published.code();
            let ours = Currency::from_code(code);
            match published.exponent() {
                _ if NO_MINOR_UNIT.contains(&code) => assert!(ours.is_err(), "{code} has no minor unit"),
                exponent => assert_eq!(
                    ours.unwrap_or_else(|_| panic!("{code} is missing")).exponent(),
                    u32::from(exponent.unwrap_or(0)),
                    "{code}"
                ),
            }
        }
        assert_eq!(Currency::all().count(), Currency::all().collect::<std::collections::BTreeSet<_>>().len());
    }

    #[test]
    fn only_the_standards_capitals_are_codes() {
        for wrong in ["", "krw", "KR", "KRWX", "XXX", "₩", "K W", "AB "] {
            assert!(Currency::from_code(wrong).is_err(), "{wrong:?}");
        }
    }
}
