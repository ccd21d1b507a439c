//! What has to hold of each answer, and of the shop at the end.

use commerce_core::reconcile;
use poem::http::Method;
use serde_json::Value;

use super::service::{Answer, Sent, Service};
use crate::schema;
use crate::sequence::answer as polled;

/// Every code that a client may be told, as its own list: a new one is a change of the contract.
const CODES: &[&str] = &[
    // Before a request is understood.
    "authentication_required",
    "body_too_large",
    "csv_empty",
    "csv_header_invalid",
    "csv_too_many_rows",
    "cursor_invalid",
    "forbidden",
    "idempotency_key_malformed",
    "idempotency_key_missing",
    "if_match_malformed",
    "invalid_body",
    "invalid_parameter",
    "malformed_json",
    "method_not_allowed",
    "route_not_found",
    "token_invalid",
    "unknown_field",
    "unknown_parameter",
    "unsupported_media_type",
    "webhook_signature_invalid",
    // What cannot be asked.
    "amount_malformed",
    "amount_not_positive",
    "amount_out_of_range",
    "coupon_reference_ambiguous",
    "coupons_not_combinable",
    "coupon_given_twice",
    "coupon_out_of_scope",
    "coupon_takes_nothing_off",
    "too_many_coupons",
    "currency_mismatch",
    "dead_letters_ambiguous",
    "discount_ambiguous",
    "empty_window",
    "idempotency_key_reused",
    "import_refused",
    "negative_price",
    "price_tiers_unordered",
    "scheduled_prices_overlap",
    "too_many_price_rules",
    "day_not_begun",
    "days_reversed",
    "too_many_days",
    "no_lines",
    "overlap_out_of_range",
    "nothing_to_change",
    "payment_method_not_offered",
    "percent_out_of_range",
    "quantity_out_of_range",
    "too_many_decimals",
    "too_many_lines",
    "unknown_currency",
    // What is not there.
    "coupon_code_not_found",
    "coupon_not_found",
    "customer_not_found",
    "charge_not_found",
    "dead_letter_not_found",
    "sink_not_found",
    "cart_item_not_found",
    "issued_coupon_not_found",
    "job_not_found",
    "order_line_not_found",
    "order_not_found",
    "payment_not_found",
    "product_not_found",
    "top_up_not_found",
    "variant_not_found",
    "webhook_not_found",
    // What the shop's state forbids.
    "already_registered",
    "below_minimum",
    "coupon_already_claimed",
    "coupon_code_taken",
    "coupon_code_used",
    "coupon_ended",
    "coupon_expired",
    "coupon_inactive",
    "coupon_needs_code",
    "coupon_not_available",
    "coupon_not_expired",
    "coupon_not_started",
    "coupon_sold_out",
    "insufficient_balance",
    "invalid_transition",
    "order_expired",
    "order_not_expired",
    "out_of_stock",
    "payment_in_progress",
    "product_not_on_sale",
    "refund_destination_not_offered",
    "refund_too_large",
    "refund_not_found",
    "sku_taken",
    "stock_out_of_range",
    "username_taken",
    "variant_inactive",
    "version_mismatch",
    "wallet_full",
    "webhook_url_refused",
];

/// An answer is what the document says, and only those are told who may be. Tells the operation if it succeeded.
pub(super) fn answer(sent: &Sent, answer: &Answer) -> Option<&'static str> {
    assert!(!answer.status.is_server_error(), "{sent:?} broke something: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("x-request-id").is_empty());
    if answer.succeeded() {
        check_access(sent, answer);
        check_document(sent, answer)
    } else {
        check_problem(sent, answer);
        None
    }
}

fn check_problem(sent: &Sent, answer: &Answer) {
    assert!(answer.status.is_client_error(), "{sent:?} is neither answered nor refused: {answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{sent:?}: {answer:?}");
    let code = answer.body["code"].as_str().unwrap_or_default();
    assert!(CODES.contains(&code), "{sent:?} is refused with a code that nobody knows: {answer:?}");
    assert_eq!(answer.body["status"], answer.status.as_u16(), "{answer:?}");
    assert_eq!(answer.body["type"], format!("/problems/{code}"), "{answer:?}");
    assert_eq!(schema::objection(schema::named("Problem"), &answer.body, ""), None, "{answer:?}");
    for (status, header) in [(401, "www-authenticate"), (405, "allow")] {
        assert_eq!(answer.status.as_u16() == status, !answer.header(header).is_empty(), "{header}: {answer:?}");
    }
}

/// Operators' pages are for operators, one's own for customers.
fn check_access(sent: &Sent, answer: &Answer) {
    let path = sent.uri.path();
    let open = ["/v1/products", "/v1/coupons", "/health"].iter().any(|open| path.starts_with(open));
    let may = match sent.who.as_str() {
        "operator" => path.starts_with("/v1/admin") || path.starts_with("/v1/orders/"),
        "customer" | "other" | "stranger" => !path.starts_with("/v1/admin"),
        _ => false,
    };
    assert!(open || may, "{sent:?} is not for them: {answer:?}");
}

/// The answer is the one that the document describes for this operation and status.
fn check_document(sent: &Sent, answer: &Answer) -> Option<&'static str> {
    assert_eq!(answer.header("content-type"), "application/json", "{sent:?}: {answer:?}");
    let Some(operation) = operation(sent) else { unreachable!("{sent:?} is not in the document: {answer:?}") };
    let described = &operation["responses"][answer.status.as_str()]["content"]["application/json"]["schema"];
    assert!(described.is_object(), "{sent:?} is not documented to answer so: {answer:?}");
    let objection = schema::objection(described, &answer.body, "");
    assert_eq!(objection, None, "{sent:?}: {answer:?}");
    operation["operationId"].as_str()
}

/// The ids of all operations, but for the one that takes a signature of this very minute.
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    let paths = schema::document()["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|methods| methods.values());
    operations.filter_map(|operation| operation["operationId"].as_str()).filter(|id| *id != "receive_payment_webhook")
}

fn operation(sent: &Sent) -> Option<&'static Value> {
    let method = if sent.method == Method::HEAD { "get".to_owned() } else { sent.method.as_str().to_lowercase() };
    let path: Vec<&str> = sent.uri.path().trim_end_matches('/').split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == path.len() && parts.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let paths = schema::document()["paths"].as_object()?;
    // A path without parameters goes before one with them.
    let mut fitting: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
    fitting.sort_by_key(|(template, _)| template.matches('{').count());
    fitting.first()?.1.get(&method)
}

/// A request sent a second time is answered as it was the first.
pub(super) fn replay(sent: &Sent, first: &Answer, second: &Answer) {
    if sent.is_repeatable() {
        return;
    }
    assert_eq!(first.status, second.status, "{sent:?} is answered in two ways");
    if !sent.takes_card() {
        assert_eq!(first.text, second.text, "{sent:?} is answered in two ways");
        assert_eq!(first.header("etag"), second.header("etag"), "{sent:?}");
    }
    if !sent.is_done_in_parts() && !sent.is_repeatable() {
        assert_eq!(second.header("idempotent-replayed"), "true", "{sent:?} was done twice");
    }
}

/// The books add up.
pub(super) fn books(service: &Service) {
    let report = polled(reconcile(service.store())).expect("the store in memory answers");
    assert_eq!(report.drifts, [], "the books do not add up");
}
