//! The schema's own word: every named constraint refuses what it is there for, and what was written stays.

use std::collections::BTreeSet;

use commerce_core::OrderStatus;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::harness::{Backstage, database};

/// A sound row of each table, in the order that foreign keys ask for; `now()` where an instant belongs.
const SOUND: &[(&str, &str)] = &[
    ("customers", "id = 1, username = 'kim', name = 'Kim', created_at = now()"),
    (
        "products",
        "id = 1, name = 'P', base_price = 100, currency = 'KRW', status = 'on_sale', version = 1, created_at = now(), \
         updated_at = now()",
    ),
    (
        "product_variants",
        "id = 1, product_id = 1, sku = 'S', additional_price = 0, currency = 'KRW', active = true, version = 1, \
         created_at = now(), updated_at = now()",
    ),
    ("product_views", "product_id = 1, views = 1"),
    ("product_stocks", "variant_id = 1, on_hand = 5, version = 1"),
    ("wallets", "customer_id = 1, currency = 'KRW', balance = 10, version = 1"),
    (
        "coupons",
        "id = 1, code = 'C', name = 'C', discount_amount = 10, discount_percent = null, discount_cap = null, \
         min_subtotal = null, discount_currency = 'KRW', minimum_currency = null, stacking = 'exclusive', priority = 0, \
         total_quantity = 5, per_customer_limit = 1, starts_at = now(), ends_at = null, active = true, version = 1, created_at = now(), \
         updated_at = now()",
    ),
    ("coupon_products", "coupon_id = 1, product_id = 1"),
    ("coupon_issuances", "coupon_id = 1, issued = 1, total_quantity = 5"),
    ("carts", "customer_id = 1, line_count = 1, version = 1, updated_at = now()"),
    (
        "cart_items",
        "customer_id = 1, variant_id = 1, quantity = 2, saved_price = 100, currency = 'KRW', added_at = now()",
    ),
    (
        "orders",
        "id = 1, customer_id = 1, status = 'paid', currency = 'KRW', subtotal = 100, discount = 10, total = 90, \
         payment_id = 1, payment_method = 'wallet', version = 1, placed_at = now(), updated_at = now()",
    ),
    (
        "orders",
        "id = 2, customer_id = 1, status = 'pending', currency = 'KRW', subtotal = 100, discount = 10, total = 90, \
         payment_id = null, payment_method = null, version = 1, placed_at = now(), updated_at = now()",
    ),
    (
        "order_items",
        "order_id = 1, position = 1, product_id = 1, variant_id = 1, product_name = 'P', sku = 'S', unit_price = 100, \
         quantity = 1, subtotal = 100, discount = 10, currency = 'KRW', priced_by = 'tier:10'",
    ),
    (
        "payments",
        "id = 1, order_id = 1, customer_id = 1, method = 'wallet', amount = 90, currency = 'KRW', \
         status = 'succeeded', attempts = 1, gateway_transaction_id = 'g', created_at = now(), updated_at = now(), \
         refunded = 30, cancel_requested_by = null, cancel_reason = null",
    ),
    (
        "refunds",
        "id = 1, order_id = 1, payment_id = 1, total = 30, currency = 'KRW', destination = 'wallet', restock = true, \
         status = 'succeeded', failure_reason = null, created_at = now(), updated_at = now()",
    ),
    ("refund_items", "refund_id = 1, order_id = 1, position = 1, quantity = 1, amount = 30"),
    (
        "order_events",
        "order_id = 1, sequence = 1, from_status = null, to_status = 'paid', payload = '{}', created_at = now()",
    ),
    (
        "stock_entries",
        "variant_id = 1, sequence = 1, delta = -1, on_hand_after = 5, reason = 'order', order_id = 1, \
         actor = 'system', created_at = now()",
    ),
    (
        "top_ups",
        "id = 1, customer_id = 1, amount = 5, currency = 'KRW', status = 'pending', charge_id = 3, \
         expires_at = now(), created_at = now(), updated_at = now()",
    ),
    (
        "charges",
        "id = 1, order_id = 1, attempt = 1, top_up_id = null, customer_id = 1, amount = 90, currency = 'KRW', \
         status = 'captured', gateway_transaction_id = 'tx', created_at = now(), updated_at = now()",
    ),
    (
        "charges",
        "id = 2, order_id = 2, attempt = 1, top_up_id = null, customer_id = 1, amount = 90, currency = 'KRW', \
         status = 'initiated', gateway_transaction_id = null, created_at = now(), updated_at = now()",
    ),
    (
        "charges",
        "id = 3, order_id = null, attempt = null, top_up_id = 1, customer_id = 1, amount = 5, currency = 'KRW', \
         status = 'pending', gateway_transaction_id = null, created_at = now(), updated_at = now()",
    ),
    (
        "wallet_entries",
        "customer_id = 1, currency = 'KRW', sequence = 1, kind = 'payment', amount = -90, balance_after = 10, \
         order_id = 1, top_up_id = null, actor = 'system', created_at = now()",
    ),
    (
        "wallet_entries",
        "customer_id = 1, currency = 'KRW', sequence = 3, kind = 'deposit', amount = 5, balance_after = 15, \
         order_id = null, top_up_id = 1, actor = 'system', created_at = now()",
    ),
    (
        "issued_coupons",
        "id = 1, coupon_id = 1, customer_id = 1, ordinal = 1, status = 'used', order_id = 1, issued_at = now(), \
         revoked_by = null",
    ),
    (
        "coupon_codes",
        "code = 'ONCE', coupon_id = 1, created_at = now(), customer_id = 1, issued_coupon_id = 1, claimed_at = now(), \
         own = null",
    ),
    (
        "coupon_redemptions",
        "issued_coupon_id = 1, order_id = 1, coupon_id = 1, discount = 10, currency = 'KRW', status = 'used', \
         created_at = now(), updated_at = now()",
    ),
    (
        "order_coupons",
        "order_id = 1, position = 1, issued_coupon_id = 1, coupon_id = 1, name = 'C', discount = 10, currency = 'KRW'",
    ),
    ("product_sales_daily", "sold_on = current_date, product_id = 1, quantity = 1, revenue = 90, currency = 'KRW'"),
    (
        "outbox_messages",
        "id = 1, order_id = 1, sequence = 1, event_type = 'order.paid', status = 'ready', due_at = now()",
    ),
    ("books_events", "id = 2, payload = '{}'"),
    ("sinks", "name = 'books', created_at = now()"),
    ("sinks", "name = 'webhook-books', created_at = now()"),
    (
        "deliveries",
        "sink = 'books', message_id = 1, order_id = 1, sequence = 1, happened_at = now(), due_at = now(), owner = null, \
         attempts = 0",
    ),
    (
        "dead_letters",
        "message_id = 1, sink = 'books', order_id = 1, sequence = 1, happened_at = now(), attempts = 1, \
         last_error = 'gone', buried_at = now()",
    ),
    (
        "webhooks",
        "name = 'books', sink = 'webhook-books', url = 'http://books.example/', enabled = true, secret = 'whsec_', \
         retiring = '[]', version = 1, created_at = now(), updated_at = now()",
    ),
    ("outbox_pruned", "only_row = true, before = now()"),
    ("leases", "name = 'relay', token = 1, owner = null, expires_at = null"),
    ("jobs", "name = 'it', schedule = '0 0 * * *', next_at = now(), failures = 0, succeeded_at = null"),
    (
        "job_runs",
        "job = 'it', sequence = 1, token = 1, owner = 'me', scheduled_for = now(), requested_by = null, \
         started_at = now(), finished_at = null, outcome = null, error = null, counts = null",
    ),
    ("job_requests", "job = 'it', requested_by = 'mina', key = 'now', requested_at = now(), run = null"),
    ("sales_roll_ups", "sold_on = '2026-11-01', rolled_up_at = now()"),
    (
        "idempotency_keys",
        "principal = 'system', operation = 'deposit', key = 'k', fingerprint = '\\x00000000000000000000000000000000', \
         outcome = '{}', order_id = null, order_version = null, created_at = now()",
    ),
    ("order_status", "status = 'odd', description = 'of no use'"),
    ("order_transition", "from_status = 'odd', to_status = 'odd'"),
];

/// Each constraint, and what makes its table's sound row one that it must refuse.
const WRONG: &[(&str, &str)] = &[
    ("order_status_pkey", ""),
    ("order_transition_pkey", ""),
    ("order_transition_from_fkey", "from_status = 'none'"),
    ("order_transition_to_fkey", "to_status = 'none'"),
    ("customers_pkey", ""),
    ("customers_username_key", "id = 2"),
    ("customers_id_positive", "id = 0"),
    ("products_pkey", ""),
    ("products_id_positive", "id = 0"),
    ("products_base_price_range", "base_price = -1"),
    ("products_currency_code", "currency = 'WON!'"),
    ("products_status_known", "status = 'lost'"),
    ("products_version_positive", "version = 0"),
    ("product_variants_pkey", ""),
    ("product_variants_sku_key", "id = 2"),
    ("product_variants_product_fkey", "id = 2, sku = 'T', product_id = 9"),
    ("product_variants_id_positive", "id = 0"),
    ("product_variants_price_range", "additional_price = -1"),
    ("product_variants_currency_code", "currency = 'WON!'"),
    ("product_variants_version_positive", "version = 0"),
    ("product_views_pkey", ""),
    ("product_views_product_fkey", "product_id = 9"),
    ("product_views_positive", "views = 0"),
    ("product_stocks_pkey", ""),
    ("product_stocks_variant_fkey", "variant_id = 9"),
    ("product_stocks_on_hand_not_negative", "on_hand = -1"),
    ("product_stocks_version_not_negative", "version = -1"),
    ("wallets_pkey", ""),
    ("wallets_customer_fkey", "customer_id = 9"),
    ("wallets_balance_range", "balance = -1"),
    ("wallets_currency_code", "currency = 'WON!'"),
    ("wallets_version_positive", "version = 0"),
    ("coupons_pkey", ""),
    ("coupons_code_key", "id = 2"),
    ("coupons_id_positive", "id = 0"),
    ("coupons_discount_is_one_kind", "discount_percent = 10"),
    ("coupons_amount_range", "discount_amount = 0"),
    ("coupons_percent_range", "discount_amount = null, discount_currency = null, discount_percent = 101"),
    ("coupons_cap_range", "discount_amount = null, discount_percent = 10, discount_cap = 0"),
    ("coupons_cap_of_percent", "discount_cap = 5"),
    ("coupons_minimum_range", "min_subtotal = 0, minimum_currency = 'KRW'"),
    ("coupons_discount_currency", "discount_currency = null"),
    ("coupons_minimum_currency", "minimum_currency = 'KRW'"),
    ("coupons_stacking_known", "stacking = 'sometimes'"),
    ("coupons_priority_range", "priority = -1"),
    ("coupons_total_range", "total_quantity = 0"),
    ("coupons_limit_range", "per_customer_limit = 0"),
    ("coupons_window_not_empty", "ends_at = now() - interval '1 day'"),
    ("coupons_version_positive", "version = 0"),
    ("coupon_products_pkey", ""),
    ("coupon_products_coupon_fkey", "coupon_id = 9"),
    ("coupon_products_product_fkey", "product_id = 9"),
    ("coupon_issuances_pkey", ""),
    ("coupon_issuances_coupon_fkey", "coupon_id = 9"),
    ("coupon_issuances_within_total", "issued = 6"),
    ("carts_pkey", ""),
    ("carts_customer_fkey", "customer_id = 9"),
    ("carts_line_count_range", "line_count = 101"),
    ("carts_version_positive", "version = 0"),
    ("cart_items_pkey", ""),
    ("cart_items_cart_fkey", "customer_id = 9"),
    ("cart_items_variant_fkey", "variant_id = 9"),
    ("cart_items_quantity_range", "quantity = 0"),
    ("cart_items_saved_price_range", "saved_price = -1"),
    ("cart_items_currency_code", "currency = 'WON!'"),
    ("orders_pkey", ""),
    ("orders_id_positive", "id = 0"),
    ("orders_customer_fkey", "id = 3, customer_id = 9"),
    ("orders_status_known", "id = 3, status = 'lost'"),
    ("orders_currency_code", "currency = 'WON!'"),
    ("orders_subtotal_range", "subtotal = 1000000000000001, total = 999999999999991"),
    ("orders_discount_within_subtotal", "discount = 101, total = -1"),
    ("orders_total_adds_up", "total = 91"),
    ("orders_payment_method_known", "payment_method = 'shells'"),
    ("orders_payment_is_whole", "payment_method = null"),
    ("orders_paid_have_payment", "payment_id = null, payment_method = null"),
    ("orders_version_positive", "version = 0"),
    ("order_items_pkey", ""),
    ("order_items_position_range", "position = 101"),
    ("order_items_quantity_range", "quantity = 0, subtotal = 0, discount = 0"),
    ("order_items_unit_price_range", "unit_price = 1000000000000001, subtotal = 1000000000000001"),
    ("order_items_subtotal_adds_up", "subtotal = 99"),
    ("order_items_discount_within_subtotal", "discount = 101"),
    ("order_items_priced_by_known", "priced_by = 'a whim'"),
    ("payments_pkey", ""),
    ("payments_order_key", "id = 2, gateway_transaction_id = 'h'"),
    ("payments_gateway_transaction_key", "id = 2, order_id = 2"),
    ("payments_id_positive", "id = 0"),
    ("payments_method_known", "method = 'shells'"),
    ("payments_amount_range", "amount = -1"),
    ("payments_status_known", "status = 'lost'"),
    ("payments_attempts_not_negative", "attempts = -1"),
    ("payments_refunded_within_amount", "refunded = 91"),
    ("payments_cancel_request_by_card", "cancel_requested_by = 'system'"),
    ("payments_cancel_reason_of_request", "cancel_reason = 'changed my mind'"),
    ("refunds_pkey", ""),
    ("refunds_order_fkey", "id = 2, order_id = 9"),
    ("refunds_payment_fkey", "id = 2, payment_id = 9"),
    ("refunds_id_positive", "id = 0"),
    ("refunds_total_range", "total = -1"),
    ("refunds_destination_known", "destination = 'shells'"),
    ("refunds_status_known", "destination = 'gateway', status = 'lost'"),
    ("refunds_wallet_succeeds", "status = 'pending'"),
    ("refunds_failure_has_failed", "failure_reason = 'closed'"),
    ("refund_items_pkey", ""),
    ("refund_items_refund_fkey", "refund_id = 9"),
    ("refund_items_line_fkey", "refund_id = 1, position = 2"),
    ("refund_items_quantity_range", "quantity = 0"),
    ("refund_items_amount_range", "amount = -1"),
    ("order_events_pkey", ""),
    ("order_events_transition_fkey", "sequence = 2, from_status = 'delivered', to_status = 'pending'"),
    ("order_events_first_from_nothing", "sequence = 2"),
    ("order_events_begin", "to_status = 'shipped'"),
    ("stock_entries_pkey", ""),
    ("stock_entries_sequence_positive", "sequence = 0"),
    ("stock_entries_delta_not_zero", "delta = 0"),
    ("stock_entries_on_hand_not_negative", "on_hand_after = -1"),
    ("stock_entries_reason_known", "reason = 'gift'"),
    ("stock_entries_order_named", "order_id = null"),
    ("stock_entries_order_takes", "delta = 1"),
    ("stock_entries_return_gives", "reason = 'cancel'"),
    ("wallet_entries_pkey", "kind = 'refund', amount = 90"),
    ("wallet_entries_payment_key", "sequence = 2"),
    ("wallet_entries_sequence_positive", "sequence = 0"),
    ("wallet_entries_amount_not_zero", "amount = 0"),
    ("wallet_entries_balance_range", "balance_after = -1"),
    ("wallet_entries_kind_known", "kind = 'gift'"),
    ("wallet_entries_deposit_gives", "kind = 'deposit'"),
    ("wallet_entries_payment_takes", "amount = 90"),
    ("wallet_entries_order_named", "order_id = null"),
    ("wallet_entries_top_up_fkey", "sequence = 4, kind = 'deposit', amount = 5, order_id = null, top_up_id = 9"),
    ("wallet_entries_top_up_deposits", "top_up_id = 1"),
    ("wallet_entries_top_up_key", "sequence = 4, kind = 'deposit', amount = 5, order_id = null, top_up_id = 1"),
    ("top_ups_pkey", ""),
    ("top_ups_charge_key", "id = 2"),
    ("top_ups_customer_fkey", "id = 2, charge_id = 9, customer_id = 9"),
    ("top_ups_id_positive", "id = 0"),
    ("top_ups_amount_range", "amount = 0"),
    ("top_ups_currency_code", "currency = 'WON!'"),
    ("top_ups_status_known", "status = 'lost'"),
    ("charges_pkey", ""),
    ("charges_gateway_transaction_key", "id = 9, order_id = 2, attempt = 2"),
    ("charges_attempt_key", "id = 9, status = 'failed', gateway_transaction_id = 'b'"),
    ("charges_top_up_key", "id = 9, order_id = null, attempt = null, top_up_id = 1, gateway_transaction_id = 'b'"),
    ("charges_order_fkey", "id = 9, order_id = 9, gateway_transaction_id = 'b'"),
    ("charges_top_up_fkey", "id = 9, order_id = null, attempt = null, top_up_id = 9, gateway_transaction_id = 'b'"),
    ("charges_customer_fkey", "id = 9, attempt = 2, status = 'failed', customer_id = 9, gateway_transaction_id = 'b'"),
    ("charges_id_positive", "id = 0"),
    ("charges_one_purpose", "top_up_id = 1"),
    ("charges_attempt_of_order", "attempt = null"),
    ("charges_attempt_positive", "attempt = 0"),
    ("charges_amount_range", "amount = 0"),
    ("charges_currency_code", "currency = 'WON!'"),
    ("charges_status_known", "status = 'lost'"),
    ("charges_captured_have_transaction", "gateway_transaction_id = null"),
    ("charges_captured_key", "id = 9, attempt = 2, gateway_transaction_id = 'b'"),
    ("charges_in_flight_key", "id = 9, order_id = 2, attempt = 2, status = 'pending', gateway_transaction_id = 'b'"),
    ("issued_coupons_pkey", ""),
    ("issued_coupons_ordinal_key", "id = 2"),
    ("issued_coupons_order_fkey", "id = 2, ordinal = 2, order_id = 9"),
    ("issued_coupons_id_positive", "id = 0"),
    ("issued_coupons_ordinal_range", "ordinal = 0"),
    ("issued_coupons_status_known", "status = 'lost', order_id = null"),
    ("issued_coupons_order_of_status", "order_id = null"),
    ("issued_coupons_revocation_is_whole", "revoked_by = 'system'"),
    ("coupon_codes_pkey", ""),
    ("coupon_codes_copy_key", "code = 'TWICE'"),
    (
        "coupon_codes_coupon_fkey",
        "code = 'TWICE', coupon_id = 9, customer_id = null, issued_coupon_id = null, claimed_at = null",
    ),
    ("coupon_codes_copy_fkey", "code = 'TWICE', issued_coupon_id = 9"),
    ("coupon_codes_claim_is_whole", "code = 'TWICE', claimed_at = null"),
    (
        "coupon_codes_own_is_true",
        "code = 'TWICE', customer_id = null, issued_coupon_id = null, claimed_at = null, own = false",
    ),
    ("coupon_codes_own_brings_none", "code = 'TWICE', issued_coupon_id = 2, own = true"),
    ("coupon_redemptions_pkey", "status = 'released'"),
    ("coupon_redemptions_one_use_key", "order_id = 2"),
    ("coupon_redemptions_copy_fkey", "issued_coupon_id = 9"),
    ("coupon_redemptions_order_fkey", "order_id = 9, status = 'released'"),
    ("coupon_redemptions_coupon_fkey", "order_id = 2, coupon_id = 9, status = 'released'"),
    ("coupon_redemptions_discount_range", "discount = -1"),
    ("coupon_redemptions_status_known", "status = 'lost'"),
    ("order_coupons_pkey", ""),
    ("order_coupons_order_fkey", "order_id = 9"),
    ("order_coupons_copy_fkey", "position = 2, issued_coupon_id = 9"),
    ("order_coupons_discount_range", "discount = -1"),
    ("product_sales_daily_pkey", ""),
    ("product_sales_daily_product_fkey", "product_id = 9"),
    ("outbox_messages_pkey", ""),
    ("outbox_messages_event_key", "id = 2"),
    ("outbox_messages_event_fkey", "id = 2, sequence = 9"),
    ("outbox_messages_status_known", "status = 'lost'"),
    ("outbox_messages_about_one_thing", "id = 2, order_id = null"),
    ("books_events_pkey", ""),
    ("sinks_pkey", ""),
    ("deliveries_pkey", ""),
    ("deliveries_event_key", "message_id = 2"),
    ("deliveries_sink_fkey", "sink = 'nobody'"),
    ("deliveries_claim_whole", "owner = 'relay'"),
    ("deliveries_attempts_not_negative", "attempts = -1"),
    ("dead_letters_pkey", ""),
    ("dead_letters_event_key", "message_id = 2"),
    ("dead_letters_sink_fkey", "sink = 'nobody'"),
    ("dead_letters_event_fkey", "message_id = 2, sequence = 9"),
    ("dead_letters_attempts_positive", "attempts = 0"),
    ("webhooks_pkey", ""),
    ("webhooks_sink_is_its_own", "name = 'mail'"),
    ("webhooks_sink_fkey", "name = 'mail', sink = 'webhook-mail'"),
    ("webhooks_version_positive", "name = 'mail', sink = 'webhook-mail', version = 0"),
    ("outbox_pruned_pkey", ""),
    ("outbox_pruned_one_row", "only_row = false"),
    ("leases_pkey", ""),
    ("leases_token_positive", "token = 0"),
    ("leases_holder_is_whole", "owner = 'me'"),
    ("jobs_pkey", ""),
    ("jobs_failures_not_negative", "failures = -1"),
    ("job_runs_pkey", ""),
    ("job_runs_job_fkey", "job = 'other'"),
    ("job_runs_sequence_positive", "sequence = 0"),
    ("job_runs_token_positive", "token = 0"),
    ("job_runs_outcome_known", "outcome = 'lost', finished_at = now(), counts = '{}'"),
    ("job_runs_end_is_whole", "outcome = 'succeeded'"),
    ("job_runs_failed_have_error", "outcome = 'failed', finished_at = now(), counts = '{}'"),
    ("job_runs_under_way_key", "sequence = 2"),
    ("job_requests_pkey", ""),
    ("job_requests_job_fkey", "job = 'other'"),
    ("sales_roll_ups_pkey", ""),
    ("idempotency_keys_pkey", ""),
    ("idempotency_keys_fingerprint_size", "fingerprint = ''"),
    ("idempotency_keys_one_outcome", "outcome = null"),
];

/// What a hand in the data would try on the tables that only grow.
const CHANGES: &[(&str, &str)] = &[
    ("order_events", "to_status = 'cancelled'"),
    ("stock_entries", "delta = -2"),
    ("wallet_entries", "amount = -1"),
    ("order_items", "discount = 0"),
    ("order_coupons", "discount = 0"),
    ("coupon_products", "product_id = 2"),
    ("refund_items", "amount = 0"),
    ("books_events", "payload = '{\"count\":0}'"),
];

/// Tables whose rows change, and stay.
const KEPT: &[&str] = &[
    "customers",
    "products",
    "product_variants",
    "product_stocks",
    "wallets",
    "coupons",
    "coupon_issuances",
    "issued_coupons",
    "coupon_codes",
    "carts",
    "orders",
    "payments",
    "refunds",
    "coupon_redemptions",
    "charges",
    "top_ups",
];

/// The constraints and unique indexes of the schema, with their tables.
const NAMED: &str = "select c.conname::text, c.conrelid::regclass::text from pg_constraint c \
     where c.connamespace = 'public'::regnamespace and c.contype in ('c', 'f', 'p', 'u') \
     union select i.indexrelid::regclass::text, i.indrelid::regclass::text from pg_index i \
     join pg_class k on k.oid = i.indexrelid where i.indisunique and k.relnamespace = 'public'::regnamespace";

/// A row by its columns, some of them changed, as a statement that inserts it.
fn insert(table: &str, sound: &str, changed: &str) -> String {
    let pairs = |text: &str| -> Vec<(String, String)> {
        let each = |pair: &str| pair.split_once(" = ").map(|(column, value)| (column.to_owned(), value.to_owned()));
        text.split(", ").filter(|pair| !pair.is_empty()).map(|pair| each(pair).unwrap()).collect()
    };
    let mut row = pairs(sound);
    for (column, value) in pairs(changed) {
        row.iter_mut().find(|(name, _)| *name == column).unwrap().1 = value;
    }
    let (columns, values): (Vec<String>, Vec<String>) = row.into_iter().unzip();
    format!("insert into {table} ({}) values ({})", columns.join(", "), values.join(", "))
}

async fn with_sound_rows() -> Backstage {
    let mut backstage = Backstage::at(&database().await.url).await;
    for (table, row) in SOUND {
        backstage.run(&insert(table, row, "")).await;
    }
    backstage
}

#[tokio::test]
async fn every_named_constraint_refuses_what_it_is_there_for() {
    let mut backstage = with_sound_rows().await;
    let named: Vec<(String, String)> = sqlx::query_as(NAMED).fetch_all(&mut backstage.connection).await.unwrap();
    let named: Vec<_> = named.into_iter().filter(|(_, table)| table != "commerce_migrations").collect();
    let tried: BTreeSet<&str> = WRONG.iter().map(|(constraint, _)| *constraint).collect();
    for (constraint, _) in &named {
        assert!(tried.contains(constraint.as_str()), "nothing tries the constraint {constraint}");
    }
    for (constraint, changed) in WRONG {
        let (_, table) = named.iter().find(|(name, _)| name == constraint).expect(constraint);
        let (_, sound) = SOUND.iter().find(|(name, _)| name == table).expect(table);
        let statement = insert(table, sound, changed);
        let refused = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut backstage.connection).await;
        let error = refused.expect_err(&statement);
        assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some(*constraint), "{statement}");
    }
}

/// Foreign keys do not follow every name, so nothing that is named may go.
#[tokio::test]
async fn what_other_rows_name_is_never_deleted() {
    let mut backstage = with_sound_rows().await;
    for table in KEPT {
        let before = contents(&mut backstage.connection, table).await;
        assert!(!before.is_empty(), "{table}");
        assert_eq!(backstage.run(&format!("delete from {table}")).await, 0, "{table}");
        assert_eq!(contents(&mut backstage.connection, table).await, before, "{table}");
    }
}

/// The statuses that the check on orders names are the rows of the reference table, and the core's.
#[tokio::test]
async fn the_reference_table_and_the_check_name_the_same_statuses() {
    let mut backstage = Backstage::at(&database().await.url).await;
    let rows: Vec<String> =
        sqlx::query_scalar("select status from order_status").fetch_all(&mut backstage.connection).await.unwrap();
    let check: String =
        sqlx::query_scalar("select pg_get_constraintdef(oid) from pg_constraint where conname = 'orders_status_known'")
            .fetch_one(&mut backstage.connection)
            .await
            .unwrap();
    let known: BTreeSet<&str> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
    assert_eq!(rows.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
    // Every second piece between quotes is a name.
    assert_eq!(check.split('\'').skip(1).step_by(2).collect::<BTreeSet<_>>(), known);
}

/// Ledgers and histories only grow, for the tables' owner too: an update or a delete does nothing.
#[tokio::test]
async fn what_was_written_to_a_ledger_or_a_history_stays() {
    let mut backstage = with_sound_rows().await;
    for (table, change) in CHANGES {
        let before = contents(&mut backstage.connection, table).await;
        assert!(!before.is_empty(), "{table}");
        for statement in [format!("update {table} set {change}"), format!("delete from {table}")] {
            assert_eq!(backstage.run(&statement).await, 0, "{statement}");
            assert_eq!(contents(&mut backstage.connection, table).await, before, "{statement}");
        }
    }
}

async fn contents(connection: &mut PgConnection, table: &str) -> Vec<String> {
    let sql = format!("select t::text from {table} t order by 1");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}
