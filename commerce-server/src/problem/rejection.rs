//! The one place where the core's errors become statuses.
//!
//! The status is chosen by what the reader does next: 422 correct the request, 404 ask for something that exists,
//! 409 look at the state and decide anew, 412 read the record again, 403 leave it, 503 retry with the same key.

use commerce_core::{DaysError, Error, Money, MoneyError, PaymentError, RefusedItem, Rejection, StoreError};
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::Problem;

type Members = Vec<(&'static str, Value)>;

/// What a client does next, as a status.
const CORRECT_IT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const NOT_THERE: StatusCode = StatusCode::NOT_FOUND;
const STATE_FORBIDS: StatusCode = StatusCode::CONFLICT;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Store(error) => error.into(),
        }
    }
}

impl From<DaysError> for Problem {
    fn from(error: DaysError) -> Self {
        let words = error.to_string();
        let refused = |code, members: [(&'static str, Value); 2]| {
            let problem = Self::new(CORRECT_IT, code, words);
            members.into_iter().fold(problem, |problem, (name, value)| problem.with(name, value))
        };
        match error {
            DaysError::Reversed { first, last } => {
                refused("days_reversed", [("first", json!(first)), ("last", json!(last))])
            }
            DaysError::TooMany { days, max, .. } => {
                refused("too_many_days", [("days", json!(days)), ("max", json!(max))])
            }
            DaysError::Future { last, today } => {
                refused("day_not_begun", [("last", json!(last)), ("today", json!(today))])
            }
        }
    }
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Shop(error) => error.into(),
            PaymentError::Gateway(error) => {
                tracing::warn!(%error, "payment gateway");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "the payment gateway did not answer; try again",
                )
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { reason } => {
                tracing::warn!(%reason, "store unavailable");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "nothing happened; try again")
            }
            StoreError::Unknown { reason } => {
                tracing::error!(%reason, "outcome unknown");
                outcome_unknown()
            }
            StoreError::Corrupt { what } => {
                tracing::error!(%what, "store corrupt");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "something is wrong here, not with the request",
                )
            }
        }
    }
}

/// The answer to a mutation of which the server does not know whether it took effect.
#[must_use]
pub fn outcome_unknown() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "outcome_unknown",
        "it may or may not have been done; ask again with the same Idempotency-Key to learn which",
    )
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let (status, members) = describe(&rejection);
        let problem = Self::new(status, rejection.code(), rejection.to_string());
        members.into_iter().fold(problem, |problem, (name, value)| problem.with(name, value))
    }
}

impl From<MoneyError> for Problem {
    fn from(error: MoneyError) -> Self {
        Rejection::from(error).into()
    }
}

fn money(money: Money) -> Value {
    json!({ "amount": money.major().to_string(), "currency": money.currency().code() })
}

/// An id, an instant or a name: anything that goes over the wire as its text.
fn text(value: &impl ToString) -> Value {
    value.to_string().into()
}

/// The status and the numbers of each rejection. Exhaustive, so that a new rule cannot go unnoticed.
fn describe(rejection: &Rejection) -> (StatusCode, Members) {
    use Rejection as R;
    match rejection {
        R::NoLines | R::NothingToChange | R::PaymentMethodNotOffered => (CORRECT_IT, vec![]),
        R::RefundDestinationNotOffered { destination } => {
            (CORRECT_IT, vec![("destination", json!(destination.as_str()))])
        }
        R::TooManyLines { lines, max } => (CORRECT_IT, vec![("lines", json!(lines)), ("max", json!(max))]),
        R::QuantityOutOfRange { quantity, min, max } => {
            (CORRECT_IT, vec![("quantity", json!(quantity)), ("min", json!(min)), ("max", json!(max))])
        }
        R::Amount { reason } => (CORRECT_IT, amount(reason)),
        R::AmountNotPositive { amount } => (CORRECT_IT, vec![("amount", money(*amount))]),
        R::NegativePrice { price } => (CORRECT_IT, vec![("price", money(*price))]),
        R::TooManyPriceRules { rules, max } => (CORRECT_IT, vec![("rules", json!(rules)), ("max", json!(max))]),
        R::TooManyToImport { variants, max } => (CORRECT_IT, vec![("variants", json!(variants)), ("max", json!(max))]),
        R::ImportRefused { refused } => {
            let told = |refused: &RefusedItem| json!({ "item": refused.item, "problem": Problem::from(refused.reason.clone()) });
            (CORRECT_IT, vec![("refused", refused.iter().map(told).collect())])
        }
        R::PriceTiersUnordered { quantity, before } => {
            (CORRECT_IT, vec![("quantity", json!(quantity)), ("before", json!(before))])
        }
        R::ScheduledPricesOverlap { from } => (CORRECT_IT, vec![("from", text(from))]),
        R::EmptyWindow { from, until } => (CORRECT_IT, vec![("from", text(from)), ("until", text(until))]),
        R::TooManyCoupons { coupons, max } => (CORRECT_IT, vec![("coupons", json!(coupons)), ("max", json!(max))]),
        R::CouponGivenTwice { issued_coupon } => (CORRECT_IT, vec![("issued_coupon_id", text(issued_coupon))]),
        R::CouponsNotCombinable { issued_coupon, with } => {
            (CORRECT_IT, vec![("issued_coupon_id", text(issued_coupon)), ("with_issued_coupon_id", text(with))])
        }
        R::CouponNeedsCode { coupon } | R::CouponOutOfScope { coupon } => {
            (CORRECT_IT, vec![("coupon_id", text(coupon))])
        }
        R::CouponTakesNothingOff { issued_coupon, subtotal } => {
            (CORRECT_IT, vec![("issued_coupon_id", text(issued_coupon)), ("subtotal", money(*subtotal))])
        }
        R::BelowMinimum { coupon, subtotal, minimum } => (
            CORRECT_IT,
            vec![("coupon_id", text(coupon)), ("subtotal", money(*subtotal)), ("minimum", money(*minimum))],
        ),
        R::IdempotencyKeyReused { key } => (CORRECT_IT, vec![("idempotency_key", text(key))]),
        // The server supplies the ids: running short of them, or giving one twice, is its own mistake.
        R::TooFewIds { .. } | R::IdTaken { .. } => (StatusCode::INTERNAL_SERVER_ERROR, vec![]),
        R::Forbidden { operation } => (StatusCode::FORBIDDEN, vec![("operation", text(operation))]),
        R::VersionMismatch { expected, actual } => {
            (StatusCode::PRECONDITION_FAILED, vec![("expected", json!(expected)), ("actual", json!(actual))])
        }
        R::CustomerNotFound { .. }
        | R::ProductNotFound { .. }
        | R::VariantNotFound { .. }
        | R::CouponNotFound { .. }
        | R::CouponCodeNotFound { .. }
        | R::IssuedCouponNotFound { .. }
        | R::OrderNotFound { .. }
        | R::CartItemNotFound { .. }
        | R::RefundNotFound { .. }
        | R::ChargeNotFound { .. } => (NOT_THERE, missing(rejection)),
        R::AlreadyRegistered { customer } => (STATE_FORBIDS, vec![("customer_id", text(customer))]),
        R::UsernameTaken { username } => (STATE_FORBIDS, vec![("username", text(username))]),
        R::SkuTaken { sku } => (STATE_FORBIDS, vec![("sku", text(sku))]),
        R::CouponCodeTaken { coupon_code } => (STATE_FORBIDS, vec![("coupon_code", text(coupon_code))]),
        R::ProductNotOnSale { product, status } => {
            (STATE_FORBIDS, vec![("product_id", text(product)), ("product_status", json!(status.as_str()))])
        }
        R::VariantInactive { variant } => (STATE_FORBIDS, vec![("variant_id", text(variant))]),
        R::OutOfStock { variant, sku, requested, available } => (
            STATE_FORBIDS,
            vec![
                ("variant_id", text(variant)),
                ("sku", text(sku)),
                ("requested", json!(requested)),
                ("available", json!(available)),
            ],
        ),
        R::StockOutOfRange { variant, on_hand, delta, max } => (
            STATE_FORBIDS,
            vec![
                ("variant_id", text(variant)),
                ("on_hand", json!(on_hand)),
                ("delta", json!(delta)),
                ("max", json!(max)),
            ],
        ),
        R::CouponCodeUsed { .. }
        | R::CouponInactive { .. }
        | R::CouponNotStarted { .. }
        | R::CouponEnded { .. }
        | R::CouponSoldOut { .. }
        | R::CouponAlreadyClaimed { .. }
        | R::CouponNotAvailable { .. }
        | R::CouponExpired { .. }
        | R::CouponNotExpired { .. } => (STATE_FORBIDS, coupon(rejection)),
        R::InsufficientBalance { balance, required } => {
            (STATE_FORBIDS, vec![("balance", money(*balance)), ("required", money(*required))])
        }
        R::InvalidTransition { order, from, to } => {
            (STATE_FORBIDS, vec![("order_id", text(order)), ("from", json!(from.as_str())), ("to", json!(to.as_str()))])
        }
        R::OrderLineNotFound { order, position } => {
            (CORRECT_IT, vec![("order_id", text(order)), ("position", json!(position))])
        }
        R::RefundTooLarge { order, position, requested, refundable } => (
            STATE_FORBIDS,
            vec![
                ("order_id", text(order)),
                ("position", json!(position)),
                ("requested", json!(requested)),
                ("refundable", json!(refundable)),
            ],
        ),
        R::WalletFull { balance, amount, max } => (
            STATE_FORBIDS,
            vec![("balance", money(*balance)), ("amount", money(*amount)), ("max_minor_units", text(max))],
        ),
        R::OrderNotExpired { order, expires_at, now } => {
            (STATE_FORBIDS, vec![("order_id", text(order)), ("expires_at", text(expires_at)), ("now", text(now))])
        }
        R::PaymentInProgress { order } => (STATE_FORBIDS, vec![("order_id", text(order))]),
        R::GatewayAmountMismatch { .. }
        | R::GatewayCustomerMismatch { .. }
        | R::GatewayTransactionMismatch { .. }
        | R::GatewayTransactionTaken { .. } => (StatusCode::BAD_GATEWAY, gateway(rejection)),
        R::OrderExpired { order, expired_at, now } => {
            (STATE_FORBIDS, vec![("order_id", text(order)), ("expired_at", text(expired_at)), ("now", text(now))])
        }
    }
}

fn amount(reason: &MoneyError) -> Members {
    match reason {
        MoneyError::TooManyDecimals { currency, given, allowed } => {
            vec![("currency", text(currency)), ("given", json!(given)), ("allowed", json!(allowed))]
        }
        // Minor units of any currency: past what a JSON number holds exactly in JavaScript is still far off.
        MoneyError::OutOfRange { max } => vec![("max_minor_units", text(max))],
        MoneyError::CurrencyMismatch { expected, found } => {
            vec![("expected", text(expected)), ("found", text(found))]
        }
        MoneyError::Malformed { text: given }
        | MoneyError::UnknownCurrency { code: given }
        | MoneyError::PercentOutOfRange { given } => vec![("given", json!(given))],
        // The core may learn new ways for an amount to be wrong; their words say it all the same.
        _ => vec![],
    }
}

fn missing(rejection: &Rejection) -> Members {
    use Rejection as R;
    match rejection {
        R::CustomerNotFound { customer } => vec![("customer_id", text(customer))],
        R::ProductNotFound { product } => vec![("product_id", text(product))],
        R::VariantNotFound { variant } | R::CartItemNotFound { variant } => vec![("variant_id", text(variant))],
        R::CouponNotFound { coupon } => vec![("coupon_id", text(coupon))],
        R::CouponCodeNotFound { coupon_code } => vec![("coupon_code", text(coupon_code))],
        R::IssuedCouponNotFound { issued_coupon } => vec![("issued_coupon_id", text(issued_coupon))],
        R::OrderNotFound { order } => vec![("order_id", text(order))],
        R::ChargeNotFound { charge } => vec![("charge_id", text(charge))],
        R::RefundNotFound { order, refund } => vec![("order_id", text(order)), ("refund_id", text(refund))],
        _ => vec![],
    }
}

fn gateway(rejection: &Rejection) -> Members {
    use Rejection as R;
    match rejection {
        R::GatewayAmountMismatch { charge, expected, found } => {
            vec![("charge_id", text(charge)), ("expected", money(*expected)), ("found", money(*found))]
        }
        R::GatewayCustomerMismatch { charge, expected, found } => {
            vec![("charge_id", text(charge)), ("expected", text(expected)), ("found", text(found))]
        }
        R::GatewayTransactionMismatch { charge, expected, found } => {
            vec![("charge_id", text(charge)), ("expected", text(expected)), ("found", text(found))]
        }
        R::GatewayTransactionTaken { transaction, charge } => {
            vec![("transaction_id", text(transaction)), ("charge_id", text(charge))]
        }
        _ => vec![],
    }
}

fn coupon(rejection: &Rejection) -> Members {
    use Rejection as R;
    match rejection {
        R::CouponCodeUsed { coupon_code, claimed_at } => {
            vec![("coupon_code", text(coupon_code)), ("claimed_at", text(claimed_at))]
        }
        R::CouponInactive { coupon } => vec![("coupon_id", text(coupon))],
        R::CouponNotStarted { coupon, starts_at, now } => {
            vec![("coupon_id", text(coupon)), ("starts_at", text(starts_at)), ("now", text(now))]
        }
        R::CouponEnded { coupon, ended_at, now } => {
            vec![("coupon_id", text(coupon)), ("ended_at", text(ended_at)), ("now", text(now))]
        }
        R::CouponSoldOut { coupon, total } => vec![("coupon_id", text(coupon)), ("total", json!(total))],
        R::CouponAlreadyClaimed { coupon, copies, limit } => {
            vec![("coupon_id", text(coupon)), ("copies", json!(copies)), ("limit", json!(limit))]
        }
        R::CouponNotAvailable { issued_coupon, status } => {
            vec![("issued_coupon_id", text(issued_coupon)), ("coupon_status", json!(status.as_str()))]
        }
        R::CouponExpired { issued_coupon, expired_at, now } => {
            vec![("issued_coupon_id", text(issued_coupon)), ("expired_at", text(expired_at)), ("now", text(now))]
        }
        R::CouponNotExpired { issued_coupon, expires_at, now } => {
            let expires_at = expires_at.map(|end| ("expires_at", text(&end)));
            [("issued_coupon_id", text(issued_coupon)), ("now", text(now))].into_iter().chain(expires_at).collect()
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use poem::IntoResponse;

    use super::*;

    async fn answered(error: StoreError) -> (u16, bool, Value) {
        let response = Problem::from(error).into_response();
        let status = response.status().as_u16();
        let retry_after = response.headers().contains_key("retry-after");
        let body = response.into_body().into_vec().await.expect("a body");
        (status, retry_after, serde_json::from_slice(&body).expect("JSON"))
    }

    #[tokio::test]
    async fn the_stores_own_troubles_tell_what_to_do_and_nothing_of_the_inside() {
        let inside = || "password=1234".to_owned();
        for (error, status, code) in [
            (StoreError::Unavailable { reason: inside() }, 503, "unavailable"),
            (StoreError::Unknown { reason: inside() }, 503, "outcome_unknown"),
            (StoreError::Corrupt { what: inside() }, 500, "internal"),
        ] {
            let (answered_status, retry_after, body) = answered(error).await;
            assert_eq!((answered_status, &body["code"]), (status, &json!(code)));
            assert_eq!(retry_after, status == 503, "{code}");
            assert!(!body.to_string().contains("1234"), "{body}");
        }
        let (_, _, unknown) = answered(StoreError::Unknown { reason: inside() }).await;
        assert!(unknown["detail"].as_str().expect("words").contains("same Idempotency-Key"));
    }
}
