//! Pricing: every amount against an independent calculation in `i128`.

use commerce_core::{
    AppliedCoupon, CouponUse, Discount, DraftLine, MAX_MINOR, Money, Percent, Priced, Product, Rejection, Timestamp,
    Variant, price,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::cases;
use crate::generate::{KRW, coupon, draft_records, issued_coupon, krw};

/// Base price, additional price, quantity.
type Line = (i64, i64, u32);

/// What a coupon takes off, in plain numbers.
#[derive(Debug, Clone, Copy)]
enum Off {
    Amount(i64),
    /// Millionths of the subtotal, and the cap.
    Rate(i64, Option<i64>),
}

impl Off {
    fn discount(self) -> Discount {
        match self {
            Self::Amount(amount) => Discount::Amount(krw(amount)),
            Self::Rate(rate, cap) => Discount::Percent {
                rate: Percent::new(Decimal::new(rate, 4)).expect("a percentage"),
                cap: cap.map(krw),
            },
        }
    }

    fn expected(self, subtotal: i128) -> i128 {
        match self {
            Self::Amount(amount) => subtotal.min(i128::from(amount)),
            Self::Rate(rate, cap) => {
                let share = subtotal * i128::from(rate) / 1_000_000;
                share.min(cap.map_or(i128::MAX, i128::from))
            }
        }
    }
}

fn off() -> impl Strategy<Value = Off> {
    let rate = prop_oneof![1..=1_000_000_i64, Just(1_000_000), (1..=100_i64).prop_map(|percent| percent * 10_000)];
    prop_oneof![
        prop_oneof![1..=200_000_i64, 1..=MAX_MINOR].prop_map(Off::Amount),
        (rate, prop::option::of(1..=100_000_i64)).prop_map(|(rate, cap)| Off::Rate(rate, cap)),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (prop_oneof![0..=20_i64, 0..=50_000_i64], prop_oneof![Just(0), 0..=999_i64], 1..=1_000_u32);
    prop::collection::vec(line, 1..=12)
}

fn priced(lines: &[Line], off: Option<Off>) -> Result<Priced, Rejection> {
    priced_from(lines, off, None)
}

fn priced_from(lines: &[Line], off: Option<Off>, minimum: Option<i64>) -> Result<Priced, Rejection> {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let records: Vec<(Product, Variant, u32)> = draft_records(lines);
    let drafts: Vec<DraftLine<'_>> = records
        .iter()
        .map(|(product, variant, quantity)| DraftLine { product, variant, quantity: *quantity })
        .collect();
    let coupon = off.map(|off| coupon(off.discount(), minimum));
    let copy = coupon.as_ref().map(|coupon| issued_coupon(coupon.id));
    let uses: Vec<CouponUse<'_>> = copy.iter().zip(&coupon).map(|(copy, coupon)| CouponUse { copy, coupon }).collect();
    price(&drafts, &uses, now)
}

fn applied(priced: &Priced) -> Option<&AppliedCoupon> {
    priced.coupons.first().and_then(|(_, outcome)| outcome.as_ref().ok())
}

fn subtotal(lines: &[Line]) -> i128 {
    lines.iter().map(|(base, more, quantity)| i128::from(base + more) * i128::from(*quantity)).sum()
}

fn number(money: Money) -> i128 {
    i128::from(money.minor())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_figures_are_the_independent_ones(lines in lines(), off in prop::option::of(off())) {
        let priced = priced(&lines, off).expect("a price");
        let subtotal = subtotal(&lines);
        let discount = off.map_or(0, |off| off.expected(subtotal));
        prop_assert_eq!(number(priced.subtotal), subtotal);
        prop_assert_eq!(number(priced.discount), discount);
        prop_assert_eq!(number(priced.total), subtotal - discount);
        prop_assert!((0..=subtotal).contains(&discount));
        // What would take nothing off does not apply.
        let applies = off.map(|_| priced.discount).filter(|discount| !discount.is_zero());
        prop_assert_eq!(applied(&priced).map(|coupon| coupon.discount), applies);
        prop_assert!(priced.lines.iter().all(|line| line.subtotal.currency() == KRW));
    }

    /// Of the coupon itself, whatever pricing makes of it: the subtotal bounds it, from nothing to the largest amount.
    #[test]
    fn a_coupon_alone_never_takes_off_more_than_the_subtotal(
        off in off(),
        subtotal in prop_oneof![0..=10_i64, 0..=200_000_i64, 0..=MAX_MINOR],
    ) {
        let discount = coupon(off.discount(), None).discount_on(krw(subtotal)).expect("a discount");
        prop_assert!((0..=subtotal).contains(&discount.minor()), "{} off {}", discount, subtotal);
        prop_assert_eq!(number(discount), off.expected(i128::from(subtotal)));
    }

    #[test]
    fn the_lines_share_the_discount_to_the_last_unit(lines in lines(), off in off()) {
        let priced = priced(&lines, Some(off)).expect("a price");
        let (whole, discount) = (number(priced.subtotal), number(priced.discount));
        prop_assert_eq!(priced.lines.iter().map(|line| number(line.discount)).sum::<i128>(), discount);
        for (line, (base, more, quantity)) in priced.lines.iter().zip(&lines) {
            prop_assert_eq!(line.unit_price.minor(), base + more);
            prop_assert_eq!(number(line.subtotal), i128::from(base + more) * i128::from(*quantity));
            prop_assert!((0..=number(line.subtotal)).contains(&number(line.discount)), "{:?}", line);
            let off_by = number(line.discount) * whole - discount * number(line.subtotal);
            prop_assert!(off_by.abs() < whole.max(1), "within one unit of the exact share");
        }
    }

    /// With a minimum this is not so, and is not meant to be: the unit that reaches it makes the whole cheaper.
    #[test]
    fn more_units_never_cost_less(lines in lines(), off in prop::option::of(off()), at in any::<prop::sample::Index>(), more in 1..=500_u32) {
        let before = priced(&lines, off).expect("a price");
        let mut lines = lines;
        let at = at.index(lines.len());
        lines[at].2 += more;
        let after = priced(&lines, off).expect("a price");
        prop_assert!(after.total.minor() >= before.total.minor());
        prop_assert!(after.discount.minor() >= before.discount.minor());
    }

    #[test]
    fn the_order_of_lines_is_irrelevant_to_the_total(
        (lines, shuffled) in lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        off in prop::option::of(off()),
    ) {
        let (one, other) = (priced(&lines, off).expect("a price"), priced(&shuffled, off).expect("a price"));
        prop_assert_eq!((one.subtotal, one.discount, one.total), (other.subtotal, other.discount, other.total));
    }

    #[test]
    fn one_line_of_n_costs_as_much_as_n_lines_of_one(base in 0..=100_000_i64, n in 1..=50_u32, off in prop::option::of(off())) {
        let together = priced(&[(base, 0, n)], off).expect("a price");
        let apart = priced(&vec![(base, 0, 1); n as usize], off).expect("a price");
        prop_assert_eq!((together.subtotal, together.total), (apart.subtotal, apart.total));
    }

    #[test]
    fn a_percentage_never_exceeds_its_promise_nor_misses_it_by_a_unit(lines in lines(), rate in 1..=1_000_000_i64) {
        let priced = priced(&lines, Some(Off::Rate(rate, None))).expect("a price");
        let (exact, given) = (number(priced.subtotal) * i128::from(rate), number(priced.discount) * 1_000_000);
        prop_assert!(given <= exact && exact < given + 1_000_000);
    }

    #[test]
    fn below_its_minimum_a_coupon_gives_nothing_and_says_why(lines in lines(), off in off(), minimum in 1..=3_000_000_i64) {
        let priced = priced_from(&lines, Some(off), Some(minimum)).expect("a price");
        let subtotal = subtotal(&lines);
        match &priced.coupons[0].1 {
            Ok(applied) => {
                prop_assert!(subtotal >= i128::from(minimum));
                prop_assert_eq!(number(applied.discount), off.expected(subtotal));
            }
            Err(Rejection::BelowMinimum { subtotal: was, minimum: least, .. }) => {
                prop_assert!(subtotal < i128::from(minimum));
                prop_assert_eq!((number(*was), least.minor()), (subtotal, minimum));
                prop_assert!(priced.discount.is_zero() && priced.total == priced.subtotal);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn past_the_bounds_there_is_no_price(
        lines in prop::collection::vec((0..=MAX_MINOR, prop_oneof![Just(0), 0..=MAX_MINOR], 1..=1_000_000_u32), 1..=5),
        small in prop::bool::ANY,
    ) {
        let lines: Vec<Line> = if small {
            lines.into_iter().map(|(base, more, n)| (base / 1_000_000, more / 1_000_000, n / 10 + 1)).collect()
        } else {
            lines
        };
        let bound = i128::from(MAX_MINOR);
        let unit_too_dear = lines.iter().any(|(base, more, _)| i128::from(base + more) > bound);
        match priced(&lines, None) {
            Ok(priced) => prop_assert_eq!(number(priced.total), subtotal(&lines)),
            Err(refused) => {
                prop_assert_eq!(refused.code(), "amount_out_of_range");
                prop_assert!(unit_too_dear || subtotal(&lines) > bound);
            }
        }
    }
}

#[test]
fn without_lines_there_is_no_price() {
    assert_eq!(priced(&[], None), Err(Rejection::NoLines));
}
