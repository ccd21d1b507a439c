//! What a customer does as themselves: registration, wallet, coupons.

use std::sync::Arc;

use commerce_core::{
    Caller, Commerce, CouponRef, CustomerId, Error, IssueCoupon, IssuedCoupon as IssuedCopy, Receipt, RegisterCustomer,
    Rejection, WalletId,
};
use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag, customer, registered, wallet_entries, wallets};
use crate::auth::AsCustomer;
use crate::extract::{Body, Key, Limit, List};
use crate::problem::Problem;
use crate::reply::{Created, Reply};
use crate::wire::coupon::{CouponClaim, IssuedCoupon, OwnedCoupon};
use crate::wire::customer::{Customer, Registration};
use crate::wire::page::Page;
use crate::wire::scalar::CurrencyCode;
use crate::wire::wallet::{WalletEntry, Wallets};

pub(super) struct MeApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/me", tag = "Tag::Me")]
impl MeApi {
    /// Register oneself
    ///
    /// Under the id that the token names.
    #[oai(path = "/", method = "put", operation_id = "register_me")]
    async fn register(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<Registration>,
    ) -> Answer<Created<Customer>> {
        let Registration { username, name } = body.0;
        let command = RegisterCustomer { customer_id: Some(me.0), username: username.0, name: name.0 };
        Ok(Reply::of(&self.0.commerce()?.register_customer(customer(me.0, key), command).await?))
    }

    /// Oneself
    ///
    /// 404 until one has registered.
    #[oai(path = "/", method = "get", operation_id = "get_me")]
    async fn me(&self, me: AsCustomer) -> Answer<Reply<Customer>> {
        Ok(Reply::new(Customer::from(&*registered(self.0.commerce()?, me.0).await?)))
    }

    /// One's balances
    ///
    /// One wallet per currency that was ever used.
    #[oai(path = "/wallet", method = "get", operation_id = "get_my_wallet")]
    async fn wallet(&self, me: AsCustomer) -> Answer<Reply<Wallets>> {
        registered(self.0.commerce()?, me.0).await?;
        Ok(Reply::new(wallets(self.0.commerce()?, me.0).await?))
    }

    /// One's wallet entries, latest first
    ///
    /// Every movement of the balance in one currency.
    #[oai(path = "/wallet/:currency/entries", method = "get", operation_id = "list_my_wallet_entries")]
    async fn entries(
        &self,
        me: AsCustomer,
        /// Which wallet, by its currency.
        currency: Path<CurrencyCode>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<WalletEntry>>> {
        registered(self.0.commerce()?, me.0).await?;
        let wallet = WalletId { customer_id: me.0, currency: currency.0.0 };
        Ok(Reply::new(wallet_entries(self.0.app()?, "customer", wallet, (limit.0, cursor.0)).await?))
    }

    /// One's coupons, newest first
    ///
    /// Each copy with its campaign.
    #[oai(path = "/coupons", method = "get", operation_id = "list_my_coupons")]
    async fn coupons(
        &self,
        me: AsCustomer,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<OwnedCoupon>>> {
        registered(self.0.commerce()?, me.0).await?;
        let list = List::new(self.0.app()?, format!("my-coupons {}", me.0));
        let page = list.store().issued_coupons(me.0, list.request(limit.0, cursor.0.as_deref())?).await?;
        let now = list.store().now().await?;
        Ok(Reply::new(list.page(page, |(copy, coupon)| OwnedCoupon::at(&copy, &coupon, now))))
    }

    /// Claim a coupon
    ///
    /// By its id or by its code, first come first served.
    #[oai(path = "/coupons", method = "post", operation_id = "claim_coupon")]
    async fn claim(
        &self,
        me: AsCustomer,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<CouponClaim>,
    ) -> Answer<Created<IssuedCoupon>> {
        let coupon = match (body.0.coupon_id, body.0.code) {
            (Some(id), None) => CouponRef::Id(id.0),
            (None, Some(code)) => CouponRef::Code(code.0),
            (Some(_), Some(_)) | (None, None) => return Err(ambiguous()),
        };
        Ok(Reply::of(&claimed(self.0.commerce()?, customer(me.0, key), me.0, coupon).await?))
    }
}

/// By a code as it is, or else by the one that it may have been misread for.
async fn claimed(
    commerce: &Commerce,
    caller: Caller,
    customer_id: CustomerId,
    coupon: CouponRef,
) -> Result<Receipt<Arc<IssuedCopy>>, Error> {
    let meant = match &coupon {
        CouponRef::Code(code) => code.misread(),
        CouponRef::Id(_) => None,
    };
    let as_it_is = commerce.issue_coupon(caller.clone(), IssueCoupon { customer_id, coupon }).await;
    let Some(code) = meant.filter(|_| is_unknown(&as_it_is)) else { return as_it_is };
    let coupon = CouponRef::Code(code);
    let as_meant = commerce.issue_coupon(caller, IssueCoupon { customer_id, coupon }).await;
    if is_unknown(&as_meant) { as_it_is } else { as_meant }
}

/// Whether the shop has no such code. A key that was kept for the other reading says nothing of this one either.
fn is_unknown<T>(answer: &Result<T, Error>) -> bool {
    use Rejection::{CouponCodeNotFound, IdempotencyKeyReused};
    matches!(answer, Err(Error::Rejected(CouponCodeNotFound { .. } | IdempotencyKeyReused { .. })))
}

fn ambiguous() -> Problem {
    let detail = "name the coupon by coupon_id or by code, and by one of them only";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "coupon_reference_ambiguous", detail)
}
