//! What a whole run has produced, so that a generator that has stopped reaching something is found out.

use std::collections::BTreeMap;

use commerce_core::{Envelope, Error, Operation, Receipt};

/// Every refusal that a sequence of commands can meet. The rest of the codes are of texts and numbers that no
/// command can hold.
pub(crate) const REFUSALS: &[&str] = &[
    "no_lines",
    "too_many_lines",
    "quantity_out_of_range",
    "amount_out_of_range",
    "currency_mismatch",
    "amount_not_positive",
    "negative_price",
    "empty_window",
    "import_refused",
    "too_many_price_rules",
    "price_tiers_unordered",
    "scheduled_prices_overlap",
    "too_few_ids",
    "nothing_to_change",
    "forbidden",
    "idempotency_key_reused",
    "customer_not_found",
    "product_not_found",
    "variant_not_found",
    "coupon_not_found",
    "coupon_code_not_found",
    "issued_coupon_not_found",
    "cart_item_not_found",
    "order_not_found",
    "already_registered",
    "username_taken",
    "sku_taken",
    "coupon_code_taken",
    "coupon_code_used",
    "version_mismatch",
    "product_not_on_sale",
    "variant_inactive",
    "out_of_stock",
    "stock_out_of_range",
    "coupon_needs_code",
    "coupon_inactive",
    "coupon_not_started",
    "coupon_ended",
    "coupon_sold_out",
    "coupon_already_claimed",
    "coupon_not_available",
    "coupon_expired",
    "coupon_not_expired",
    "coupon_out_of_scope",
    "coupon_takes_nothing_off",
    "below_minimum",
    "coupons_not_combinable",
    "too_many_coupons",
    "coupon_given_twice",
    "insufficient_balance",
    "invalid_transition",
    "order_expired",
    "order_not_expired",
    "order_line_not_found",
    "refund_too_large",
    "refund_destination_not_offered",
    "refund_not_found",
    "wallet_full",
    "payment_method_not_offered",
    "payment_in_progress",
    "charge_not_found",
    "gateway_amount_mismatch",
    "gateway_customer_mismatch",
    "gateway_transaction_mismatch",
    "gateway_transaction_taken",
];

/// What the model notes when it happens.
pub(crate) const NOTES: &[&str] = &[
    "nothing -> pending",
    "nothing -> paid",
    "pending -> paid",
    "pending -> cancelled",
    "pending -> processing",
    "pending -> paid by card",
    "processing -> paid",
    "processing -> pending",
    "processing -> cancelled",
    "asked to be called off",
    "called off once it was declined",
    "paid though it was to be called off",
    "paid by wallet after a card",
    "money to be given back",
    "money given back",
    "old news",
    "released by a record of something else",
    "top-up completed",
    "top-up failed",
    "top-up expired",
    "top-up called off",
    "top-up too large for its wallet",
    "replayed",
    "coupon used at once",
    "coupon held",
    "several coupons on one order",
    "a coupon of products",
    "coupon used later",
    "coupon given back",
    "coupon given back too late",
    "a copy given back, then gone",
    "a code used up",
    "one variant on two lines",
    "a product and a variant imported",
    "a price of its time",
    "a price of its quantity",
    "a free order",
    "refunded in part",
    "refunded in full",
    "a refund of nothing",
    "a refund on its way",
    "a refund on its way is back",
    "a refund on its way failed",
    "the rest while some is on its way",
    "old news of a refund",
    "two days of sales",
    "more of one item",
    "a line left out of a merge",
    "a cart changed by nothing",
    "a cart ordered",
];

/// Counts of everything seen.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) refusals: BTreeMap<&'static str, u64>,
    pub(crate) notes: BTreeMap<&'static str, u64>,
    pub(crate) accepted: BTreeMap<Operation, u64>,
    pub(crate) steps: u64,
}

impl Coverage {
    pub(crate) fn answered(&mut self, envelope: &Envelope, answer: &Result<Receipt, Error>) {
        self.steps += 1;
        match answer {
            Ok(receipt) if receipt.replayed => self.note("replayed"),
            Ok(_) => *self.accepted.entry(envelope.operation()).or_default() += 1,
            Err(Error::Rejected(refused)) => *self.refusals.entry(refused.code()).or_default() += 1,
            Err(Error::Store(_)) => {}
        }
    }

    pub(crate) fn note(&mut self, what: &'static str) {
        *self.notes.entry(what).or_default() += 1;
    }

    /// What can happen and never did, and what is refused with and not listed.
    pub(crate) fn missing(&self) -> Vec<String> {
        let refusals = REFUSALS.iter().filter(|code| !self.refusals.contains_key(*code)).map(|code| (*code).to_owned());
        let notes = NOTES.iter().filter(|note| !self.notes.contains_key(*note)).map(|note| (*note).to_owned());
        let kinds = Operation::ALL.iter().filter(|kind| !self.accepted.contains_key(kind));
        let unlisted = self.refusals.keys().filter(|code| !REFUSALS.contains(code));
        refusals
            .chain(notes)
            .chain(kinds.map(|kind| format!("{kind:?} accepted")))
            .chain(unlisted.map(|code| format!("{code}, which is not listed")))
            .collect()
    }
}
