//! How a drift is told.

use std::fmt;

use super::drift::{Drift, Lost, NamedBy};
use crate::ids::{CouponId, CustomerId};
use crate::money::Money;
use crate::order::OrderStatus;
use crate::sales::Revenue;
use crate::wallet::WalletId;

impl Drift {
    /// Every [`kind`](Self::kind) that there is.
    pub const KINDS: [&'static str; 19] = [
        "stock",
        "stock_entry",
        "wallet",
        "wallet_entry",
        "lost",
        "coupon",
        "copies",
        "copy",
        "code",
        "history",
        "payment",
        "wallet_payment",
        "charges",
        "top_up",
        "refunds",
        "redemptions",
        "movement",
        "messages",
        "sales",
    ];

    /// The stable name of what does not add up.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Stock { .. } => "stock",
            Self::StockEntry { .. } => "stock_entry",
            Self::Wallet { .. } => "wallet",
            Self::WalletEntry { .. } => "wallet_entry",
            Self::Lost { .. } => "lost",
            Self::Coupon { .. } => "coupon",
            Self::Copies { .. } => "copies",
            Self::Copy { .. } => "copy",
            Self::Code { .. } => "code",
            Self::History { .. } => "history",
            Self::Payment { .. } => "payment",
            Self::WalletPayment { .. } => "wallet_payment",
            Self::Charges { .. } => "charges",
            Self::TopUp { .. } => "top_up",
            Self::Refunds { .. } => "refunds",
            Self::Redemptions { .. } => "redemptions",
            Self::Movement { .. } => "movement",
            Self::Messages { .. } => "messages",
            Self::Sales { .. } => "sales",
        }
    }

    /// The record that it was found on, by its id.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Stock { variant_id, .. } => format!("variant {variant_id}"),
            Self::StockEntry { variant_id, row } => format!("variant {variant_id}, row {}", row.sequence),
            Self::Wallet { wallet_id, .. } => wallet(wallet_id),
            Self::WalletEntry { wallet_id, row } => format!("{}, row {}", wallet(wallet_id), row.sequence),
            Self::Lost { record, .. } => lost(record),
            Self::Coupon { coupon_id, .. } => format!("coupon {coupon_id}"),
            Self::Copies { coupon_id, customer_id, .. } => format!("coupon {coupon_id}, customer {customer_id}"),
            Self::Copy { issued_coupon_id, .. } => format!("issued coupon {issued_coupon_id}"),
            Self::Code { coupon_code, .. } => format!("coupon code {coupon_code}"),
            Self::History { order_id, .. }
            | Self::Payment { order_id, .. }
            | Self::WalletPayment { order_id, .. }
            | Self::Charges { order_id, .. }
            | Self::Refunds { order_id, .. }
            | Self::Redemptions { order_id, .. }
            | Self::Messages { order_id, .. } => format!("order {order_id}"),
            Self::TopUp { top_up_id, .. } => format!("top-up {top_up_id}"),
            Self::Movement { order_id, variant_id, .. } => format!("order {order_id}, variant {variant_id}"),
            Self::Sales { date, product_id, .. } => format!("product {product_id}, {date}"),
        }
    }

    /// The numbers, in words.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Stock { on_hand, last_on_hand, version, entries, .. } => format!(
                "{on_hand} on hand at version {version}; its ledger ends at row {entries} with {}",
                or_none(last_on_hand.as_ref())
            ),
            Self::Wallet { balance, last_balance, version, entries, .. } => format!(
                "{balance} minor units at version {version}; its ledger ends at row {entries} with {}",
                or_none(last_balance.as_ref())
            ),
            Self::StockEntry { row, .. } | Self::WalletEntry { row, .. } => format!(
                "{} after it, where row {} with {} follows",
                row.after, row.expected_sequence, row.expected_after
            ),
            Self::Lost { named_by, .. } => format!("not there, but named by {}", naming(named_by)),
            Self::Coupon { issued, copies, total_quantity, .. } => {
                format!("{issued} issued, {copies} copies, capped at {}", or_none(total_quantity.as_ref()))
            }
            Self::Copies { counted, copies, limit, .. } => {
                format!("{copies} copies, {counted} counted, {} allowed", or_none(limit.as_ref()))
            }
            Self::Copy { status, order_id, uses, lost_orders, .. } => format!(
                "{} by {}; used by {}; not there: {}",
                status.as_str(),
                or_none(order_id.as_ref()),
                listed(uses),
                listed(lost_orders)
            ),
            Self::Code { coupon_id, customer_id, issued_coupon_id, copy, .. } => {
                let of =
                    |(coupon, customer): &(CouponId, CustomerId)| format!("of coupon {coupon}, customer {customer}");
                let (due, found) = (of(&(*coupon_id, *customer_id)), or_none(copy.as_ref().map(of).as_ref()));
                format!("issued coupon {issued_coupon_id} should be {due}; it is {found}")
            }
            Self::History { status, replayed, .. } => format!(
                "{}; its history leads to {}",
                status.as_str(),
                or_none(replayed.map(OrderStatus::as_str).as_ref())
            ),
            Self::Payment { total, paid, .. } => format!("total {total}, paid {}", or_none(paid.as_ref())),
            Self::WalletPayment { expected, found, .. } => format!(
                "{} to be paid from a wallet; the ledgers have {}",
                or_none(expected.as_ref().map(payment).as_ref()),
                listed(&found.iter().map(payment).collect::<Vec<_>>())
            ),
            Self::Charges { status, by_card, captured, in_flight, .. } => format!(
                "{}, {} to be captured for it; captured: {}; in flight: {}",
                status.as_str(),
                or_none(by_card.as_ref()),
                listed(&captured.iter().map(|(charge, amount)| format!("{amount} by {charge}")).collect::<Vec<_>>()),
                listed(in_flight)
            ),
            Self::TopUp { status, amount, charges, credits, .. } => format!(
                "{} with {amount}; its charges: {}; credited: {}",
                status.as_str(),
                listed(&charges.iter().map(|(charge, at)| format!("{charge} {}", at.as_str())).collect::<Vec<_>>()),
                listed(&credits.iter().map(payment).collect::<Vec<_>>())
            ),
            Self::Refunds { paid, refunds, refunded, told, into_wallets, .. } => format!(
                "{refunds} refunds of {refunded} minor units, {} paid; {told} in its history, {into_wallets} minor units \
                 went into wallets",
                or_none(paid.as_ref())
            ),
            Self::Redemptions { coupons, redemptions, .. } => {
                format!("{coupons} coupons, {redemptions} fitting redemptions")
            }
            Self::Movement { reason, expected, found, .. } => {
                format!("{} moved {}; the ledger has {}", reason.as_str(), listed(expected), listed(found))
            }
            Self::Messages { events, undelivered, delivered, .. } => {
                format!("{events} events, {delivered} messages delivered, not delivered: {}", listed(undelivered))
            }
            Self::Sales { booked, sold, .. } => format!(
                "booked {}; the orders say {}",
                or_none(booked.as_ref().map(figures).as_ref()),
                or_none(sold.as_ref().map(figures).as_ref())
            ),
        }
    }
}

/// One line: kind, record, numbers.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind(), self.subject(), self.detail())
    }
}

fn wallet(id: &WalletId) -> String {
    format!("wallet {} {}", id.customer_id, id.currency)
}

fn lost(record: &Lost) -> String {
    match record {
        Lost::Stock(variant) => format!("variant {variant}"),
        Lost::Wallet(id) => wallet(id),
        Lost::Order(order) => format!("order {order}"),
        Lost::Customer(customer) => format!("customer {customer}"),
        Lost::TopUp(top_up) => format!("top-up {top_up}"),
    }
}

fn naming(named_by: &NamedBy) -> String {
    match named_by {
        NamedBy::StockEntry(variant, sequence) => format!("row {sequence} of the ledger of variant {variant}"),
        NamedBy::WalletEntry(id, sequence) => format!("row {sequence} of the ledger of {}", wallet(id)),
        NamedBy::OrderParts => "its lines, payment or history".to_owned(),
        NamedBy::Copies => "copies of coupons".to_owned(),
    }
}

fn payment((wallet_id, amount): &(WalletId, Money)) -> String {
    format!("{amount} of customer {}", wallet_id.customer_id)
}

fn figures((quantity, revenue): &(i64, Revenue)) -> String {
    format!("{quantity} units for {revenue}")
}

fn or_none(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn listed(values: &[impl ToString]) -> String {
    let all = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if all.is_empty() { "none".to_owned() } else { all }
}
