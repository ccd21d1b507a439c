//! When a job runs by itself: a cron expression, in the time zone of the shop.

use std::fmt;
use std::str::FromStr;

use commerce_core::{TimeZone, Timestamp};
use croner::Cron;
use croner::parser::{CronParser, Year};

/// A cron expression, or never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Only when an operator asks for it.
    Off,
    /// At every instant that the expression names.
    Cron(Box<Expression>),
}

/// A cron expression: as it was written, and as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    cron: Cron,
}

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no schedule: {reason}; write a cron expression of five fields (minute, hour, day of the month, month, \
     day of the week), or of six with seconds in front, like \"10 0 * * *\" for ten past midnight, or \"off\""
)]
pub struct ScheduleError {
    /// What was given.
    pub given: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Schedule {
    /// The word for never.
    pub const OFF: &'static str = "off";

    /// The expression as it was written; none for never.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Off => None,
            Self::Cron(expression) => Some(&expression.text),
        }
    }

    /// The first instant after `at` that it names on the clocks of `zone`. Where clocks are put forward over a time of day,
    /// that time comes right after; where they are put back, it comes once. What goes by intervals follows the clock.
    #[must_use]
    pub fn next_after(&self, at: Timestamp, zone: TimeZone) -> Option<Timestamp> {
        let Self::Cron(expression) = self else { return None };
        let next = expression.cron.find_next_occurrence(&at.to_utc().with_timezone(&zone), false).ok()?;
        Some(next.with_timezone(&chrono::Utc).into())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        if text == Self::OFF {
            return Ok(Self::Off);
        }
        let refused = |reason: String| ScheduleError { given: text.to_owned(), reason };
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| refused(error.to_string().trim_end_matches('.').to_owned()))?;
        let schedule = Self::Cron(Box::new(Expression { text: text.to_owned(), cron }));
        match schedule.next_after(Timestamp::from_micros(0), TimeZone::UTC) {
            Some(_) => Ok(schedule),
            None => Err(refused("there is no such day".to_owned())),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().unwrap_or(Self::OFF))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    /// The instants after `from` that an expression names in New York.
    fn named(expression: &str, from: &str, count: usize) -> Vec<String> {
        let schedule: Schedule = expression.parse().expect("a schedule");
        let next = |at: &Timestamp| schedule.next_after(*at, TimeZone::America__New_York);
        std::iter::successors(Some(at(from)), next).skip(1).take(count).map(|at| at.to_string()).collect()
    }

    #[test]
    fn days_are_the_shops() {
        // 1 November has 25 hours: midnight is four hours behind UTC's, and five the night after.
        let nights = named("10 0 * * *", "2026-10-31T12:00:00Z", 3);
        assert_eq!(
            nights,
            ["2026-11-01T04:10:00.000000Z", "2026-11-02T05:10:00.000000Z", "2026-11-03T05:10:00.000000Z"]
        );
        let nights = named("10 0 * * *", "2026-03-07T12:00:00Z", 3);
        assert_eq!(
            nights,
            ["2026-03-08T05:10:00.000000Z", "2026-03-09T04:10:00.000000Z", "2026-03-10T04:10:00.000000Z"]
        );
    }

    #[test]
    fn a_time_of_day_comes_once_a_day() {
        // Half past two is left out on 8 March, and half past one comes twice on 1 November.
        let forward = named("30 2 * * *", "2026-03-07T12:00:00Z", 2);
        assert_eq!(forward, ["2026-03-08T07:00:00.000000Z", "2026-03-09T06:30:00.000000Z"]);
        let back = named("30 1 * * *", "2026-10-31T12:00:00Z", 2);
        assert_eq!(back, ["2026-11-01T05:30:00.000000Z", "2026-11-02T06:30:00.000000Z"]);
    }

    #[test]
    fn intervals_follow_the_clock() {
        let back = named("*/30 * * * *", "2026-11-01T05:00:00Z", 4);
        let halves = ["05:30", "06:00", "06:30", "07:00"].map(|time| format!("2026-11-01T{time}:00.000000Z"));
        assert_eq!(back, halves);
        let seconds = named("*/20 * * * * *", "2026-11-01T05:59:30Z", 2);
        assert_eq!(seconds, ["2026-11-01T05:59:40.000000Z", "2026-11-01T06:00:00.000000Z"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_what_to_write() {
        assert_eq!("off".parse(), Ok(Schedule::Off));
        assert_eq!("off".parse::<Schedule>().expect("off").next_after(at("2026-11-01T05:00:00Z"), TimeZone::UTC), None);
        for wrong in ["", "never", "* * * *", "61 * * * *", "0 0 30 2 *", "0 0 1 1 * * 2020", "0 25 * * *"] {
            let error = wrong.parse::<Schedule>().expect_err(wrong).to_string();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains("\"10 0 * * *\""), "{error}");
        }
        let schedule: Schedule = " 10 0 * * * ".parse().expect("a schedule");
        assert_eq!(schedule.to_string(), "10 0 * * *");
    }
}
