//! Coupons on the wire.

use std::borrow::Cow;

use commerce_core::{
    CodeBatch as CoreCodeBatch, Coupon as CoreCoupon, CouponCode, CouponId, CouponScope, CustomerId,
    Discount as CoreDiscount, IssuedCoupon as CoreIssued, IssuedCouponId, MoneyError, Name, Note, OrderId, Percent,
    ProductId, SingleUseCode as CoreCode, TextError, Timestamp,
};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::money::{Money, MoneyInput};
use super::scalar::{Instant, Text, WireId, is_plain_number};
use super::schema::{choices, plain_type, request, response};

choices! {
    /// Where a campaign stands.
    CouponStatus = Scheduled | Active | SoldOut | Expired | Inactive;
    /// Whether a coupon goes with others on one order: with none, or with every other stackable one.
    Stacking = Exclusive | Stackable;
    /// Where a customer's copy stands.
    IssuedCouponStatus = Available | Held | Used | Expired | Revoked;
}

request! {
    /// What a coupon takes off: either a fixed amount, or a percentage with or without a cap.
    DiscountInput {
        /// A fixed amount, at most what it is taken off.
        amount: Option<MoneyInput>,
        /// A share of the subtotal in percent, like "10" or "12.5", rounded down to the minor unit.
        percent: Option<PercentInput>,
        /// The most that a percentage takes off.
        cap: Option<MoneyInput>,
    }

    /// A campaign to be created.
    NewCoupon {
        /// The code to claim it by, unique in the shop: capital letters, digits, - and _.
        code: Option<Text<CouponCode>>,
        /// What customers read.
        name: Text<Name>,
        /// What it takes off.
        discount: DiscountInput,
        /// The products that it takes that off, at most 1,000; the whole order if absent.
        product_ids: Option<Vec<WireId<ProductId>>>,
        /// Whether it goes with other coupons on one order; exclusive if absent.
        stacking: Option<Stacking>,
        /// Coupons of products go first, those of the whole order after them; within either the one of higher priority;
        /// 0 if absent.
        priority: Option<u16>,
        /// Whether only those who bring a code get a copy: `code`, or one made for a single copy. If absent, only if there
        /// is a `code`.
        by_code: Option<bool>,
        /// The least that what it is taken off must come to, coupons before it taken off.
        min_subtotal: Option<MoneyInput>,
        /// How many copies there are; no limit if absent.
        total_quantity: Option<u32>,
        /// How many copies one customer may have; 1 if absent.
        per_customer_limit: Option<u32>,
        /// When handing out starts.
        starts_at: Instant,
        /// When it ends, and when copies expire; never if absent.
        ends_at: Option<Instant>,
        /// Whether copies are handed out; true if absent.
        active: Option<bool>,
    }

    /// What to change of a coupon.
    CouponChange {
        /// Switches the handing out on or off; copies already out stay good.
        active: Option<bool>,
    }

    /// Codes to be made.
    NewCodes {
        /// How many, 1 to 10,000.
        quantity: u32,
    }

    /// Why a copy is taken back.
    RevocationRequest {
        /// The reason, which its customer reads.
        reason: Option<Text<Note>>,
    }

    /// Which coupon to claim: by its id or by its code.
    CouponClaim {
        /// The coupon's id.
        coupon_id: Option<WireId<CouponId>>,
        /// The coupon's code, or one for a single copy. Blanks and small letters do not matter; in one for a single copy, nor do
        /// dashes, and O, I and L are read as digits.
        code: Option<TypedCode>,
    }
}

response! {
    /// What a coupon takes off: either a fixed amount, or a percentage with or without a cap.
    Discount {
        /// A fixed amount, at most what it is taken off.
        amount: Option<Money>,
        /// A share of the subtotal in percent, rounded down to the minor unit.
        percent: Option<String>,
        /// The most that a percentage takes off.
        cap: Option<Money>,
    }

    /// A campaign: who may have copies, how many, when, and what a copy takes off.
    Coupon {
        /// The coupon's id.
        id: WireId<CouponId>,
        /// The code to claim it by, if it can be claimed so; operators alone see it.
        code: Option<Text<CouponCode>>,
        /// What customers read.
        name: Text<Name>,
        /// What it takes off.
        discount: Discount,
        /// The products that it takes that off; the whole order if absent.
        product_ids: Option<Vec<WireId<ProductId>>>,
        /// Whether it goes with other coupons on one order.
        stacking: Stacking,
        /// Coupons of products go first, those of the whole order after them; within either the one of higher priority.
        priority: u16,
        /// Whether only those who bring a code get a copy.
        by_code: bool,
        /// The least that what it is taken off must come to, coupons before it taken off.
        min_subtotal: Option<Money>,
        /// How many copies there are; no limit if absent.
        total_quantity: Option<u32>,
        /// How many copies one customer may have.
        per_customer_limit: u32,
        /// When handing out starts.
        starts_at: Instant,
        /// When it ends, and when copies expire; never if absent.
        ends_at: Option<Instant>,
        /// Whether copies are handed out.
        active: bool,
        /// Counts changes, from 1; the ETag, and what If-Match compares.
        version: u64,
        /// When it was created.
        created_at: Instant,
        /// When it last changed.
        updated_at: Instant,
    }

    /// A campaign and where it stands now.
    OfferedCoupon {
        /// The campaign.
        coupon: Coupon,
        /// Where it stands.
        status: CouponStatus,
        /// Copies that are out.
        issued: u32,
        /// Copies that are left, if there is a limit.
        remaining: Option<u32>,
    }

    /// One customer's copy of a coupon.
    IssuedCoupon {
        /// The copy's id: what an order names.
        id: WireId<IssuedCouponId>,
        /// The campaign.
        coupon_id: WireId<CouponId>,
        /// Where it stands.
        status: IssuedCouponStatus,
        /// The order that holds or used it.
        order_id: Option<WireId<OrderId>>,
        /// When it was handed out.
        issued_at: Instant,
        /// From when on it cannot be used, if ever.
        expires_at: Option<Instant>,
        /// When an order last used it.
        used_at: Option<Instant>,
        /// When it was taken back, if it was.
        revoked_at: Option<Instant>,
        /// Why it was taken back, if that was said.
        revocation_reason: Option<Text<Note>>,
    }

    /// Codes that were made together; the list of the coupon's codes has them.
    CodeBatch {
        /// What they are codes of.
        coupon_id: WireId<CouponId>,
        /// How many.
        quantity: u32,
        /// When they were made.
        created_at: Instant,
    }

    /// A code that is good for one copy.
    SingleUseCode {
        /// The code.
        code: Text<CouponCode>,
        /// When it was made.
        created_at: Instant,
        /// Who claimed with it; absent while it is free.
        customer_id: Option<WireId<CustomerId>>,
        /// The copy that they got.
        issued_coupon_id: Option<WireId<IssuedCouponId>>,
        /// When.
        claimed_at: Option<Instant>,
    }

    /// A copy and whose it is.
    CustomersCoupon {
        /// Whose copy.
        customer_id: WireId<CustomerId>,
        /// The copy.
        issued: IssuedCoupon,
    }

    /// A customer's copy with its campaign.
    OwnedCoupon {
        /// The copy.
        issued: IssuedCoupon,
        /// The campaign.
        coupon: Coupon,
    }
}

/// A code as somebody typed it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TypedCode(pub CouponCode);

impl TryFrom<String> for TypedCode {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        CouponCode::typed(&text).map(Self)
    }
}

impl Type for TypedCode {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "TypedCode".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }))
    }
}

/// A percentage that the server reads: as strict a number as an amount is, not yet checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct PercentInput(String);

impl PercentInput {
    /// The percentage, if it is one; the reason why not otherwise.
    pub fn parse(&self) -> Result<Percent, MoneyError> {
        let out_of_range = || MoneyError::PercentOutOfRange { given: self.0.chars().take(40).collect() };
        let (whole, decimals) = self.0.split_once('.').unwrap_or((&self.0, "0"));
        if !is_plain_number(whole) || decimals.is_empty() || !decimals.bytes().all(|b| b.is_ascii_digit()) {
            return Err(out_of_range());
        }
        Percent::new(Decimal::from_str_exact(&self.0).map_err(|_| out_of_range())?)
    }
}

impl Type for PercentInput {
    plain_type!();

    fn name() -> Cow<'static, str> {
        "PercentInput".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let pattern = Some(r"^(0|[1-9][0-9]{0,2})(\.[0-9]+)?$".to_owned());
        MetaSchemaRef::Inline(Box::new(MetaSchema { pattern, ..MetaSchema::new("string") }))
    }
}

impl From<&CoreDiscount> for Discount {
    fn from(discount: &CoreDiscount) -> Self {
        match discount {
            CoreDiscount::Amount(amount) => Self { amount: Some(Money(*amount)), percent: None, cap: None },
            CoreDiscount::Percent { rate, cap } => {
                Self { amount: None, percent: Some(rate.value().to_string()), cap: cap.map(Money) }
            }
        }
    }
}

impl From<&CoreCoupon> for Coupon {
    fn from(coupon: &CoreCoupon) -> Self {
        Self {
            id: WireId(coupon.id),
            code: coupon.code.clone().map(Text),
            name: Text(coupon.name.clone()),
            discount: Discount::from(&coupon.discount),
            product_ids: match &coupon.scope {
                CouponScope::Order => None,
                CouponScope::Products(products) => Some(products.iter().copied().map(WireId).collect()),
            },
            stacking: Stacking(coupon.stacking),
            priority: coupon.priority,
            by_code: coupon.by_code,
            min_subtotal: coupon.min_subtotal.map(Money),
            total_quantity: coupon.total_quantity,
            per_customer_limit: coupon.per_customer_limit,
            starts_at: Instant(coupon.window.from),
            ends_at: coupon.window.until.map(Instant),
            active: coupon.active,
            version: coupon.version,
            created_at: Instant(coupon.created_at),
            updated_at: Instant(coupon.updated_at),
        }
    }
}

impl Coupon {
    /// The campaign as anyone may read it: its code is for those who were given it.
    fn public(coupon: &CoreCoupon) -> Self {
        Self { code: None, ..Self::from(coupon) }
    }
}

impl OfferedCoupon {
    /// A campaign of which `issued` copies are out, as it stands at `now` and as anyone may read it.
    #[must_use]
    pub fn public(coupon: &CoreCoupon, issued: u32, now: Timestamp) -> Self {
        Self { coupon: Coupon::public(coupon), ..Self::at(coupon, issued, now) }
    }

    /// A campaign of which `issued` copies are out, as it stands at `now`.
    #[must_use]
    pub fn at(coupon: &CoreCoupon, issued: u32, now: Timestamp) -> Self {
        Self {
            coupon: Coupon::from(coupon),
            status: CouponStatus(coupon.status(issued, now)),
            issued,
            remaining: coupon.total_quantity.map(|total| total.saturating_sub(issued)),
        }
    }
}

/// The copy as stored: what a claim was answered with, then and on every replay.
impl From<&CoreIssued> for IssuedCoupon {
    fn from(copy: &CoreIssued) -> Self {
        Self {
            id: WireId(copy.id),
            coupon_id: WireId(copy.coupon_id),
            status: IssuedCouponStatus(copy.status),
            order_id: copy.order_id.map(WireId),
            issued_at: Instant(copy.issued_at),
            expires_at: copy.expires_at.map(Instant),
            used_at: copy.used_at.map(Instant),
            revoked_at: copy.revocation.as_ref().map(|revocation| Instant(revocation.revoked_at)),
            revocation_reason: copy.revocation.as_ref().and_then(|revocation| revocation.reason.clone().map(Text)),
        }
    }
}

impl IssuedCoupon {
    fn at(copy: &CoreIssued, now: Timestamp) -> Self {
        Self { status: IssuedCouponStatus(copy.status_at(now)), ..Self::from(copy) }
    }
}

impl OwnedCoupon {
    /// A copy as it stands at `now`.
    #[must_use]
    pub fn at(copy: &CoreIssued, coupon: &CoreCoupon, now: Timestamp) -> Self {
        Self { issued: IssuedCoupon::at(copy, now), coupon: Coupon::public(coupon) }
    }
}

impl From<&CoreCodeBatch> for CodeBatch {
    fn from(batch: &CoreCodeBatch) -> Self {
        let (coupon_id, created_at) = (WireId(batch.coupon_id), Instant(batch.created_at));
        Self { coupon_id, quantity: batch.quantity, created_at }
    }
}

impl From<&CoreCode> for SingleUseCode {
    fn from(code: &CoreCode) -> Self {
        Self {
            code: Text(code.code.clone()),
            created_at: Instant(code.created_at),
            customer_id: code.claim.map(|claim| WireId(claim.customer_id)),
            issued_coupon_id: code.claim.map(|claim| WireId(claim.issued_coupon_id)),
            claimed_at: code.claim.map(|claim| Instant(claim.claimed_at)),
        }
    }
}

impl CustomersCoupon {
    /// A copy as it stands at `now`.
    #[must_use]
    pub fn at(copy: &CoreIssued, now: Timestamp) -> Self {
        Self { customer_id: WireId(copy.customer_id), issued: IssuedCoupon::at(copy, now) }
    }
}
