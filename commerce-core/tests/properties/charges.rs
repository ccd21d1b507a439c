//! A charge under every sequence of reports: whatever arrives, in whatever order and however often, one capture pays one
//! order once, and money that pays nothing is marked to be given back.

use std::sync::Arc;

use commerce_core::decide::{Decision, decide};
use commerce_core::{
    CancelOrder, Changes, Charge, ChargeId, ChargePurpose, ChargeReport, ChargeStatus, Command, Context,
    GatewayPayment, GatewayStatus, IdBlock, NodeId, Order, OrderStatus, Outcome, PayOrder, PaymentMethod,
    PaymentStatus, Principal, Records, Rejection, SettleCharge, Shop, StartCardPayment, Stock, Wallet, WalletId,
    WorkingSet,
};
use proptest::prelude::*;

use crate::cases;
use crate::generate::{KRW, at, gateway_status, id, krw, name};

/// What happens to an order of 1,000 won.
#[derive(Debug, Clone)]
enum Happening {
    /// Its customer begins to pay by card.
    Start,
    /// The gateway reports the attempt at this place among those begun.
    Report(usize, GatewayStatus),
    /// The gateway reports as much of something else than it was asked for.
    Mismatch(usize, GatewayStatus),
    Returned(usize),
    /// Its customer pays from the wallet.
    Pay,
    Cancel,
    /// Its time to be paid runs out.
    Expire,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => Just(Happening::Start),
        8 => (0..3_usize, gateway_status()).prop_map(|(place, status)| Happening::Report(place, status)),
        2 => (0..3_usize, gateway_status()).prop_map(|(place, status)| Happening::Mismatch(place, status)),
        2 => (0..3_usize).prop_map(Happening::Returned),
        1 => Just(Happening::Pay),
        2 => Just(Happening::Cancel),
        1 => Just(Happening::Expire),
    ]
}

const EXPIRES: i64 = 1_000_000;

/// What the gateway has of a charge.
fn found(charge: &Charge, status: &GatewayStatus) -> GatewayPayment {
    GatewayPayment {
        transaction_id: name(&format!("tx-{}", charge.id)),
        customer_id: charge.customer_id,
        amount: charge.amount,
        status: status.clone(),
    }
}

struct Life {
    records: WorkingSet,
    charges: Vec<ChargeId>,
    now: i64,
    tick: u64,
    events: usize,
    messages: usize,
    sold: i128,
    taken: i64,
    returned_units: i64,
}

impl Life {
    fn new() -> Self {
        let mut records = WorkingSet::default();
        records.apply(&Changes {
            orders: vec![Arc::new(crate::order::order(OrderStatus::Pending))],
            stocks: vec![Stock { variant_id: id(1), on_hand: 3, version: 4 }],
            wallets: vec![Wallet {
                id: WalletId { customer_id: id(1), currency: KRW },
                balance: krw(1_000),
                version: 1,
            }],
            ..Changes::default()
        });
        let zero = (0, 0, 0, 0, 0);
        let (events, messages, sold, taken, returned_units) = zero;
        Self { records, charges: Vec::new(), now: 1_000, tick: 1, events, messages, sold, taken, returned_units }
    }

    fn order(&self) -> &Order {
        self.records.order(id(7)).expect("the order")
    }

    fn charge(&self, id: ChargeId) -> Charge {
        self.records.charge(id).expect("the charge").clone()
    }

    fn run(&mut self, command: Command) -> Result<Outcome, Rejection> {
        let shop = Shop::default();
        let ids = IdBlock::new(self.tick, 5, NodeId::default());
        self.tick += 5;
        let context = Context { now: at(self.now), ids, shop: &shop };
        let Decision { changes, outcome } = decide(&self.records, &Principal::System, &command, &context)?;
        self.events += changes.order_events.len();
        self.messages += changes.messages.len();
        self.sold += changes.sales.iter().map(|sold| sold.revenue.minor()).sum::<i128>();
        self.taken -= changes.wallet_entries.iter().map(|entry| entry.amount.minor()).sum::<i64>();
        self.returned_units += changes.stock_entries.iter().map(|entry| entry.delta).sum::<i64>();
        self.records.apply(&changes);
        Ok(outcome)
    }

    fn report(&mut self, place: usize, report: impl Fn(&Charge) -> ChargeReport) {
        let Some(charge_id) = self.charges.get(place % self.charges.len().max(1)).copied() else { return };
        let report = report(&self.charge(charge_id));
        let command = SettleCharge { charge_id, report };
        self.run(command.clone().into()).expect("a sound report is never refused");
        // The same once more is no news.
        let before = (self.events, self.order().clone(), self.charge(charge_id));
        self.run(command.into()).expect("a sound report is never refused");
        assert_eq!((self.events, self.order().clone(), self.charge(charge_id)), before);
    }

    /// What brings money is refused, if it is news; what brings none ends what waited for it.
    fn mismatch(&mut self, place: usize, status: &GatewayStatus) {
        let Some(charge_id) = self.charges.get(place % self.charges.len().max(1)).copied() else { return };
        let before = self.charge(charge_id);
        let mut found = found(&before, status);
        (found.amount, found.transaction_id) = (krw(1), name("somebody-elses"));
        let report = ChargeReport::Found(found);
        let heard = self.run(SettleCharge { charge_id, report }.into());
        let after = self.charge(charge_id);
        assert_eq!(after.gateway_transaction_id, before.gateway_transaction_id, "nothing of it is taken over");
        let expected = Rejection::GatewayAmountMismatch { charge: charge_id, expected: before.amount, found: krw(1) };
        assert!(heard.is_ok() || heard == Err(expected), "{heard:?}");
        let brings_none =
            matches!(status, GatewayStatus::Declined { .. } | GatewayStatus::Cancelled | GatewayStatus::Refunded);
        if before.status.is_in_flight() && brings_none {
            assert!(matches!(after.status, ChargeStatus::Failed | ChargeStatus::Cancelled), "{before:?}: {after:?}");
        } else {
            assert_eq!(after, before, "{status:?}");
        }
    }

    /// Whoever calls off an order whose payment is in flight is remembered, and the next who does is refused.
    fn cancel(&mut self) {
        let before = self.order().clone();
        let asked = self.records.payment(id(7)).is_some_and(|payment| payment.cancel_request.is_some());
        let (order_id, from) = (before.id, before.status);
        let expected = match from {
            OrderStatus::Pending => Ok(OrderStatus::Cancelled),
            OrderStatus::Processing if asked => Err(Rejection::PaymentInProgress { order: order_id }),
            OrderStatus::Processing => Ok(OrderStatus::Processing),
            _ => Err(Rejection::InvalidTransition { order: order_id, from, to: OrderStatus::Cancelled }),
        };
        let heard = self.run(CancelOrder { order_id, reason: None }.into());
        assert_eq!(heard.map(|_| self.order().status), expected);
        if from == OrderStatus::Processing {
            assert_eq!(*self.order(), before, "it waits for the gateway");
            assert!(self.records.payment(id(7)).is_some_and(|payment| payment.cancel_request.is_some()));
        }
    }

    fn live(&mut self, happening: &Happening) {
        match happening {
            Happening::Start => {
                if let Ok(Outcome::Charge(charge)) = self.run(StartCardPayment { order_id: id(7) }.into()) {
                    self.charges.push(charge.id);
                }
            }
            Happening::Report(place, status) => {
                self.report(*place, |charge| ChargeReport::Found(found(charge, status)));
            }
            Happening::Mismatch(place, status) => self.mismatch(*place, status),
            Happening::Returned(place) => self.report(*place, |_| ChargeReport::Refunded),
            Happening::Pay => drop(self.run(PayOrder { order_id: id(7), method: PaymentMethod::Wallet }.into())),
            Happening::Cancel => self.cancel(),
            Happening::Expire => self.now = EXPIRES * 3,
        }
        self.check();
    }

    fn check(&self) {
        let order = self.order();
        let charges: Vec<Charge> = self.charges.iter().map(|id| self.charge(*id)).collect();
        let count = |status| charges.iter().filter(|charge| charge.status == status).count();
        let payment = self.records.payment(id(7));
        let by_card =
            payment.is_some_and(|paid| paid.method == PaymentMethod::Card && paid.status == PaymentStatus::Succeeded);
        let paid = order.status == OrderStatus::Paid;

        assert_eq!(count(ChargeStatus::Captured), usize::from(by_card), "one capture, and only for an order it paid");
        assert_eq!(paid, payment.is_some_and(|payment| payment.status == PaymentStatus::Succeeded));
        assert_eq!(self.sold, if paid { 1_000 } else { 0 }, "sold once");
        assert_eq!(self.taken, if paid && !by_card { 1_000 } else { 0 }, "the wallet is asked only if no card paid");
        assert_eq!(self.returned_units, if order.status == OrderStatus::Cancelled { 2 } else { 0 });
        assert_eq!((self.events, self.messages), (order.version as usize - 1, self.events), "one message a transition");
        let current = |charge: &Charge| {
            let ChargePurpose::Order { attempt, .. } = charge.purpose else { return false };
            payment.is_some_and(|payment| payment.attempts == attempt) && charge.status.is_in_flight()
        };
        let in_flight = charges.iter().filter(|charge| current(charge)).count();
        if order.status == OrderStatus::Processing {
            assert_eq!(in_flight, 1, "an order waits for one charge: {charges:?}");
        }
        let asked = payment.is_some_and(|payment| payment.cancel_request.is_some());
        assert!(!asked || order.status != OrderStatus::Pending, "called off as soon as the gateway lets go");
        if order.status == OrderStatus::Pending {
            assert_eq!(
                count(ChargeStatus::Initiated) + count(ChargeStatus::Pending),
                0,
                "nothing in flight: {charges:?}"
            );
        }
        assert_eq!(payment.map_or(0, |payment| payment.attempts as usize), {
            self.charges.len() + usize::from(paid && !by_card)
        });
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn whatever_is_reported_in_whatever_order_money_moves_once(life in prop::collection::vec(happening(), 1..30)) {
        let mut order = Life::new();
        for happening in &life {
            order.live(happening);
        }
    }
}

/// Every way from every status, and none besides: the whole machine of a charge, by hand.
#[test]
fn a_charge_moves_only_as_the_table_says() {
    use ChargeStatus::{Cancelled, Captured, Failed, Initiated, Pending, RefundDue, Refunded};
    let mut met = std::collections::BTreeSet::new();
    let statuses = [
        GatewayStatus::Pending,
        GatewayStatus::Approved,
        GatewayStatus::Captured,
        GatewayStatus::Declined { reason: "no".parse().expect("a note") },
        GatewayStatus::Cancelled,
        GatewayStatus::Refunded,
    ];
    // Every sequence of four reports.
    for n in 0..6_usize.pow(4) {
        let mut life = Life::new();
        life.live(&Happening::Start);
        let charge = life.charges[0];
        for place in 0..4 {
            let before = life.charge(charge).status;
            life.live(&Happening::Report(0, statuses[n / 6_usize.pow(place) % 6].clone()));
            let after = life.charge(charge).status;
            if before != after {
                met.insert((before.as_str(), after.as_str()));
            }
        }
    }
    let pairs = [
        (Initiated, Pending),
        (Initiated, Captured),
        (Initiated, Failed),
        (Initiated, Cancelled),
        (Pending, Captured),
        (Pending, Failed),
        (Pending, Cancelled),
        // Late, and the order still waits; late, and it is cancelled; given back.
        (Failed, Captured),
        (Cancelled, RefundDue),
        (RefundDue, Refunded),
    ];
    assert_eq!(met, pairs.into_iter().map(|(from, to)| (from.as_str(), to.as_str())).collect());
}
