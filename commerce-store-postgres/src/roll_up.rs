//! A day's sales, told anew. Every order and every refund books its sales in its own commit, so that what is booked and
//! what was sold differ by the same in whatever moment one looks, however many of them are under way. That difference is
//! read from one moment, and *added*, as theirs are: it waits for them where they meet, and takes nothing of theirs away.

use std::ops::Range;
use std::time::Duration;

use commerce_core::{Date, Drift, ProductId, Revenue, RolledUp, Store, StoreError, Timestamp, stretches_of};
use sqlx::postgres::PgRow;

use crate::PostgresStore;
use crate::row::{corrupt, get, get_currency, get_id, get_text_opt, get_u64};

/// Two of one day would add the difference twice: the second waits here, and then looks.
const TAKE: &str = "insert into sales_roll_ups as r (sold_on, rolled_up_at) \
     values ($1, coalesce($2, statement_timestamp())) on conflict (sold_on) do update set rolled_up_at = excluded.rolled_up_at";

/// The core says what counts (`sales_of`): lines of what was paid from `$2` to `$3`, less lines of what went back, `$4` to
/// `$5` left out. Rows are locked by product, as orders lock them.
const ROLL_UP: &str = "\
with lines as (
  select i.product_id, i.quantity, i.subtotal - i.discount as revenue, i.currency
  from payments p join order_items i on i.order_id = p.order_id
  where p.status = 'succeeded' and p.updated_at >= $2 and p.updated_at < $3
    and (p.updated_at < $4 or p.updated_at >= $5)
  union all
  select i.product_id, -r.quantity, -r.amount, i.currency
  from refunds f join refund_items r on r.refund_id = f.id
    join order_items i on i.order_id = r.order_id and i.position = r.position
  where f.status = 'succeeded' and f.updated_at >= $2 and f.updated_at < $3
    and (f.updated_at < $4 or f.updated_at >= $5)
), sold as materialized (
  select product_id, sum(quantity)::bigint as quantity, sum(revenue) as revenue, min(currency) as currency,
    count(*) as lines
  from lines group by product_id
), booked as materialized (
  select product_id, quantity, revenue, currency from product_sales_daily where sold_on = $1
), differing as materialized (
  select coalesce(s.product_id, b.product_id) as product_id, coalesce(s.currency, b.currency) as currency,
    s.quantity as sold_quantity, s.revenue as sold_revenue, s.currency as sold_currency,
    b.quantity as booked_quantity, b.revenue as booked_revenue, b.currency as booked_currency
  from sold s full join booked b on b.product_id = s.product_id
  where coalesce(s.quantity, 0) <> coalesce(b.quantity, 0) or coalesce(s.revenue, 0) <> coalesce(b.revenue, 0)
    or ((s.quantity <> 0 or s.revenue <> 0) and b.currency <> s.currency)
), put_right as (
  insert into product_sales_daily as d (sold_on, product_id, quantity, revenue, currency)
  select $1, product_id, coalesce(sold_quantity, 0) - coalesce(booked_quantity, 0),
    coalesce(sold_revenue, 0) - coalesce(booked_revenue, 0), currency
  from differing order by product_id
  on conflict (sold_on, product_id) do update set quantity = d.quantity + excluded.quantity,
    revenue = d.revenue + excluded.revenue, currency = excluded.currency
), counted as (
  select count(*) as products, coalesce(sum(lines), 0)::bigint as lines, (select count(*) from differing) as corrected
  from sold
)
select c.products, c.lines, c.corrected, d.product_id, d.sold_quantity, d.sold_revenue::text, d.sold_currency,
  d.booked_quantity, d.booked_revenue::text, d.booked_currency
from counted c left join (select * from differing order by product_id limit $6) d on true order by d.product_id";

pub(crate) const STATEMENTS: &[&str] = &[TAKE, ROLL_UP];

/// A day of a million lines takes seconds; one of a hundred times as many takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);
const PATIENTLY: &str = "set local statement_timeout = '600s'; set local lock_timeout = '600s'";

impl PostgresStore {
    pub(crate) async fn roll_up_day(&self, date: Date) -> Result<RolledUp, StoreError> {
        let (now, stretches) = (self.statement_time(), stretches_of(date, self.shop().time_zone));
        self.transaction(PATIENCE, move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(PATIENTLY).execute(&mut *connection).await?;
                sqlx::query(TAKE).bind(date).bind(now).execute(&mut *connection).await?;
                let (day, left_out) = outline(&stretches)?;
                let query = sqlx::query(ROLL_UP).bind(date);
                let query = query.bind(day.start.to_utc()).bind(day.end.to_utc());
                let query = query.bind(left_out.start.to_utc()).bind(left_out.end.to_utc());
                let told = i64::try_from(RolledUp::TOLD).map_err(corrupt)?;
                Ok(rolled_up(date, &query.bind(told).fetch_all(connection).await?)?)
            })
        })
        .await
    }
}

/// A day from its first instant to its last, and what of that is another day.
fn outline(stretches: &[Range<Timestamp>]) -> Result<(Range<Timestamp>, Range<Timestamp>), StoreError> {
    let none = || Timestamp::from_micros(0)..Timestamp::from_micros(0);
    match stretches {
        [] => Ok((none(), none())),
        [whole] => Ok((whole.clone(), whole.end..whole.end)),
        [first, second] => Ok((first.start..second.end, first.end..second.start)),
        more => Err(corrupt(format_args!("a day in {} parts", more.len()))),
    }
}

fn rolled_up(date: Date, rows: &[PgRow]) -> Result<RolledUp, StoreError> {
    let first = rows.first().ok_or_else(|| corrupt("a roll-up that says nothing"))?;
    let corrected = get_u64(first, "corrected")?;
    let corrections = rows.iter().filter(|_| corrected > 0).map(|row| correction(date, row));
    Ok(RolledUp {
        date,
        lines: get_u64(first, "lines")?,
        products: get_u64(first, "products")?,
        corrected,
        corrections: corrections.collect::<Result<_, _>>()?,
    })
}

fn correction(date: Date, row: &PgRow) -> Result<Drift, StoreError> {
    let product_id: ProductId = get_id(row, "product_id")?;
    let sold = figures(row, ("sold_quantity", "sold_revenue", "sold_currency"))?;
    let booked = figures(row, ("booked_quantity", "booked_revenue", "booked_currency"))?;
    Ok(Drift::Sales { date, product_id, booked, sold })
}

type Columns = (&'static str, &'static str, &'static str);

fn figures(row: &PgRow, (quantity, revenue, currency): Columns) -> Result<Option<(i64, Revenue)>, StoreError> {
    let Some(quantity) = get::<Option<i64>>(row, quantity)? else { return Ok(None) };
    let minor: i128 = get_text_opt(row, revenue)?.ok_or_else(|| corrupt("sales without revenue"))?;
    Ok(Some((quantity, Revenue::new(minor, get_currency(row, currency)?))))
}
