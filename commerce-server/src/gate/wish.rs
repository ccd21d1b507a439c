//! What commands want of things that may run out.

use std::fmt;

use commerce_core::{
    BasketLines, Command, CouponCode, CouponId, CouponRef, CustomerId, Envelope, IssueCoupon, PlaceOrder, Rejection,
    VariantId,
};

/// Something that may run out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thing {
    /// A coupon, by id.
    Coupon(CouponId),
    /// A coupon, by the code that it is claimed with.
    Code(CouponCode),
    /// The units of a variant.
    Variant(VariantId),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coupon(id) => write!(f, "coupon:{id}"),
            Self::Code(code) => write!(f, "code:{code}"),
            Self::Variant(id) => write!(f, "variant:{id}"),
        }
    }
}

/// So many of a thing, for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What.
    pub thing: Thing,
    /// For whom, if one may have only so many.
    pub customer: Option<CustomerId>,
    /// How many.
    pub units: u64,
}

/// What of the wishes there is nothing of any more, if that is why the command was refused.
pub(super) fn gone(wishes: &[Wish], rejection: &Rejection) -> Option<Thing> {
    match rejection {
        // By id or by code: a claim is one wish.
        Rejection::CouponSoldOut { .. } => wishes.first().map(|wish| wish.thing.clone()),
        Rejection::OutOfStock { variant, available: 0, .. } => Some(Thing::Variant(*variant)),
        _ => None,
    }
}

/// What the command wants: nothing, if it is none that a crowd races with.
pub(super) fn wishes(envelope: &Envelope) -> Vec<Wish> {
    match &envelope.command {
        Command::IssueCoupon(IssueCoupon { customer_id, coupon }) => {
            let thing = match coupon {
                CouponRef::Id(id) => Thing::Coupon(*id),
                CouponRef::Code(code) => Thing::Code(code.clone()),
            };
            vec![Wish { thing, customer: Some(*customer_id), units: 1 }]
        }
        Command::PlaceOrder(PlaceOrder { basket, .. }) => {
            let BasketLines::Given(lines) = &basket.lines else { return Vec::new() };
            let wish = |line: &commerce_core::LineRequest| Wish {
                thing: Thing::Variant(line.variant_id),
                customer: None,
                units: u64::from(line.quantity.get()),
            };
            lines.iter().map(wish).collect()
        }
        _ => Vec::new(),
    }
}

/// What is left of what has no end.
#[cfg(feature = "redis")]
const NO_END: u64 = 1_000_000_000_000;

/// How many of a thing are left by the records, and how many one customer may have; none if there is no such thing.
#[cfg(feature = "redis")]
pub(super) fn left(records: &commerce_core::WorkingSet, thing: &Thing) -> Option<(u64, Option<u32>)> {
    use commerce_core::Records;

    let coupon = match thing {
        Thing::Variant(id) => return Some((records.stock(*id)?.on_hand, None)),
        Thing::Coupon(id) => *id,
        Thing::Code(code) => records.coupon_with_code(code)?,
    };
    let (terms, issued) = (records.coupon(coupon)?, records.issuance(coupon)?.issued);
    let left = terms.total_quantity.map_or(NO_END, |total| u64::from(total.saturating_sub(issued)));
    Some((left, Some(terms.per_customer_limit)))
}
