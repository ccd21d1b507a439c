//! Days of a time zone as stretches of time: 24 hours long, mostly.

use std::ops::Range;
use std::time::Duration;

use chrono::{Days as Whole, NaiveTime, Offset, TimeZone as _};
use thiserror::Error;

use crate::time::{Date, TimeZone, Timestamp};

/// Days one after another, both ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    first: Date,
    last: Date,
}

/// Days that cannot be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DaysError {
    /// The last day is before the first.
    #[error("the days from {first} to {last} are none; name the earlier one first")]
    Reversed {
        /// The first day asked for.
        first: Date,
        /// The last day asked for.
        last: Date,
    },
    /// More days than one request may name.
    #[error("the days from {first} to {last} are {days}, more than {max}; ask for a part of them at a time")]
    TooMany {
        /// The first day asked for.
        first: Date,
        /// The last day asked for.
        last: Date,
        /// How many days these are.
        days: u64,
        /// How many one request may name.
        max: u64,
    },
    /// The last day has not begun.
    #[error("{last} has not begun; today is {today} in the shop's time zone")]
    Future {
        /// The last day asked for.
        last: Date,
        /// Today in the shop's time zone.
        today: Date,
    },
}

impl Days {
    /// The most days that one request may name.
    pub const MAX: u64 = 366;

    /// The days from `first` to `last`, when today is `today`.
    ///
    /// # Errors
    /// [`DaysError`], which says what is wrong with them.
    pub fn new(first: Date, last: Date, today: Date) -> Result<Self, DaysError> {
        if last > today {
            return Err(DaysError::Future { last, today });
        }
        let days = last.signed_duration_since(first).num_days();
        let Some(days) = u64::try_from(days).ok().map(|days| days + 1) else {
            return Err(DaysError::Reversed { first, last });
        };
        if days > Self::MAX {
            return Err(DaysError::TooMany { first, last, days, max: Self::MAX });
        }
        Ok(Self { first, last })
    }

    /// The first day.
    #[must_use]
    pub const fn first(&self) -> Date {
        self.first
    }

    /// The last day.
    #[must_use]
    pub const fn last(&self) -> Date {
        self.last
    }

    /// Each of them, the earliest first.
    pub fn iter(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.last;
        self.first.iter_days().take_while(move |date| *date <= last)
    }
}

/// No zone is further from UTC than this, and no day begins or ends further from UTC's.
const FURTHEST: Duration = Duration::from_secs(26 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Clocks are not put forward or back twice within this time.
const STEP: Duration = Duration::from_secs(15 * 60);

/// The instants at which it is `date` in `zone`, ascending: one stretch of 23 to 25 hours, mostly. Two where clocks are put
/// back across midnight, so that the day begins, stops and begins again; none where a zone skips a day.
///
/// An instant is in one of them exactly if [`Timestamp::date_in`] says `date`.
#[must_use]
pub fn stretches_of(date: Date, zone: TimeZone) -> Vec<Range<Timestamp>> {
    let midnight = Timestamp::from(date.and_time(NaiveTime::MIN).and_utc());
    let end = midnight.plus(DAY).plus(FURTHEST);
    let (mut stretches, mut from) = (Vec::<Range<Timestamp>>::new(), midnight.minus(FURTHEST));
    while from < end {
        let offset = offset_at(from, zone);
        let until = next_change(from, offset, zone, end);
        // Within a piece of one offset the day is that of UTC, moved.
        let begins = moved(date, offset).max(from);
        let ends = date.checked_add_days(Whole::new(1)).map_or(until, |next| moved(next, offset)).min(until);
        match stretches.last_mut() {
            Some(last) if begins < ends && last.end == begins => last.end = ends,
            _ if begins < ends => stretches.push(begins..ends),
            _ => {}
        }
        from = until;
    }
    stretches
}

/// When a day begins where clocks are `offset` seconds ahead of UTC.
fn moved(date: Date, offset: i32) -> Timestamp {
    let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    Timestamp::from_micros(midnight - i64::from(offset) * 1_000_000)
}

fn offset_at(at: Timestamp, zone: TimeZone) -> i32 {
    zone.offset_from_utc_datetime(&at.to_utc().naive_utc()).fix().local_minus_utc()
}

/// The first instant after `from` at which clocks are not `offset` ahead of UTC any more, or `end`.
fn next_change(from: Timestamp, offset: i32, zone: TimeZone, end: Timestamp) -> Timestamp {
    let mut same = from;
    loop {
        let probe = same.plus(STEP).min(end);
        if offset_at(probe, zone) != offset {
            return first_other(same, probe, offset, zone);
        }
        if probe == end {
            return end;
        }
        same = probe;
    }
}

/// Between an instant with the offset and one without, the first without.
fn first_other(mut same: Timestamp, mut other: Timestamp, offset: i32, zone: TimeZone) -> Timestamp {
    while other.as_micros() - same.as_micros() > 1 {
        let middle = Timestamp::from_micros(i64::midpoint(same.as_micros(), other.as_micros()));
        if offset_at(middle, zone) == offset { same = middle } else { other = middle }
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn hours(date: &str, zone: TimeZone) -> Vec<i64> {
        let micros = |range: &Range<Timestamp>| range.end.as_micros() - range.start.as_micros();
        stretches_of(day(date), zone).iter().map(|range| micros(range) / 3_600_000_000).collect()
    }

    #[test]
    fn days_are_as_long_as_they_are() {
        assert_eq!(hours("2026-10-31", TimeZone::America__New_York), [24]);
        assert_eq!(hours("2026-11-01", TimeZone::America__New_York), [25]);
        assert_eq!(hours("2026-03-08", TimeZone::America__New_York), [23]);
        // Clocks were put forward at midnight: the day began at one.
        assert_eq!(hours("2018-11-04", TimeZone::America__Sao_Paulo), [23]);
        // An hour of the day before came twice.
        assert_eq!(hours("2018-02-17", TimeZone::America__Sao_Paulo), [25]);
        // It went from the 29th to the 31st.
        assert_eq!(hours("2011-12-30", TimeZone::Pacific__Apia), Vec::<i64>::new());
        let new_york = stretches_of(day("2026-11-01"), TimeZone::America__New_York);
        assert_eq!(new_york, [at("2026-11-01T04:00:00Z")..at("2026-11-02T05:00:00Z")]);
    }

    /// In 2006 clocks were put back in St. John's a minute after midnight: the new day was a minute old, and then it was
    /// the day before again.
    #[test]
    fn a_day_may_begin_twice() {
        let zone = TimeZone::America__St_Johns;
        let twice = [
            at("2006-10-29T02:30:00Z")..at("2006-10-29T02:31:00Z"),
            at("2006-10-29T03:30:00Z")..at("2006-10-30T03:30:00Z"),
        ];
        assert_eq!(stretches_of(day("2006-10-29"), zone), twice);
        assert_eq!(stretches_of(day("2006-10-28"), zone).len(), 2);
    }

    /// At every quarter of an hour around every change that any of these zones has made, and at every edge.
    #[test]
    fn an_instant_is_on_the_day_that_it_says() {
        for (zone, from, until) in [
            (TimeZone::America__New_York, "2026-10-30", "2026-11-04"),
            (TimeZone::America__New_York, "2026-03-06", "2026-03-10"),
            (TimeZone::America__St_Johns, "2006-10-26", "2006-11-01"),
            (TimeZone::America__Sao_Paulo, "2018-11-02", "2018-11-06"),
            (TimeZone::America__Havana, "2026-10-31", "2026-11-03"),
            (TimeZone::Pacific__Apia, "2011-12-28", "2012-01-02"),
            (TimeZone::Australia__Lord_Howe, "2026-04-03", "2026-04-07"),
            (TimeZone::Asia__Kathmandu, "1985-12-30", "1986-01-03"),
            (TimeZone::Pacific__Kwajalein, "1993-08-18", "1993-08-24"),
            (TimeZone::Asia__Seoul, "2026-11-20", "2026-11-23"),
        ] {
            let dates: Vec<Date> = day(from).iter_days().take_while(|date| *date <= day(until)).collect();
            let stretches: Vec<_> =
                dates.iter().flat_map(|date| stretches_of(*date, zone).into_iter().map(|of| (*date, of))).collect();
            let edges = stretches.iter().flat_map(|(_, of)| [of.start, of.end]);
            let edges =
                edges.flat_map(|edge| (-1..=1).map(move |step| Timestamp::from_micros(edge.as_micros() + step)));
            let (first, last) = (at(&format!("{from}T15:00:00Z")), at(&format!("{until}T09:00:00Z")));
            let quarters = (first.as_micros()..last.as_micros()).step_by(900_000_000).map(Timestamp::from_micros);
            for instant in quarters.chain(edges).filter(|instant| (first..last).contains(instant)) {
                let found: Vec<Date> =
                    stretches.iter().filter(|(_, of)| of.contains(&instant)).map(|(date, _)| *date).collect();
                assert_eq!(found, [instant.date_in(zone)], "{zone} at {instant}");
            }
        }
    }

    #[test]
    fn days_are_checked() {
        let (a, b, c) = (day("2026-11-01"), day("2026-11-03"), day("2026-11-04"));
        let days = Days::new(a, b, b).expect("days");
        assert_eq!(days.iter().collect::<Vec<_>>(), [a, day("2026-11-02"), b]);
        assert_eq!(Days::new(a, a, b).expect("a day").iter().count(), 1);
        assert_eq!(Days::new(b, a, b), Err(DaysError::Reversed { first: b, last: a }));
        assert_eq!(Days::new(a, c, b), Err(DaysError::Future { last: c, today: b }));
        let long_ago = day("2025-11-01");
        assert!(Days::new(day("2025-11-02"), day("2026-11-02"), b).is_ok());
        let too_many = DaysError::TooMany { first: long_ago, last: day("2026-11-02"), days: 367, max: 366 };
        assert_eq!(Days::new(long_ago, day("2026-11-02"), b), Err(too_many));
    }
}
