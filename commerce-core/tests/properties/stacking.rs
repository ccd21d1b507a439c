//! Several coupons on one basket: every amount and every share against an independent calculation in `i128`.

use std::collections::BTreeSet;

use commerce_core::{
    Coupon, CouponScope, CouponUse, Discount, DraftLine, IssuedCoupon, MAX_COUPONS, Percent, Priced, Rejection,
    Stacking, paid_for, price,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::cases;
use crate::generate::{at, coupon, draft_records, id, issued_coupon, krw};

/// A coupon in plain numbers.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    /// Lines that it is for, from 0; none for all.
    pub(crate) lines: Option<BTreeSet<usize>>,
    pub(crate) stackable: bool,
    pub(crate) priority: u16,
    /// An amount, or so many millionths.
    pub(crate) off: Result<i64, i64>,
    pub(crate) minimum: Option<i64>,
}

pub(crate) fn plain() -> impl Strategy<Value = Plain> + Clone {
    let off = prop_oneof![(1..=3_000_i64).prop_map(Ok), (1..=1_000_000_i64).prop_map(Err)];
    let lines = prop::option::of(prop::collection::btree_set(0..5_usize, 1..4));
    let minimum = prop_oneof![3 => Just(None), 1 => (1..=6_000_i64).prop_map(Some)];
    (lines, prop::bool::weighted(0.9), 0..3_u16, off, minimum)
        .prop_map(|(lines, stackable, priority, off, minimum)| Plain { lines, stackable, priority, off, minimum })
}

/// Unit price and quantity of lines of as many products.
pub(crate) fn lines() -> impl Strategy<Value = Vec<(i64, u32)>> + Clone {
    vec((prop_oneof![0..=3_i64, 0..=2_000_i64], 1..=5_u32), 1..=5)
}

impl Plain {
    /// Copy and campaign `n`.
    pub(crate) fn records(&self, n: i64) -> (IssuedCoupon, Coupon) {
        let discount = match self.off {
            Ok(amount) => Discount::Amount(krw(amount)),
            Err(rate) => {
                Discount::Percent { rate: Percent::new(Decimal::new(rate, 4)).expect("a percentage"), cap: None }
            }
        };
        let product = |line: &usize| id(i64::try_from(*line).expect("small") + 1);
        let scope = |lines: &BTreeSet<usize>| CouponScope::Products(lines.iter().map(product).collect());
        let coupon = Coupon {
            id: id(n),
            scope: self.lines.as_ref().map_or(CouponScope::Order, scope),
            stacking: if self.stackable { Stacking::Stackable } else { Stacking::Exclusive },
            priority: self.priority,
            ..coupon(discount, self.minimum)
        };
        (IssuedCoupon { id: id(n), ..issued_coupon(coupon.id) }, coupon)
    }

    fn covers(&self, line: usize) -> bool {
        self.lines.as_ref().is_none_or(|lines| lines.contains(&line))
    }
}

/// Each coupon's amount or the code of its refusal, by its place; and what each line bears.
type Reckoned = (Vec<(usize, Result<i128, &'static str>)>, Vec<i128>);

pub(crate) fn reckon(lines: &[(i64, u32)], coupons: &[Plain]) -> Reckoned {
    let subtotals: Vec<i128> = lines.iter().map(|(unit, n)| i128::from(*unit) * i128::from(*n)).collect();
    let mut borne = vec![0_i128; lines.len()];
    let mut turns: Vec<usize> = (0..coupons.len()).collect();
    turns.sort_by_key(|n| (coupons[*n].lines.is_none(), std::cmp::Reverse(coupons[*n].priority), *n));
    let (mut outcomes, mut before): (Vec<_>, Vec<usize>) = (Vec::new(), Vec::new());
    for n in turns {
        let one = &coupons[n];
        let left: Vec<i128> =
            (0..lines.len()).map(|at| if one.covers(at) { subtotals[at] - borne[at] } else { 0 }).collect();
        let whole: i128 = left.iter().sum();
        let stacks = one.stackable && before.iter().all(|b| coupons[*b].stackable);
        let off = if !(before.is_empty() || stacks) {
            Err("coupons_not_combinable")
        } else if !(0..lines.len()).any(|at| one.covers(at)) {
            Err("coupon_out_of_scope")
        } else if one.minimum.is_some_and(|least| whole < i128::from(least)) {
            Err("below_minimum")
        } else {
            let off = match one.off {
                Ok(amount) => whole.min(i128::from(amount)),
                Err(rate) => whole * i128::from(rate) / 1_000_000,
            };
            if off == 0 { Err("coupon_takes_nothing_off") } else { Ok(off) }
        };
        if let Ok(off) = off {
            before.push(n);
            let mut rest: Vec<i128> = left.iter().map(|left| off * left % whole.max(1)).collect();
            let mut shares: Vec<i128> = left.iter().map(|left| off * left / whole.max(1)).collect();
            while shares.iter().sum::<i128>() < off {
                let best = (0..rest.len()).fold(0, |best, at| if rest[at] > rest[best] { at } else { best });
                shares[best] += 1;
                rest[best] = -1;
            }
            borne.iter_mut().zip(shares).for_each(|(borne, share)| *borne += share);
        }
        outcomes.push((n, off));
    }
    (outcomes, borne)
}

pub(crate) fn priced(lines: &[(i64, u32)], coupons: &[Plain], given: &[usize]) -> Priced {
    let lines: Vec<_> = lines.iter().map(|(unit, quantity)| (*unit, 0, *quantity)).collect();
    let records = draft_records(&lines);
    let drafts: Vec<DraftLine<'_>> = records
        .iter()
        .map(|(product, variant, quantity)| DraftLine { product, variant, quantity: *quantity })
        .collect();
    let campaigns: Vec<_> = (1..).zip(coupons).map(|(n, plain)| plain.records(n)).collect();
    let uses: Vec<_> = given.iter().map(|n| CouponUse { copy: &campaigns[*n].0, coupon: &campaigns[*n].1 }).collect();
    price(&drafts, &uses, at(1)).expect("a price")
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_figures_are_the_independent_ones(
        lines in lines(),
        (coupons, given) in vec(plain(), 0..=MAX_COUPONS).prop_flat_map(|coupons| {
            let places: Vec<usize> = (0..coupons.len()).collect();
            (Just(coupons), Just(places).prop_shuffle())
        }),
    ) {
        let priced = priced(&lines, &coupons, &given);
        let (outcomes, borne) = reckon(&lines, &coupons);
        let found: Vec<_> = priced.coupons.iter().map(|(copy, outcome)| {
            let place = usize::try_from(copy.get() - 1).expect("counted from 1");
            let off = outcome.as_ref().map(|applied| i128::from(applied.discount.minor())).map_err(Rejection::code);
            (place, off)
        }).collect();
        prop_assert_eq!(&found, &outcomes, "in turn, whatever order they were given in");
        let shares: Vec<_> = priced.lines.iter().map(|line| i128::from(line.discount.minor())).collect();
        prop_assert_eq!(&shares, &borne);
        prop_assert_eq!(shares.iter().sum::<i128>(), i128::from(priced.discount.minor()));
        prop_assert_eq!(priced.subtotal.minor() - priced.discount.minor(), priced.total.minor());
        for line in &priced.lines {
            prop_assert!((0..=line.subtotal.minor()).contains(&line.discount.minor()), "{:?}", line);
        }
    }

    /// Unit by unit, what comes back of every line sums to what was paid for the order.
    #[test]
    fn what_is_returned_of_all_units_sums_to_the_payment(lines in lines(), coupons in vec(plain(), 0..=MAX_COUPONS)) {
        let given: Vec<usize> = (0..coupons.len()).collect();
        let priced = priced(&lines, &coupons, &given);
        let mut back = 0;
        for line in &priced.lines {
            for unit in 1..=line.quantity {
                let (before, after) = (paid_for(line, unit - 1).expect("within bounds"), paid_for(line, unit).expect("within bounds"));
                prop_assert!(after.minor() >= before.minor());
                back += after.minor() - before.minor();
            }
        }
        prop_assert_eq!(back, priced.total.minor());
    }

    #[test]
    fn a_line_out_of_scope_bears_nothing(lines in lines(), mut coupons in vec(plain(), 1..=MAX_COUPONS), at in 0..5_usize) {
        for coupon in &mut coupons {
            let all = (0..5).collect();
            coupon.lines.get_or_insert(all).remove(&at);
        }
        let given: Vec<usize> = (0..coupons.len()).collect();
        let priced = priced(&lines, &coupons, &given);
        prop_assert!(priced.lines.get(at).is_none_or(|line| line.discount.is_zero()));
    }
}
