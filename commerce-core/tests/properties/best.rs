//! The best combination of coupons, against every combination there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::decide::{quote, quote_best};
use commerce_core::{
    Basket, Changes, Context, Customer, IdBlock, IssuedCouponId, LineRequest, MAX_CANDIDATES, MAX_COUPONS, NodeId,
    Quantity, Quote, Rejection, Rule, Shop, Stock, WorkingSet,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::cases;
use crate::generate::{at, draft_records, id};
use crate::stacking::{Plain, lines, plain, priced};

fn records(lines: &[(i64, u32)], coupons: &[Plain]) -> WorkingSet {
    let customer = Customer {
        id: id(1),
        username: "mina".parse().expect("a username"),
        name: "Mina".parse().expect("a name"),
        created_at: at(0),
    };
    let mut changes = Changes { customers: vec![Arc::new(customer)], ..Changes::default() };
    let lines: Vec<_> = lines.iter().map(|(unit, quantity)| (*unit, 0, *quantity)).collect();
    for (product, variant, _) in draft_records(&lines) {
        changes.stocks.push(Stock { variant_id: variant.id, on_hand: 1_000, version: 1 });
        changes.products.push(Arc::new(product));
        changes.variants.push(Arc::new(variant));
    }
    for (copy, coupon) in (1..).zip(coupons).map(|(n, plain)| plain.records(n)) {
        changes.issued_coupons.push(copy);
        changes.coupons.push(Arc::new(coupon));
    }
    let mut records = WorkingSet::default();
    records.apply(&changes);
    records
}

fn basket(lines: &[(i64, u32)], coupons: Vec<IssuedCouponId>) -> Basket {
    let line = |(variant, (_, quantity)): (i64, &(i64, u32))| LineRequest {
        variant_id: id(variant),
        quantity: Quantity::new(i64::from(*quantity)).expect("a quantity"),
    };
    let lines: Vec<_> = (1..).zip(lines).map(line).collect();
    Basket { lines: lines.into(), coupons }
}

/// The quote with the best of all coupons, and the one with those that it took.
fn quotes(lines: &[(i64, u32)], coupons: &[Plain]) -> (Result<Quote, Rejection>, Option<Result<Quote, Rejection>>) {
    let (records, shop) = (records(lines, coupons), Shop::default());
    let context = Context { now: at(1), ids: IdBlock::new(0, 0, NodeId::default()), shop: &shop };
    let all = (1..).zip(coupons).map(|(n, _)| id(n)).collect();
    let best = quote_best(&records, id(1), &basket(lines, all), &context);
    let taken = best.as_ref().ok().map(|best| best.coupons.iter().map(|applied| applied.issued_coupon_id).collect());
    let same = taken.map(|taken| quote(&records, id(1), &basket(lines, taken), &context));
    (best, same)
}

/// Every permissible combination by its places, with what it takes off.
fn permissible(lines: &[(i64, u32)], coupons: &[Plain]) -> Vec<(Vec<usize>, i64)> {
    let sets = (0..1_u32 << coupons.len()).map(|mask| (0..coupons.len()).filter(|n| mask >> n & 1 == 1).collect());
    let sets = sets.filter(|set: &Vec<usize>| set.len() <= MAX_COUPONS);
    let priced = sets.map(|set| {
        let priced = priced(lines, coupons, &set);
        priced.coupons.iter().all(|(_, outcome)| outcome.is_ok()).then(|| (set, priced.discount.minor()))
    });
    priced.flatten().collect()
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn no_combination_takes_off_more(lines in lines(), coupons in vec(plain(), 0..=8)) {
        let (best, same) = quotes(&lines, &coupons);
        let best = best.expect("a quote");
        let all = permissible(&lines, &coupons);
        let most = all.iter().map(|(_, off)| *off).max().expect("none of them is one");
        let fewest = all.iter().filter(|(_, off)| *off == most).map(|(set, _)| set.len()).min().expect("one of them");
        prop_assert_eq!((best.discount.minor(), best.coupons.len()), (most, fewest));
        prop_assert_eq!(&best.refusal, &None, "what was passed over refuses nothing");

        // It is what an order of those copies would be.
        let same = same.expect("taken").expect("a quote");
        prop_assert_eq!((&best.lines, &best.coupons, best.total), (&same.lines, &same.coupons, same.total));
        prop_assert_eq!(&best.trace[..same.trace.len()], &same.trace[..]);

        let mut with: BTreeMap<usize, i64> = BTreeMap::new();
        for (set, off) in &all {
            set.iter().for_each(|n| { with.entry(*n).and_modify(|most| *most = (*most).max(*off)).or_insert(*off); });
        }
        let others = &best.trace[same.trace.len()..];
        prop_assert_eq!(others.len() + best.coupons.len(), coupons.len(), "each is told of");
        for step in others {
            let Rule::Coupon { issued_coupon_id } = step.rule else { return Err(TestCaseError::fail("a coupon")) };
            let place = usize::try_from(issued_coupon_id.get() - 1).expect("counted from 1");
            prop_assert_eq!(step.passed_over.map(|most| most.minor()), with.get(&place).copied());
            prop_assert_eq!(step.refused.is_some(), step.passed_over.is_none());
        }
    }

    /// Past the bound it says so, rather than look at some of them.
    #[test]
    fn too_many_stackable_ones_are_refused(
        lines in lines(),
        coupons in vec(plain(), MAX_CANDIDATES - 3..=MAX_CANDIDATES + 3),
    ) {
        let applies = |plain: &&Plain| {
            let alone = priced(&lines, std::slice::from_ref(*plain), &[0]);
            plain.stackable && alone.coupons[0].1.is_ok()
        };
        let stackable = coupons.iter().filter(applies).count();
        match quotes(&lines, &coupons).0 {
            Ok(_) => prop_assert!(stackable <= MAX_CANDIDATES),
            Err(refused) => {
                prop_assert!(stackable > MAX_CANDIDATES);
                prop_assert_eq!(refused, Rejection::TooManyCoupons { coupons: stackable, max: MAX_CANDIDATES });
            }
        }
    }
}
