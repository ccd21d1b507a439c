//! Reconciliation finds what was written behind the rules' back: every kind of drift, with its ids.
#![cfg(not(commerce_loom))]
#![expect(clippy::expect_used, reason = "these are tests")]

mod books;

use std::sync::Arc;
use std::time::Duration;

use commerce_core::store::{Coupons, Sales};
use commerce_core::{
    Changes, Charge, ChargePurpose, ChargeStatus, CodeClaim, Copies, CustomerId, DailySales, Drift, Event, Issuance,
    IssuedCouponId, IssuedCouponStatus, Money, Order, OrderId, OutboxMessage, PageRequest, Redemption,
    RedemptionStatus, Refund, RefundDestination, RefundStatus, Revenue, SingleUseCode, Stock, StockReason, TopUp,
    TopUpId, TopUpStatus, Wallet, WalletEntryKind,
};

use crate::books::Books;

/// An order that is not there.
fn nowhere() -> OrderId {
    OrderId::MIN
}

macro_rules! planted {
    ($($kind:ident: |$books:ident| $body:block)+) => {
        $(#[tokio::test]
        async fn $kind() {
            let $books = Books::open().await;
            $body
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
    stock: |books| {
        let stocks = vec![Stock { on_hand: books.stock.on_hand + 1, ..books.stock }];
        books.finds(Changes { stocks, ..Changes::default() }, &[("stock", format!("variant {}", books.variant))]).await;
    }
    stock_entry: |books| {
        // One number is left out; everything else fits.
        let (mut stock, mut entry) = books.stock_row(1, StockReason::Adjust, None);
        (stock.version, entry.sequence) = (stock.version + 1, entry.sequence + 1);
        let subject = format!("variant {}, row {}", books.variant, entry.sequence);
        let changes = Changes { stocks: vec![stock], stock_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("stock_entry", subject)]).await;
        // A unit comes from nowhere, once.
        let books = Books::open().await;
        let (stock, mut entry) = books.stock_row(1, StockReason::Adjust, None);
        entry.delta = 2;
        let subject = format!("variant {}, row {}", books.variant, entry.sequence);
        let changes = Changes { stocks: vec![stock], stock_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("stock_entry", subject)]).await;
    }
    wallet: |books| {
        let balance = books.wallet.balance.negated();
        let wallets = vec![Wallet { balance, ..books.wallet }];
        let subject = format!("wallet {} KRW", books.customer);
        books.finds(Changes { wallets, ..Changes::default() }, &[("wallet", subject)]).await;
    }
    wallet_entry: |books| {
        let (wallet, mut entry) = books.wallet_row(5, WalletEntryKind::Deposit, None);
        entry.amount = entry.amount.negated();
        let subject = format!("wallet {} KRW, row {}", books.customer, entry.sequence);
        let changes = Changes { wallets: vec![wallet], wallet_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("wallet_entry", subject)]).await;
    }
    lost: |books| {
        let subject = || format!("order {}", nowhere());
        let (stock, entry) = books.stock_row(1, StockReason::Refund, Some(nowhere()));
        let changes = Changes { stocks: vec![stock], stock_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("lost", subject())]).await;
        let (wallet, entry) = books.wallet_row(5, WalletEntryKind::Refund, Some(nowhere()));
        let changes = Changes { wallets: vec![wallet], wallet_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("lost", subject()), ("lost", subject())]).await;
        // A top-up that is not there.
        let books = Books::open().await;
        let (wallet, mut entry) = books.wallet_row(5, WalletEntryKind::Deposit, None);
        entry.top_up_id = Some(TopUpId::MIN);
        let changes = Changes { wallets: vec![wallet], wallet_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("lost", format!("top-up {}", TopUpId::MIN))]).await;
    }
    coupon: |books| {
        let issuances = vec![Issuance { coupon_id: books.coupon, issued: 3 }];
        let subject = format!("coupon {}", books.coupon);
        books.finds(Changes { issuances, ..Changes::default() }, &[("coupon", subject)]).await;
    }
    copies: |books| {
        let copies = vec![Copies { coupon_id: books.coupon, customer_id: books.customer, count: 1 }];
        let subject = format!("coupon {}, customer {}", books.coupon, books.customer);
        books.finds(Changes { copies, ..Changes::default() }, &[("copies", subject)]).await;
        // More than one may have, well counted.
        let books = Books::open().await;
        let of_customer = books.store.issued_coupons(books.customer, PageRequest::first(1)).await.expect("a read");
        let (mut copy, _) = of_customer.items[0].clone();
        copy.id = (copy.id.get() + 1).try_into().expect("an id");
        (copy.status, copy.order_id, copy.used_at) = (IssuedCouponStatus::Available, None, None);
        let changes = Changes {
            issuances: vec![Issuance { coupon_id: books.coupon, issued: 3 }],
            copies: vec![Copies { coupon_id: books.coupon, customer_id: books.customer, count: 3 }],
            issued_coupons: vec![copy],
            ..Changes::default()
        };
        let subject = format!("coupon {}, customer {}", books.coupon, books.customer);
        books.finds(changes, &[("copies", subject)]).await;
    }
    copy: |books| {
        let of_customer = books.store.issued_coupons(books.customer, PageRequest::first(2)).await.expect("a read");
        let held = of_customer.items.iter().find(|(copy, _)| copy.id == books.held).expect("the held copy").0.clone();
        let subject = || format!("issued coupon {}", books.held);
        for (status, order_id) in [
            (IssuedCouponStatus::Available, None),
            (IssuedCouponStatus::Expired, None),
            (IssuedCouponStatus::Used, held.order_id),
            (IssuedCouponStatus::Held, Some(books.paid.id)),
        ] {
            let copy = commerce_core::IssuedCoupon { status, order_id, ..held.clone() };
            let changes = Changes { issued_coupons: vec![copy], ..Changes::default() };
            books.finds(changes, &[("copy", subject())]).await;
        }
    }
    code: |books| {
        let codes = books.store.codes_of(books.coupon, PageRequest::first(2)).await.expect("a read").items;
        let (code, used) = (&codes[0], codes[0].claim.expect("a claim"));
        let other = codes[1].claim.expect("a claim").issued_coupon_id;
        for (claim, wrong) in [
            (CodeClaim { customer_id: CustomerId::MIN, ..used }, true),
            (CodeClaim { issued_coupon_id: IssuedCouponId::MIN, ..used }, true),
            (used, false),
        ] {
            let codes = vec![Arc::new(SingleUseCode { claim: Some(claim), ..(**code).clone() })];
            let expected: &[_] = if wrong { &[("code", "coupon code ONCE-1".to_owned())] } else { &[] };
            books.finds(Changes { codes, ..Changes::default() }, expected).await;
        }
        assert_ne!(other, used.issued_coupon_id);
    }
    history: |books| {
        let tick = Duration::from_micros(1);
        let touched = Order { updated_at: books.paid.updated_at.plus(tick), ..(*books.paid).clone() };
        let endless = Order { expires_at: None, ..(*books.pending).clone() };
        let changes = Changes { orders: vec![Arc::new(touched), Arc::new(endless)], ..Changes::default() };
        let of = |order: &Order| ("history", format!("order {}", order.id));
        books.finds(changes, &[of(&books.paid), of(&books.pending)]).await;
    }
    payment: |books| {
        let mut payment = books.payment().await;
        payment.amount = payment.amount.plus(Money::new(1, payment.amount.currency()).expect("an amount")).expect("more");
        let (orders, payments) = (vec![Arc::clone(&books.paid)], vec![Arc::new(payment)]);
        let subject = format!("order {}", books.paid.id);
        books.finds(Changes { orders, payments, ..Changes::default() }, &[("payment", subject)]).await;
    }
    wallet_payment: |books| {
        let (wallet, entry) = books.wallet_row(-1, WalletEntryKind::Payment, Some(books.pending.id));
        let changes = Changes {
            orders: vec![Arc::clone(&books.pending)],
            wallets: vec![wallet],
            wallet_entries: vec![entry],
            ..Changes::default()
        };
        books.finds(changes, &[("wallet_payment", format!("order {}", books.pending.id))]).await;
        // Twice, for an order that was to be charged once.
        let books = Books::open().await;
        let won = books.paid.total.negated().minor();
        let (wallet, entry) = books.wallet_row(won, WalletEntryKind::Payment, Some(books.paid.id));
        let changes = Changes {
            orders: vec![Arc::clone(&books.paid)],
            wallets: vec![wallet],
            wallet_entries: vec![entry],
            ..Changes::default()
        };
        books.finds(changes, &[("wallet_payment", format!("order {}", books.paid.id))]).await;
    }
    charges: |books| {
        // Of an order paid by card: not captured, captured for less, or for somebody else.
        let captured = || Charge::clone(&books.charge);
        let less = Money::new(1, captured().amount.currency()).expect("an amount");
        let somebody = 7.try_into().expect("an id");
        let found = [("charges", format!("order {}", books.by_card.id))];
        for charge in [
            Charge { status: ChargeStatus::Failed, ..captured() },
            Charge { status: ChargeStatus::Pending, ..captured() },
            Charge { amount: less, ..captured() },
            Charge { customer_id: somebody, ..captured() },
        ] {
            let changes = Changes { charges: vec![Arc::new(charge)], ..Changes::default() };
            books.finds(changes, &found).await;
        }
        // Of one that a wallet paid, and of one that is not paid yet.
        for order in [&books.paid, &books.pending] {
            for status in [ChargeStatus::Captured, ChargeStatus::Initiated] {
                let books = Books::open().await;
                let purpose = ChargePurpose::Order { order_id: order.id, attempt: 1 };
                let charge = Charge { id: 7.try_into().expect("an id"), purpose, status, ..captured() };
                let subject = format!("order {}", order.id);
                let changes = Changes { charges: vec![Arc::new(charge)], ..Changes::default() };
                books.finds(changes, &[("charges", subject)]).await;
            }
        }
    }
    top_up: |books| {
        let found = [("top_up", format!("top-up {}", books.top_up.id))];
        for status in [TopUpStatus::Pending, TopUpStatus::Failed, TopUpStatus::Expired] {
            let top_up = TopUp { status, ..TopUp::clone(&books.top_up) };
            books.finds(Changes { top_ups: vec![Arc::new(top_up)], ..Changes::default() }, &found).await;
        }
        // Credited twice; and credited with another amount than was asked for.
        let books = Books::open().await;
        let (wallet, mut entry) = books.wallet_row(5_000, WalletEntryKind::Deposit, None);
        entry.top_up_id = Some(books.top_up.id);
        let changes = Changes { wallets: vec![wallet], wallet_entries: vec![entry], ..Changes::default() };
        books.finds(changes, &[("top_up", format!("top-up {}", books.top_up.id))]).await;
        let books = Books::open().await;
        let amount = Money::new(4_999, books.top_up.amount.currency()).expect("an amount");
        let top_up = TopUp { amount, ..TopUp::clone(&books.top_up) };
        let changes = Changes { top_ups: vec![Arc::new(top_up)], ..Changes::default() };
        books.finds(changes, &[("top_up", format!("top-up {}", books.top_up.id))]).await;
    }
    refunds: |books| {
        // Money that is back for no unit, and that no wallet was given.
        let payment = books.payment().await;
        let refund = Refund {
            id: 7.try_into().expect("an id"),
            order_id: books.paid.id,
            payment_id: payment.id,
            lines: Vec::new(),
            total: Money::new(1, payment.amount.currency()).expect("an amount"),
            destination: RefundDestination::Wallet,
            restock: false,
            status: RefundStatus::Succeeded,
            reason: None,
            failure_reason: None,
            created_at: payment.created_at,
            updated_at: payment.created_at,
        };
        let subject = format!("order {}", books.paid.id);
        let changes = Changes { refunds: vec![Arc::new(refund.clone())], ..Changes::default() };
        books.finds(changes, &[("refunds", subject)]).await;
        // An entry without its refund.
        let books = Books::open().await;
        let (wallet, entry) = books.wallet_row(5, WalletEntryKind::Refund, Some(books.paid.id));
        let changes = Changes {
            orders: vec![Arc::clone(&books.paid)],
            wallets: vec![wallet],
            wallet_entries: vec![entry],
            ..Changes::default()
        };
        books.finds(changes, &[("refunds", format!("order {}", books.paid.id))]).await;
        // Through the gateway, of what no card paid; and without a word of it in the history.
        for order in [&books.paid, &books.by_card] {
            let books = Books::open().await;
            let payment_id = order.payment.expect("a payment").payment_id;
            let status = RefundStatus::Pending;
            let destination = RefundDestination::Gateway;
            let refund = Refund { order_id: order.id, payment_id, destination, status, ..refund.clone() };
            let changes = Changes { refunds: vec![Arc::new(refund)], ..Changes::default() };
            books.finds(changes, &[("refunds", format!("order {}", order.id))]).await;
        }
    }
    redemptions: |books| {
        let applied = &books.paid.coupons[0];
        let redemption = Redemption {
            issued_coupon_id: applied.issued_coupon_id,
            order_id: books.paid.id,
            coupon_id: books.coupon,
            discount: applied.discount.negated(),
            status: RedemptionStatus::Used,
            created_at: books.paid.placed_at,
            updated_at: books.paid.placed_at,
        };
        let (orders, redemptions) = (vec![Arc::clone(&books.paid)], vec![redemption]);
        let subject = format!("order {}", books.paid.id);
        books.finds(Changes { orders, redemptions, ..Changes::default() }, &[("redemptions", subject)]).await;
    }
    movement: |books| {
        for (delta, reason) in [(-1, StockReason::Order), (1, StockReason::Cancel), (1, StockReason::Refund)] {
            let books = Books::open().await;
            let (stock, entry) = books.stock_row(delta, reason, Some(books.paid.id));
            let changes = Changes {
                orders: vec![Arc::clone(&books.paid)],
                stocks: vec![stock],
                stock_entries: vec![entry],
                ..Changes::default()
            };
            let subject = format!("order {}, variant {}", books.paid.id, books.variant);
            books.finds(changes, &[("movement", subject)]).await;
        }
        assert_eq!(books.drifts().await, []);
    }
    messages: |books| {
        let mut event = books.event().await;
        event.sequence += 1;
        let id = 1_i64.try_into().expect("an id");
        let messages = vec![OutboxMessage { id, event: Event::Order(Arc::new(event)) }];
        let subject = format!("order {}", books.pending.id);
        books.finds(Changes { messages, ..Changes::default() }, &[("messages", subject)]).await;
    }
    sales: |books| {
        let date = "2026-10-30".parse().expect("a date");
        let revenue = Revenue::zero(books.paid.currency());
        let sales = vec![DailySales { product_id: books.product, date, quantity: -1, revenue }];
        let subject = format!("product {}, 2026-10-30", books.product);
        books.finds(Changes { sales, ..Changes::default() }, &[("sales", subject)]).await;
        // A day on which nothing was sold.
        let books = Books::open().await;
        let date = "2026-10-29".parse().expect("a date");
        let sales = vec![DailySales { product_id: books.product, date, quantity: 1, revenue }];
        let subject = format!("product {}, 2026-10-29", books.product);
        books.finds(Changes { sales, ..Changes::default() }, &[("sales", subject)]).await;
    }
}

/// Sales that somebody changed by hand are told anew; and again, and there is nothing left to put right.
#[tokio::test]
async fn a_roll_up_puts_sales_right() {
    let books = Books::open().await;
    let (sold_on, unsold_on) = ("2026-10-30".parse().expect("a date"), "2026-10-29".parse().expect("a date"));
    let before = books.store.daily_sales(sold_on, None).await.expect("a read");
    let revenue = Revenue::new(-1, books.paid.currency());
    let row = |date, quantity| DailySales { product_id: books.product, date, quantity, revenue };
    let sales = vec![row(sold_on, -3), row(unsold_on, 1)];
    books.store.write_undecided(Changes { sales, ..Changes::default() }).expect("a write");
    for date in [sold_on, unsold_on] {
        let subject = format!("product {}, {date}", books.product);
        let rolled_up = books.store.roll_up(date).await.expect("a roll-up");
        let told: Vec<String> = rolled_up.corrections.iter().map(Drift::subject).collect();
        assert_eq!((rolled_up.corrected, told), (1, vec![subject]));
        let again = books.store.roll_up(date).await.expect("a roll-up");
        assert_eq!((again.corrected, again.lines), (0, rolled_up.lines));
    }
    assert_eq!(books.store.daily_sales(sold_on, None).await.expect("a read"), before);
    assert_eq!(books.drifts().await, []);
}

/// What an order says of itself has to add up too.
#[tokio::test]
async fn an_order_whose_own_sums_are_wrong_is_found() {
    let unnamed = |order: &mut Order| order.payment = None;
    let more = |order: &mut Order| {
        let mut lines = order.lines.to_vec();
        lines[0].quantity += 1;
        order.lines = lines.into();
    };
    for edit in [&unnamed as &dyn Fn(&mut Order), &more] {
        let books = Books::open().await;
        let mut order = (*books.paid).clone();
        edit(&mut order);
        let orders = vec![Arc::new(order)];
        books.store.write_undecided(Changes { orders, ..Changes::default() }).expect("a write");
        let drifts = books.drifts().await;
        assert!(drifts.iter().any(|drift| matches!(drift, Drift::Payment { .. })), "{drifts:?}");
    }
}
