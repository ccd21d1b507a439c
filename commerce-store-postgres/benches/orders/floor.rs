//! The floor: the rows of orders by COPY, into the same tables with the same constraints.

use std::fmt::Write;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};

use crate::contestant::{Bench, Ours};
use crate::function::PAYLOAD;
use crate::measure::{Load, Outcome};
use crate::ours;
use crate::shop::{Fixture, PRICE};

const TABLES: [&str; 8] = [
    "copy orders from stdin",
    "copy order_items (order_id, position, product_id, variant_id, product_name, option_name, sku, unit_price, quantity, \
     subtotal, discount, currency) from stdin",
    "copy payments (id, order_id, customer_id, method, amount, currency, status, attempts, failure_reason, \
     gateway_transaction_id, created_at, updated_at) from stdin",
    "copy order_events from stdin",
    "copy outbox_messages from stdin",
    "copy stock_entries from stdin",
    "copy wallet_entries (customer_id, currency, sequence, kind, amount, balance_after, order_id, actor, memo, created_at) \
     from stdin",
    "copy idempotency_keys (principal, operation, key, fingerprint, outcome, order_id, order_version, created_at) \
     from stdin",
];
/// More orders a second than anybody copies: how many rows are made beforehand.
const PLENTY: f64 = 60_000.0;

/// The floor in transactions of 256 and 1,024 orders, and ours with as many callers.
pub(crate) async fn run(bench: &Bench) -> Outcome<usize> {
    let (url, floor_url) = (bench.database("ours").await?, bench.database("floor").await?);
    let shop = [Ours::open(&url).await?];
    println!(
        "{:<6} {:>6} | {:>9} | {:>7} {:>9} {:>6} | {:>6}",
        "load", "orders", "COPY/s", "callers", "ours/s", "batch", "of it"
    );
    for load in [Load::Hot, Load::Spread] {
        for orders in [256, 1_024] {
            bench.settle(&floor_url).await?;
            let floor = measure(&floor_url, &bench.fixture, load, orders, bench.time).await?;
            bench.settle(&url).await?;
            let run = ours::measure(&shop, &bench.fixture, load, orders, bench.time).await?;
            let (ours, name) = (run.figure.per_second, load.name());
            let of_it = ours / floor;
            println!(
                "{name:<6} {orders:>6} | {floor:>9.0} | {orders:>7} {ours:>9.0} {:>6.0} | {of_it:>6.2}",
                run.batch
            );
        }
    }
    let drifts = shop[0].reconcile().await?;
    drop(shop);
    bench.forget("ours").await?;
    bench.forget("floor").await?;
    Ok(drifts)
}

async fn measure(url: &str, fixture: &Fixture, load: Load, orders: usize, time: Duration) -> Outcome<f64> {
    let mut connection = PgConnection::connect(url).await?;
    // The rows are made beforehand; only copying them is measured.
    let count = (time.as_secs_f64() * PLENTY / orders as f64).ceil() as usize;
    let batches = (0..count).map(|_| batch(fixture, load, orders)).collect::<Result<Vec<_>, _>>()?;
    let (began, mut copied) = (Instant::now(), 0);
    for rows in batches {
        if began.elapsed() > time {
            break;
        }
        connection.execute("begin").await?;
        for (statement, rows) in TABLES.iter().zip(rows) {
            let mut copy = connection.copy_in_raw(statement).await?;
            copy.send(rows.into_bytes()).await?;
            copy.finish().await?;
        }
        connection.execute("commit").await?;
        copied += orders;
    }
    Ok(copied as f64 / began.elapsed().as_secs_f64())
}

/// The rows of so many orders, by table.
fn batch(fixture: &Fixture, load: Load, orders: usize) -> Result<[String; 8], std::fmt::Error> {
    let mut rows: [String; 8] = Default::default();
    for _ in 0..orders {
        order(fixture, load, &mut rows)?;
    }
    Ok(rows)
}

fn order(fixture: &Fixture, load: Load, rows: &mut [String; 8]) -> std::fmt::Result {
    let [orders, items, payments, events, messages, stocks, wallets, keys] = rows;
    let (customer, variants) = fixture.draw(load == Load::Hot);
    let (order, payment, message, total) = (fixture.id(), fixture.id(), fixture.id(), 2 * PRICE);
    let now = "2026-11-21 05:00:00.123456+00";
    writeln!(orders, "{order}\t{customer}\tpaid\tKRW\t{total}\t0\t{total}\t{payment}\twallet\t\\N\t1\t{now}\t{now}")?;
    for (position, variant) in (1..).zip(variants) {
        let sequence = fixture.id();
        writeln!(items, "{order}\t{position}\t{variant}\t{variant}\tProduct\t\\N\tSKU\t{PRICE}\t1\t{PRICE}\t0\tKRW")?;
        writeln!(stocks, "{variant}\t{sequence}\t-1\t1000\torder\t{order}\tcustomer:{customer}\t\\N\t{now}")?;
    }
    writeln!(payments, "{payment}\t{order}\t{customer}\twallet\t{total}\tKRW\tsucceeded\t1\t\\N\t\\N\t{now}\t{now}")?;
    writeln!(events, "{order}\t1\t\\N\tpaid\t{}\t{now}", PAYLOAD.trim())?;
    writeln!(messages, "{message}\t{order}\t1\torder.paid\tready\t{now}")?;
    let sequence = fixture.id();
    writeln!(
        wallets,
        "{customer}\tKRW\t{sequence}\tpayment\t-{total}\t1000\t{order}\tcustomer:{customer}\t\\N\t{now}"
    )?;
    let key = fixture.key();
    writeln!(keys, "customer:{customer}\tplace_order\t{key}\t\\\\x{:032}\t\\N\t{order}\t1\t{now}", 0)
}
