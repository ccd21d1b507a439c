//! The facts that reconciliation judges. Sums are made by the database.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::{
    Audit, CouponFacts, CouponId, Id, OrderEvent, OrderFacts, OrderId, PageRequest, Payment, Redemption, Stock,
    StockFacts, StoreError, VariantId, WalletFacts, WalletId,
};
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::PostgresStore;
use crate::load::{PAYMENTS, REDEMPTIONS, orders, orders_of, payment_of, redemption_of};
use crate::read::wallet_of;
use crate::row::{corrupt, get, get_id, get_money, get_u32, get_u64};

const STOCKS: &str = "select s.variant_id, s.on_hand, s.version, coalesce(e.sum, 0)::bigint as ledger_sum, e.entries, \
       (select l.on_hand_after from stock_entries l where l.variant_id = s.variant_id order by l.sequence desc limit 1) \
         as last_on_hand \
     from (select * from product_stocks where variant_id > $1 order by variant_id limit $2) s \
     left join lateral (select sum(delta) as sum, count(*) as entries from stock_entries where variant_id = s.variant_id) e \
       on true order by s.variant_id";
const WALLETS: &str = "select w.customer_id, w.currency, w.balance, w.version, \
       coalesce(e.sum, 0)::bigint as ledger_sum, e.entries, \
       (select l.balance_after from wallet_entries l where l.customer_id = w.customer_id and l.currency = w.currency \
         order by l.sequence desc limit 1) as last_balance \
     from (select * from wallets where (customer_id, currency) > ($1, $2) order by customer_id, currency limit $3) w \
     left join lateral (select sum(amount) as sum, count(*) as entries from wallet_entries \
       where customer_id = w.customer_id and currency = w.currency) e on true order by w.customer_id, w.currency";
const COUPONS: &str = "select c.id, coalesce(i.issued, 0) as issued, c.total_quantity, \
       (select count(*) from issued_coupons k where k.coupon_id = c.id) as copies \
     from (select * from coupons where id > $1 order by id limit $2) c \
     left join coupon_issuances i on i.coupon_id = c.id order by c.id";
const ORDERS: &str = orders!("where id > $1 order by id limit $2");
const EVENTS: &str = "select order_id, payload from order_events where order_id = any($1) order by order_id, sequence";
const MESSAGES: &str = "select order_id, sequence, status from outbox_messages where order_id = any($1) \
     order by order_id, sequence";

pub(crate) const STATEMENTS: &[&str] = &[STOCKS, WALLETS, COUPONS, ORDERS, EVENTS, MESSAGES];

fn after<I: Id>(page: PageRequest<I>) -> i64 {
    page.after.map_or(0, Id::get)
}

fn size<K>(page: &PageRequest<K>) -> i64 {
    i64::try_from(page.size()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Audit for PostgresStore {
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Result<Vec<StockFacts>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(STOCKS).bind(after(page)).bind(size(&page)).fetch_all(&pool).await?;
            Ok(rows.iter().map(stock_facts).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Result<Vec<WalletFacts>, StoreError> {
        self.run(move |pool| async move {
            let (customer, currency) =
                page.after.map_or((0, String::new()), |id| (id.customer_id.get(), id.currency.to_string()));
            let query = sqlx::query(WALLETS).bind(customer).bind(currency).bind(size(&page));
            Ok(query.fetch_all(&pool).await?.iter().map(wallet_facts).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Result<Vec<CouponFacts>, StoreError> {
        self.run(move |pool| async move {
            let rows = sqlx::query(COUPONS).bind(after(page)).bind(size(&page)).fetch_all(&pool).await?;
            Ok(rows.iter().map(coupon_facts).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn order_facts(&self, page: PageRequest<OrderId>) -> Result<Vec<OrderFacts>, StoreError> {
        self.snapshot(move |mut moment| async move {
            let rows = sqlx::query(ORDERS).bind(after(page)).bind(size(&page)).fetch_all(&mut *moment).await?;
            let orders = orders_of(&mut moment, &rows).await?;
            let ids: Vec<i64> = orders.iter().map(|order| order.id.get()).collect();
            let mut hanging = Hanging::default();
            for row in sqlx::query(EVENTS).bind(&ids).fetch_all(&mut *moment).await? {
                let event: Json<OrderEvent> = get(&row, "payload")?;
                hanging.of(get(&row, "order_id")?).events.push(Arc::new(event.0));
            }
            for row in sqlx::query(PAYMENTS).bind(&ids).fetch_all(&mut *moment).await? {
                hanging.of(get(&row, "order_id")?).payment = Some(Arc::new(payment_of(&row)?));
            }
            for row in sqlx::query(REDEMPTIONS).bind(&ids).fetch_all(&mut *moment).await? {
                hanging.of(get(&row, "order_id")?).redemptions.push(redemption_of(&row)?);
            }
            for row in sqlx::query(MESSAGES).bind(&ids).fetch_all(&mut *moment).await? {
                let (order, sequence) = (hanging.of(get(&row, "order_id")?), get_u64(&row, "sequence")?);
                match get::<&str>(&row, "status")? {
                    "sent" => order.delivered += 1,
                    _ => order.undelivered.push(sequence),
                }
            }
            moment.rollback().await?;
            let facts = |order: Arc<commerce_core::Order>| {
                let found = hanging.0.remove(&order.id.get()).unwrap_or_default();
                OrderFacts {
                    order,
                    events: found.events,
                    payment: found.payment,
                    redemptions: found.redemptions,
                    undelivered: found.undelivered,
                    delivered: found.delivered,
                }
            };
            Ok(orders.into_iter().map(facts).collect())
        })
        .await
    }
}

/// What hangs on orders, by their ids.
#[derive(Default)]
struct Hanging(HashMap<i64, OfOrder>);

#[derive(Default)]
struct OfOrder {
    events: Vec<Arc<OrderEvent>>,
    payment: Option<Arc<Payment>>,
    redemptions: Vec<Redemption>,
    undelivered: Vec<u64>,
    delivered: u64,
}

impl Hanging {
    fn of(&mut self, order: i64) -> &mut OfOrder {
        self.0.entry(order).or_default()
    }
}

fn stock_facts(row: &PgRow) -> Result<StockFacts, StoreError> {
    let stock = Stock {
        variant_id: get_id(row, "variant_id")?,
        on_hand: get_u64(row, "on_hand")?,
        version: get_u64(row, "version")?,
    };
    let last: Option<i64> = get(row, "last_on_hand")?;
    Ok(StockFacts {
        stock,
        ledger_sum: get(row, "ledger_sum")?,
        entries: get_u64(row, "entries")?,
        last_on_hand: last.map(u64::try_from).transpose().map_err(corrupt)?,
    })
}

fn wallet_facts(row: &PgRow) -> Result<WalletFacts, StoreError> {
    let wallet = wallet_of(row)?;
    let last: Option<i64> = get(row, "last_balance")?;
    Ok(WalletFacts {
        wallet,
        ledger_sum: get(row, "ledger_sum")?,
        entries: get_u64(row, "entries")?,
        last_balance: last.map(|_| get_money(row, "last_balance", wallet.id.currency)).transpose()?,
    })
}

fn coupon_facts(row: &PgRow) -> Result<CouponFacts, StoreError> {
    let total: Option<i64> = get(row, "total_quantity")?;
    Ok(CouponFacts {
        coupon_id: get_id(row, "id")?,
        issued: get_u32(row, "issued")?,
        copies: get_u64(row, "copies")?,
        total_quantity: total.map(u32::try_from).transpose().map_err(corrupt)?,
    })
}
