//! Top-ups, and what hangs on them.

use std::sync::Arc;

use commerce_core::{TopUp, TopUpFacts, WalletId, WalletPayment};

use crate::tables::Tables;

pub(super) fn top_up_facts(tables: &Tables, top_up: &Arc<TopUp>) -> TopUpFacts {
    let charges = tables.cards.charges_of_top_up(top_up.id).cloned().collect();
    let places = tables.cards.credits_of(top_up.id);
    let credit = |&(wallet_id, sequence): &(WalletId, u64)| {
        let entry = super::orders::at(tables.wallet_log(wallet_id)?, sequence, |entry| entry.sequence)?;
        Some(WalletPayment { wallet_id, sequence, amount: entry.amount })
    };
    let mut credits: Vec<WalletPayment> = places.iter().filter_map(credit).collect();
    credits.sort_by_key(|entry| (entry.wallet_id, entry.sequence));
    TopUpFacts { top_up: Arc::clone(top_up), charges, credits }
}
