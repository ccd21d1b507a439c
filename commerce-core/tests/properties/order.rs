//! The life of an order: what each command does in each status, and histories that replay.

use std::sync::Arc;

use commerce_core::decide::decide;
use commerce_core::{
    CancelOrder, Changes, Command, Context, DeliverOrder, ExpireOrder, IdBlock, Name, NodeId, Order, OrderChange,
    OrderEvent, OrderId, OrderLine, OrderStatus, Outcome, PayOrder, PaymentMethod, Principal, ProductId, Rejection,
    ShipOrder, Shop, Sku, Stock, Timestamp, VariantId, Wallet, WalletId, WorkingSet, replay,
};
use proptest::prelude::*;

use crate::cases;
use crate::generate::{KRW, at, id, krw};

use OrderStatus::{Cancelled, Delivered, Paid, Pending, Processing, Refunded, Shipped};

/// The design's diagram as pairs: what is not here cannot happen.
const STEPS: [(OrderStatus, OrderStatus); 11] = [
    (Pending, Processing),
    (Pending, Paid),
    (Pending, Cancelled),
    (Processing, Pending),
    (Processing, Paid),
    (Processing, Cancelled),
    (Paid, Shipped),
    (Paid, Refunded),
    (Shipped, Delivered),
    (Shipped, Refunded),
    (Delivered, Refunded),
];

const EXPIRES: i64 = 2_000_000;

pub(crate) fn order(status: OrderStatus) -> Order {
    let line = OrderLine {
        product_id: id::<ProductId>(1),
        variant_id: id::<VariantId>(1),
        product_name: Name::new("a product").expect("a name"),
        option_name: None,
        sku: Sku::new("SKU-1").expect("a SKU"),
        unit_price: krw(500),
        priced_by: None,
        quantity: 2,
        subtotal: krw(1_000),
        discount: krw(0),
    };
    Order {
        id: id::<OrderId>(7),
        customer_id: id(1),
        status,
        lines: Arc::new([line]),
        coupons: Vec::new(),
        subtotal: krw(1_000),
        discount: krw(0),
        total: krw(1_000),
        payment: None,
        expires_at: matches!(status, Pending | Processing).then_some(at(EXPIRES)),
        version: 1,
        placed_at: at(0),
        updated_at: at(0),
    }
}

/// What `command` comes to on an order in `status`, with a full wallet and at `now`.
fn decided(status: OrderStatus, command: Command, principal: &Principal, now: Timestamp) -> Result<Order, Rejection> {
    let wallet_id = WalletId { customer_id: id(1), currency: KRW };
    let mut records = WorkingSet::default();
    records.apply(&Changes {
        orders: vec![Arc::new(order(status))],
        stocks: vec![Stock { variant_id: id(1), on_hand: 3, version: 4 }],
        wallets: vec![Wallet { id: wallet_id, balance: krw(1_000), version: 1 }],
        ..Changes::default()
    });
    let shop = Shop::default();
    let context = Context { now, ids: IdBlock::new(1, 5, NodeId::default()), shop: &shop };
    let decision = decide(&records, principal, &command, &context)?;
    let Outcome::Order(order) = decision.outcome else { panic!("an order's command answers with the order") };
    assert_eq!((decision.changes.order_events.len(), decision.changes.messages.len()), (1, 1), "one step, one message");
    assert_eq!(decision.changes.orders, [Arc::clone(&order)]);
    Ok((*order).clone())
}

/// What the order's customer may ask for.
fn commands() -> [(Command, OrderStatus); 2] {
    [
        (PayOrder { order_id: id(7), method: PaymentMethod::Wallet }.into(), Paid),
        (CancelOrder { order_id: id(7), reason: None }.into(), Cancelled),
    ]
}

/// What only staff may ask for, at an instant when an unpaid order is over.
fn staffs() -> [(Command, OrderStatus); 3] {
    [
        (ShipOrder { order_id: id(7) }.into(), Shipped),
        (DeliverOrder { order_id: id(7) }.into(), Delivered),
        (ExpireOrder { order_id: id(7) }.into(), Cancelled),
    ]
}

#[test]
fn every_command_of_staff_does_in_every_status_what_the_table_says() {
    for from in OrderStatus::ALL {
        for (command, to) in staffs() {
            let decided = decided(from, command.clone(), &Principal::System, at(EXPIRES));
            // A payment under way does not run out: the gateway ends it, or gives it back.
            let runs_out = from != Processing || to != Cancelled;
            if STEPS.contains(&(from, to)) && runs_out {
                let order = decided.unwrap_or_else(|refused| panic!("{from:?} -> {to:?}: {refused}"));
                assert_eq!((order.status, order.version, order.updated_at), (to, 2, at(EXPIRES)));
            } else if from == Processing {
                assert_eq!(decided, Err(Rejection::PaymentInProgress { order: id(7) }));
            } else {
                assert_eq!(decided, Err(Rejection::InvalidTransition { order: id(7), from, to }));
            }
            let theirs = decided_by_customer(from, command.clone());
            assert_eq!(theirs, Err(Rejection::Forbidden { operation: command.operation() }));
        }
    }
}

fn decided_by_customer(from: OrderStatus, command: Command) -> Result<Order, Rejection> {
    decided(from, command, &Principal::Customer(id(1)), at(EXPIRES))
}

#[test]
fn an_order_expires_when_it_can_no_longer_be_paid() {
    let expire = || ExpireOrder { order_id: id(7) }.into();
    let early = decided(Pending, expire(), &Principal::System, at(EXPIRES - 1));
    let expected = Rejection::OrderNotExpired { order: id(7), expires_at: at(EXPIRES), now: at(EXPIRES - 1) };
    assert_eq!(early, Err(expected));
    for now in [EXPIRES, EXPIRES + 1] {
        let order = decided(Pending, expire(), &Principal::System, at(now)).expect("its time is over");
        assert_eq!((order.status, order.expires_at), (Cancelled, None));
    }
}

#[test]
fn every_command_does_in_every_status_what_the_table_says() {
    for from in OrderStatus::ALL {
        for (command, to) in commands() {
            let decided = decided(from, command, &Principal::System, at(1_000));
            if from == Processing {
                // Where the gateway's word is awaited, nobody else's counts.
                assert_eq!(decided, Err(Rejection::PaymentInProgress { order: id(7) }));
            } else if STEPS.contains(&(from, to)) {
                let order = decided.unwrap_or_else(|refused| panic!("{from:?} -> {to:?}: {refused}"));
                assert_eq!((order.status, order.version, order.updated_at), (to, 2, at(1_000)));
                assert_eq!((order.expires_at, order.payment.is_some()), (None, to == Paid));
            } else {
                assert_eq!(decided, Err(Rejection::InvalidTransition { order: id(7), from, to }));
            }
        }
    }
}

#[test]
fn nobody_else_sees_the_order_and_no_status_takes_a_card_at_once() {
    let stranger = Principal::Customer(id(2));
    for status in OrderStatus::ALL {
        for (command, _) in commands() {
            let refused = decided(status, command, &stranger, at(1_000));
            assert_eq!(refused, Err(Rejection::OrderNotFound { order: id(7) }));
        }
        let card = PayOrder { order_id: id(7), method: PaymentMethod::Card };
        let refused = decided(status, card.into(), &Principal::System, at(1_000));
        assert_eq!(refused, Err(Rejection::PaymentMethodNotOffered));
    }
}

#[test]
fn an_order_can_be_paid_until_it_expires_and_cancelled_ever_after() {
    for (now, payable) in [(EXPIRES - 1, true), (EXPIRES, false), (EXPIRES + 1, false)] {
        for (command, to) in commands() {
            let decided = decided(Pending, command, &Principal::Customer(id(1)), at(now));
            match to {
                Paid if !payable => assert_eq!(
                    decided,
                    Err(Rejection::OrderExpired { order: id(7), expired_at: at(EXPIRES), now: at(now) })
                ),
                _ => assert_eq!(decided.map(|order| order.status), Ok(to)),
            }
        }
    }
}

fn history(path: &[OrderStatus]) -> Vec<Arc<OrderEvent>> {
    let event = |(sequence, (from, to)): (u64, (Option<OrderStatus>, &OrderStatus))| {
        Arc::new(OrderEvent {
            sequence,
            from,
            to: *to,
            change: OrderChange::Placed,
            actor: Principal::System,
            at: at(0),
            order: Arc::new(order(*to)),
        })
    };
    let before = std::iter::once(None).chain(path.iter().copied().map(Some));
    (1..).zip(before.zip(path)).map(event).collect()
}

/// Whether a life can have gone this way, by the pairs above.
fn possible(path: &[OrderStatus]) -> bool {
    path.first().is_some_and(|first| matches!(first, Pending | Paid))
        && path.windows(2).all(|pair| STEPS.contains(&(pair[0], pair[1])))
}

#[test]
fn every_path_of_four_steps_replays_if_and_only_if_it_can_have_happened() {
    let mut paths: Vec<Vec<OrderStatus>> = vec![Vec::new()];
    let mut at = 0;
    while at < paths.len() {
        let path = paths[at].clone();
        let expected = if possible(&path) { path.last().copied() } else { None };
        assert_eq!(replay(&history(&path)), expected, "{path:?}");
        if path.len() < 4 {
            paths.extend(OrderStatus::ALL.map(|next| [path.clone(), vec![next]].concat()));
        }
        at += 1;
    }
    assert_eq!(paths.len(), 1 + 7 + 49 + 343 + 2_401);
}

/// A life of up to twelve steps along the table.
fn life() -> impl Strategy<Value = Vec<OrderStatus>> {
    (any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..12)).prop_map(|(paid, choices)| {
        let mut path = vec![if paid { Paid } else { Pending }];
        for choice in choices {
            let last = path[path.len() - 1];
            let next: Vec<OrderStatus> = STEPS.iter().filter(|(from, _)| *from == last).map(|(_, to)| *to).collect();
            if next.is_empty() {
                break;
            }
            path.push(next[choice.index(next.len())]);
        }
        path
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_history_replays_and_a_damaged_one_does_not(path in life(), at in any::<prop::sample::Index>(), kind in 0..5_u8) {
        let events = history(&path);
        prop_assert_eq!(replay(&events), path.last().copied());
        let at = at.index(events.len());
        let mut damaged = events.clone();
        match kind {
            // The last event may be missing unnoticed; any other leaves a gap.
            0 if at + 1 < events.len() => drop(damaged.remove(at)),
            1 => damaged.insert(at, Arc::clone(&events[at])),
            2 => damaged[at] = Arc::new(OrderEvent { sequence: events[at].sequence + 1, ..(*events[at]).clone() }),
            3 if at > 0 => damaged.swap(at - 1, at),
            4 => {
                let other = OrderStatus::ALL[(OrderStatus::ALL.iter().position(|s| *s == path[at]).unwrap_or(0) + 1) % 7];
                damaged[at] = Arc::new(OrderEvent { order: Arc::new(order(other)), ..(*events[at]).clone() });
            }
            _ => return Ok(()),
        }
        prop_assert_eq!(replay(&damaged), None);
    }
}

#[test]
fn the_end_is_the_end() {
    for end in [Cancelled, Refunded] {
        assert!(end.successors().is_empty());
    }
    assert!([Pending, Processing, Paid, Shipped, Delivered].iter().all(|status| !status.successors().is_empty()));
}
