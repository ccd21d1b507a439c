//! Booked sales against what the orders say.
//!
//! Sales are booked as orders are paid, and add up over all orders of a day: no one moment shows both but by stopping
//! the shop. So what is booked is read before the orders and after them: where it is the same, nothing was sold in
//! between, and the orders must say it too. Where it is not, it is left to a time when the product rests.

use std::collections::BTreeMap;

use super::drift::Drift;
use crate::ids::ProductId;
use crate::sales::{DailySales, Revenue, sales_of, told};
use crate::store::OrderFacts;
use crate::time::{Date, TimeZone};

/// A day of the shop and a product.
pub(super) type Day = (Date, ProductId);

/// Units and money.
type Figures = (i64, Revenue);

/// What is booked, at some time.
#[derive(Default)]
pub(super) struct Booked(BTreeMap<Day, Figures>);

impl Booked {
    pub(super) fn read(&mut self, day: &DailySales) {
        self.0.insert((day.date, day.product_id), (day.quantity, day.revenue));
    }
}

/// What the orders say was paid for, day by day.
pub(super) struct Sold {
    time_zone: TimeZone,
    days: BTreeMap<Day, Figures>,
}

impl Sold {
    pub(super) const fn new(time_zone: TimeZone) -> Self {
        Self { time_zone, days: BTreeMap::new() }
    }

    /// Adds what an order's history says.
    pub(super) fn read(&mut self, order: &OrderFacts) {
        let zone = self.time_zone;
        for sold in order.events.iter().flat_map(|event| sales_of(event, zone)) {
            self.count((sold.date, sold.product_id), sold.quantity, sold.revenue);
        }
    }

    fn count(&mut self, day: Day, quantity: i64, revenue: Revenue) {
        let nothing = (0, Revenue::zero(revenue.currency()));
        let sum = self.days.entry(day).or_insert(nothing);
        *sum = (sum.0.saturating_add(quantity), sum.1.plus(revenue));
    }
}

/// What a reading of the orders between two of the booked sales comes to.
#[derive(Default)]
pub(super) struct Comparison {
    /// How many days of products were compared.
    pub(super) compared: u64,
    /// How many were sold in between.
    pub(super) unsettled: u64,
    /// Where the two differ.
    pub(super) drifts: BTreeMap<Day, Drift>,
}

impl Comparison {
    pub(super) fn of(before: &Booked, sold: &Sold, after: &Booked) -> Self {
        let mut found = Self::default();
        let days = before.0.keys().chain(sold.days.keys()).chain(after.0.keys());
        for day in days.collect::<std::collections::BTreeSet<_>>() {
            let (first, booked, sold) = (before.0.get(day), after.0.get(day), sold.days.get(day));
            if first != booked {
                found.unsettled += 1;
                continue;
            }
            found.compared += 1;
            if told(booked) != told(sold) {
                let (date, product_id) = *day;
                let drift = Drift::Sales { date, product_id, booked: booked.copied(), sold: sold.copied() };
                found.drifts.insert(*day, drift);
            }
        }
        found
    }

    /// Keeps what a second look finds as well: what was sold and refunded during the first one, and so left what is
    /// booked as it was, is not found again.
    pub(super) fn confirmed_by(mut self, second: &Self) -> Self {
        self.drifts.retain(|day, drift| second.drifts.get(day) == Some(drift));
        self
    }
}
