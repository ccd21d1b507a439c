//! The floor: the rows of orders by COPY, into the same tables with the same constraints, 256 orders a transaction.

use std::fmt::Write;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};

use crate::function::PAYLOAD;
use crate::shop::{Fixture, PRICE};

const TABLES: [(&str, &str); 8] = [
    ("orders", "copy orders from stdin"),
    ("order_items", "copy order_items from stdin"),
    ("payments", "copy payments from stdin"),
    ("order_events", "copy order_events from stdin"),
    ("outbox_messages", "copy outbox_messages from stdin"),
    ("stock_entries", "copy stock_entries from stdin"),
    ("wallet_entries", "copy wallet_entries from stdin"),
    ("idempotency_keys", "copy idempotency_keys from stdin"),
];

const ORDERS: u64 = 256;

pub(crate) async fn measure(url: &str, fixture: &Fixture, time: Duration) -> f64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    // The rows are made beforehand; only copying them is measured.
    let batches: Vec<[String; 8]> = (0..(time.as_secs() * 150).max(100)).map(|_| batch(fixture)).collect();
    let (began, mut copied) = (Instant::now(), 0_u64);
    for rows in batches {
        if began.elapsed() > time {
            break;
        }
        connection.execute("begin").await.unwrap();
        for ((_, statement), rows) in TABLES.iter().zip(rows) {
            let mut copy = connection.copy_in_raw(statement).await.unwrap();
            copy.send(rows.into_bytes()).await.unwrap();
            copy.finish().await.unwrap();
        }
        connection.execute("commit").await.unwrap();
        copied += ORDERS;
    }
    copied as f64 / began.elapsed().as_secs_f64()
}

fn batch(fixture: &Fixture) -> [String; 8] {
    let mut rows: [String; 8] = Default::default();
    let now = "2026-11-21 05:00:00.123456+00";
    for _ in 0..ORDERS {
        let (customer, variants) = fixture.draw(false);
        let (order, payment, message, total) = (fixture.id(), fixture.id(), fixture.id(), 2 * PRICE);
        let [orders, items, payments, events, messages, stocks, wallets, keys] = &mut rows;
        writeln!(
            orders,
            "{order}\t{customer}\tpaid\tKRW\t{total}\t0\t{total}\t{payment}\twallet\t\\N\t1\t{now}\t{now}"
        )
        .unwrap();
        for (position, variant) in (1..).zip(variants) {
            let sequence = fixture.id();
            writeln!(
                items,
                "{order}\t{position}\t{variant}\t{variant}\tProduct\t\\N\tSKU\t{PRICE}\t1\t{PRICE}\t0\tKRW"
            )
            .unwrap();
            writeln!(stocks, "{variant}\t{sequence}\t-1\t1000\torder\t{order}\tcustomer:{customer}\t\\N\t{now}")
                .unwrap();
        }
        writeln!(
            payments,
            "{payment}\t{order}\t{customer}\twallet\t{total}\tKRW\tsucceeded\t1\t\\N\t\\N\t{now}\t{now}"
        )
        .unwrap();
        writeln!(events, "{order}\t1\t\\N\tpaid\t{}\t{now}", PAYLOAD.trim()).unwrap();
        writeln!(messages, "{message}\t{order}\t1\torder.paid\tready\t{now}\t\\N\t0\t\\N\t\\N").unwrap();
        let sequence = fixture.id();
        writeln!(
            wallets,
            "{customer}\tKRW\t{sequence}\tpayment\t-{total}\t1000\t{order}\tcustomer:{customer}\t\\N\t{now}"
        )
        .unwrap();
        let key = fixture.number();
        writeln!(keys, "customer:{customer}\tplace_order\tfloor{key:032x}\t\\\\x{:032}\t\\N\t{order}\t1\t{now}", 0)
            .unwrap();
    }
    rows
}
