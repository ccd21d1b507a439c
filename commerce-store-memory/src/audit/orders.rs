//! Orders, and what hangs on them.

use std::sync::Arc;

use commerce_core::{
    Aggregate, Movement, OrderFacts, VariantId, WalletEntry, WalletEntryKind, WalletId, WalletPayment,
};

use crate::log::Log;
use crate::tables::{OrderRow, Tables};

pub(super) fn order_facts(tables: &Tables, row: &OrderRow) -> OrderFacts {
    let (undelivered, delivered) = tables.outbox.standing(Aggregate::Order(row.order.id));
    let mut redemptions = row.redemptions.clone();
    redemptions.sort_unstable_by_key(|redemption| redemption.issued_coupon_id);
    let of_kind = |kind| wallet_movements(tables, &row.wallet_rows, |entry| entry.kind == kind);
    OrderFacts {
        order: Arc::clone(&row.order),
        events: row.events.to_vec(),
        payment: row.payment.clone(),
        charges: tables.cards.charges_of(row.order.id).cloned().collect(),
        refunds: tables.refunds.get(&row.order.id).cloned().unwrap_or_default(),
        redemptions,
        movements: movements(tables, row),
        wallet_payments: of_kind(WalletEntryKind::Payment),
        wallet_refunds: of_kind(WalletEntryKind::Refund),
        undelivered,
        delivered,
    }
}

fn movements(tables: &Tables, row: &OrderRow) -> Vec<Movement> {
    let movement = |&(variant_id, sequence): &(VariantId, u64)| {
        let entry = at(&tables.variants.get(&variant_id)?.entries, sequence, |entry| entry.sequence)?;
        Some(Movement { variant_id, sequence, reason: entry.reason, delta: entry.delta })
    };
    let mut movements: Vec<Movement> = row.stock_rows.iter().filter_map(movement).collect();
    movements.sort_by_key(|movement| (movement.variant_id, movement.sequence));
    movements
}

/// The movements at `places` that are as `wanted`, in the order of their wallets.
pub(super) fn wallet_movements(
    tables: &Tables,
    places: &[(WalletId, u64)],
    wanted: impl Fn(&WalletEntry) -> bool,
) -> Vec<WalletPayment> {
    let movement = |&(wallet_id, sequence): &(WalletId, u64)| {
        let entry = at(tables.wallet_log(wallet_id)?, sequence, |entry| entry.sequence)?;
        wanted(entry).then_some(WalletPayment { wallet_id, sequence, amount: entry.amount })
    };
    let mut entries: Vec<WalletPayment> = places.iter().filter_map(movement).collect();
    entries.sort_by_key(|entry| (entry.wallet_id, entry.sequence));
    entries
}

/// The row of that sequence, which is at its place unless somebody has meddled.
pub(super) fn at<T>(log: &Log<T>, sequence: u64, number: fn(&T) -> u64) -> Option<&T> {
    let place = usize::try_from(sequence).ok()?.checked_sub(1)?;
    let there = log.get(place).filter(|row| number(row) == sequence);
    there.or_else(|| log.iter().find(|row| number(row) == sequence))
}
