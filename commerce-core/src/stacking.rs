//! Several coupons on one basket: which goes first, what each takes off, and which lines bear it.

use std::cmp::Reverse;

use crate::coupon::Stacking;
use crate::ids::IssuedCouponId;
use crate::money::{Money, MoneyError};
use crate::order::{AppliedCoupon, OrderLine};
use crate::pricing::CouponUse;
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// What became of each coupon: what it took off, or why it gave nothing.
pub(crate) type Outcomes = Vec<(IssuedCouponId, Result<AppliedCoupon, Rejection>)>;

/// Takes the coupons off the lines, one after another: those of products first, those of the whole order after them,
/// within either the higher priority first, then by the copy's id. Each is reckoned on what those before it have left
/// of its lines, and spread over them in proportion to that; so no line ever falls below zero. One that does not apply
/// takes nothing and says why, and the next goes on as if it had not been given.
pub(crate) fn take_off(lines: &mut [OrderLine], uses: &[CouponUse<'_>], now: Timestamp) -> Outcomes {
    let mut sequence = uses.to_vec();
    sequence.sort_by_key(|usage| (usage.coupon.scope.is_order(), Reverse(usage.coupon.priority), usage.copy.id));
    let mut applied: Vec<CouponUse<'_>> = Vec::with_capacity(sequence.len());
    let mut outcomes = Vec::with_capacity(sequence.len());
    for usage in sequence {
        let outcome = take_one_off(lines, &usage, &applied, now);
        if outcome.is_ok() {
            applied.push(usage);
        }
        outcomes.push((usage.copy.id, outcome));
    }
    outcomes
}

fn take_one_off(
    lines: &mut [OrderLine],
    usage: &CouponUse<'_>,
    applied: &[CouponUse<'_>],
    now: Timestamp,
) -> Result<AppliedCoupon, Rejection> {
    usage.copy.may_redeem(now)?;
    if let Some(other) = applied.iter().find(|other| !combines(usage, other)) {
        return Err(Rejection::CouponsNotCombinable { issued_coupon: usage.copy.id, with: other.copy.id });
    }
    let mut left: Option<Money> = None;
    let mut weights = Vec::with_capacity(lines.len());
    for line in lines.iter() {
        if !usage.coupon.scope.covers(line.product_id) {
            weights.push(0);
            continue;
        }
        let rest = line.total()?;
        weights.push(rest.minor());
        left = Some(left.map_or(Ok(rest), |sum| sum.plus(rest))?);
    }
    let left = left.ok_or(Rejection::CouponOutOfScope { coupon: usage.coupon.id })?;
    let discount = usage.coupon.discount_on(left)?;
    let share = |(line, share): (&OrderLine, Money)| line.discount.plus(share);
    let shares = lines.iter().zip(discount.split(&weights)).map(share).collect::<Result<Vec<_>, MoneyError>>()?;
    for (line, discount) in lines.iter_mut().zip(shares) {
        line.discount = discount;
    }
    Ok(AppliedCoupon {
        issued_coupon_id: usage.copy.id,
        coupon_id: usage.coupon.id,
        name: usage.coupon.name.clone(),
        discount,
    })
}

fn combines(one: &CouponUse<'_>, other: &CouponUse<'_>) -> bool {
    [one, other].iter().all(|usage| usage.coupon.stacking == Stacking::Stackable)
}
