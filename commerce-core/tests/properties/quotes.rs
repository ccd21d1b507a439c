//! A quote and an order of the same basket: the same figures, and the same "no".

use std::sync::Arc;

use commerce_core::decide::{decide, quote};
use commerce_core::{
    Basket, Changes, Context, Discount, IdBlock, LineRequest, NodeId, Outcome, Percent, PlaceOrder, Principal,
    Quantity, Rejection, Shop, Stock, TraceStep, Wallet, WalletId, WorkingSet,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::cases;
use crate::generate::{KRW, at, coupon, draft_records, id, issued_coupon, krw};

#[derive(Debug, Clone)]
struct Scene {
    /// Base price, additional price, quantity of each line.
    lines: Vec<(i64, i64, u32)>,
    on_hand: Vec<u64>,
    /// The minimum of the coupon to use, if one is used, and its rate in millionths.
    coupon: Option<(Option<i64>, i64)>,
    balance: i64,
    /// Milliseconds; the copy expires at 1,000.
    now: i64,
}

fn scene() -> impl Strategy<Value = Scene> {
    let line = (0..=1_000_i64, 0..=9_i64, 1..=9_u32);
    let coupon = prop::option::of((prop::option::of(1..=10_000_i64), 1..=1_000_000_i64));
    (
        prop::collection::vec((line, 5..=40_u64), 1..=5),
        coupon,
        0..=40_000_i64,
        prop_oneof![998..=1_002_i64, 0..=900_i64],
    )
        .prop_map(|(lines, coupon, balance, now)| {
            let (lines, on_hand) = lines.into_iter().unzip();
            Scene { lines, on_hand, coupon, balance, now }
        })
}

impl Scene {
    fn records(&self) -> WorkingSet {
        let wallet_id = WalletId { customer_id: id(1), currency: KRW };
        let mut changes = Changes {
            wallets: vec![Wallet { id: wallet_id, balance: krw(self.balance), version: 1 }],
            ..Changes::default()
        };
        let customer = commerce_core::Customer {
            id: id(1),
            username: "mina".parse().expect("a username"),
            name: "Mina".parse().expect("a name"),
            created_at: at(0),
        };
        changes.customers.push(Arc::new(customer));
        for ((product, variant, _), on_hand) in draft_records(&self.lines).into_iter().zip(&self.on_hand) {
            changes.stocks.push(Stock { variant_id: variant.id, on_hand: *on_hand, version: 1 });
            changes.products.push(Arc::new(product));
            changes.variants.push(Arc::new(variant));
        }
        if let Some((minimum, rate)) = self.coupon {
            let rate = Percent::new(Decimal::new(rate, 4)).expect("a percentage");
            let coupon = coupon(Discount::Percent { rate, cap: None }, minimum);
            let mut copy = issued_coupon(coupon.id);
            copy.expires_at = Some(at(1_000));
            changes.issued_coupons.push(copy);
            changes.coupons.push(Arc::new(coupon));
        }
        let mut records = WorkingSet::default();
        records.apply(&changes);
        records
    }

    /// Every line twice, so that demands add up: the quantity is split into halves, the second may be nothing.
    fn basket(&self) -> Basket {
        let line = |variant: i64, quantity: u32| LineRequest {
            variant_id: id(variant),
            quantity: Quantity::new(i64::from(quantity)).expect("a quantity"),
        };
        let halves = |(variant, (_, _, quantity)): (i64, &(i64, i64, u32))| {
            let second = quantity / 2;
            [Some(line(variant, quantity - second)), (second > 0).then(|| line(variant, second))]
        };
        let lines: Vec<_> = (1..).zip(&self.lines).flat_map(halves).flatten().collect();
        Basket { lines: lines.into(), coupons: self.coupon.iter().map(|_| id(1)).collect() }
    }

    /// The first "no" by hand: stock, then the coupon's time, its minimum and what it comes to.
    fn refusal(&self) -> Option<&'static str> {
        let subtotal: i64 = self.lines.iter().map(|(base, more, n)| (base + more) * i64::from(*n)).sum();
        let short = self.lines.iter().zip(&self.on_hand).any(|((_, _, n), on_hand)| u64::from(*n) > *on_hand);
        match self.coupon {
            _ if short => Some("out_of_stock"),
            Some(_) if self.now >= 1_000 => Some("coupon_expired"),
            Some((Some(minimum), _)) if subtotal < minimum => Some("below_minimum"),
            Some((_, rate)) if subtotal * rate < 1_000_000 => Some("coupon_takes_nothing_off"),
            _ => None,
        }
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn an_order_costs_what_its_quote_said_or_is_refused_as_it_said(scene in scene(), pays in any::<bool>()) {
        let (records, basket, shop) = (scene.records(), scene.basket(), Shop::default());
        let context = Context { now: at(scene.now), ids: IdBlock::new(1, 3, NodeId::default()), shop: &shop };
        let quote = quote(&records, id(1), &basket, &context).expect("a quote");
        prop_assert_eq!(quote.refusal.as_ref().map(Rejection::code), scene.refusal());

        let gave = |refused: bool| quote.trace.iter().filter(move |step| step.refused.is_some() == refused);
        prop_assert_eq!(quote.refusal.as_ref(), gave(true).next().and_then(|step| step.refused.as_ref()));
        let rules = quote.lines.len() + scene.lines.len() + basket.coupons.len();
        prop_assert_eq!(quote.trace.len(), rules, "a price a line, a look at the stock a variant, a step a coupon");
        if quote.coupons.is_empty() {
            prop_assert!(quote.discount.is_zero() && quote.total == quote.subtotal);
        }

        let payment = pays.then_some(commerce_core::PaymentMethod::Wallet);
        let command = PlaceOrder { customer_id: id(1), basket, payment }.into();
        let decision = decide(&records, &Principal::Customer(id(1)), &command, &context);
        match (&quote.refusal, decision) {
            (Some(refusal), decision) => prop_assert_eq!(decision.err(), Some(refusal.clone())),
            (None, Err(poor)) => {
                prop_assert_eq!(poor.code(), "insufficient_balance");
                prop_assert!(pays && scene.balance < quote.total.minor());
            }
            (None, Ok(decision)) => {
                prop_assert!(!pays || scene.balance >= quote.total.minor());
                let Outcome::Order(order) = decision.outcome else { return Err(TestCaseError::fail("no order")) };
                prop_assert_eq!((order.subtotal, order.discount, order.total), (quote.subtotal, quote.discount, quote.total));
                prop_assert_eq!(&*order.lines, &*quote.lines);
                prop_assert_eq!(&order.coupons, &quote.coupons);
            }
        }
    }

    #[test]
    fn a_quote_is_kept_as_it_was(scene in scene()) {
        let (records, shop) = (scene.records(), Shop::default());
        let context = Context { now: at(scene.now), ids: IdBlock::new(0, 0, NodeId::default()), shop: &shop };
        let quote = quote(&records, id(1), &scene.basket(), &context).expect("a quote");
        let stored = serde_json::to_string(&quote).expect("plain data");
        prop_assert_eq!(&serde_json::from_str::<commerce_core::Quote>(&stored).expect("what was stored"), &quote);
        let prices = |step: &&TraceStep| step.refused.is_none();
        prop_assert!(quote.trace.iter().filter(prices).count() >= quote.lines.len());
    }
}
