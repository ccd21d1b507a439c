//! Daily sales per product, and what is popular.

mod revenue;
mod roll_up;

use std::cmp::Reverse;

pub use revenue::Revenue;
pub(crate) use roll_up::told;
pub use roll_up::{RolledUp, sales_of};

use serde::{Deserialize, Serialize};

use crate::ids::ProductId;
use crate::time::Date;

/// What a product sold on one day of the shop's time zone. Refunds count on the day of the refund, so a day's
/// figures can be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailySales {
    /// Which product.
    pub product_id: ProductId,
    /// The day in the shop's time zone.
    pub date: Date,
    /// Units sold less units refunded.
    pub quantity: i64,
    /// What was paid for them: line subtotals less their share of the discount.
    pub revenue: Revenue,
}

/// A product's standing over several days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Popularity {
    /// Which product.
    pub product_id: ProductId,
    /// Units sold over the days.
    pub quantity: i64,
    /// What was paid for them.
    pub revenue: Revenue,
}

/// Which days and how many products count as popular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PopularQuery {
    /// How many products to name, at most [`PopularQuery::MAX_TOP`]; 5 by default.
    pub top: u32,
    /// How many whole days before today count besides today, at most [`PopularQuery::MAX_DAYS`]; 3 by default.
    pub days: u32,
}

impl Default for PopularQuery {
    fn default() -> Self {
        Self { top: 5, days: 3 }
    }
}

impl PopularQuery {
    /// The most products that are named, however many are asked for.
    pub const MAX_TOP: u32 = 100;
    /// The most days that count, however many are asked for.
    pub const MAX_DAYS: u32 = 366;

    /// The first day that counts, when today is `today`.
    #[must_use]
    pub fn first_day(&self, today: Date) -> Date {
        today.checked_sub_days(chrono::Days::new(u64::from(self.days.min(Self::MAX_DAYS)))).unwrap_or(Date::MIN)
    }
}

/// Ranks products by quantity, ties by revenue in minor units, then by id (design, section 4). What sold
/// nothing net is left out, and so is what comes after [`PopularQuery::MAX_TOP`].
#[must_use]
pub fn rank(mut candidates: Vec<Popularity>, top: u32) -> Vec<Popularity> {
    candidates.retain(|c| c.quantity > 0);
    candidates.sort_by_key(|c| (Reverse(c.quantity), Reverse(c.revenue.minor()), c.product_id));
    candidates.truncate(top.min(PopularQuery::MAX_TOP) as usize);
    candidates
}
