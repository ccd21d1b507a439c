//! Charges and top-ups, with their indexes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Charges, TopUps};
use commerce_core::{
    Charge, ChargeId, CustomerId, Name, OrderId, Page, PageRequest, StoreError, Timestamp, TopUp, TopUpId,
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
    top_ups: IdMap<TopUpId, Arc<TopUp>>,
    of_customers: IdMap<CustomerId, Vec<TopUpId>>,
}

impl CardTables {
    pub(crate) fn apply(&mut self, charges: Vec<Arc<Charge>>, top_ups: Vec<Arc<TopUp>>) {
        for charge in charges {
            self.transactions.extend(charge.gateway_transaction_id.clone().map(|named| (named, charge.id)));
            if charge.status.is_open() {
                self.open.insert(charge.id);
            } else {
                self.open.remove(&charge.id);
            }
            let (id, order) = (charge.id, charge.purpose.order_id());
            if self.charges.insert(id, charge).is_none()
                && let Some(order) = order
            {
                insert_ascending(self.of_orders.entry(order).or_default(), id);
            }
        }
        for top_up in top_ups {
            let (id, customer) = (top_up.id, top_up.customer_id);
            if self.top_ups.insert(id, top_up).is_none() {
                insert_ascending(self.of_customers.entry(customer).or_default(), id);
            }
        }
    }

    pub(crate) fn charge(&self, id: ChargeId) -> Option<&Arc<Charge>> {
        self.charges.get(&id)
    }

    pub(crate) fn charge_with_transaction(&self, transaction: &Name) -> Option<ChargeId> {
        self.transactions.get(transaction).copied()
    }

    pub(crate) fn top_up(&self, id: TopUpId) -> Option<&Arc<TopUp>> {
        self.top_ups.get(&id)
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
