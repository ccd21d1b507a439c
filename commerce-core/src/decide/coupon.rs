//! Decisions on coupons: the campaign, and handing out copies first come first served.

use std::sync::Arc;

use super::{Case, Decision, Outcome, check_version};
use crate::command::{CouponRef, CreateCoupon, ExpireIssuedCoupon, IssueCoupon, RevokeCoupon, UpdateCoupon};
use crate::coupon::{
    Copies, Coupon, CouponScope, Discount, Issuance, IssuedCoupon, IssuedCouponStatus, MAX_SCOPE, Revocation,
};
use crate::ids::{CouponId, IssuedCouponId};
use crate::inventory::MAX_QUANTITY;
use crate::money::MoneyError;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;

pub(super) fn create<R: Records>(case: &Case<'_, R>, command: &CreateCoupon) -> Result<Decision, Rejection> {
    check_terms(command)?;
    for product in command.scope.products() {
        case.records.product(product).ok_or(Rejection::ProductNotFound { product })?;
    }
    if let Some(code) = &command.code
        && case.records.coupon_with_code(code).is_some()
    {
        return Err(Rejection::CouponCodeTaken { coupon_code: code.clone() });
    }
    // After this point it must succeed.
    let coupon = Arc::new(Coupon {
        id: case.ids().unused(|id| case.records.coupon(id).is_some())?,
        code: command.code.clone(),
        name: command.name.clone(),
        discount: command.discount,
        scope: command.scope.clone(),
        stacking: command.stacking,
        priority: command.priority,
        min_subtotal: command.min_subtotal,
        total_quantity: command.total_quantity,
        per_customer_limit: command.per_customer_limit,
        window: command.window,
        active: command.active,
        version: 1,
        created_at: case.now(),
        updated_at: case.now(),
    });
    let changes = Changes {
        issuances: vec![Issuance { coupon_id: coupon.id, issued: 0 }],
        coupons: vec![Arc::clone(&coupon)],
        ..Changes::default()
    };
    Ok(Decision { changes, outcome: Outcome::Coupon(coupon) })
}

fn check_terms(command: &CreateCoupon) -> Result<(), Rejection> {
    if let CouponScope::Products(products) = &command.scope {
        check_scope(products.len())?;
    }
    let money_off = match command.discount {
        Discount::Amount(amount) => Some(amount),
        Discount::Percent { cap, .. } => cap,
    };
    for amount in [money_off, command.min_subtotal].into_iter().flatten() {
        if !amount.is_positive() {
            return Err(Rejection::AmountNotPositive { amount });
        }
    }
    if let (Some(off), Some(minimum)) = (money_off, command.min_subtotal)
        && off.currency() != minimum.currency()
    {
        return Err(MoneyError::CurrencyMismatch { expected: off.currency(), found: minimum.currency() }.into());
    }
    for quantity in command.total_quantity.into_iter().chain([command.per_customer_limit]) {
        if !(1..=MAX_QUANTITY).contains(&quantity) {
            let (quantity, max) = (i64::from(quantity), i64::from(MAX_QUANTITY));
            return Err(Rejection::QuantityOutOfRange { quantity, min: 1, max });
        }
    }
    match command.window.until {
        Some(until) if until <= command.window.from => Err(Rejection::EmptyWindow { from: command.window.from, until }),
        _ => Ok(()),
    }
}

fn check_scope(products: usize) -> Result<(), Rejection> {
    if (1..=MAX_SCOPE).contains(&products) {
        return Ok(());
    }
    let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    Err(Rejection::QuantityOutOfRange { quantity: number(products), min: 1, max: number(MAX_SCOPE) })
}

pub(super) fn update<R: Records>(case: &Case<'_, R>, command: &UpdateCoupon) -> Result<Decision, Rejection> {
    let active = command.active.ok_or(Rejection::NothingToChange)?;
    let coupon = by_id(case, command.coupon_id)?;
    check_version(command.expected_version, coupon.version)?;
    // After this point it must succeed.
    let changed = Arc::new(Coupon { active, version: coupon.version + 1, updated_at: case.now(), ..coupon.clone() });
    let changes = Changes { coupons: vec![Arc::clone(&changed)], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::Coupon(changed) })
}

pub(super) fn issue<R: Records>(case: &Case<'_, R>, command: &IssueCoupon) -> Result<Decision, Rejection> {
    case.registered(command.customer_id)?;
    let coupon = match &command.coupon {
        CouponRef::Id(id) => by_id(case, *id)?,
        CouponRef::Code(code) => {
            let id = case.records.coupon_with_code(code);
            let not_found = || Rejection::CouponCodeNotFound { coupon_code: code.clone() };
            id.and_then(|id| case.records.coupon(id)).ok_or_else(not_found)?
        }
    };
    let issued = case.records.issuance(coupon.id).map_or(0, |issuance| issuance.issued);
    let copies = case.records.copies(coupon.id, command.customer_id);
    // Whoever has a copy already hears so, sold out or not.
    if copies >= coupon.per_customer_limit {
        return Err(Rejection::CouponAlreadyClaimed { coupon: coupon.id, copies, limit: coupon.per_customer_limit });
    }
    coupon.may_issue(issued, case.now())?;
    // After this point it must succeed.
    let id = case.ids().unused(|id| case.records.issued_coupon(id).is_some())?;
    let copy = IssuedCoupon::issued(id, coupon.id, command.customer_id, case.now(), coupon.window.until);
    let changes = Changes {
        issuances: vec![Issuance { coupon_id: coupon.id, issued: issued + 1 }],
        copies: vec![Copies { coupon_id: coupon.id, customer_id: command.customer_id, count: copies + 1 }],
        issued_coupons: vec![copy.clone()],
        ..Changes::default()
    };
    Ok(Decision { changes, outcome: Outcome::IssuedCoupon(Arc::new(copy)) })
}

pub(super) fn revoke<R: Records>(case: &Case<'_, R>, command: &RevokeCoupon) -> Result<Decision, Rejection> {
    let copy = copy_by_id(case, command.issued_coupon_id)?;
    copy.may_revoke(case.now())?;
    // After this point it must succeed.
    let (actor, reason) = (case.principal.clone(), command.reason.clone());
    let revocation = Some(Arc::new(Revocation { actor, reason, revoked_at: case.now() }));
    Ok(changed(IssuedCoupon { status: IssuedCouponStatus::Revoked, revocation, ..copy.clone() }))
}

pub(super) fn expire<R: Records>(case: &Case<'_, R>, command: &ExpireIssuedCoupon) -> Result<Decision, Rejection> {
    let copy = copy_by_id(case, command.issued_coupon_id)?;
    copy.may_expire(case.now())?;
    // After this point it must succeed.
    Ok(changed(IssuedCoupon { status: IssuedCouponStatus::Expired, ..copy.clone() }))
}

/// Nothing but the copy itself moves: it counts as handed out, whatever becomes of it.
fn changed(copy: IssuedCoupon) -> Decision {
    let changes = Changes { issued_coupons: vec![copy.clone()], ..Changes::default() };
    Decision { changes, outcome: Outcome::IssuedCoupon(Arc::new(copy)) }
}

fn copy_by_id<'a, R: Records>(
    case: &Case<'a, R>,
    issued_coupon: IssuedCouponId,
) -> Result<&'a IssuedCoupon, Rejection> {
    case.records.issued_coupon(issued_coupon).ok_or(Rejection::IssuedCouponNotFound { issued_coupon })
}

fn by_id<'a, R: Records>(case: &Case<'a, R>, coupon: CouponId) -> Result<&'a Coupon, Rejection> {
    case.records.coupon(coupon).ok_or(Rejection::CouponNotFound { coupon })
}
