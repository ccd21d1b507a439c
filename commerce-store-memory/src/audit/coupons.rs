//! Coupons, and customers with their copies.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::{
    CodeFacts, CouponFacts, CouponId, HeldCopy, HeldCount, HolderFacts, IssuedCoupon, IssuedCouponId, Redemption,
    RedemptionStatus, SingleUseCode,
};

use crate::tables::{CouponRow, CustomerRow, Tables};

pub(super) fn coupon_facts(row: &CouponRow) -> CouponFacts {
    CouponFacts {
        coupon_id: row.coupon.id,
        issued: row.issuance.issued,
        copies: row.copies.len() as u64,
        total_quantity: row.coupon.total_quantity,
    }
}

pub(super) fn holder_facts(tables: &Tables, row: &CustomerRow) -> HolderFacts {
    let mut uses = uses(tables, row);
    let copies = row.issued_coupons.iter().filter_map(|id| tables.issued_coupons.get(id));
    let held = |copy: &IssuedCoupon| HeldCopy {
        copy: copy.clone(),
        uses: uses.remove(&copy.id).unwrap_or_default(),
        // A redemption hangs on its order here: it cannot be there without it.
        lost_orders: Vec::new(),
    };
    let copies: Vec<HeldCopy> = copies.map(held).collect();
    let mut counts: BTreeMap<CouponId, (u64, u64)> = BTreeMap::new();
    for counted in &row.copies {
        counts.entry(counted.coupon_id).or_default().0 = u64::from(counted.count);
    }
    for held in &copies {
        counts.entry(held.copy.coupon_id).or_default().1 += 1;
    }
    let count = |(coupon_id, (counted, copies))| {
        let limit = tables.coupons.get(&coupon_id).map(|row| row.coupon.per_customer_limit);
        HeldCount { coupon_id, counted, copies, limit }
    };
    let counts = counts.into_iter().map(count).collect();
    HolderFacts { customer_id: row.customer.id, is_there: true, counts, copies }
}

pub(super) fn code_facts(tables: &Tables, code: &Arc<SingleUseCode>) -> CodeFacts {
    let copy = code.claim.and_then(|claim| tables.issued_coupons.get(&claim.issued_coupon_id));
    CodeFacts { code: Arc::clone(code), copy: copy.map(|copy| (copy.coupon_id, copy.customer_id)) }
}

/// What the customer's orders use, by copy.
fn uses(tables: &Tables, row: &CustomerRow) -> BTreeMap<IssuedCouponId, Vec<Redemption>> {
    let mut uses: BTreeMap<IssuedCouponId, Vec<Redemption>> = BTreeMap::new();
    let redemptions = row.orders.iter().filter_map(|id| tables.orders.get(id)).flat_map(|row| &row.redemptions);
    for redemption in redemptions.filter(|redemption| redemption.status != RedemptionStatus::Released) {
        uses.entry(redemption.issued_coupon_id).or_default().push(*redemption);
    }
    uses
}
