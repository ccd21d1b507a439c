//! Refunds: however an order is cut up, what comes back is what was paid, to the last minor unit.

use std::sync::Arc;

use commerce_core::decide::decide;
use commerce_core::{
    AppliedCoupon, Changes, Context, Copies, IdBlock, IssuedCoupon, IssuedCouponStatus, Money, Name, NodeId, Order,
    OrderLine, OrderPayment, OrderStatus, Outcome, PaymentMethod, Principal, Quantity, Records, Redemption,
    RedemptionStatus, Refund, RefundDestination, RefundLine, RefundLineRequest, RefundOrder, RefundStatus, Rejection,
    Returned, Shop, Sku, Stock, Wallet, WalletId, WorkingSet, paid_for,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::cases;
use crate::generate::{KRW, at, id, issued_coupon, krw};

fn line(number: i64, unit_price: i64, quantity: u32, discount: i64) -> OrderLine {
    let subtotal = unit_price * i64::from(quantity);
    OrderLine {
        product_id: id(number),
        variant_id: id(number),
        product_name: Name::new("a product").expect("a name"),
        option_name: None,
        sku: Sku::new(format!("SKU-{number}")).expect("a SKU"),
        unit_price: krw(unit_price),
        priced_by: None,
        quantity,
        subtotal: krw(subtotal),
        discount: krw(discount.min(subtotal)),
    }
}

/// Lines of a few units each, with whatever share of a discount.
fn lines() -> impl Strategy<Value = Vec<OrderLine>> {
    let price = prop_oneof![0..=3_i64, 1..=10_000_i64, Just(900_000_000_000_i64)];
    vec((price, 1..=7_u32, prop_oneof![0..=20_i64, 0..=70_000_i64]), 1..4).prop_map(|lines| {
        (1..).zip(lines).map(|(n, (price, units, discount))| line(n, price, units, discount)).collect()
    })
}

fn sum(amounts: impl Iterator<Item = Money>) -> i64 {
    amounts.map(Money::minor).sum()
}

/// A paid order of these lines that used coupon copy 1, an empty wallet, and nothing on hand.
fn shop(lines: &[OrderLine]) -> WorkingSet {
    let (subtotal, discount) = (sum(lines.iter().map(|l| l.subtotal)), sum(lines.iter().map(|l| l.discount)));
    let applied = AppliedCoupon {
        issued_coupon_id: id(1),
        coupon_id: id(1),
        name: Name::new("a coupon").expect("a name"),
        discount: krw(discount),
    };
    let order = Order {
        id: id(7),
        customer_id: id(1),
        status: OrderStatus::Paid,
        lines: lines.into(),
        coupons: vec![applied],
        subtotal: krw(subtotal),
        discount: krw(discount),
        total: krw(subtotal - discount),
        payment: Some(OrderPayment { payment_id: id(8), method: PaymentMethod::Wallet }),
        expires_at: None,
        version: 1,
        placed_at: at(0),
        updated_at: at(0),
    };
    let redemption = Redemption {
        issued_coupon_id: id(1),
        order_id: id(7),
        coupon_id: id(1),
        discount: krw(discount),
        status: RedemptionStatus::Used,
        created_at: at(0),
        updated_at: at(0),
    };
    let used = IssuedCoupon { status: IssuedCouponStatus::Used, order_id: Some(id(7)), ..issued_coupon(id(1)) };
    let mut records = WorkingSet::default();
    records.apply(&Changes {
        stocks: lines.iter().map(|line| Stock { variant_id: line.variant_id, on_hand: 0, version: 1 }).collect(),
        copies: vec![Copies { coupon_id: id(1), customer_id: id(1), count: 1 }],
        orders: vec![Arc::new(order)],
        redemptions: vec![redemption],
        issued_coupons: vec![used],
        ..Changes::default()
    });
    records
}

fn refund(records: &mut WorkingSet, n: u64, lines: Option<Vec<(u32, u32)>>) -> Result<Arc<Refund>, Rejection> {
    let line = |(position, units): (u32, u32)| RefundLineRequest {
        position,
        quantity: Quantity::new(i64::from(units)).expect("a quantity"),
    };
    let lines = lines.map(|lines| lines.into_iter().map(line).collect());
    let command = RefundOrder { order_id: id(7), lines, restock: true, destination: None, reason: None };
    let ids = IdBlock::new(1_000 + n * 10, 2, NodeId::default());
    let context = Context { now: at(1_000), ids, shop: &Shop::default() };
    let decision = decide(records, &Principal::System, &command.into(), &context)?;
    assert_eq!((decision.changes.order_events.len(), decision.changes.messages.len()), (1, 1), "one step, one message");
    records.apply(&decision.changes);
    let Outcome::Refund(refund) = decision.outcome else { panic!("a refund answers with itself") };
    Ok(refund)
}

/// Units of the order in the order in which they are given back: each line as often as it has units.
fn units() -> impl Strategy<Value = (Vec<OrderLine>, Vec<u32>)> {
    lines().prop_flat_map(|lines| {
        let each = (1..).zip(&lines).flat_map(|(position, line)| vec![position; line.quantity as usize]);
        (Just(lines.clone()), Just(each.collect::<Vec<u32>>()).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_parts_of_an_order_sum_to_its_payment((lines, units) in units(), sizes in vec(1..4_usize, 0..20)) {
        let mut records = shop(&lines);
        let order = records.order(id(7)).expect("it is there").clone();
        let (mut rest, mut returned) = (&units[..], 0);
        let mut sizes = sizes.into_iter();
        while !rest.is_empty() {
            prop_assert_eq!(records.order(id(7)).map(|order| order.status), Some(OrderStatus::Paid));
            // Some units at a time; in the end, whatever is left.
            let size = sizes.next().map(|size| size.min(rest.len()));
            let part = size.map(|size| rest[..size].iter().map(|position| (*position, 1)).collect());
            let refund = refund(&mut records, rest.len() as u64, part).expect("it has these units");
            rest = &rest[size.unwrap_or(rest.len())..];
            returned += refund.total.minor();
            prop_assert!(refund.lines.iter().all(|line| !line.amount.is_negative()), "{:?}", refund);
            prop_assert_eq!(sum(refund.lines.iter().map(|line| line.amount)), refund.total.minor());
            prop_assert!(returned <= order.total.minor());
        }
        prop_assert_eq!(returned, order.total.minor());
        let wallet = records.wallet(WalletId { customer_id: id(1), currency: KRW }).map_or(0, |w| w.balance.minor());
        prop_assert_eq!(wallet, order.total.minor());
        for line in &lines {
            prop_assert_eq!(records.stock(line.variant_id).map(|stock| stock.on_hand), Some(u64::from(line.quantity)));
        }
        let now = records.order(id(7)).expect("it is there");
        prop_assert_eq!((now.status, &now.lines), (OrderStatus::Refunded, &order.lines));
        prop_assert_eq!(records.issued_coupon(id(1)).map(|copy| copy.status), Some(IssuedCouponStatus::Available));
        let again = refund(&mut records, 0, None);
        let (from, to) = (OrderStatus::Refunded, OrderStatus::Refunded);
        prop_assert_eq!(again, Err(Rejection::InvalidTransition { order: id(7), from, to }));
    }

    /// What units cost does not hang on how they are cut up: the first so many cost the same.
    #[test]
    fn the_order_of_the_parts_does_not_matter(price in 0..=10_000_i64, quantity in 1..=50_u32, discount in 0..=9_999_i64) {
        let line = line(1, price, quantity, discount);
        let total = line.total().expect("within the bound").minor();
        let cost = |units| paid_for(&line, units).expect("within the bound").minor();
        prop_assert_eq!((cost(0), cost(quantity), cost(quantity + 1)), (0, total, total));
        for units in 1..=quantity {
            let exact = i128::from(total) * i128::from(units) / i128::from(quantity);
            prop_assert_eq!(i128::from(cost(units)), exact);
            // No unit costs more than its even share, rounded up.
            let unit = cost(units) - cost(units - 1);
            prop_assert!((0..=total / i64::from(quantity) + 1).contains(&unit), "{unit} of {total} for {quantity}");
        }
    }

    /// Refunds that fail on their way free their units again, in whatever order they fail.
    #[test]
    fn failures_on_the_way_do_not_change_the_sum(
        price in 0..=1_000_i64,
        quantity in 1..=12_u32,
        discount in 0..=999_i64,
        steps in vec((1..=4_u32, any::<prop::sample::Index>(), any::<bool>()), 0..30),
    ) {
        let line = line(1, price, quantity, discount);
        let records = shop(std::slice::from_ref(&line));
        let order = records.order(id(7)).expect("it is there");
        let total = order.total.minor();
        let mut refunds: Vec<Refund> = Vec::new();
        let take = |refunds: &mut Vec<Refund>, units: u32| {
            let before = Returned::of(order, 1, refunds.iter()).expect("within the bound");
            let amount = before.next(&line, units).expect("within the bound");
            assert!(!amount.is_negative() && before.amount.minor() + amount.minor() <= total);
            refunds.push(Refund {
                id: id(1),
                order_id: order.id,
                payment_id: id(8),
                lines: vec![RefundLine { position: 1, quantity: units, amount }],
                total: amount,
                destination: RefundDestination::Gateway,
                restock: false,
                status: RefundStatus::Pending,
                reason: None,
                failure_reason: None,
                created_at: at(0),
                updated_at: at(0),
            });
        };
        let left = |refunds: &[Refund]| {
            quantity - Returned::of(order, 1, refunds.iter()).expect("within the bound").quantity
        };
        for (units, which, fails) in steps {
            if fails && !refunds.is_empty() {
                let which = which.index(refunds.len());
                refunds[which].status = RefundStatus::Failed;
            } else if left(&refunds) > 0 {
                let units = units.min(left(&refunds));
                take(&mut refunds, units);
            }
        }
        if left(&refunds) > 0 {
            let units = left(&refunds);
            take(&mut refunds, units);
        }
        let all = Returned::of(order, 1, refunds.iter()).expect("within the bound");
        prop_assert_eq!((all.quantity, all.amount.minor()), (quantity, total));
    }
}

#[test]
fn a_line_named_twice_is_taken_together_and_one_that_is_not_there_is_refused() {
    let mut records = shop(&[line(1, 1_000, 3, 100), line(2, 500, 1, 0)]);
    let too_large = Rejection::RefundTooLarge { order: id(7), position: 1, requested: 4, refundable: 3 };
    assert_eq!(refund(&mut records, 1, Some(vec![(1, 2), (1, 2)])), Err(too_large));
    for position in [0, 3, u32::MAX] {
        let missing = Rejection::OrderLineNotFound { order: id(7), position };
        assert_eq!(refund(&mut records, 2, Some(vec![(position, 1)])), Err(missing));
    }
    let both = refund(&mut records, 3, Some(vec![(2, 1), (1, 1), (1, 1)])).expect("they are there");
    let lines: Vec<_> = both.lines.iter().map(|line| (line.position, line.quantity, line.amount.minor())).collect();
    assert_eq!(lines, [(1, 2, 1_933), (2, 1, 500)]);
}

#[test]
fn a_wallet_at_its_bound_refuses_with_the_numbers_and_takes_it_after_a_payout() {
    let max = commerce_core::MAX_MINOR;
    let mut records = shop(&[line(1, 1_000, 1, 0)]);
    let wallet_id = WalletId { customer_id: id(1), currency: KRW };
    let hold = |records: &mut WorkingSet, balance| {
        let wallet = Wallet { id: wallet_id, balance: krw(balance), version: 1 };
        records.apply(&Changes { wallets: vec![wallet], ..Changes::default() });
    };
    hold(&mut records, max - 999);
    let full = Rejection::WalletFull { balance: krw(max - 999), amount: krw(1_000), max };
    assert_eq!(refund(&mut records, 1, None), Err(full));
    hold(&mut records, max - 1_000);
    assert_eq!(refund(&mut records, 2, None).map(|refund| refund.total), Ok(krw(1_000)));
    assert_eq!(records.wallet(wallet_id).map(|wallet| wallet.balance), Some(krw(max)));
}
