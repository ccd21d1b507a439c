//! Decisions on coupons: the campaign, and handing out copies first come first served.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Case, Decision, Outcome, check_version};
use crate::command::{AddCodes, CouponRef, CreateCoupon, ExpireIssuedCoupon, IssueCoupon, RevokeCoupon, UpdateCoupon};
use crate::coupon::{
    CodeBatch, Copies, Coupon, CouponScope, Discount, Issuance, IssuedCoupon, IssuedCouponStatus, MAX_SCOPE,
    Revocation, SingleUseCode, check_codes,
};
use crate::ids::{CouponId, IssuedCouponId};
use crate::inventory::MAX_QUANTITY;
use crate::money::MoneyError;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::text::CouponCode;

pub(super) fn create<R: Records>(case: &Case<'_, R>, command: &CreateCoupon) -> Result<Decision, Rejection> {
    check_terms(command)?;
    for product in command.scope.products() {
        case.records.product(product).ok_or(Rejection::ProductNotFound { product })?;
    }
    command.code.iter().try_for_each(|code| check_free(case, code))?;
    // After this point it must succeed.
    let coupon = Arc::new(Coupon {
        id: case.ids().unused(|id| case.records.coupon(id).is_some())?,
        code: command.code.clone(),
        name: command.name.clone(),
        discount: command.discount,
        scope: command.scope.clone(),
        stacking: command.stacking,
        priority: command.priority,
        by_code: command.by_code,
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
        check_size(products.len(), MAX_SCOPE)?;
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

fn check_size(size: usize, max: usize) -> Result<(), Rejection> {
    if (1..=max).contains(&size) {
        return Ok(());
    }
    let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    Err(Rejection::QuantityOutOfRange { quantity: number(size), min: 1, max: number(max) })
}

/// Whether no coupon has the code, neither as its own nor among those for one copy.
fn check_free<R: Records>(case: &Case<'_, R>, code: &CouponCode) -> Result<(), Rejection> {
    let taken = case.records.coupon_with_code(code).is_some() || case.records.single_use_code(code).is_some();
    if taken { Err(Rejection::CouponCodeTaken { coupon_code: code.clone() }) } else { Ok(()) }
}

pub(super) fn add_codes<R: Records>(case: &Case<'_, R>, command: &AddCodes) -> Result<Decision, Rejection> {
    check_codes(command.codes.len() as u64)?;
    let mut given = BTreeSet::new();
    if let Some(twice) = command.codes.iter().find(|code| !given.insert(*code)) {
        return Err(Rejection::CouponCodeTaken { coupon_code: twice.clone() });
    }
    let (coupon_id, created_at) = (by_id(case, command.coupon_id)?.id, case.now());
    command.codes.iter().try_for_each(|code| check_free(case, code))?;
    // After this point it must succeed.
    let free = |code: &CouponCode| SingleUseCode { code: code.clone(), coupon_id, created_at, claim: None };
    let codes = command.codes.iter().map(|code| Arc::new(free(code))).collect();
    let quantity = u32::try_from(command.codes.len()).unwrap_or(u32::MAX);
    let outcome = Outcome::CodeBatch(Arc::new(CodeBatch { coupon_id, quantity, created_at }));
    Ok(Decision { changes: Changes { codes, ..Changes::default() }, outcome })
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
    let (coupon, code) = match &command.coupon {
        CouponRef::Id(id) => (without_code(case, *id)?, None),
        CouponRef::Code(code) => by_code(case, code)?,
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
        codes: code.map(|code| Arc::new(code.claimed(&copy))).into_iter().collect(),
        issued_coupons: vec![copy.clone()],
        ..Changes::default()
    };
    Ok(Decision { changes, outcome: Outcome::IssuedCoupon(Arc::new(copy)) })
}

/// A coupon that takes no code to claim.
fn without_code<'a, R: Records>(case: &Case<'a, R>, id: CouponId) -> Result<&'a Coupon, Rejection> {
    let coupon = by_id(case, id)?;
    if coupon.by_code { Err(Rejection::CouponNeedsCode { coupon: id }) } else { Ok(coupon) }
}

/// The coupon behind a code, and the code itself if it is good for one copy.
fn by_code<'a, R: Records>(
    case: &Case<'a, R>,
    code: &CouponCode,
) -> Result<(&'a Coupon, Option<&'a SingleUseCode>), Rejection> {
    let single_use = case.records.single_use_code(code);
    if let Some(claim) = single_use.and_then(|code| code.claim) {
        return Err(Rejection::CouponCodeUsed { coupon_code: code.clone(), claimed_at: claim.claimed_at });
    }
    let id = case.records.coupon_with_code(code).or(single_use.map(|code| code.coupon_id));
    let not_found = || Rejection::CouponCodeNotFound { coupon_code: code.clone() };
    Ok((id.and_then(|id| case.records.coupon(id)).ok_or_else(not_found)?, single_use))
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
