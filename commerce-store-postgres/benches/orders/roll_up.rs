//! A day's sales told anew, beside the one statement that does the same by hand.

use std::time::{Duration, Instant};

use commerce_core::Date;
use sqlx::{Connection, PgConnection};

use crate::contestant::{Bench, Ours};
use crate::env;
use crate::growth::fill;
use crate::measure::Outcome;

const ROUNDS: usize = 5;

/// Sums up the day, and writes the sums over whatever there is: right as long as nobody orders meanwhile.
const BY_HAND: &str = "insert into product_sales_daily (sold_on, product_id, quantity, revenue, currency) \
     select $1, product_id, sum(quantity), sum(revenue), min(currency) from ( \
       select i.product_id, i.quantity, i.subtotal - i.discount as revenue, i.currency \
       from payments p join order_items i on i.order_id = p.order_id \
       where p.status = 'succeeded' and p.updated_at >= $1::date and p.updated_at < $1::date + 1 \
       union all \
       select i.product_id, -r.quantity, -r.amount, i.currency \
       from refunds f join refund_items r on r.refund_id = f.id \
         join order_items i on i.order_id = r.order_id and i.position = r.position \
       where f.status = 'succeeded' and f.updated_at >= $1::date and f.updated_at < $1::date + 1) lines \
     group by product_id \
     on conflict (sold_on, product_id) do update set quantity = excluded.quantity, revenue = excluded.revenue";

/// Every product's sales of the day are wrong: all of them are to be written.
const SPOIL: &str = "update product_sales_daily set quantity = quantity + 1 where sold_on = $1";

const LINES: &str =
    "select sold_on, sum(quantity)::bigint from product_sales_daily group by sold_on order by 2 desc limit 1";

/// Fills a day, and rolls it up both ways in turns; how many drifts there are in the end.
pub(crate) async fn run(bench: &Bench) -> Outcome<usize> {
    let wanted: usize = env("BENCH_ROLLUP", "1000000").parse()?;
    let url = bench.database("rollup").await?;
    let shop = [Ours::open(&url).await?];
    fill(bench, &shop, wanted.div_ceil(2)).await?;
    bench.settle(&url).await?;
    let mut connection = PgConnection::connect(&url).await?;
    // Most of it, should it be midnight meanwhile.
    let (date, _): (Date, i64) = sqlx::query_as(LINES).fetch_one(&mut connection).await?;
    println!("{:<8} | {:>10} {:>12} | {:>10} {:>12} | {:>6}", "booked", "ours s", "rows/s", "by hand s", "rows/s", "x");
    for spoiled in [false, true] {
        let (mut ours, mut by_hand, mut lines) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            spoil(&mut connection, date, spoiled).await?;
            let began = Instant::now();
            lines = shop[0].commerce.store().roll_up(date).await?.lines;
            ours.push(began.elapsed());
            spoil(&mut connection, date, spoiled).await?;
            let began = Instant::now();
            sqlx::query(BY_HAND).bind(date).execute(&mut connection).await?;
            by_hand.push(began.elapsed());
        }
        let [ours, by_hand] = [ours, by_hand].map(|times| middle(times).as_secs_f64());
        let rows = lines as f64;
        println!(
            "{:<8} | {ours:>10.3} {:>12.0} | {by_hand:>10.3} {:>12.0} | {:>5.2}x",
            if spoiled { "wrong" } else { "right" },
            rows / ours,
            rows / by_hand,
            ours / by_hand
        );
    }
    let drifts = shop[0].reconcile().await?;
    drop(shop);
    bench.forget("rollup").await?;
    Ok(drifts)
}

async fn spoil(connection: &mut PgConnection, date: Date, spoiled: bool) -> Outcome<()> {
    if spoiled {
        sqlx::query(SPOIL).bind(date).execute(connection).await?;
    }
    Ok(())
}

/// The one in the middle.
fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
