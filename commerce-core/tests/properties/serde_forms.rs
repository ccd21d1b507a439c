//! What is stored is what comes back: every command, event and outcome in its stored form.

use std::fmt::Debug;
use std::sync::Arc;

use commerce_core::{
    AppliedCoupon, CancelCause, CancelRequest, Cart, CartItem, Charge, ChargePurpose, ChargeStatus, CodeBatch, Command,
    Coupon, Customer, Event, Imported, ImportedItem, IssuedCoupon, IssuedCouponStatus, LineRequest, ListedVariant,
    Listing, MergedCart, Money, MoneyError, Operation, Order, OrderChange, OrderEvent, OrderLine, OrderPayment,
    OrderStatus, OutboxMessage, Outcome, Payment, PaymentStatus, PriceRule, Principal, Product, Refund, RefundLine,
    RefundStatus, RefusedLine, Rejection, Revocation, Stock, StockEntry, StockReason, TopUp, TopUpStatus, Variant,
    WalletEntry, WalletEntryKind, WalletId,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cases;
use crate::generate::{
    any_id, any_name, any_note, any_sku, command, coupon_scope, currency, destination, discount, instant, method,
    money, price_rules, principal, product_status, quantity, stacking, username, window,
};

fn round_trips<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let stored = serde_json::to_string(value).expect("plain data");
    prop_assert_eq!(&serde_json::from_str::<T>(&stored).expect("what was stored"), value, "{}", stored);
    // Through a tree as well: what a JSONB column makes of it.
    let tree = serde_json::to_value(value).expect("plain data");
    prop_assert_eq!(&serde_json::from_value::<T>(tree).expect("what was stored"), value);
    Ok(())
}

fn product() -> impl Strategy<Value = Arc<Product>> {
    let text = (any_id(), any_name(), of(any_note()));
    (text, money(), product_status(), any::<u64>(), instant(), instant()).prop_map(
        |((id, name, description), base_price, status, version, created_at, updated_at)| {
            Arc::new(Product { id, name, description, base_price, status, version, created_at, updated_at })
        },
    )
}

fn listed() -> impl Strategy<Value = ListedVariant> {
    let ids = (any_id(), any_id(), any_sku(), of(any_name()));
    let terms = (money(), any::<bool>(), of(price_rules().prop_map(Arc::new)));
    (ids, terms, any::<(u64, u64)>(), instant()).prop_map(
        |((id, product_id, sku, option_name), (additional_price, active, price_rules), (version, on_hand), at)| {
            let (created_at, updated_at) = (at, at);
            let variant = Variant {
                id,
                product_id,
                sku,
                option_name,
                additional_price,
                active,
                price_rules,
                version,
                created_at,
                updated_at,
            };
            ListedVariant { variant: Arc::new(variant), stock: Stock { variant_id: id, on_hand, version } }
        },
    )
}

fn stock_entry() -> impl Strategy<Value = StockEntry> {
    let reason = select(vec![StockReason::Order, StockReason::Cancel, StockReason::Refund, StockReason::Adjust]);
    let who = (of(any_id()), principal(), of(any_note()));
    (any_id(), any::<(u64, i64, u64)>(), reason, who, instant()).prop_map(
        |(variant_id, (sequence, delta, on_hand_after), reason, (order_id, actor, note), created_at)| StockEntry {
            variant_id,
            sequence,
            delta,
            on_hand_after,
            reason,
            order_id,
            actor,
            note,
            created_at,
        },
    )
}

fn wallet_entry() -> impl Strategy<Value = WalletEntry> {
    use WalletEntryKind::{Adjustment, Deposit, Payment, Refund};
    let kind = select(vec![Deposit, Payment, Refund, Adjustment]);
    let who = (of(any_id()), of(any_id()), principal(), of(any_note()));
    (any_id(), any::<u64>(), kind, money(), money(), who, instant()).prop_map(
        |(customer_id, sequence, kind, amount, balance_after, (order_id, top_up_id, actor, memo), created_at)| {
            WalletEntry {
                wallet_id: WalletId { customer_id, currency: amount.currency() },
                sequence,
                kind,
                amount,
                balance_after,
                order_id,
                top_up_id,
                actor,
                memo,
                created_at,
            }
        },
    )
}

fn coupon() -> impl Strategy<Value = Coupon> {
    let terms = (discount(), of(money()), of(any::<u32>()), any::<u32>());
    let stack = (coupon_scope(), stacking(), any::<u16>(), any::<bool>());
    let code = of("[A-Z0-9]{1,9}".prop_map(|code| code.parse().expect("a code")));
    (any_id(), code, any_name(), (terms, stack), window(), any::<(bool, u64)>(), instant()).prop_map(
        |(
            id,
            code,
            name,
            ((discount, min_subtotal, total_quantity, per_customer_limit), (scope, stacking, priority, by_code)),
            window,
            (active, version),
            at,
        )| {
            Coupon {
                id,
                code,
                name,
                discount,
                scope,
                stacking,
                priority,
                by_code,
                min_subtotal,
                total_quantity,
                per_customer_limit,
                window,
                active,
                version,
                created_at: at,
                updated_at: at,
            }
        },
    )
}

fn issued_coupon() -> impl Strategy<Value = IssuedCoupon> {
    use IssuedCouponStatus::{Available, Expired, Held, Revoked, Used};
    let status = select(vec![Available, Held, Used, Expired, Revoked]);
    let revocation = (principal(), of(any_note()), instant())
        .prop_map(|(actor, reason, revoked_at)| Arc::new(Revocation { actor, reason, revoked_at }));
    (any_id(), any_id(), any_id(), status, of(any_id()), instant(), of(instant()), of(instant()), of(revocation))
        .prop_map(|(id, coupon_id, customer_id, status, order_id, issued_at, expires_at, used_at, revocation)| {
            IssuedCoupon { id, coupon_id, customer_id, status, order_id, issued_at, expires_at, used_at, revocation }
        })
}

fn line() -> impl Strategy<Value = OrderLine> {
    let names = (any_name(), of(any_name()), any_sku());
    let rule = prop_oneof![
        instant().prop_map(|from| PriceRule::Scheduled { from }),
        any::<u32>().prop_map(|from_quantity| PriceRule::Tier { from_quantity })
    ];
    let price = (money(), of(rule));
    (any_id(), any_id(), names, any::<u32>(), price, money(), money()).prop_map(
        |(product_id, variant_id, (product_name, option_name, sku), quantity, price, subtotal, discount)| {
            let (unit_price, priced_by) = price;
            OrderLine {
                product_id,
                variant_id,
                product_name,
                option_name,
                sku,
                unit_price,
                priced_by,
                quantity,
                subtotal,
                discount,
            }
        },
    )
}

fn order() -> impl Strategy<Value = Arc<Order>> {
    let applied =
        (any_id(), any_id(), any_name(), money()).prop_map(|(issued_coupon_id, coupon_id, name, discount)| {
            AppliedCoupon { issued_coupon_id, coupon_id, name, discount }
        });
    let payment = of((any_id(), method()).prop_map(|(payment_id, method)| OrderPayment { payment_id, method }));
    let ids = (any_id(), any_id(), select(OrderStatus::ALL.to_vec()));
    let amounts = (money(), money(), money());
    let times = (of(instant()), instant(), instant());
    (ids, vec(line(), 0..4), vec(applied, 0..2), amounts, payment, any::<u64>(), times).prop_map(
        |((id, customer_id, status), lines, coupons, (subtotal, discount, total), payment, version, times)| {
            let (expires_at, placed_at, updated_at): (_, _, _) = times;
            let lines = lines.into();
            Arc::new(Order {
                id,
                customer_id,
                status,
                lines,
                coupons,
                subtotal,
                discount,
                total,
                payment,
                expires_at,
                version,
                placed_at,
                updated_at,
            })
        },
    )
}

fn order_event() -> impl Strategy<Value = OrderEvent> {
    let change = prop_oneof![
        Just(OrderChange::Placed),
        Just(OrderChange::Paid),
        (select(vec![CancelCause::Requested, CancelCause::Expired, CancelCause::Gateway]), of(any_note()))
            .prop_map(|(cause, reason)| OrderChange::Cancelled { cause, reason }),
        Just(OrderChange::Shipped),
        Just(OrderChange::Delivered),
        refund().prop_map(|refund| OrderChange::RefundStarted { refund }),
        refund().prop_map(|refund| OrderChange::RefundFailed { refund }),
        refund().prop_map(|refund| OrderChange::Refunded { refund }),
        any::<u32>().prop_map(|attempt| OrderChange::PaymentStarted { attempt }),
        of(any_note()).prop_map(|reason| OrderChange::PaymentFailed { reason }),
    ];
    (any::<u64>(), of(select(OrderStatus::ALL.to_vec())), change, principal(), instant(), order()).prop_map(
        |(sequence, from, change, actor, at, order)| OrderEvent {
            sequence,
            from,
            to: order.status,
            change,
            actor,
            at,
            order,
        },
    )
}

fn cart() -> impl Strategy<Value = Arc<Cart>> {
    let item = (any_id(), quantity(), money(), instant()).prop_map(|(variant_id, quantity, saved_price, added_at)| {
        CartItem { variant_id, quantity, saved_price, added_at }
    });
    (any_id(), vec(item, 0..4), any::<u64>(), of(instant())).prop_map(|(customer_id, items, version, updated_at)| {
        Arc::new(Cart { customer_id, items, version, updated_at })
    })
}

fn refused_line() -> impl Strategy<Value = RefusedLine> {
    let reason = prop_oneof![
        any_id().prop_map(|variant| Rejection::VariantInactive { variant }),
        (any_id(), product_status()).prop_map(|(product, status)| Rejection::ProductNotOnSale { product, status }),
        any::<i64>().prop_map(|quantity| Rejection::QuantityOutOfRange { quantity, min: 1, max: 9 }),
        any::<usize>().prop_map(|lines| Rejection::TooManyLines { lines, max: 100 }),
        (currency(), currency()).prop_map(|(expected, found)| MoneyError::CurrencyMismatch { expected, found }.into()),
    ];
    (any_id(), quantity(), reason)
        .prop_map(|(variant_id, quantity, reason)| RefusedLine { line: LineRequest { variant_id, quantity }, reason })
}

fn refund() -> impl Strategy<Value = Arc<Refund>> {
    use RefundStatus::{Failed, Pending, Succeeded};
    let line = (any::<u32>(), any::<u32>(), money()).prop_map(|(position, quantity, amount)| RefundLine {
        position,
        quantity,
        amount,
    });
    let ids = (any_id(), any_id(), any_id());
    let status = select(vec![Pending, Succeeded, Failed]);
    let times = (instant(), instant());
    let notes = (of(any_note()), of(any_note()));
    (ids, vec(line, 0..3), money(), destination(), any::<bool>(), status, notes, times).prop_map(
        |((id, order_id, payment_id), lines, total, destination, restock, status, (reason, failure_reason), times)| {
            let (created_at, updated_at) = times;
            Arc::new(Refund {
                id,
                order_id,
                payment_id,
                lines,
                total,
                destination,
                restock,
                status,
                reason,
                failure_reason,
                created_at,
                updated_at,
            })
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let customer = (any_id(), username(), any_name(), instant())
        .prop_map(|(id, username, name, created_at)| Customer { id, username, name, created_at });
    let listing = (product(), vec(listed(), 0..3), any::<u64>()).prop_map(|(product, variants, views)| Listing {
        product,
        variants,
        views,
    });
    prop_oneof![
        customer.prop_map(|value| Outcome::Customer(Arc::new(value))),
        listing.prop_map(|value| Outcome::Listing(Arc::new(value))),
        product().prop_map(Outcome::Product),
        listed().prop_map(|value| Outcome::Variant(Arc::new(value))),
        vec((any_id(), vec(any_id(), 0..3)), 0..3).prop_map(|items| {
            let item = |(product_id, variant_ids)| ImportedItem { product_id, variant_ids };
            Outcome::Imported(Arc::new(Imported { items: items.into_iter().map(item).collect() }))
        }),
        stock_entry().prop_map(|value| Outcome::StockEntry(Arc::new(value))),
        wallet_entry().prop_map(|value| Outcome::WalletEntry(Arc::new(value))),
        coupon().prop_map(|value| Outcome::Coupon(Arc::new(value))),
        issued_coupon().prop_map(|value| Outcome::IssuedCoupon(Arc::new(value))),
        (any_id(), any::<u32>(), instant()).prop_map(|(coupon_id, quantity, created_at)| Outcome::CodeBatch(Arc::new(
            CodeBatch { coupon_id, quantity, created_at }
        ))),
        cart().prop_map(Outcome::Cart),
        (cart(), vec(refused_line(), 0..3))
            .prop_map(|(cart, refused)| Outcome::MergedCart(Arc::new(MergedCart { cart, refused }))),
        order().prop_map(Outcome::Order),
        refund().prop_map(Outcome::Refund),
        charge().prop_map(|value| Outcome::Charge(Arc::new(value))),
        top_up().prop_map(|value| Outcome::TopUp(Arc::new(value))),
    ]
}

fn charge() -> impl Strategy<Value = Charge> {
    let purpose = prop_oneof![
        (any_id(), any::<u32>()).prop_map(|(order_id, attempt)| ChargePurpose::Order { order_id, attempt }),
        any_id().prop_map(|top_up_id| ChargePurpose::TopUp { top_up_id }),
    ];
    let standing = (select(ChargeStatus::ALL.to_vec()), of(any_note()), of(any_name()));
    (any_id(), any_id(), purpose, money(), standing, instant()).prop_map(
        |(id, customer_id, purpose, amount, (status, failure_reason, gateway_transaction_id), at)| {
            let (created_at, updated_at) = (at, at);
            Charge {
                id,
                purpose,
                customer_id,
                amount,
                status,
                failure_reason,
                gateway_transaction_id,
                created_at,
                updated_at,
            }
        },
    )
}

fn top_up() -> impl Strategy<Value = TopUp> {
    let standing = (select(TopUpStatus::ALL.to_vec()), of(any_note()));
    (any_id(), any_id(), any_id(), money(), standing, instant(), instant()).prop_map(
        |(id, customer_id, charge_id, amount, (status, failure_reason), expires_at, at)| {
            let (created_at, updated_at) = (at, at);
            TopUp { id, customer_id, amount, status, charge_id, failure_reason, expires_at, created_at, updated_at }
        },
    )
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn commands(command in command()) {
        round_trips(&command)?;
        round_trips(&command.operation())?;
    }

    #[test]
    fn outcomes(outcome in outcome()) {
        round_trips(&outcome)?;
    }

    #[test]
    fn events_and_messages(event in order_event(), id in any_id()) {
        let message = OutboxMessage { id, event: Event::Order(Arc::new(event)) };
        round_trips(&message)?;
    }

    #[test]
    fn principals_and_payments(
        principal in principal(),
        payer in any_id(),
        amount in money(),
        status in select(vec![PaymentStatus::Initiated, PaymentStatus::Pending, PaymentStatus::Succeeded, PaymentStatus::Failed, PaymentStatus::Cancelled]),
        (method, failure_reason, at) in (method(), of(any_note()), instant()),
        request in of((principal(), of(any_note()))),
    ) {
        round_trips::<Principal>(&principal)?;
        let (id, order_id, gateway_transaction_id) = (crate::generate::id(1), crate::generate::id(2), None);
        let (created_at, updated_at, customer_id, attempts) = (at, at, payer, 3);
        let cancel_request = request.map(|(requested_by, reason)| CancelRequest { requested_by, reason });
        round_trips(&Payment {
            id, order_id, customer_id, method, amount, status, attempts, failure_reason, gateway_transaction_id,
            cancel_request, created_at, updated_at,
        })?;
        round_trips::<Money>(&amount)?;
    }
}

/// The text of an operation is the name of its command in the stored form, so that neither moves alone.
#[test]
fn operations_are_named_alike_everywhere() {
    let json = |operation: Operation| serde_json::to_value(operation).expect("plain data");
    assert!(Operation::ALL.iter().all(|operation| json(*operation) == operation.as_str()));
    let runner = &mut proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let command: Command = command().new_tree(runner).expect("a command").current();
        let stored = serde_json::to_value(&command).expect("plain data");
        assert!(stored.get(command.operation().as_str()).is_some(), "{stored}");
        seen.insert(command.operation());
    }
    assert!(Operation::ALL.iter().all(|operation| seen.contains(operation)), "every command is generated: {seen:?}");
}
