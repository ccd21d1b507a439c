//! Instants in UTC, whole microseconds; half-open windows; the clock as a port.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub use chrono::NaiveDate as Date;
use chrono::{DateTime, SecondsFormat, Utc};
pub use chrono_tz::Tz as TimeZone;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An instant: whole microseconds since 1970 in UTC, what PostgreSQL keeps exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// Text that is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an instant: write RFC 3339 of the years 1970 to 9999, like \"2026-11-21T09:30:00Z\"")]
pub struct TimestampError;

impl Timestamp {
    /// The last microsecond of the year 9999: past it, RFC 3339 has no text.
    const MAX: i64 = 253_402_300_799_999_999;

    /// From microseconds since 1970, clamped to the years 1970 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < 0 {
            0
        } else if micros > Self::MAX {
            Self::MAX
        } else {
            micros
        })
    }

    /// From milliseconds since 1970, clamped likewise.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(1_000))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0 / 1_000
    }

    /// This instant and `duration` more, at most the end of the year 9999.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// The instant `duration` before this one, at least the beginning of 1970.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// The calendar date at this instant in `zone`.
    #[must_use]
    pub fn date_in(self, zone: TimeZone) -> Date {
        self.to_utc().with_timezone(&zone).date_naive()
    }

    /// The same instant as a `chrono` value.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        // The clamp in `from_micros` keeps every value within chrono's range.
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::from_micros(instant.timestamp_micros())
    }
}

/// RFC 3339 in UTC; a fraction finer than microseconds is cut off.
impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let micros = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError)?.timestamp_micros();
        if (0..=Self::MAX).contains(&micros) { Ok(Self(micros)) } else { Err(TimestampError) }
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;
    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A half-open interval `[from, until)`; without an end it never closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant after it, if it ends.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether `at` is before the window.
    #[must_use]
    pub fn is_before(&self, at: Timestamp) -> bool {
        at < self.from
    }

    /// Whether the window is over at `at`.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| at >= until)
    }
}

/// Where time comes from. Stores read it once per command (or batch); decisions get the reading.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place in the core that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is set: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that reads `at`.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_to_the_microsecond() {
        for text in ["1970-01-01T00:00:00.000000Z", "2026-11-21T09:30:00.123456Z", "9999-12-31T23:59:59.999999Z"] {
            let at: Timestamp = text.parse().expect("an instant");
            assert_eq!(at.to_string(), text);
        }
        let offset: Timestamp = "2026-11-21T09:30:00+09:00".parse().expect("an instant");
        assert_eq!(offset.to_string(), "2026-11-21T00:30:00.000000Z");
        for wrong in ["", "2026-11-21", "1969-12-31T23:59:59Z", "+10000-01-01T00:00:00Z"] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn windows_are_half_open() {
        let (a, b) = (Timestamp::from_micros(10), Timestamp::from_micros(20));
        let window = Window { from: a, until: Some(b) };
        assert!(window.is_before(Timestamp::from_micros(9)) && !window.is_before(a));
        assert!(!window.is_over(Timestamp::from_micros(19)) && window.is_over(b));
    }
}
