//! Top-ups, and what hangs on them.

use std::collections::HashMap;
use std::sync::Arc;

use commerce_core::{Charge, ChargePurpose, PageRequest, StoreError, TopUpFacts, TopUpId, WalletPayment};

use super::orders::wallet_payment_of;
use super::{after, size};
use crate::PostgresStore;
use crate::load::{charge_of, charges, top_up_of, top_ups};
use crate::row::get_id;

const TOP_UPS: &str = top_ups!("where id > $1 order by id limit $2");
const CHARGES: &str = charges!("where top_up_id = any($1) order by top_up_id, id");
const CREDITS: &str = "select top_up_id, customer_id, currency, sequence, amount from wallet_entries \
     where top_up_id = any($1) order by top_up_id, customer_id, currency, sequence";

pub(super) const STATEMENTS: &[&str] = &[TOP_UPS, CHARGES, CREDITS];

impl PostgresStore {
    pub(super) async fn top_ups_of(&self, page: PageRequest<TopUpId>) -> Result<Vec<TopUpFacts>, StoreError> {
        self.snapshot(move |mut moment| async move {
            let rows = sqlx::query(TOP_UPS).bind(after(page)).bind(size(&page)).fetch_all(&mut *moment).await?;
            let top_ups = rows.iter().map(|row| top_up_of(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
            let ids: Vec<i64> = top_ups.iter().map(|top_up| top_up.id.get()).collect();
            let mut charges: HashMap<TopUpId, Vec<Arc<Charge>>> = HashMap::with_capacity(ids.len());
            for row in sqlx::query(CHARGES).bind(&ids).fetch_all(&mut *moment).await? {
                let charge = charge_of(&row)?;
                if let ChargePurpose::TopUp { top_up_id } = charge.purpose {
                    charges.entry(top_up_id).or_default().push(Arc::new(charge));
                }
            }
            let mut credits: HashMap<TopUpId, Vec<WalletPayment>> = HashMap::with_capacity(ids.len());
            for row in sqlx::query(CREDITS).bind(&ids).fetch_all(&mut *moment).await? {
                credits.entry(get_id(&row, "top_up_id")?).or_default().push(wallet_payment_of(&row)?);
            }
            moment.rollback().await?;
            let facts = |top_up: Arc<commerce_core::TopUp>| TopUpFacts {
                charges: charges.remove(&top_up.id).unwrap_or_default(),
                credits: credits.remove(&top_up.id).unwrap_or_default(),
                top_up,
            };
            Ok(top_ups.into_iter().map(facts).collect())
        })
        .await
    }
}
