//! What an order or the issue of a coupon writes, in two statements: a lone caller waits for two round trips, a crowd
//! shares them. A batch that works ahead has a third, for what it writes after its turn has come.

use commerce_core::{Aggregate, KeyRecord, OrderEvent, OrderId, OrderLine, Outcome, Payment};
use serde_json::Error as JsonError;
use sqlx::PgConnection;

use super::{Net, at, column, count, skip_if_empty};
use crate::error::Failure;
use crate::row::corrupt;

const NEW_WALLETS: &str = "insert into wallets (customer_id, currency, balance, version) \
     select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])";
const ORDERS: &str = "update orders o set status = u.status, payment_id = u.payment_id, \
     payment_method = u.payment_method, expires_at = u.expires_at, version = u.version, updated_at = u.updated_at \
     from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[], \
     $7::timestamptz[]) as u (id, status, payment_id, payment_method, expires_at, version, updated_at) \
     where o.id = u.id";
const PAYMENTS: &str = "update payments p set status = u.status, method = u.method, attempts = u.attempts, \
     failure_reason = u.failure_reason, gateway_transaction_id = u.gateway_transaction_id, updated_at = u.updated_at, \
     cancel_requested_by = u.cancel_requested_by, cancel_reason = u.cancel_reason \
     from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], \
     $8::text[], $9::text[]) as u (id, status, attempts, failure_reason, gateway_transaction_id, updated_at, method, \
     cancel_requested_by, cancel_reason) where p.id = u.id";

/// Constraints between these tables are checked at the statement's end, when all rows are there.
const NEW_ORDERS: &str = "\
with new_orders as (
  insert into orders (id, customer_id, status, currency, subtotal, discount, total, payment_id, payment_method,
                      expires_at, version, placed_at, updated_at)
  select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
                       $8::bigint[], $9::text[], $10::timestamptz[], $11::bigint[], $12::timestamptz[],
                       $13::timestamptz[])
), new_items as (
  insert into order_items (order_id, position, product_id, variant_id, product_name, option_name, sku, unit_price,
                           quantity, subtotal, discount, currency, priced_by)
  select * from unnest($14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::text[],
                       $20::text[], $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::text[],
                       $26::text[])
), new_payments as (
  insert into payments (id, order_id, customer_id, method, amount, currency, status, attempts, failure_reason,
                        gateway_transaction_id, created_at, updated_at)
  select * from unnest($27::bigint[], $28::bigint[], $29::bigint[], $30::text[], $31::bigint[], $32::text[],
                       $33::text[], $34::bigint[], $35::text[], $36::text[], $37::timestamptz[], $38::timestamptz[])
), new_events as (
  insert into order_events (order_id, sequence, from_status, to_status, payload, created_at)
  select u.order_id, u.sequence, u.from_status, u.to_status, u.payload::json, u.created_at
  from unnest($39::bigint[], $40::bigint[], $41::text[], $42::text[], $43::text[], $44::timestamptz[])
    as u (order_id, sequence, from_status, to_status, payload, created_at)
)
insert into outbox_messages (id, order_id, sequence, event_type, status, due_at)
select u.id, u.order_id, u.sequence, u.event_type, 'ready', u.due_at
from unnest($45::bigint[], $46::bigint[], $47::bigint[], $48::text[], $49::timestamptz[])
  as u (id, order_id, sequence, event_type, due_at)";

/// New copies of coupons.
macro_rules! copies {
    () => {
        "insert into issued_coupons (id, coupon_id, customer_id, ordinal, status, order_id, issued_at, expires_at, used_at)
  select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[],
                       $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])"
    };
}

/// Keys with what came of them.
macro_rules! keys {
    () => {
        "insert into idempotency_keys
    (principal, operation, key, fingerprint, outcome, order_id, order_version, created_at, issued_coupon_id)
  select u.principal, u.operation, u.key, u.fingerprint, u.outcome::json, u.order_id, u.order_version, u.created_at,
    u.issued_coupon_id
  from unnest($10::text[], $11::text[], $12::text[], $13::bytea[], $14::text[], $15::bigint[], $16::bigint[],
              $17::timestamptz[], $18::bigint[])
    as u (principal, operation, key, fingerprint, outcome, order_id, order_version, created_at, issued_coupon_id)"
    };
}

/// How many copies of coupons are out.
macro_rules! counters {
    ($coupons:literal, $issued:literal) => {
        concat!(
            "update coupon_issuances i set issued = u.issued from unnest(",
            $coupons,
            "::bigint[], ",
            $issued,
            "::bigint[]) as u (coupon_id, issued) where i.coupon_id = u.coupon_id"
        )
    };
}

/// What an order or the issue of a coupon writes that nobody else does, but who does the same under the same key or for
/// the same customer.
const OWN: &str = concat!("with new_copies as (", copies!(), ") ", keys!());

/// All that an order or the issue of a coupon writes but for the order itself. PostgreSQL runs the parts from the last to the
/// first, so that everybody comes to the rows that are not locked before in one order: keys, copies, sales. It promises no
/// order; another one would cost a deadlock and another attempt.
const SALE: &str = concat!(
    "with sales as (
  insert into product_sales_daily as d (sold_on, product_id, quantity, revenue, currency)
  select u.sold_on, u.product_id, u.quantity, u.revenue::numeric, u.currency
  from unnest($19::date[], $20::bigint[], $21::bigint[], $22::text[], $23::text[])
    as u (sold_on, product_id, quantity, revenue, currency)
  on conflict (sold_on, product_id) do update set quantity = d.quantity + excluded.quantity,
    revenue = d.revenue + excluded.revenue
), new_copies as (",
    copies!(),
    "), new_keys as (",
    keys!(),
    "), new_stock_entries as (
  insert into stock_entries (variant_id, sequence, delta, on_hand_after, reason, order_id, actor, note, created_at)
  select * from unnest($24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::text[], $29::bigint[],
                       $30::text[], $31::text[], $32::timestamptz[])
), stocks as (
  update product_stocks s set on_hand = u.on_hand, version = u.version
  from unnest($33::bigint[], $34::bigint[], $35::bigint[]) as u (variant_id, on_hand, version)
  where s.variant_id = u.variant_id
), new_wallet_entries as (
  insert into wallet_entries (customer_id, currency, sequence, kind, amount, balance_after, order_id, actor, memo,
                              created_at)
  select * from unnest($36::bigint[], $37::text[], $38::bigint[], $39::text[], $40::bigint[], $41::bigint[],
                       $42::bigint[], $43::text[], $44::text[], $45::timestamptz[])
), wallets as (
  update wallets w set balance = u.balance, version = u.version
  from unnest($46::bigint[], $47::text[], $48::bigint[], $49::bigint[]) as u (customer_id, currency, balance, version)
  where w.customer_id = u.customer_id and w.currency = u.currency
)
",
    counters!("$50", "$51")
);

/// All that claims of coupons change of such records.
const COUNTERS: &str = counters!("$1", "$2");

pub(super) const STATEMENTS: &[&str] = &[NEW_WALLETS, ORDERS, PAYMENTS, NEW_ORDERS, OWN, SALE, COUNTERS];

/// New values of orders and payments that are there already, and wallets that are not.
pub(super) async fn write_changed(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    if !net.wallets.new.is_empty() {
        let rows = || net.wallets.new.values();
        sqlx::query(NEW_WALLETS)
            .bind(column!(rows(), w => w.id.customer_id.get()))
            .bind(column!(rows(), w => w.id.currency.to_string()))
            .bind(column!(rows(), w => w.balance.minor()))
            .bind(column!(rows(), w => count(w.version)))
            .execute(&mut *connection)
            .await?;
    }
    if !net.orders.changed.is_empty() {
        let rows = || net.orders.changed.values();
        sqlx::query(ORDERS)
            .bind(column!(rows(), o => o.id.get()))
            .bind(column!(rows(), o => o.status.as_str()))
            .bind(column!(rows(), o => o.payment.map(|p| p.payment_id.get())))
            .bind(column!(rows(), o => o.payment.map(|p| p.method.as_str())))
            .bind(column!(rows(), o => o.expires_at.map(at)))
            .bind(column!(rows(), o => count(o.version)))
            .bind(column!(rows(), o => at(o.updated_at)))
            .execute(&mut *connection)
            .await?;
    }
    let changed: Vec<&Payment> = net.payments.changed.values().map(|payment| &**payment).collect();
    write_payments(connection, &changed).await
}

async fn write_payments(connection: &mut PgConnection, payments: &[&Payment]) -> Result<(), Failure> {
    skip_if_empty!(payments);
    let rows = || payments.iter();
    let request = |payment: &Payment| payment.cancel_request.clone();
    sqlx::query(PAYMENTS)
        .bind(column!(rows(), p => p.id.get()))
        .bind(column!(rows(), p => p.status.as_str()))
        .bind(column!(rows(), p => i64::from(p.attempts)))
        .bind(column!(rows(), p => p.failure_reason.as_ref().map(|r| r.as_str())))
        .bind(column!(rows(), p => p.gateway_transaction_id.as_ref().map(|g| g.as_str())))
        .bind(column!(rows(), p => at(p.updated_at)))
        .bind(column!(rows(), p => p.method.as_str()))
        .bind(column!(rows(), p => request(p).map(|request| request.requested_by.to_string())))
        .bind(column!(rows(), p => request(p).and_then(|request| request.reason).map(|r| r.as_str().to_owned())))
        .execute(connection)
        .await?;
    Ok(())
}

/// New orders with all that has an id of its own: nobody else writes these rows, so no lock is needed to write them.
pub(super) async fn write_new(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    // History and messages of orders that are there already come with the same statement.
    skip_if_empty!(net.order_events);
    let query = bind_orders(sqlx::query(NEW_ORDERS), net);
    bind_history(query, net)?.execute(&mut *connection).await?;
    // Begun and called off in one batch: too rare for columns of its own in what every sale waits for.
    let called_off: Vec<&Payment> =
        net.payments.new.values().map(|payment| &**payment).filter(|p| p.cancel_request.is_some()).collect();
    write_payments(connection, &called_off).await
}

/// Keys and new copies of coupons, without what was changed of records that others change too: a batch that works ahead
/// writes its own before it has the locks, and the rest then.
pub(super) async fn write_own(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.keys);
    bind_keys(bind_copies(sqlx::query(OWN), net), net)?.execute(connection).await?;
    Ok(())
}

/// What [`write_own`] leaves.
pub(super) async fn write_shared(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    if net.only_claims() {
        bind_counters(sqlx::query(COUNTERS), net).execute(connection).await?;
        return Ok(());
    }
    write(connection, &Net::default(), net).await
}

/// All of it: keys and new copies of `own`, everything else of `shared`.
pub(super) async fn write(connection: &mut PgConnection, own: &Net, shared: &Net) -> Result<(), Failure> {
    let query = bind_keys(bind_copies(sqlx::query(SALE), own), own)?;
    let query = bind_counters(bind_ledgers(bind_sales(query, shared), shared), shared);
    query.execute(connection).await?;
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn bind_orders<'q>(query: Query<'q>, net: &'q Net) -> Query<'q> {
    let orders = || net.orders.new.values();
    let items: Vec<(OrderId, i64, &OrderLine)> = orders()
        .flat_map(|order| (1..).zip(order.lines.iter()).map(|(position, line)| (order.id, position, line)))
        .collect();
    let items = || items.iter();
    let payments = || net.payments.new.values();
    query
        .bind(column!(orders(), o => o.id.get()))
        .bind(column!(orders(), o => o.customer_id.get()))
        .bind(column!(orders(), o => o.status.as_str()))
        .bind(column!(orders(), o => o.currency().to_string()))
        .bind(column!(orders(), o => o.subtotal.minor()))
        .bind(column!(orders(), o => o.discount.minor()))
        .bind(column!(orders(), o => o.total.minor()))
        .bind(column!(orders(), o => o.payment.map(|p| p.payment_id.get())))
        .bind(column!(orders(), o => o.payment.map(|p| p.method.as_str())))
        .bind(column!(orders(), o => o.expires_at.map(at)))
        .bind(column!(orders(), o => count(o.version)))
        .bind(column!(orders(), o => at(o.placed_at)))
        .bind(column!(orders(), o => at(o.updated_at)))
        .bind(column!(items(), (order, ..) => order.get()))
        .bind(column!(items(), (_, position, _) => *position))
        .bind(column!(items(), (.., l) => l.product_id.get()))
        .bind(column!(items(), (.., l) => l.variant_id.get()))
        .bind(column!(items(), (.., l) => l.product_name.as_str()))
        .bind(column!(items(), (.., l) => l.option_name.as_ref().map(|o| o.as_str())))
        .bind(column!(items(), (.., l) => l.sku.as_str()))
        .bind(column!(items(), (.., l) => l.unit_price.minor()))
        .bind(column!(items(), (.., l) => i64::from(l.quantity)))
        .bind(column!(items(), (.., l) => l.subtotal.minor()))
        .bind(column!(items(), (.., l) => l.discount.minor()))
        .bind(column!(items(), (.., l) => l.subtotal.currency().to_string()))
        .bind(column!(items(), (.., l) => l.priced_by.map(|rule| rule.to_string())))
        .bind(column!(payments(), p => p.id.get()))
        .bind(column!(payments(), p => p.order_id.get()))
        .bind(column!(payments(), p => p.customer_id.get()))
        .bind(column!(payments(), p => p.method.as_str()))
        .bind(column!(payments(), p => p.amount.minor()))
        .bind(column!(payments(), p => p.amount.currency().to_string()))
        .bind(column!(payments(), p => p.status.as_str()))
        .bind(column!(payments(), p => i64::from(p.attempts)))
        .bind(column!(payments(), p => p.failure_reason.as_ref().map(|r| r.as_str())))
        .bind(column!(payments(), p => p.gateway_transaction_id.as_ref().map(|g| g.as_str())))
        .bind(column!(payments(), p => at(p.created_at)))
        .bind(column!(payments(), p => at(p.updated_at)))
}

fn bind_history<'q>(query: Query<'q>, net: &'q Net) -> Result<Query<'q>, Failure> {
    let json = |event: &OrderEvent| serde_json::to_string(event);
    let payloads =
        net.order_events.iter().map(|event| json(event)).collect::<Result<Vec<_>, _>>().map_err(unwritable)?;
    let events = || net.order_events.iter();
    let messages = || net.messages.iter();
    Ok(query
        .bind(column!(events(), e => e.order_id().get()))
        .bind(column!(events(), e => count(e.sequence)))
        .bind(column!(events(), e => e.from.map(|from| from.as_str())))
        .bind(column!(events(), e => e.to.as_str()))
        .bind(payloads)
        .bind(column!(events(), e => at(e.at)))
        .bind(column!(messages(), m => m.id.get()))
        .bind(column!(messages(), m => {
            match m.event.aggregate() {
                Aggregate::Order(order) => Some(order.get()),
                Aggregate::Books(_) => None,
            }
        }))
        .bind(column!(messages(), m => count(m.event.sequence())))
        .bind(column!(messages(), m => m.event.type_name()))
        .bind(column!(messages(), m => at(m.event.at()))))
}

fn bind_ledgers<'q>(query: Query<'q>, net: &'q Net) -> Query<'q> {
    let entries = || net.stock_entries.iter();
    let stocks = || net.stocks.changed.values();
    // What credits top-ups has a statement of its own.
    let movements = || net.wallet_entries.iter().filter(|entry| entry.top_up_id.is_none());
    let wallets = || net.wallets.changed.values();
    query
        .bind(column!(entries(), e => e.variant_id.get()))
        .bind(column!(entries(), e => count(e.sequence)))
        .bind(column!(entries(), e => e.delta))
        .bind(column!(entries(), e => count(e.on_hand_after)))
        .bind(column!(entries(), e => e.reason.as_str()))
        .bind(column!(entries(), e => e.order_id.map(|id| id.get())))
        .bind(column!(entries(), e => e.actor.to_string()))
        .bind(column!(entries(), e => e.note.as_ref().map(|n| n.as_str())))
        .bind(column!(entries(), e => at(e.created_at)))
        .bind(column!(stocks(), s => s.variant_id.get()))
        .bind(column!(stocks(), s => count(s.on_hand)))
        .bind(column!(stocks(), s => count(s.version)))
        .bind(column!(movements(), e => e.wallet_id.customer_id.get()))
        .bind(column!(movements(), e => e.wallet_id.currency.to_string()))
        .bind(column!(movements(), e => count(e.sequence)))
        .bind(column!(movements(), e => e.kind.as_str()))
        .bind(column!(movements(), e => e.amount.minor()))
        .bind(column!(movements(), e => e.balance_after.minor()))
        .bind(column!(movements(), e => e.order_id.map(|id| id.get())))
        .bind(column!(movements(), e => e.actor.to_string()))
        .bind(column!(movements(), e => e.memo.as_ref().map(|m| m.as_str())))
        .bind(column!(movements(), e => at(e.created_at)))
        .bind(column!(wallets(), w => w.id.customer_id.get()))
        .bind(column!(wallets(), w => w.id.currency.to_string()))
        .bind(column!(wallets(), w => w.balance.minor()))
        .bind(column!(wallets(), w => count(w.version)))
}

fn bind_sales<'q>(query: Query<'q>, net: &'q Net) -> Query<'q> {
    let sales = || net.sales.iter();
    query
        .bind(column!(sales(), ((date, _), _) => *date))
        .bind(column!(sales(), ((_, product), _) => product.get()))
        .bind(column!(sales(), (_, sold) => sold.quantity))
        .bind(column!(sales(), (_, sold) => sold.revenue.minor().to_string()))
        .bind(column!(sales(), (_, sold) => sold.revenue.currency().to_string()))
}

fn bind_counters<'q>(query: Query<'q>, net: &'q Net) -> Query<'q> {
    let issuances = || net.issuances.changed.values();
    query.bind(column!(issuances(), i => i.coupon_id.get())).bind(column!(issuances(), i => i64::from(i.issued)))
}

fn bind_copies<'q>(query: Query<'q>, net: &'q Net) -> Query<'q> {
    let copies = || net.issued_coupons.new.values();
    query
        .bind(column!(copies(), c => c.id.get()))
        .bind(column!(copies(), c => c.coupon_id.get()))
        .bind(column!(copies(), c => c.customer_id.get()))
        .bind(column!(copies(), c => net.ordinals.get(&c.id).map_or(1, |ordinal| i64::from(*ordinal))))
        .bind(column!(copies(), c => c.status.as_str()))
        .bind(column!(copies(), c => c.order_id.map(|id| id.get())))
        .bind(column!(copies(), c => at(c.issued_at)))
        .bind(column!(copies(), c => c.expires_at.map(at)))
        .bind(column!(copies(), c => c.used_at.map(at)))
}

fn bind_keys<'q>(query: Query<'q>, net: &'q Net) -> Result<Query<'q>, Failure> {
    let keys = || net.keys.iter();
    let issued = |key: &KeyRecord| match &key.outcome {
        Outcome::IssuedCoupon(copy) if copy.is_as_issued(key.created_at) => Some(copy.id.get()),
        _ => None,
    };
    // An order as it was is in its history already, and a copy as it was issued in its row; everything else is kept here.
    let outcome = |key: &KeyRecord| match &key.outcome {
        Outcome::Order(_) => Ok(None),
        _ if issued(key).is_some() => Ok(None),
        other => serde_json::to_string(other).map(Some),
    };
    let outcomes = keys().map(|(_, key)| outcome(key)).collect::<Result<Vec<_>, _>>().map_err(unwritable)?;
    let order = |outcome: &Outcome| match outcome {
        Outcome::Order(order) => Some((order.id.get(), count(order.version))),
        _ => None,
    };
    Ok(query
        .bind(column!(keys(), (scope, _) => scope.principal.to_string()))
        .bind(column!(keys(), (scope, _) => scope.operation.as_str()))
        .bind(column!(keys(), (scope, _) => scope.key.as_str()))
        .bind(column!(keys(), (_, key) => key.fingerprint.0.to_vec()))
        .bind(outcomes)
        .bind(column!(keys(), (_, key) => order(&key.outcome).map(|(id, _)| id)))
        .bind(column!(keys(), (_, key) => order(&key.outcome).map(|(_, version)| version)))
        .bind(column!(keys(), (_, key) => at(key.created_at)))
        .bind(column!(keys(), (_, key) => issued(key))))
}

pub(super) fn unwritable(error: JsonError) -> Failure {
    Failure::Corrupt(corrupt(format_args!("it has no JSON: {error}")))
}
