//! Top-ups, and what hangs on them.

use std::sync::Arc;

use commerce_core::{TopUp, TopUpFacts};

use super::orders::wallet_movements;
use crate::tables::Tables;

pub(super) fn top_up_facts(tables: &Tables, top_up: &Arc<TopUp>) -> TopUpFacts {
    let charges = tables.cards.charges_of_top_up(top_up.id).cloned().collect();
    let credits = wallet_movements(tables, tables.cards.credits_of(top_up.id), |_| true);
    TopUpFacts { top_up: Arc::clone(top_up), charges, credits }
}
