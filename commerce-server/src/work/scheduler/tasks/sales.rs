//! The nightly roll-up: the days that are over, told anew.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Days;
use commerce_core::{Date, Store, StoreError};

use super::{Done, Failed, Occasion, Task, counts};

/// Rolls up yesterday, and every day since the last run that succeeded.
#[derive(Clone)]
pub struct DailySales(pub Arc<dyn Store>);

/// The most days that a run catches up with; an operator may roll up any others.
const MOST: u64 = 366;

#[async_trait]
impl Task for DailySales {
    async fn run(&self, occasion: &Occasion) -> Result<Done, Failed> {
        let [mut days, mut lines, mut corrected] = [0; 3];
        for date in self.days(occasion)? {
            let rolled_up = self.0.roll_up(date).await?;
            for correction in &rolled_up.corrections {
                tracing::warn!(%date, what = %correction, "sales were booked otherwise, and were put right");
            }
            days += 1;
            lines += rolled_up.lines;
            corrected += rolled_up.corrected;
        }
        Ok(counts([("days", days), ("lines", lines), ("corrected", corrected)]).into())
    }
}

impl DailySales {
    fn days(&self, occasion: &Occasion) -> Result<impl Iterator<Item = Date> + use<>, StoreError> {
        let zone = self.0.shop().time_zone;
        let today = occasion.run.started_at.date_in(zone);
        let before = |days| today.checked_sub_days(Days::new(days));
        let none = || StoreError::Corrupt { what: format!("there is no day before {today}") };
        let (yesterday, earliest) = (before(1).ok_or_else(none)?, before(MOST).ok_or_else(none)?);
        // A run tells the days before the one that it begins on.
        let first = occasion.record.succeeded_at.map_or(yesterday, |at| at.date_in(zone)).clamp(earliest, yesterday);
        Ok(first.iter_days().take_while(move |date| *date <= yesterday))
    }
}
