//! Time: instants keep their microsecond, windows are half-open, dates are the zone's.

use commerce_core::{Date, TimeZone, Timestamp, Window};
use proptest::prelude::*;

use crate::cases;
use crate::generate::{instant, window};

const LAST: i64 = 253_402_300_799_999_999;
const DAY: i64 = 86_400_000_000;

/// Days since 1970 as a date, by the civil calendar's rule and not by the library's.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn text_of(date: Date) -> String {
    date.to_string()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn instants_round_trip_as_text_and_in_storage(at in instant()) {
        let text = at.to_string();
        prop_assert_eq!(text.parse::<Timestamp>(), Ok(at));
        let stored = serde_json::to_string(&at).expect("plain data");
        prop_assert_eq!(&stored, &format!("\"{text}\""));
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&stored).expect("what was stored"), at);
        prop_assert_eq!(Timestamp::from(at.to_utc()), at);
    }

    #[test]
    fn instants_stay_within_what_has_a_text(micros in any::<i64>()) {
        prop_assert_eq!(Timestamp::from_micros(micros).as_micros(), micros.clamp(0, LAST));
    }

    #[test]
    fn later_is_later_and_never_past_the_end(at in instant(), micros in any::<u64>()) {
        let later = at.plus(std::time::Duration::from_micros(micros));
        let exact = i128::from(at.as_micros()) + i128::from(micros);
        prop_assert_eq!(i128::from(later.as_micros()), exact.min(i128::from(LAST)));
    }

    #[test]
    fn a_window_is_its_beginning_and_not_its_end(window in window(), at in instant(), near in -2..=2_i64, end in any::<bool>()) {
        let edge = if end { window.until.unwrap_or(window.from) } else { window.from };
        for at in [at, Timestamp::from_micros(edge.as_micros() + near)] {
            let (t, from) = (at.as_micros(), window.from.as_micros());
            prop_assert_eq!(window.is_before(at), t < from);
            prop_assert_eq!(window.is_over(at), window.until.is_some_and(|until| t >= until.as_micros()));
        }
        let stored = serde_json::to_string(&window).expect("plain data");
        prop_assert_eq!(serde_json::from_str::<Window>(&stored).expect("what was stored"), window);
    }

    #[test]
    fn a_date_is_the_zones(at in instant()) {
        for (zone, offset_hours) in [(TimeZone::UTC, 0), (TimeZone::Etc__GMTMinus9, 9), (TimeZone::Etc__GMTPlus8, -8)] {
            let (year, month, day) = civil((at.as_micros() + offset_hours * 3_600_000_000).div_euclid(DAY));
            let (text, width) = (text_of(at.date_in(zone)), if year > 9_999 { 0 } else { 4 });
            let expected = format!("{year:0width$}-{month:02}-{day:02}");
            prop_assert_eq!(text.trim_start_matches('+'), expected);
        }
    }
}

#[test]
fn a_day_of_the_shop_begins_at_its_own_midnight() {
    let zone = TimeZone::America__New_York;
    // The night the clocks go forward: 05:00 UTC before, 04:00 UTC after.
    for (instant, date) in [
        ("2026-03-08T04:59:59.999999Z", "2026-03-07"),
        ("2026-03-08T05:00:00Z", "2026-03-08"),
        ("2026-03-09T03:59:59.999999Z", "2026-03-08"),
        ("2026-03-09T04:00:00Z", "2026-03-09"),
    ] {
        let at: Timestamp = instant.parse().expect("an instant");
        assert_eq!(text_of(at.date_in(zone)), date, "{instant}");
    }
}
