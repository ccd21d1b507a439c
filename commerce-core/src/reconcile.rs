//! Reconciliation: counters against their ledgers, states against their histories.
//!
//! A store gives the facts; what they must add up to is said here, once.

use serde::{Deserialize, Serialize};

use crate::coupon::{Redemption, RedemptionStatus};
use crate::ids::{CouponId, OrderId, VariantId};
use crate::inventory::Stock;
use crate::money::Money;
use crate::order::{AppliedCoupon, Order, OrderLine, OrderStatus, replay};
use crate::payment::PaymentStatus;
use crate::store::{Audit, CouponFacts, OrderFacts, PageRequest, StockFacts, StoreError, WalletFacts};
use crate::wallet::{Wallet, WalletId};

/// Something that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Drift {
    /// A stock is not the sum of its ledger, or its ledger has gaps.
    Stock {
        /// Which variant.
        variant_id: VariantId,
        /// Units on hand as stored.
        on_hand: u64,
        /// Sum of the ledger.
        ledger_sum: i64,
        /// The version as stored.
        version: u64,
        /// Number of ledger rows.
        entries: u64,
    },
    /// A balance is not the sum of its entries, or its entries have gaps.
    Wallet {
        /// Which wallet.
        wallet_id: WalletId,
        /// The balance as stored, in minor units.
        balance: i64,
        /// Sum of the entries, in minor units.
        ledger_sum: i64,
        /// The version as stored.
        version: u64,
        /// Number of entries.
        entries: u64,
    },
    /// A coupon's counter is not the number of its copies, or more than its cap.
    Coupon {
        /// Which coupon.
        coupon_id: CouponId,
        /// The counter as stored.
        issued: u32,
        /// The number of copies.
        copies: u64,
        /// The cap.
        total_quantity: Option<u32>,
    },
    /// An order's history does not lead to the order as it is stored, or it has a term to be paid in a status that
    /// has none.
    History {
        /// Which order.
        order_id: OrderId,
        /// The status as stored.
        status: OrderStatus,
        /// Where the history leads; none if it cannot have happened.
        replayed: Option<OrderStatus>,
    },
    /// An order's money does not add up, or its payment does not fit it.
    Payment {
        /// Which order.
        order_id: OrderId,
        /// The order's total.
        total: Money,
        /// What was paid, if anything was.
        paid: Option<Money>,
    },
    /// An order's redemptions do not match the coupons it names or the status it has.
    Redemptions {
        /// Which order.
        order_id: OrderId,
        /// How many coupons it names.
        coupons: usize,
        /// How many fitting redemptions there are.
        redemptions: usize,
    },
    /// A transition without its message, or a message without its transition.
    Messages {
        /// Which order.
        order_id: OrderId,
        /// Number of events in its history.
        events: u64,
        /// The sequences of its messages that are not delivered.
        undelivered: Vec<u64>,
        /// How many of its messages have been delivered.
        delivered: u64,
    },
}

/// What a reconciliation looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Stocks looked at.
    pub stocks: u64,
    /// Wallets looked at.
    pub wallets: u64,
    /// Coupons looked at.
    pub coupons: u64,
    /// Orders looked at.
    pub orders: u64,
    /// Everything that does not add up.
    pub drifts: Vec<Drift>,
}

impl StockFacts {
    fn drift(&self) -> Option<Drift> {
        let Stock { variant_id, on_hand, version } = self.stock;
        let sound = i64::try_from(on_hand) == Ok(self.ledger_sum)
            && version == self.entries
            && self.last_on_hand.unwrap_or(0) == on_hand;
        (!sound).then_some(Drift::Stock {
            variant_id,
            on_hand,
            ledger_sum: self.ledger_sum,
            version,
            entries: self.entries,
        })
    }
}

impl WalletFacts {
    fn drift(&self) -> Option<Drift> {
        let Wallet { id, balance, version } = self.wallet;
        let sound = balance.minor() == self.ledger_sum
            && !balance.is_negative()
            && version == self.entries
            && self.last_balance.unwrap_or(Money::zero(id.currency)) == balance;
        (!sound).then_some(Drift::Wallet {
            wallet_id: id,
            balance: balance.minor(),
            ledger_sum: self.ledger_sum,
            version,
            entries: self.entries,
        })
    }
}

impl CouponFacts {
    fn drift(&self) -> Option<Drift> {
        let within_cap = self.total_quantity.is_none_or(|cap| self.issued <= cap);
        let sound = u64::from(self.issued) == self.copies && within_cap;
        (!sound).then_some(Drift::Coupon {
            coupon_id: self.coupon_id,
            issued: self.issued,
            copies: self.copies,
            total_quantity: self.total_quantity,
        })
    }
}

impl OrderFacts {
    fn drifts(&self) -> impl Iterator<Item = Drift> {
        [self.history_drift(), self.payment_drift(), self.redemption_drift(), self.message_drift()]
            .into_iter()
            .flatten()
    }

    fn history_drift(&self) -> Option<Drift> {
        let Order { id, status, version, .. } = *self.order;
        let replayed = replay(&self.events);
        let as_told = self.events.last().is_some_and(|last| last.order == self.order);
        // Only what waits for its payment runs out.
        let term = match status {
            OrderStatus::Pending => self.order.expires_at.is_some(),
            OrderStatus::Processing => true,
            _ => self.order.expires_at.is_none(),
        };
        let sound = replayed == Some(status) && version == self.events.len() as u64 && as_told && term;
        (!sound).then_some(Drift::History { order_id: id, status, replayed })
    }

    fn payment_drift(&self) -> Option<Drift> {
        let order = &*self.order;
        let paid = self.payment.as_ref().filter(|p| p.status == PaymentStatus::Succeeded).map(|p| p.amount);
        let should_be_paid = match order.status {
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Refunded => {
                Some(order.total)
            }
            OrderStatus::Pending | OrderStatus::Processing | OrderStatus::Cancelled => None,
        };
        let lines_add_up = sum(order, order.lines.iter().map(|line| line.subtotal)) == Some(order.subtotal)
            && sum(order, order.lines.iter().map(|line| line.discount)) == Some(order.discount)
            && sum(order, order.coupons.iter().map(|coupon| coupon.discount)) == Some(order.discount)
            && order.subtotal.minus(order.discount) == Ok(order.total);
        let priced = |line: &OrderLine| line.unit_price.times(line.quantity) == Ok(line.subtotal);
        let named = order.payment.map(|payment| (payment.payment_id, payment.method));
        let recorded = self.payment.as_ref().map(|payment| (payment.id, payment.method));
        let theirs = self.payment.as_ref().is_none_or(|p| p.order_id == order.id && p.customer_id == order.customer_id);
        let sound =
            lines_add_up && order.lines.iter().all(priced) && paid == should_be_paid && named == recorded && theirs;
        (!sound).then_some(Drift::Payment { order_id: order.id, total: order.total, paid })
    }

    fn redemption_drift(&self) -> Option<Drift> {
        let order = &*self.order;
        let expected = match order.status {
            OrderStatus::Pending | OrderStatus::Processing => RedemptionStatus::Held,
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered => RedemptionStatus::Used,
            OrderStatus::Cancelled | OrderStatus::Refunded => RedemptionStatus::Released,
        };
        let fits = |redemption: &&Redemption| {
            let named = |c: &&AppliedCoupon| c.issued_coupon_id == redemption.issued_coupon_id;
            redemption.status == expected
                && order.coupons.iter().find(named).is_some_and(|c| c.discount == redemption.discount)
        };
        let fitting = self.redemptions.iter().filter(fits).count();
        let sound = fitting == order.coupons.len() && self.redemptions.len() == order.coupons.len();
        (!sound).then_some(Drift::Redemptions {
            order_id: order.id,
            coupons: order.coupons.len(),
            redemptions: fitting,
        })
    }

    fn message_drift(&self) -> Option<Drift> {
        let events = self.events.len() as u64;
        let each_once = self.undelivered.windows(2).all(|pair| pair[0] < pair[1]);
        let within = self.undelivered.iter().all(|sequence| (1..=events).contains(sequence));
        let sound = each_once && within && self.undelivered.len() as u64 + self.delivered == events;
        (!sound).then(|| Drift::Messages {
            order_id: self.order.id,
            events,
            undelivered: self.undelivered.clone(),
            delivered: self.delivered,
        })
    }
}

fn sum(order: &Order, amounts: impl Iterator<Item = Money>) -> Option<Money> {
    let mut amounts = amounts;
    amounts.try_fold(Money::zero(order.currency()), |sum, amount| sum.plus(amount).ok())
}

/// Proves a store's books, or lists what does not add up: stock = Σ ledger, balance = Σ entries, issued =
/// copies ≤ cap, redemptions match orders, payments match totals, histories replay, one message a transition.
///
/// Runs beside other work: each aggregate is judged on facts from one moment.
pub async fn reconcile(store: &(impl Audit + ?Sized)) -> Result<Report, StoreError> {
    const PAGE: u32 = PageRequest::<()>::MAX_LIMIT;
    let mut report = Report::default();

    let mut after = None;
    loop {
        let facts = store.stock_facts(PageRequest { after, limit: PAGE }).await?;
        let Some(last) = facts.last() else { break };
        after = Some(last.stock.variant_id);
        report.stocks += facts.len() as u64;
        report.drifts.extend(facts.iter().filter_map(StockFacts::drift));
    }
    let mut after = None;
    loop {
        let facts = store.wallet_facts(PageRequest { after, limit: PAGE }).await?;
        let Some(last) = facts.last() else { break };
        after = Some(last.wallet.id);
        report.wallets += facts.len() as u64;
        report.drifts.extend(facts.iter().filter_map(WalletFacts::drift));
    }
    let mut after = None;
    loop {
        let facts = store.coupon_facts(PageRequest { after, limit: PAGE }).await?;
        let Some(last) = facts.last() else { break };
        after = Some(last.coupon_id);
        report.coupons += facts.len() as u64;
        report.drifts.extend(facts.iter().filter_map(CouponFacts::drift));
    }
    let mut after = None;
    loop {
        let facts = store.order_facts(PageRequest { after, limit: PAGE }).await?;
        let Some(last) = facts.last() else { break };
        after = Some(last.order.id);
        report.orders += facts.len() as u64;
        report.drifts.extend(facts.iter().flat_map(OrderFacts::drifts));
    }
    Ok(report)
}
