//! Instants: parse, print, parse is the identity, in one canonical form.

use commerce_core::{TimeZone, Timestamp};

use crate::round_trip::survives_json;

/// Zones with whole, half and quarter hours, both sides of the date line, and summer time.
const ZONES: &[TimeZone] = &[
    TimeZone::UTC,
    TimeZone::Asia__Seoul,
    TimeZone::America__New_York,
    TimeZone::Asia__Kathmandu,
    TimeZone::Pacific__Kiritimati,
    TimeZone::Pacific__Pago_Pago,
];

/// Reads the input as an instant.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(at) = text.parse::<Timestamp>() else { return };
    let printed = at.to_string();
    assert!(canonical(&printed), "{printed:?}");
    assert_eq!(printed.parse(), Ok(at), "{text:?} -> {printed:?}");
    assert_eq!(Timestamp::from_micros(at.as_micros()), at);
    assert_eq!(Timestamp::from(at.to_utc()), at);
    survives_json(&at);

    let date = at.date_in(TimeZone::UTC);
    assert!(printed.starts_with(&date.to_string()), "{date} is not the date of {printed}");
    for zone in ZONES {
        let days = at.date_in(*zone).signed_duration_since(date).num_days();
        assert!((-1..=1).contains(&days), "{at} in {zone} is {days} days away");
    }
}

/// `2026-11-21T09:30:00.123456Z`: always as long, so that texts sort as instants do.
fn canonical(text: &str) -> bool {
    const SHAPE: &str = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    let fits = |(c, shape): (char, char)| if shape == 'd' { c.is_ascii_digit() } else { c == shape };
    text.len() == SHAPE.len() && text.chars().zip(SHAPE.chars()).all(fits)
}
