//! A day's sales, told anew from what was paid and refunded on it.

use std::collections::BTreeMap;

use super::{DailySales, Revenue};
use crate::ids::ProductId;
use crate::order::{OrderChange, OrderEvent, OrderStatus};
use crate::reconcile::Drift;
use crate::time::{Date, TimeZone};

/// What an event of an order sold, or took back, line by line. An order is sold when it is paid, at what each line costs
/// after its share of the discount; what is refunded is taken off again on its own day, once it is really back.
#[must_use]
pub fn sales_of(event: &OrderEvent, zone: TimeZone) -> Vec<DailySales> {
    let date = event.at.date_in(zone);
    let row = |product_id, quantity, revenue| DailySales { product_id, date, quantity, revenue };
    match &event.change {
        OrderChange::Refunded { refund } => {
            let returned = refund.lines.iter().filter_map(|returned| {
                let place = usize::try_from(returned.position).ok()?.checked_sub(1)?;
                let product_id = event.order.lines.get(place)?.product_id;
                Some(row(product_id, -i64::from(returned.quantity), Revenue::from(returned.amount.negated())))
            });
            returned.collect()
        }
        // Nothing is back yet, or will be.
        OrderChange::RefundStarted { .. } | OrderChange::RefundFailed { .. } => Vec::new(),
        _ if event.to == OrderStatus::Paid => {
            let paid = |line: &crate::order::OrderLine| {
                let revenue = Revenue::from(line.subtotal).plus(Revenue::from(line.discount.negated()));
                row(line.product_id, i64::from(line.quantity), revenue)
            };
            event.order.lines.iter().map(paid).collect()
        }
        _ => Vec::new(),
    }
}

/// What a roll-up of a day came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledUp {
    /// Which day.
    pub date: Date,
    /// How many lines of orders and refunds fell on it.
    pub lines: u64,
    /// Of how many products.
    pub products: u64,
    /// How many products' sales were booked otherwise, and were put right.
    pub corrected: u64,
    /// The first [`RolledUp::TOLD`] of them by product id, each as it was found.
    pub corrections: Vec<Drift>,
}

impl RolledUp {
    /// How many corrections are told one by one.
    pub const TOLD: usize = 100;

    /// Compares what is booked for a day with what its lines say, by product; for stores that have both at hand.
    #[must_use]
    pub fn compare(
        date: Date,
        booked: &BTreeMap<ProductId, (i64, Revenue)>,
        lines: impl IntoIterator<Item = DailySales>,
    ) -> (Self, Vec<DailySales>) {
        let mut sold: BTreeMap<ProductId, (i64, Revenue)> = BTreeMap::new();
        let mut count = 0;
        for line in lines {
            count += 1;
            let sum = sold.entry(line.product_id).or_insert((0, Revenue::zero(line.revenue.currency())));
            *sum = (sum.0.saturating_add(line.quantity), sum.1.plus(line.revenue));
        }
        let mut rolled_up =
            Self { date, lines: count, products: sold.len() as u64, corrected: 0, corrections: Vec::new() };
        let mut put_right = Vec::new();
        let products: std::collections::BTreeSet<_> = booked.keys().chain(sold.keys()).copied().collect();
        for product_id in products {
            let (was, is) = (booked.get(&product_id).copied(), sold.get(&product_id).copied());
            if told(was.as_ref()) == told(is.as_ref()) {
                continue;
            }
            rolled_up.corrected += 1;
            if rolled_up.corrections.len() < Self::TOLD {
                rolled_up.corrections.push(Drift::Sales { date, product_id, booked: was, sold: is });
            }
            let nothing = |(_, revenue): (i64, Revenue)| (0, Revenue::zero(revenue.currency()));
            if let Some((quantity, revenue)) = is.or(was.map(nothing)) {
                put_right.push(DailySales { product_id, date, quantity, revenue });
            }
        }
        (rolled_up, put_right)
    }
}

/// Nothing booked and nothing sold are the same, whether there is a row that says so or not.
pub(crate) fn told(figures: Option<&(i64, Revenue)>) -> Option<&(i64, Revenue)> {
    figures.filter(|(quantity, revenue)| *quantity != 0 || revenue.minor() != 0)
}
