//! Charges and top-ups, with their indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Charges, TopUps};
use commerce_core::{
    Charge, ChargeId, ChargePurpose, CustomerId, Name, OrderId, Page, PageRequest, StoreError, Timestamp, TopUp,
    TopUpId, WalletId,
};

use crate::MemoryStore;
use crate::page::ids_newest_first;
use crate::tables::{IdMap, insert_ascending};

/// What came, or is to come, from cards.
#[derive(Debug, Default)]
pub(crate) struct CardTables {
    charges: IdMap<ChargeId, Arc<Charge>>,
    /// The charges that something is still to be done about.
    open: BTreeSet<ChargeId>,
    of_orders: IdMap<OrderId, Vec<ChargeId>>,
    /// The names come from outside: the standard hasher.
    transactions: HashMap<Name, ChargeId>,
    top_ups: BTreeMap<TopUpId, TopUpRow>,
    of_customers: IdMap<CustomerId, Vec<TopUpId>>,
}

#[derive(Debug)]
struct TopUpRow {
    top_up: Arc<TopUp>,
    charges: Vec<ChargeId>,
    /// Where its entries are in the wallet ledger.
    credits: Vec<(WalletId, u64)>,
}

impl CardTables {
    pub(crate) fn apply(&mut self, charges: Vec<Arc<Charge>>, top_ups: Vec<Arc<TopUp>>) {
        for top_up in top_ups {
            let (id, customer) = (top_up.id, top_up.customer_id);
            if let Some(row) = self.top_ups.get_mut(&id) {
                row.top_up = top_up;
                continue;
            }
            self.top_ups.insert(id, TopUpRow { top_up, charges: Vec::new(), credits: Vec::new() });
            insert_ascending(self.of_customers.entry(customer).or_default(), id);
        }
        for charge in charges {
            self.transactions.extend(charge.gateway_transaction_id.clone().map(|named| (named, charge.id)));
            if charge.status.is_open() {
                self.open.insert(charge.id);
            } else {
                self.open.remove(&charge.id);
            }
            let (id, purpose) = (charge.id, charge.purpose);
            if self.charges.insert(id, charge).is_some() {
                continue;
            }
            match purpose {
                ChargePurpose::Order { order_id, .. } => {
                    insert_ascending(self.of_orders.entry(order_id).or_default(), id);
                }
                ChargePurpose::TopUp { top_up_id } => {
                    if let Some(row) = self.top_ups.get_mut(&top_up_id) {
                        insert_ascending(&mut row.charges, id);
                    }
                }
            }
        }
    }

    /// Notes where a top-up's credit is in the wallet ledger.
    pub(crate) fn credited(&mut self, top_up: TopUpId, wallet: WalletId, sequence: u64) {
        if let Some(row) = self.top_ups.get_mut(&top_up) {
            row.credits.push((wallet, sequence));
        }
    }

    pub(crate) fn charge(&self, id: ChargeId) -> Option<&Arc<Charge>> {
        self.charges.get(&id)
    }

    pub(crate) fn charge_with_transaction(&self, transaction: &Name) -> Option<ChargeId> {
        self.transactions.get(transaction).copied()
    }

    pub(crate) fn top_up(&self, id: TopUpId) -> Option<&Arc<TopUp>> {
        self.top_ups.get(&id).map(|row| &row.top_up)
    }

    /// Top-ups after `id`, ascending.
    pub(crate) fn top_ups_above(&self, id: Option<TopUpId>) -> impl Iterator<Item = &Arc<TopUp>> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.top_ups.range((from, Bound::Unbounded)).map(|(_, row)| &row.top_up)
    }

    /// The charges that are for a top-up, ascending.
    pub(crate) fn charges_of_top_up(&self, id: TopUpId) -> impl Iterator<Item = &Arc<Charge>> {
        let charges = self.top_ups.get(&id).map_or(&[][..], |row| &row.charges);
        charges.iter().filter_map(|id| self.charges.get(id))
    }

    /// Where a top-up's credits are in the wallet ledger.
    pub(crate) fn credits_of(&self, id: TopUpId) -> &[(WalletId, u64)] {
        self.top_ups.get(&id).map_or(&[], |row| &row.credits)
    }

    /// The charges of an order, first attempt first.
    pub(crate) fn charges_of(&self, order: OrderId) -> impl Iterator<Item = &Arc<Charge>> {
        self.of_orders.get(&order).into_iter().flatten().filter_map(|id| self.charges.get(id))
    }
}

#[async_trait]
impl Charges for MemoryStore {
    async fn charge(&self, id: ChargeId) -> Result<Option<Arc<Charge>>, StoreError> {
        Ok(self.read()?.cards.charge(id).cloned())
    }

    async fn charges_of(&self, order: OrderId) -> Result<Vec<Arc<Charge>>, StoreError> {
        Ok(self.read()?.cards.charges_of(order).cloned().collect())
    }

    async fn open_charges(
        &self,
        before: Timestamp,
        page: PageRequest<ChargeId>,
    ) -> Result<Page<Arc<Charge>, ChargeId>, StoreError> {
        let tables = self.read()?;
        let from = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let open = tables.cards.open.range((from, Bound::Unbounded)).filter_map(|id| tables.cards.charge(*id));
        let left_alone = open.filter(|charge| charge.updated_at < before).cloned();
        Ok(Page::cut(left_alone, page.size(), |charge| charge.id))
    }
}

#[async_trait]
impl TopUps for MemoryStore {
    async fn top_up(&self, id: TopUpId) -> Result<Option<Arc<TopUp>>, StoreError> {
        Ok(self.read()?.cards.top_up(id).cloned())
    }

    async fn top_ups(
        &self,
        customer: CustomerId,
        page: PageRequest<TopUpId>,
    ) -> Result<Page<Arc<TopUp>, TopUpId>, StoreError> {
        let tables = self.read()?;
        let ids = tables.cards.of_customers.get(&customer).map_or(&[][..], Vec::as_slice);
        let top_ups = ids_newest_first(ids, page.after).filter_map(|id| tables.cards.top_up(id).cloned());
        Ok(Page::cut(top_ups, page.size(), |top_up| top_up.id))
    }
}
