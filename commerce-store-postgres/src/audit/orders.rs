//! Orders, and what hangs on them.

use std::collections::HashMap;
use std::sync::Arc;

use commerce_core::{
    Charge, Movement, NamedOrder, Order, OrderEvent, OrderFacts, OrderId, PageRequest, Payment, Redemption, Refund,
    StoreError, Timestamp, WalletId, WalletPayment,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use super::{after, size};
use crate::load::{
    PAYMENTS, REDEMPTIONS, charge_of, charges, orders, orders_of, payment_of, redemption_of, refunds_of,
};
use crate::row::{get, get_at, get_code, get_currency, get_id, get_money, get_u64};
use crate::{PostgresStore, StoreErrorOr};

const ORDERS: &str = orders!("where id > $1 order by id limit $2");
const NAMED: &str = "with page as materialized (select order_id from ( \
         (select order_id from order_items where order_id > $1 group by order_id order by order_id limit $2) union \
         (select order_id from order_events where order_id > $1 group by order_id order by order_id limit $2) union \
         (select order_id from payments where order_id > $1 order by order_id limit $2)) named \
       order by order_id limit $2) \
     select p.order_id, o.there is true as is_there \
     from page p left join lateral (select true as there from orders where id = p.order_id limit 1) o on true \
     order by p.order_id";
const EVENTS: &str = "select order_id, payload from order_events where order_id = any($1) order by order_id, sequence";
const MESSAGES: &str = "select order_id, sequence, status from outbox_messages where order_id = any($1) \
     order by order_id, sequence";
/// Before when messages that were sent may have been forgotten.
const PRUNED: &str = "select before from outbox_pruned";
/// The orders of a page are all that there are from its first to its last, and summaries know stretches, not lists.
const MOVEMENTS: &str = "select order_id, variant_id, sequence, reason, delta from stock_entries \
     where order_id between $1 and $2 order by order_id, variant_id, sequence";
const WALLET_PAYMENTS: &str = "select order_id, customer_id, currency, sequence, amount from wallet_entries \
     where kind = 'payment' and order_id = any($1) order by order_id, customer_id, currency, sequence";

const WALLET_REFUNDS: &str = "select order_id, customer_id, currency, sequence, amount from wallet_entries \
     where kind = 'refund' and order_id = any($1) order by order_id, customer_id, currency, sequence";

const CHARGES: &str = charges!("where order_id = any($1) order by order_id, attempt");

pub(super) const STATEMENTS: &[&str] =
    &[ORDERS, NAMED, EVENTS, MESSAGES, PRUNED, MOVEMENTS, WALLET_PAYMENTS, WALLET_REFUNDS, CHARGES];

impl PostgresStore {
    pub(super) async fn named_by(&self, page: PageRequest<OrderId>) -> Result<Vec<NamedOrder>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(NAMED).bind(after(page)).bind(size(&page)).fetch_all(&pool).await?;
            let named = |row: &PgRow| {
                Ok::<_, StoreError>(NamedOrder { order_id: get_id(row, "order_id")?, is_there: get(row, "is_there")? })
            };
            Ok(rows.iter().map(named).collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(super) async fn orders_of(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError> {
        self.snapshot(move |mut moment| async move {
            let rows = sqlx::query(ORDERS).bind(after(page)).bind(size(&page)).fetch_all(&mut *moment).await?;
            let orders = orders_of(&mut moment, &rows).await?;
            let ids: Vec<i64> = orders.iter().map(|order| order.id.get()).collect();
            let mut hanging = hanging(&mut moment, &ids).await?;
            let pruned = sqlx::query(PRUNED).fetch_optional(&mut *moment).await?;
            let pruned = pruned.as_ref().map(|row| get_at(row, "before")).transpose()?;
            moment.rollback().await?;
            let facts = |order: Arc<Order>| hanging.remove(&order.id.get()).unwrap_or_default().on(order, pruned);
            Ok(orders.into_iter().map(facts).collect())
        })
        .await
    }
}

/// What hangs on one order.
#[derive(Default)]
struct Hanging {
    events: Vec<Arc<OrderEvent>>,
    payment: Option<Arc<Payment>>,
    charges: Vec<Arc<Charge>>,
    refunds: Vec<Arc<Refund>>,
    redemptions: Vec<Redemption>,
    movements: Vec<Movement>,
    wallet_payments: Vec<WalletPayment>,
    wallet_refunds: Vec<WalletPayment>,
    undelivered: Vec<u64>,
    /// The sequences of the messages that were sent, as far as they are remembered.
    sent: Vec<u64>,
}

impl Hanging {
    /// How many of its messages were sent. Of events before `pruned` those without a message count as well.
    fn delivered(&self, pruned: Option<Timestamp>) -> u64 {
        let forgotten = |event: &&Arc<OrderEvent>| {
            let known = self.sent.contains(&event.sequence) || self.undelivered.contains(&event.sequence);
            !known && pruned.is_some_and(|before| event.at < before)
        };
        (self.sent.len() + self.events.iter().filter(forgotten).count()) as u64
    }

    fn on(self, order: Arc<Order>, pruned: Option<Timestamp>) -> OrderFacts {
        OrderFacts {
            delivered: self.delivered(pruned),
            order,
            events: self.events,
            payment: self.payment,
            charges: self.charges,
            refunds: self.refunds,
            redemptions: self.redemptions,
            movements: self.movements,
            wallet_payments: self.wallet_payments,
            wallet_refunds: self.wallet_refunds,
            undelivered: self.undelivered,
        }
    }
}

/// What hangs on these orders, which ascend; by their ids.
async fn hanging(connection: &mut PgConnection, ids: &[i64]) -> Result<HashMap<i64, Hanging>, StoreErrorOr> {
    let mut all: HashMap<i64, Hanging> = HashMap::with_capacity(ids.len());
    for row in sqlx::query(EVENTS).bind(ids).fetch_all(&mut *connection).await? {
        let event: Json<OrderEvent> = get(&row, "payload")?;
        of(&mut all, &row)?.events.push(Arc::new(event.0));
    }
    for row in sqlx::query(PAYMENTS).bind(ids).fetch_all(&mut *connection).await? {
        of(&mut all, &row)?.payment = Some(Arc::new(payment_of(&row)?));
    }
    for row in sqlx::query(CHARGES).bind(ids).fetch_all(&mut *connection).await? {
        of(&mut all, &row)?.charges.push(Arc::new(charge_of(&row)?));
    }
    for refund in refunds_of(connection, ids).await? {
        all.entry(refund.order_id.get()).or_default().refunds.push(refund);
    }
    for row in sqlx::query(REDEMPTIONS).bind(ids).fetch_all(&mut *connection).await? {
        of(&mut all, &row)?.redemptions.push(redemption_of(&row)?);
    }
    for row in sqlx::query(MESSAGES).bind(ids).fetch_all(&mut *connection).await? {
        let (order, sequence) = (of(&mut all, &row)?, get_u64(&row, "sequence")?);
        match get::<&str>(&row, "status")? {
            "sent" => order.sent.push(sequence),
            _ => order.undelivered.push(sequence),
        }
    }
    if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
        for row in sqlx::query(MOVEMENTS).bind(first).bind(last).fetch_all(&mut *connection).await? {
            of(&mut all, &row)?.movements.push(movement_of(&row)?);
        }
    }
    for row in sqlx::query(WALLET_PAYMENTS).bind(ids).fetch_all(&mut *connection).await? {
        of(&mut all, &row)?.wallet_payments.push(wallet_payment_of(&row)?);
    }
    for row in sqlx::query(WALLET_REFUNDS).bind(ids).fetch_all(&mut *connection).await? {
        of(&mut all, &row)?.wallet_refunds.push(wallet_payment_of(&row)?);
    }
    Ok(all)
}

/// What hangs on the order that the row belongs to.
fn of<'a>(all: &'a mut HashMap<i64, Hanging>, row: &PgRow) -> Result<&'a mut Hanging, StoreError> {
    Ok(all.entry(get(row, "order_id")?).or_default())
}

fn movement_of(row: &PgRow) -> Result<Movement, StoreError> {
    Ok(Movement {
        variant_id: get_id(row, "variant_id")?,
        sequence: get_u64(row, "sequence")?,
        reason: get_code(row, "reason")?,
        delta: get(row, "delta")?,
    })
}

pub(super) fn wallet_payment_of(row: &PgRow) -> Result<WalletPayment, StoreError> {
    let currency = get_currency(row, "currency")?;
    Ok(WalletPayment {
        wallet_id: WalletId { customer_id: get_id(row, "customer_id")?, currency },
        sequence: get_u64(row, "sequence")?,
        amount: get_money(row, "amount", currency)?,
    })
}
