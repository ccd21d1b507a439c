//! Operators: coupons.

use commerce_core::{
    AddCodes, CouponId, CouponScope, CreateCoupon, Discount, IssuedCouponId, Rejection, RevokeCoupon, Stacking,
    UpdateCoupon, Window, check_codes,
};
use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag, operator};
use crate::auth::AsOperator;
use crate::extract::{Body, IfMatch, Key, Limit, List};
use crate::problem::Problem;
use crate::reply::{Created, Reply};
use crate::wire::coupon::{
    CodeBatch, Coupon, CouponChange, CustomersCoupon, DiscountInput, IssuedCoupon, NewCodes, NewCoupon, OfferedCoupon,
    RevocationRequest, SingleUseCode,
};
use crate::wire::money::parse_optional;
use crate::wire::page::Page;
use crate::wire::scalar::WireId;

pub(super) struct AdminCouponsApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::AdminCoupons")]
impl AdminCouponsApi {
    /// All coupons, newest first
    ///
    /// Each with its code, where it stands and how many copies are left.
    #[oai(path = "/coupons", method = "get", operation_id = "list_all_coupons")]
    async fn coupons(
        &self,
        _staff: AsOperator,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<OfferedCoupon>>> {
        let list = List::new(self.0.app()?, "all coupons".to_owned());
        let page = list.store().coupons(list.request(limit.0, cursor.0.as_deref())?).await?;
        let now = list.store().now().await?;
        Ok(Reply::new(list.page(page, |(coupon, issued)| OfferedCoupon::at(&coupon, issued, now))))
    }

    /// Create a coupon
    ///
    /// A campaign that customers claim copies of.
    #[oai(path = "/coupons", method = "post", operation_id = "create_coupon")]
    async fn create(
        &self,
        staff: AsOperator,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<NewCoupon>,
    ) -> Answer<Created<Coupon>> {
        let body = body.0;
        let by_code = body.by_code.unwrap_or(body.code.is_some());
        let command = CreateCoupon {
            code: body.code.map(|code| code.0),
            name: body.name.0,
            discount: discount(&body.discount)?,
            scope: body.product_ids.map_or(CouponScope::Order, |products| {
                CouponScope::Products(products.into_iter().map(|product| product.0).collect())
            }),
            stacking: body.stacking.map_or(Stacking::Exclusive, |stacking| stacking.0),
            priority: body.priority.unwrap_or(0),
            by_code,
            min_subtotal: parse_optional(body.min_subtotal.as_ref())?,
            total_quantity: body.total_quantity,
            per_customer_limit: body.per_customer_limit.unwrap_or(1),
            window: Window { from: body.starts_at.0, until: body.ends_at.map(|end| end.0) },
            active: body.active.unwrap_or(true),
        };
        let receipt = self.0.commerce()?.create_coupon(operator(staff.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.version))
    }

    /// Change a coupon
    ///
    /// Switches the handing out on or off.
    #[oai(path = "/coupons/:coupon_id", method = "patch", operation_id = "update_coupon")]
    async fn update(
        &self,
        staff: AsOperator,
        /// Which coupon.
        coupon_id: Path<WireId<CouponId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        /// The ETag that was read: refuses the change if the coupon has changed since.
        #[oai(name = "If-Match")]
        if_match: IfMatch,
        body: Body<CouponChange>,
    ) -> Answer<Reply<Coupon>> {
        let command = UpdateCoupon { coupon_id: coupon_id.0.0, expected_version: if_match.0, active: body.0.active };
        let receipt = self.0.commerce()?.update_coupon(operator(staff.0, key), command).await?;
        Ok(Reply::of(&receipt).version(receipt.outcome.version))
    }

    /// Make codes for a coupon
    ///
    /// Random ones, each good for one copy; the list has them.
    #[oai(path = "/coupons/:coupon_id/codes", method = "post", operation_id = "create_coupon_codes")]
    async fn make_codes(
        &self,
        staff: AsOperator,
        /// Which coupon.
        coupon_id: Path<WireId<CouponId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<NewCodes>,
    ) -> Answer<Created<CodeBatch>> {
        let caller = operator(staff.0, key);
        check_codes(body.0.quantity.into())?;
        let codes = self.0.app()?.codes.of(&caller, coupon_id.0.0, body.0.quantity);
        let command = AddCodes { coupon_id: coupon_id.0.0, codes };
        Ok(Reply::of(&self.0.commerce()?.add_codes(caller, command).await?))
    }

    /// The codes of a coupon that are good for one copy
    ///
    /// By code, each with who claimed with it.
    #[oai(path = "/coupons/:coupon_id/codes", method = "get", operation_id = "list_coupon_codes")]
    async fn codes(
        &self,
        _staff: AsOperator,
        /// Which coupon.
        coupon_id: Path<WireId<CouponId>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<SingleUseCode>>> {
        let coupon = coupon_id.0.0;
        let list = List::new(self.0.app()?, format!("codes {coupon}"));
        let request = list.request(limit.0, cursor.0.as_deref())?;
        list.store().coupon(coupon).await?.ok_or_else(|| Problem::from(Rejection::CouponNotFound { coupon }))?;
        let page = list.store().codes_of(coupon, request).await?;
        Ok(Reply::new(list.page(page, |code| SingleUseCode::from(&*code))))
    }

    /// The copies of a coupon
    ///
    /// Each with whose it is, in no particular order.
    #[oai(path = "/coupons/:coupon_id/copies", method = "get", operation_id = "list_coupon_copies")]
    async fn copies(
        &self,
        _staff: AsOperator,
        /// Which coupon.
        coupon_id: Path<WireId<CouponId>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<CustomersCoupon>>> {
        let coupon = coupon_id.0.0;
        let list = List::new(self.0.app()?, format!("copies {coupon}"));
        let request = list.request(limit.0, cursor.0.as_deref())?;
        list.store().coupon(coupon).await?.ok_or_else(|| Problem::from(Rejection::CouponNotFound { coupon }))?;
        let page = list.store().copies_of(coupon, request).await?;
        let now = list.store().now().await?;
        Ok(Reply::new(list.page(page, |copy| CustomersCoupon::at(&copy, now))))
    }

    /// Take a copy back
    ///
    /// One that is available: it can be used no more, and still counts as handed out.
    #[oai(path = "/issued-coupons/:issued_coupon_id/revoke", method = "post", operation_id = "revoke_coupon")]
    async fn revoke(
        &self,
        staff: AsOperator,
        /// Which copy.
        issued_coupon_id: Path<WireId<IssuedCouponId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<RevocationRequest>,
    ) -> Answer<Reply<IssuedCoupon>> {
        let reason = body.0.reason.map(|reason| reason.0);
        let command = RevokeCoupon { issued_coupon_id: issued_coupon_id.0.0, reason };
        Ok(Reply::of(&self.0.commerce()?.revoke_coupon(operator(staff.0, key), command).await?))
    }
}

fn discount(input: &DiscountInput) -> Answer<Discount> {
    match (&input.amount, &input.percent, &input.cap) {
        (Some(amount), None, None) => Ok(Discount::Amount(amount.parse()?)),
        (None, Some(percent), cap) => {
            Ok(Discount::Percent { rate: percent.parse()?, cap: parse_optional(cap.as_ref())? })
        }
        _ => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "discount_ambiguous",
            "a discount is an amount, or a percent with or without a cap, and one of them only",
        )),
    }
}
