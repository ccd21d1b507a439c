//! Several coupons on one basket: which goes first, what each takes off, which lines bear it, and which to take.

use std::cmp::Reverse;

use crate::coupon::{MAX_CANDIDATES, MAX_COUPONS, Stacking};
use crate::ids::{IssuedCouponId, ProductId};
use crate::money::{Money, MoneyError};
use crate::order::{AppliedCoupon, OrderLine};
use crate::pricing::CouponUse;
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// What became of each coupon: what it took off, or why it gave nothing.
pub(crate) type Outcomes = Vec<(IssuedCouponId, Result<AppliedCoupon, Rejection>)>;

/// What coupons have left of a line.
#[derive(Debug, Clone, Copy)]
struct Left {
    product_id: ProductId,
    amount: Money,
}

/// Takes the coupons off the lines, one after another: those of products first, those of the whole order after them,
/// within either the higher priority first, then by the copy's id. Each is reckoned on what those before it have left
/// of its lines, and spread over them in proportion to that; so no line ever falls below zero. One that does not apply
/// takes nothing and says why, and the next goes on as if it had not been given.
pub(crate) fn take_off(lines: &mut [OrderLine], uses: &[CouponUse<'_>], now: Timestamp) -> Result<Outcomes, Rejection> {
    if uses.is_empty() {
        return Ok(Vec::new());
    }
    let mut left = all_of(lines);
    let mut applied: Vec<CouponUse<'_>> = Vec::with_capacity(uses.len());
    let mut outcomes = Vec::with_capacity(uses.len());
    for usage in in_turn(uses) {
        let outcome = take_one_off(&mut left, &usage, &applied, now);
        if outcome.is_ok() {
            applied.push(usage);
        }
        outcomes.push((usage.copy.id, outcome.map(|discount| applied_coupon(&usage, discount))));
    }
    for (line, left) in lines.iter_mut().zip(left) {
        line.discount = line.subtotal.minus(left.amount)?;
    }
    Ok(outcomes)
}

fn all_of(lines: &[OrderLine]) -> Vec<Left> {
    lines.iter().map(|line| Left { product_id: line.product_id, amount: line.subtotal }).collect()
}

fn in_turn<'a>(uses: &[CouponUse<'a>]) -> Vec<CouponUse<'a>> {
    let mut turns = uses.to_vec();
    turns.sort_by_key(|usage| (usage.coupon.scope.is_order(), Reverse(usage.coupon.priority), usage.copy.id));
    turns
}

fn take_one_off(
    lines: &mut [Left],
    usage: &CouponUse<'_>,
    applied: &[CouponUse<'_>],
    now: Timestamp,
) -> Result<Money, Rejection> {
    usage.copy.may_redeem(now)?;
    if let Some(other) = applied.iter().find(|other| !combines(usage, other)) {
        return Err(Rejection::CouponsNotCombinable { issued_coupon: usage.copy.id, with: other.copy.id });
    }
    let mut sum: Option<Money> = None;
    let mut weights = Vec::with_capacity(lines.len());
    for line in lines.iter() {
        if !usage.coupon.scope.covers(line.product_id) {
            weights.push(0);
            continue;
        }
        weights.push(line.amount.minor());
        sum = Some(sum.map_or(Ok(line.amount), |sum| sum.plus(line.amount))?);
    }
    let sum = sum.ok_or(Rejection::CouponOutOfScope { coupon: usage.coupon.id })?;
    let discount = usage.coupon.discount_on(sum)?;
    if discount.is_zero() {
        return Err(Rejection::CouponTakesNothingOff { issued_coupon: usage.copy.id, subtotal: sum });
    }
    let rest = |(line, share): (&Left, Money)| line.amount.minus(share);
    let rests = lines.iter().zip(discount.split(&weights)).map(rest).collect::<Result<Vec<_>, MoneyError>>()?;
    for (line, rest) in lines.iter_mut().zip(rests) {
        line.amount = rest;
    }
    Ok(discount)
}

fn combines(one: &CouponUse<'_>, other: &CouponUse<'_>) -> bool {
    [one, other].iter().all(|usage| usage.coupon.stacking == Stacking::Stackable)
}

fn applied_coupon(usage: &CouponUse<'_>, discount: Money) -> AppliedCoupon {
    AppliedCoupon {
        issued_coupon_id: usage.copy.id,
        coupon_id: usage.coupon.id,
        name: usage.coupon.name.clone(),
        discount,
    }
}

/// Which of several coupons to take, and why not the others.
pub(crate) struct Choice<'a> {
    /// Those that take off most together, in turn.
    pub(crate) taken: Vec<CouponUse<'a>>,
    /// The others, in turn: what the best combination with it takes off, or why it does not apply at all.
    pub(crate) passed_over: Vec<(IssuedCouponId, Result<Money, Rejection>)>,
}

/// The permissible combination that takes off most: of those that take off as much the one of fewest copies, then the
/// one whose copies come first in turn. Permissible is what an order may use: at most [`MAX_COUPONS`], each of which
/// applies. Exact: every permissible combination is reckoned. For that, of the copies that apply to these lines at
/// most [`MAX_CANDIDATES`] may be stackable; exclusive ones are a combination each.
pub(crate) fn choose<'a>(
    lines: &[OrderLine],
    candidates: &[CouponUse<'a>],
    now: Timestamp,
) -> Result<Choice<'a>, Rejection> {
    let lines = all_of(lines);
    let mut search = Search { now, candidates: Vec::new(), best_with: Vec::new(), best: None };
    let mut passed_over = Vec::new();
    for usage in in_turn(candidates) {
        // What does not apply alone applies beside no other: they leave less for it.
        match take_one_off(&mut lines.clone(), &usage, &[], now) {
            Ok(_) => search.candidates.push(usage),
            Err(reason) => passed_over.push((usage.copy.id, Err(reason))),
        }
    }
    let stackable = |usage: &&CouponUse<'_>| usage.coupon.stacking == Stacking::Stackable;
    let stackable = search.candidates.iter().filter(stackable).count();
    if stackable > MAX_CANDIDATES {
        return Err(Rejection::TooManyCoupons { coupons: stackable, max: MAX_CANDIDATES });
    }
    search.best_with = vec![None; search.candidates.len()];
    search.extend(0, &lines, &Combination::default())?;
    let taken = search.best.map_or_else(Vec::new, |best| best.places);
    for (place, (usage, best_with)) in search.candidates.iter().zip(search.best_with).enumerate() {
        if let Some(best_with) = best_with.filter(|_| !taken.contains(&place)) {
            passed_over.push((usage.copy.id, Ok(best_with)));
        }
    }
    let taken = taken.into_iter().filter_map(|place| search.candidates.get(place).copied()).collect();
    Ok(Choice { taken, passed_over })
}

/// Copies that are taken together, by their places among the candidates.
#[derive(Clone, Default)]
struct Combination<'a> {
    places: Vec<usize>,
    uses: Vec<CouponUse<'a>>,
    discount: Option<Money>,
}

struct Search<'a> {
    now: Timestamp,
    /// Those that apply alone, in turn.
    candidates: Vec<CouponUse<'a>>,
    /// The most that any combination with each of them takes off.
    best_with: Vec<Option<Money>>,
    best: Option<Combination<'a>>,
}

impl<'a> Search<'a> {
    /// Reckons every combination that begins with this one, which has left that of the lines.
    fn extend(&mut self, from: usize, lines: &[Left], with: &Combination<'a>) -> Result<(), Rejection> {
        if with.places.len() == MAX_COUPONS {
            return Ok(());
        }
        for place in from..self.candidates.len() {
            let Some(usage) = self.candidates.get(place).copied() else { return Ok(()) };
            // Exclusive ones may be many: asked before anything is copied.
            if with.uses.iter().any(|other| !combines(&usage, other)) {
                continue;
            }
            let mut left = lines.to_vec();
            let Ok(discount) = take_one_off(&mut left, &usage, &with.uses, self.now) else { continue };
            let mut next = with.clone();
            next.places.push(place);
            next.uses.push(usage);
            next.discount = Some(with.discount.map_or(Ok(discount), |sum| sum.plus(discount))?);
            self.note(&next);
            self.extend(place + 1, &left, &next)?;
        }
        Ok(())
    }

    fn note(&mut self, combination: &Combination<'a>) {
        for place in &combination.places {
            if let Some(best) = self.best_with.get_mut(*place) {
                *best = [*best, combination.discount].into_iter().flatten().max_by_key(|discount| discount.minor());
            }
        }
        // Of none: nothing off, by no copies. What takes off nothing is no better.
        let value = |of: &Combination<'_>| (of.discount.map_or(0, Money::minor), Reverse(of.places.len()));
        let best = self.best.as_ref().map_or((0, Reverse(0)), value);
        if value(combination) > best {
            self.best = Some(combination.clone());
        }
    }
}
