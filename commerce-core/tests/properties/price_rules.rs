//! Price rules: every unit price against a plain reckoning, microsecond by microsecond and unit by unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::{
    DraftLine, PriceRule, PriceRules, PriceTier, Product, Quantity, ScheduledPrice, Timestamp, Variant, Window, price,
    price_of,
};
use proptest::prelude::*;

use crate::cases;
use crate::generate::{at, draft_records, krw};

/// The price of a unit from so many units on, ascending by quantity.
type Tiers = BTreeMap<u32, i64>;
/// From, how long if not for ever, and the price; each begins so long after the one before it ends.
type Schedule = Vec<(i64, i64, i64)>;

fn tiers() -> impl Strategy<Value = Tiers> {
    prop::collection::btree_map(2..=30_u32, 0..=1_500_i64, 0..5)
}

fn schedule() -> impl Strategy<Value = (Schedule, bool)> {
    (prop::collection::vec((0..4_i64, 1..6_i64, 0..=1_500_i64), 0..4), any::<bool>())
}

/// The rules, and the windows as plain numbers.
fn rules(tiers: &Tiers, (schedule, endless): &(Schedule, bool)) -> (PriceRules, Vec<(i64, Option<i64>, i64)>) {
    let mut end = 0;
    let mut windows = Vec::new();
    for (n, (gap, lasts, won)) in schedule.iter().enumerate() {
        let from = end + gap;
        end = from + lasts;
        let last = *endless && n + 1 == schedule.len();
        windows.push((from, (!last).then_some(end), *won));
    }
    let tier = |(from, won): (&u32, &i64)| PriceTier {
        from_quantity: Quantity::new(i64::from(*from)).expect("a quantity"),
        unit_price: krw(*won),
    };
    let scheduled = |(from, until, won): &(i64, Option<i64>, i64)| ScheduledPrice {
        window: Window { from: at(*from), until: until.map(at) },
        unit_price: krw(*won),
    };
    let rules =
        PriceRules { tiers: tiers.iter().map(tier).collect(), scheduled: windows.iter().map(scheduled).collect() };
    (rules, windows)
}

fn goods(plain: i64, rules: &PriceRules) -> (Product, Variant) {
    let (product, variant, _) = draft_records(&[(plain, 0, 1)]).remove(0);
    (product, Variant { price_rules: Some(Arc::new(rules.clone())), ..variant })
}

fn unit(goods: &(Product, Variant), units: u64, now: Timestamp) -> (i64, Option<PriceRule>) {
    let (price, rule) = price_of(&goods.0, &goods.1, || units, now).expect("a price");
    (price.minor(), rule)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_unit_costs_what_a_plain_reckoning_says(
        plain in 0..=1_500_i64, tiers in tiers(), schedule in schedule(), units in 1..=35_u32, now in 0..=40_i64,
    ) {
        let (rules, windows) = rules(&tiers, &schedule);
        // Of half-open windows that follow one another, the one that began last is in force, unless it is over.
        let began = windows.iter().rfind(|(from, ..)| *from <= now);
        let sale = began.filter(|(_, until, _)| until.is_none_or(|until| now < until));
        let price = sale.map_or(plain, |(.., won)| *won);
        let tier = tiers.range(..=units).next_back().filter(|(_, won)| **won < price);
        let expected = match (tier, sale) {
            (Some((from, won)), _) => (*won, Some(PriceRule::Tier { from_quantity: *from })),
            (None, Some((from, ..))) => (price, Some(PriceRule::Scheduled { from: at(*from) })),
            (None, None) => (price, None),
        };
        prop_assert_eq!(unit(&goods(plain, &rules), units.into(), at(now)), expected);
    }

    #[test]
    fn where_tiers_go_down_more_units_never_make_one_dearer(
        plain in 0..=1_500_i64, tiers in tiers(), schedule in schedule(), now in 0..=40_i64,
    ) {
        let mut prices: Vec<i64> = tiers.values().copied().collect();
        prices.sort_unstable_by(|a, b| b.cmp(a));
        let down: Tiers = tiers.keys().copied().zip(prices).collect();
        let goods = goods(plain, &rules(&down, &schedule).0);
        let units: Vec<i64> = (1..=35).map(|units| unit(&goods, units, at(now)).0).collect();
        prop_assert!(units.is_sorted_by(|few, more| few >= more), "{:?}", units);
    }

    #[test]
    fn units_on_several_lines_are_one_quantity(
        plain in 0..=1_500_i64, tiers in tiers(), parts in prop::collection::vec(1..=10_u32, 1..5),
    ) {
        let rules = rules(&tiers, &(Vec::new(), false)).0;
        let goods = goods(plain, &rules);
        let draft = |quantity| DraftLine { product: &goods.0, variant: &goods.1, quantity };
        let whole = price(&[draft(parts.iter().sum())], &[], at(0)).expect("a price");
        let apart = price(&parts.iter().map(|part| draft(*part)).collect::<Vec<_>>(), &[], at(0)).expect("a price");
        prop_assert_eq!(apart.total, whole.total);
        for line in apart.lines {
            prop_assert_eq!((line.unit_price, line.priced_by), (whole.lines[0].unit_price, whole.lines[0].priced_by));
        }
    }

    #[test]
    fn the_name_of_a_rule_is_read_back(rule in prop_oneof![
        any::<u32>().prop_map(|from_quantity| PriceRule::Tier { from_quantity }),
        (0..=4_000_000_000_000_000_i64).prop_map(|micros| PriceRule::Scheduled { from: Timestamp::from_micros(micros) }),
    ]) {
        prop_assert_eq!(rule.to_string().parse(), Ok(rule));
    }
}
