//! The model's price rules, reckoned once more by hand.

use std::collections::BTreeMap;

use commerce_core::{PriceRule, PriceRules, Timestamp};

use crate::support::model::{Verdict, refuse_if};

const MOST: usize = 50;

/// What a unit of a variant costs, where it is not the plain price.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prices {
    /// By the least quantity.
    tiers: BTreeMap<i64, i64>,
    /// From, until, price.
    scheduled: Vec<(i64, Option<i64>, i64)>,
}

impl Prices {
    pub(super) fn of(rules: &PriceRules) -> Self {
        let micros = Timestamp::as_micros;
        Self {
            tiers: rules.tiers.iter().map(|t| (i64::from(t.from_quantity.get()), t.unit_price.minor())).collect(),
            scheduled: rules
                .scheduled
                .iter()
                .map(|s| (micros(s.window.from), s.window.until.map(micros), s.unit_price.minor()))
                .collect(),
        }
    }

    /// What refuses such rules for goods in that currency.
    pub(super) fn check(rules: &PriceRules, currency: &str) -> Verdict {
        refuse_if(rules.tiers.len() > MOST || rules.scheduled.len() > MOST, "too_many_price_rules")?;
        let tiers = rules.tiers.iter().map(|tier| tier.unit_price);
        for price in tiers.chain(rules.scheduled.iter().map(|scheduled| scheduled.unit_price)) {
            refuse_if(price.currency().code() != currency, "currency_mismatch")?;
            refuse_if(price.minor() < 0, "negative_price")?;
        }
        let mut least = 1;
        for tier in &rules.tiers {
            let quantity = tier.from_quantity.get();
            refuse_if(quantity == 1, "quantity_out_of_range")?;
            refuse_if(quantity <= least, "price_tiers_unordered")?;
            least = quantity;
        }
        // Until when there is no other: for ever after one without an end.
        let mut taken = i64::MIN;
        for scheduled in &rules.scheduled {
            let (from, until) = (scheduled.window.from, scheduled.window.until);
            refuse_if(until.is_some_and(|until| until <= from), "empty_window")?;
            refuse_if(from.as_micros() < taken, "scheduled_prices_overlap")?;
            taken = until.map_or(i64::MAX, Timestamp::as_micros);
        }
        Ok(())
    }

    /// What one of so many units costs then, and by which rule.
    pub(super) fn unit(&self, plain: i64, units: i64, now: i64) -> (i64, Option<PriceRule>) {
        let in_force =
            |(from, until, _): &&(i64, Option<i64>, i64)| *from <= now && until.is_none_or(|until| now < until);
        let (price, rule) = match self.scheduled.iter().find(in_force) {
            Some((from, _, price)) => (*price, Some(PriceRule::Scheduled { from: Timestamp::from_micros(*from) })),
            None => (plain, None),
        };
        match self.tiers.range(..=units).next_back() {
            Some((from, tier)) if *tier < price => {
                let from_quantity = u32::try_from(*from).expect("a quantity");
                (*tier, Some(PriceRule::Tier { from_quantity }))
            }
            _ => (price, rule),
        }
    }
}
