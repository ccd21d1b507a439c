//! Coupons: the campaign, one customer's copy, and its use by an order.

mod codes;
mod status;
mod terms;

pub use codes::{CodeBatch, CodeClaim, MAX_CODES, SingleUseCode, check_codes};
pub use status::{CouponStatus, IssuedCouponStatus, RedemptionStatus};
pub use terms::{CouponScope, MAX_CANDIDATES, MAX_COUPONS, MAX_SCOPE, Stacking};
pub(crate) use terms::{is_open, no_priority};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{CouponId, CustomerId, IssuedCouponId, OrderId};
use crate::money::{Money, Percent};
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::text::{CouponCode, Name, Note};
use crate::time::{Timestamp, Window};

/// What a coupon takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// A fixed amount, at most what it is taken off.
    Amount(Money),
    /// A share of what it is taken off, rounded down to the minor unit.
    Percent {
        /// The share.
        rate: Percent,
        /// At most this much, if capped.
        cap: Option<Money>,
    },
}

/// A campaign: who may have copies, how many, when, and what a copy takes off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// The coupon's id.
    pub id: CouponId,
    /// The code to claim it by, unique in the shop, if it can be claimed so.
    pub code: Option<CouponCode>,
    /// What customers read.
    pub name: Name,
    /// What it takes off.
    pub discount: Discount,
    /// What it takes that off.
    #[serde(default)]
    pub scope: CouponScope,
    /// Whether it goes with other coupons on one order.
    #[serde(default)]
    pub stacking: Stacking,
    /// Of several coupons of the same kind of scope, the one of higher priority goes first.
    #[serde(default)]
    pub priority: u16,
    /// Whether only those who bring a code get a copy: its own, or one that is good for one copy.
    #[serde(default)]
    pub by_code: bool,
    /// The least that what it is taken off must come to, coupons before it taken off.
    pub min_subtotal: Option<Money>,
    /// How many copies there are in all; none for no limit.
    pub total_quantity: Option<u32>,
    /// How many copies one customer may have.
    pub per_customer_limit: u32,
    /// When copies are handed out. Copies expire when it ends.
    pub window: Window,
    /// Switched off, no copies are handed out; copies already out stay good.
    pub active: bool,
    /// Counts changes of this record, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How many copies of a coupon are out: the hot counter, kept apart from the campaign's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuance {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// Copies handed out so far; never more than the coupon's `total_quantity`.
    pub issued: u32,
}

/// How many copies of a coupon one customer has had, whatever became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// Which coupon.
    pub coupon_id: CouponId,
    /// Which customer.
    pub customer_id: CustomerId,
    /// How many; never more than the coupon's `per_customer_limit` was when the last one was issued.
    pub count: u32,
}

impl Coupon {
    /// Where the campaign stands at `now`.
    #[must_use]
    pub fn status(&self, issued: u32, now: Timestamp) -> CouponStatus {
        match self.may_issue(issued, now) {
            Ok(()) => CouponStatus::Active,
            Err(Rejection::CouponInactive { .. }) => CouponStatus::Inactive,
            Err(Rejection::CouponNotStarted { .. }) => CouponStatus::Scheduled,
            Err(Rejection::CouponEnded { .. }) => CouponStatus::Expired,
            Err(_) => CouponStatus::SoldOut,
        }
    }

    /// Whether a copy can be handed out at `now`; the losers' reasons are distinct (design, section 4).
    pub fn may_issue(&self, issued: u32, now: Timestamp) -> Result<(), Rejection> {
        if !self.active {
            return Err(Rejection::CouponInactive { coupon: self.id });
        }
        if self.window.is_before(now) {
            return Err(Rejection::CouponNotStarted { coupon: self.id, starts_at: self.window.from, now });
        }
        if let Some(ended_at) = self.window.until.filter(|_| self.window.is_over(now)) {
            return Err(Rejection::CouponEnded { coupon: self.id, ended_at, now });
        }
        match self.total_quantity {
            Some(total) if issued >= total => Err(Rejection::CouponSoldOut { coupon: self.id, total }),
            _ => Ok(()),
        }
    }

    /// What the coupon takes off `subtotal`, which is what its scope comes to: at most that, percentages rounded down.
    pub fn discount_on(&self, subtotal: Money) -> Result<Money, Rejection> {
        if let Some(minimum) = self.min_subtotal
            && !subtotal.covers(minimum)?
        {
            return Err(Rejection::BelowMinimum { coupon: self.id, subtotal, minimum });
        }
        let discount = match self.discount {
            Discount::Amount(amount) => amount,
            Discount::Percent { rate, cap: None } => rate.of(subtotal)?,
            Discount::Percent { rate, cap: Some(cap) } => rate.of(subtotal)?.at_most(cap)?,
        };
        Ok(discount.at_most(subtotal)?)
    }
}

/// One customer's copy of a coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCoupon {
    /// The copy's id.
    pub id: IssuedCouponId,
    /// The campaign.
    pub coupon_id: CouponId,
    /// Whose copy.
    pub customer_id: CustomerId,
    /// Where it stands, as stored.
    pub status: IssuedCouponStatus,
    /// The order that holds or used it.
    pub order_id: Option<OrderId>,
    /// When it was handed out.
    pub issued_at: Timestamp,
    /// From when on it cannot be used, if ever.
    pub expires_at: Option<Timestamp>,
    /// When an order last used it.
    pub used_at: Option<Timestamp>,
    /// How it was taken back; there if its status is [`Revoked`](IssuedCouponStatus::Revoked), and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Arc<Revocation>>,
}

/// How a copy was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Who took it back.
    pub actor: Principal,
    /// Why, in words that its customer reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// When.
    pub revoked_at: Timestamp,
}

impl IssuedCoupon {
    /// A copy as it is handed out at `at`.
    #[must_use]
    pub const fn issued(
        id: IssuedCouponId,
        coupon_id: CouponId,
        customer_id: CustomerId,
        at: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Self {
        let status = IssuedCouponStatus::Available;
        let (order_id, used_at, revocation) = (None, None, None);
        Self { id, coupon_id, customer_id, status, order_id, issued_at: at, expires_at, used_at, revocation }
    }

    /// Whether it is just as it was handed out, at `at`: it can then be told again from what never changes of it.
    #[must_use]
    pub fn is_as_issued(&self, at: Timestamp) -> bool {
        *self == Self::issued(self.id, self.coupon_id, self.customer_id, at, self.expires_at)
    }

    /// Where the copy stands at `now`: an available one past its time is expired.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> IssuedCouponStatus {
        match self.status {
            IssuedCouponStatus::Available if self.expires_at.is_some_and(|end| now >= end) => {
                IssuedCouponStatus::Expired
            }
            status => status,
        }
    }

    /// Whether an order may use the copy at `now`.
    pub fn may_redeem(&self, now: Timestamp) -> Result<(), Rejection> {
        match (self.status_at(now), self.expires_at) {
            (IssuedCouponStatus::Available, _) => Ok(()),
            (IssuedCouponStatus::Expired, Some(expired_at)) => {
                Err(Rejection::CouponExpired { issued_coupon: self.id, expired_at, now })
            }
            (status, _) => Err(Rejection::CouponNotAvailable { issued_coupon: self.id, status }),
        }
    }

    /// Whether the copy can be taken back at `now`: nobody has it but its customer, and it could still be used.
    pub fn may_revoke(&self, now: Timestamp) -> Result<(), Rejection> {
        match self.status_at(now) {
            IssuedCouponStatus::Available => Ok(()),
            status => Err(Rejection::CouponNotAvailable { issued_coupon: self.id, status }),
        }
    }

    /// Whether the copy is to be marked as expired at `now`: its time is over, and that is not written down yet.
    pub fn may_expire(&self, now: Timestamp) -> Result<(), Rejection> {
        match (self.status, self.status_at(now)) {
            (IssuedCouponStatus::Available, IssuedCouponStatus::Expired) => Ok(()),
            (IssuedCouponStatus::Available, _) => {
                Err(Rejection::CouponNotExpired { issued_coupon: self.id, expires_at: self.expires_at, now })
            }
            (status, _) => Err(Rejection::CouponNotAvailable { issued_coupon: self.id, status }),
        }
    }

    /// The copy in an order's hands: held while the order is unpaid, used once it is paid.
    pub(crate) fn taken(&self, order_id: OrderId, status: RedemptionStatus, now: Timestamp) -> Self {
        let (status, used_at) = match status {
            RedemptionStatus::Used => (IssuedCouponStatus::Used, Some(now)),
            RedemptionStatus::Held | RedemptionStatus::Released => (IssuedCouponStatus::Held, self.used_at),
        };
        Self { status, used_at, order_id: Some(order_id), ..self.clone() }
    }

    /// The copy given back by its order: available again unless its time is over.
    pub(crate) fn given_back(&self, now: Timestamp) -> Self {
        let free = Self { status: IssuedCouponStatus::Available, order_id: None, used_at: None, ..self.clone() };
        Self { status: free.status_at(now), ..free }
    }
}

/// One use of one copy by one order, keyed by both: releasing it twice is releasing it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// The copy.
    pub issued_coupon_id: IssuedCouponId,
    /// The order.
    pub order_id: OrderId,
    /// The campaign of the copy.
    pub coupon_id: CouponId,
    /// What it took off.
    pub discount: Money,
    /// Where it stands.
    pub status: RedemptionStatus,
    /// When the order took the copy.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}
