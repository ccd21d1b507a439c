//! Coupons against their copies, copies against their uses.

use super::drift::{Drift, Lost, NamedBy};
use crate::coupon::{IssuedCouponStatus, RedemptionStatus};
use crate::ids::CustomerId;
use crate::store::{CodeFacts, CouponFacts, HeldCopy, HeldCount, HolderFacts};

impl CouponFacts {
    pub(super) fn drift(&self) -> Option<Drift> {
        let within_cap = self.total_quantity.is_none_or(|cap| self.issued <= cap);
        let sound = u64::from(self.issued) == self.copies && within_cap;
        (!sound).then_some(Drift::Coupon {
            coupon_id: self.coupon_id,
            issued: self.issued,
            copies: self.copies,
            total_quantity: self.total_quantity,
        })
    }
}

impl HolderFacts {
    pub(super) fn drifts(&self) -> impl Iterator<Item = Drift> {
        let record = Lost::Customer(self.customer_id);
        let lost = (!self.is_there).then_some(Drift::Lost { record, named_by: NamedBy::Copies });
        let counts = self.counts.iter().filter_map(|count| count.drift(self.customer_id));
        lost.into_iter().chain(counts).chain(self.copies.iter().filter_map(HeldCopy::drift))
    }
}

impl CodeFacts {
    pub(super) fn drift(&self) -> Option<Drift> {
        let claim = self.code.claim?;
        let sound = self.copy == Some((self.code.coupon_id, claim.customer_id));
        (!sound).then(|| Drift::Code {
            coupon_code: self.code.code.clone(),
            coupon_id: self.code.coupon_id,
            customer_id: claim.customer_id,
            issued_coupon_id: claim.issued_coupon_id,
            copy: self.copy,
        })
    }
}

impl HeldCount {
    fn drift(&self, customer_id: CustomerId) -> Option<Drift> {
        let Self { coupon_id, counted, copies, limit } = *self;
        let within_limit = limit.is_some_and(|limit| copies <= u64::from(limit));
        let sound = counted == copies && within_limit;
        (!sound).then_some(Drift::Copies { coupon_id, customer_id, counted, copies, limit })
    }
}

impl HeldCopy {
    fn drift(&self) -> Option<Drift> {
        let expected = match self.copy.status {
            IssuedCouponStatus::Held => Some(RedemptionStatus::Held),
            IssuedCouponStatus::Used => Some(RedemptionStatus::Used),
            IssuedCouponStatus::Available | IssuedCouponStatus::Expired | IssuedCouponStatus::Revoked => None,
        };
        let taken = match (expected, &self.uses[..]) {
            (None, []) => self.copy.order_id.is_none(),
            (Some(status), [by]) => by.status == status && self.copy.order_id == Some(by.order_id),
            _ => false,
        };
        let sound = taken && self.lost_orders.is_empty();
        (!sound).then(|| Drift::Copy {
            issued_coupon_id: self.copy.id,
            status: self.copy.status,
            order_id: self.copy.order_id,
            uses: self.uses.iter().map(|by| by.order_id).collect(),
            lost_orders: self.lost_orders.clone(),
        })
    }
}
