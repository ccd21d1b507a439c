//! `commerce-server reconcile`, as a process, on databases that somebody has meddled with.

#![expect(clippy::expect_used, reason = "tests fail by panicking, in their helpers too")]

mod books;
#[path = "../stores/database.rs"]
mod database;
mod told;

use commerce_core::Drift;

use crate::books::{Books, reconcile};
use crate::database::database;

/// No order has this id.
const NOWHERE: i64 = 1;

#[tokio::test]
async fn sound_books_are_proven() {
    let books = Books::open().await;
    let (code, out, err) = reconcile(&["--database-url", &books.url]).await;
    let sums = "2 stocks, 1 wallets, 1 coupons, 2 copies, 2 codes, 4 orders, 1 top-ups, 1 sales: 0 drifts\n";
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), sums, ""));
}

#[tokio::test]
async fn nothing_is_sound() {
    let (code, out, _) = reconcile(&["--database-url", &database().await.url]).await;
    assert_eq!((code, out.ends_with(": 0 drifts\n")), (Some(0), true), "{out}");
}

#[tokio::test]
async fn books_that_cannot_be_read_are_neither_sound_nor_wrong() {
    let nobody = "postgres://nobody@127.0.0.1:1/nowhere";
    for arguments in [&["--database-url", nobody][..], &[], &["--database-url"], &["--no-such-flag"]] {
        let (code, out, err) = reconcile(arguments).await;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    }
}

macro_rules! planted {
    ($($kind:ident: |$books:ident| $sql:expr => [$($found:expr),+];)+) => {
        $(#[tokio::test]
        async fn $kind() {
            let $books = Books::open().await;
            $books.meddle(&$sql).await;
            $books.are_found_wrong(&[$($found),+]).await;
        })+

        #[test]
        fn every_kind_is_planted() {
            let planted = [$(stringify!($kind)),+];
            let missing: Vec<_> = Drift::KINDS.iter().filter(|kind| !planted.contains(kind)).collect();
            assert!(missing.is_empty(), "never seen red: {missing:?}");
        }
    };
}

planted! {
    stock: |b| format!("update product_stocks set on_hand = on_hand + 1 where variant_id = {}", b.variant)
        => [format!("stock: variant {}", b.variant)];
    stock_entry: |b| format!("update stock_entries set delta = 11 where variant_id = {} and sequence = 1", b.variant)
        => [format!("stock_entry: variant {}, row 1", b.variant)];
    a_gap: |b| format!(
        "insert into stock_entries select variant_id, 9, 1, on_hand + 1, 'adjust', null, 'system', null, now() \
           from product_stocks where variant_id = {0}; \
         update product_stocks set on_hand = on_hand + 1, version = 9 where variant_id = {0}", b.variant)
        => [format!("stock_entry: variant {}, row 9", b.variant)];
    a_lost_row: |b| format!("delete from stock_entries where variant_id = {} and sequence = 1", b.variant)
        => [format!("stock_entry: variant {}, row 2", b.variant)];
    wallet: |b| "update wallets set balance = balance + 1"
        => [format!("wallet: wallet {} KRW", b.customer)];
    wallet_entry: |b| "update wallet_entries set amount = amount + 1 where sequence = 1"
        => [format!("wallet_entry: wallet {} KRW, row 1", b.customer)];
    lost: |b| format!("update wallet_entries set order_id = {NOWHERE} where sequence = 1")
        => [format!("lost: order {NOWHERE}")];
    a_lost_order_of_stock: |b| format!(
        "update stock_entries set reason = 'refund', order_id = {NOWHERE} where variant_id = {} and sequence = 1",
        b.variant)
        => [format!("lost: order {NOWHERE}")];
    a_lost_stock: |b| format!("insert into stock_entries values ({NOWHERE}, 1, 1, 1, 'adjust', null, 'system', null, now())")
        => [format!("lost: variant {NOWHERE}")];
    a_lost_wallet: |b| "insert into wallet_entries values (1, 'KRW', 1, 'deposit', 1, 1, null, 'system', null, now())"
        => [format!("lost: wallet {NOWHERE} KRW")];
    a_lost_customer: |b| format!(
        "update issued_coupons set customer_id = {NOWHERE}, ordinal = 1 where id = {0}; \
         update coupon_codes set customer_id = {NOWHERE} where issued_coupon_id = {0}", b.held)
        => [format!("lost: customer {NOWHERE}")];
    lines_of_a_lost_order: |b| format!(
        "insert into order_items select {NOWHERE}, position, product_id, variant_id, product_name, option_name, sku, \
           unit_price, quantity, subtotal, discount, currency from order_items where order_id = {}", b.cancelled.id)
        => [format!("lost: order {NOWHERE}")];
    a_payment_of_a_lost_order: |b| format!(
        "insert into payments select 7, {NOWHERE}, customer_id, method, amount, currency, status, attempts, null, null, \
           now(), now() from payments where order_id = {}", b.paid.id)
        => [format!("lost: order {NOWHERE}")];
    a_history_of_a_lost_order: |b| format!("insert into order_events values ({NOWHERE}, 1, null, 'paid', '{{}}', now())")
        => [format!("lost: order {NOWHERE}")];
    coupon: |b| "update coupon_issuances set issued = issued - 1"
        => [format!("coupon: coupon {}", b.coupon)];
    code: |b| format!("update coupon_codes set customer_id = {NOWHERE} where code = 'ONCE-1'")
        => ["code: coupon code ONCE-1".to_owned()];
    a_code_without_its_copy: |b| format!("update coupon_codes set issued_coupon_id = {NOWHERE} where code = 'ONCE-2'")
        => ["code: coupon code ONCE-2".to_owned()];
    copies: |b| "update issued_coupons set ordinal = 5 where ordinal = 2"
        => [format!("copies: coupon {}, customer {}", b.coupon, b.customer)];
    a_copy_too_many: |b| "update coupons set per_customer_limit = 1"
        => [format!("copies: coupon {}, customer {}", b.coupon, b.customer)];
    copy: |b| format!("update issued_coupons set status = 'available', order_id = null where id = {}", b.held)
        => [format!("copy: issued coupon {}", b.held)];
    a_use_by_nobody: |b| format!(
        "insert into coupon_redemptions select issued_coupon_id, {NOWHERE}, coupon_id, discount, currency, 'released', \
           created_at, updated_at from coupon_redemptions where issued_coupon_id = {}", b.held)
        => [format!("copy: issued coupon {}", b.held)];
    history: |b| format!("update orders set updated_at = updated_at + interval '1 second' where id = {}", b.paid.id)
        => [format!("history: order {}", b.paid.id)];
    a_lost_step: |b| format!(
        "delete from order_events where order_id = {0} and sequence = 2; \
         delete from outbox_messages where order_id = {0} and sequence = 2", b.cancelled.id)
        => [format!("history: order {}", b.cancelled.id)];
    payment: |b| format!("update payments set amount = amount + 1 where order_id = {}", b.paid.id)
        => [format!("payment: order {}", b.paid.id)];
    wallet_payment: |b| format!("update wallet_entries set order_id = {} where kind = 'payment'", b.pending.id)
        => [format!("wallet_payment: order {}", b.paid.id), format!("wallet_payment: order {}", b.pending.id)];
    charges: |b| format!("update charges set status = 'failed' where order_id = {}", b.by_card.id)
        => [format!("charges: order {}", b.by_card.id)];
    a_forgotten_charge: |b| format!("delete from charges where order_id = {}", b.by_card.id)
        => [format!("charges: order {}", b.by_card.id)];
    a_capture_of_less: |b| format!("update charges set amount = amount - 1 where order_id = {}", b.by_card.id)
        => [format!("charges: order {}", b.by_card.id)];
    a_capture_for_a_wallet_order: |b| format!(
        "insert into charges select 7, {}, 1, null, customer_id, amount, currency, status, null, 'another', now(), now() \
           from charges where order_id = {}", b.paid.id, b.by_card.id)
        => [format!("charges: order {}", b.paid.id)];
    a_charge_that_no_order_waits_for: |b| format!(
        "insert into charges select 7, {}, 1, null, customer_id, {}, currency, 'pending', null, null, now(), now() \
           from charges where order_id = {}", b.pending.id, b.pending.total.minor(), b.by_card.id)
        => [format!("charges: order {}", b.pending.id)];
    top_up: |b| "update top_ups set status = 'failed'"
        => [format!("top_up: top-up {}", b.top_up)];
    a_forgotten_credit: |b| "update wallet_entries set top_up_id = null where top_up_id is not null"
        => [format!("top_up: top-up {}", b.top_up)];
    a_top_up_of_more: |b| "update top_ups set amount = amount + 1"
        => [format!("top_up: top-up {}", b.top_up)];
    a_credit_of_nothing: |b| format!("update wallet_entries set top_up_id = {NOWHERE} where sequence = 1")
        => [format!("lost: top-up {NOWHERE}")];
    a_refund_that_nobody_recorded: |b| format!(
        "update wallet_entries set kind = 'refund', order_id = {} where sequence = 1", b.paid.id)
        => [format!("refunds: order {}", b.paid.id)];
    a_gateway_refund_of_a_wallet_order: |b| format!(
        "insert into refunds select 7, order_id, id, 0, currency, 'gateway', false, 'pending', null, now(), now() \
           from payments where order_id = {}", b.paid.id)
        => [format!("refunds: order {}", b.paid.id)];
    refunds: |b| format!(
        "insert into refunds select 7, order_id, id, 1, currency, 'wallet', false, 'succeeded', null, now(), now() \
           from payments where order_id = {}", b.paid.id)
        => [format!("refunds: order {}", b.paid.id)];
    redemptions: |b| format!("update coupon_redemptions set discount = discount + 1 where order_id = {}", b.paid.id)
        => [format!("redemptions: order {}", b.paid.id)];
    movement: |b| format!("update stock_entries set order_id = {} where reason = 'cancel'", b.pending.id)
        => [
            format!("movement: order {}, variant {}", b.pending.id, b.variant),
            format!("movement: order {}, variant {}", b.cancelled.id, b.variant)
        ];
    messages: |b| format!("delete from outbox_messages where order_id = {} and sequence = 1", b.cancelled.id)
        => [format!("messages: order {}", b.cancelled.id)];
    sales: |b| "update product_sales_daily set quantity = quantity + 1"
        => [format!("sales: product {}, 2026-10-30", b.product)];
    forgotten_sales: |b| "delete from product_sales_daily"
        => [format!("sales: product {}, 2026-10-30", b.product)];
}
