//! Baseline (a): what an ORM does, one statement after another.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};

use crate::function::PAYLOAD;
use crate::measure::{Figure, Load, Outcome};
use crate::shop::{Fixture, PRICE};

pub(crate) async fn measure(
    url: &str,
    fixture: &Arc<Fixture>,
    load: Load,
    callers: usize,
    time: Duration,
) -> Outcome<Figure> {
    let pool = pool(url, callers).await?;
    let (shared, kept) = (Arc::clone(fixture), pool.clone());
    let figure = crate::measure::measure(callers, time, move |_| {
        let (fixture, pool) = (Arc::clone(&shared), pool.clone());
        async move {
            match load {
                Load::Coupon => issue(&pool, &fixture).await,
                Load::Cart => collect(&pool, &fixture).await,
                _ => order(&pool, &fixture, load == Load::Hot).await,
            }
        }
    })
    .await;
    kept.close().await;
    figure
}

/// As many connections as callers, up to a bound that the server is set up for.
pub(crate) async fn pool(url: &str, callers: usize) -> Outcome<PgPool> {
    let connections = u32::try_from(callers.min(150))?;
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(connections)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(600));
    Ok(pool.connect(url).await?)
}

async fn order(pool: &PgPool, fixture: &Fixture, hot: bool) -> Outcome<()> {
    let (customer, variants) = fixture.draw(hot);
    let (order, payment, message) = (fixture.id(), fixture.id(), fixture.id());
    let mut tx = pool.begin().await?;
    sqlx::query("select id, username, name from customers where id = $1")
        .bind(customer.get())
        .fetch_one(&mut *tx)
        .await?;
    let mut stocks = Vec::new();
    for variant in variants {
        sqlx::query("select v.id, v.sku, v.additional_price, p.id, p.name, p.base_price, p.status from product_variants v join products p on p.id = v.product_id where v.id = $1")
            .bind(variant.get()).fetch_one(&mut *tx).await?;
        let stock: (i64, i64) =
            sqlx::query_as("select on_hand, version from product_stocks where variant_id = $1 for update")
                .bind(variant.get())
                .fetch_one(&mut *tx)
                .await?;
        stocks.push((variant.get(), stock));
    }
    let (balance, version): (i64, i64) =
        sqlx::query_as("select balance, version from wallets where customer_id = $1 and currency = 'KRW' for update")
            .bind(customer.get())
            .fetch_one(&mut *tx)
            .await?;
    let total = 2 * PRICE;
    sqlx::query("insert into orders values ($1, $2, 'paid', 'KRW', $3, 0, $3, $4, 'wallet', null, 1, now(), now())")
        .bind(order)
        .bind(customer.get())
        .bind(total)
        .bind(payment)
        .execute(&mut *tx)
        .await?;
    for (position, (variant, (on_hand, version))) in (1_i64..).zip(stocks) {
        sqlx::query("insert into order_items select $1, $2, v.product_id, v.id, p.name, null, v.sku, $3, 1, $3, 0, 'KRW' from product_variants v join products p on p.id = v.product_id where v.id = $4")
            .bind(order).bind(position).bind(PRICE).bind(variant).execute(&mut *tx).await?;
        sqlx::query("update product_stocks set on_hand = $2, version = $3 where variant_id = $1")
            .bind(variant)
            .bind(on_hand - 1)
            .bind(version + 1)
            .execute(&mut *tx)
            .await?;
        sqlx::query("insert into stock_entries values ($1, $2, -1, $3, 'order', $4, $5, null, now())")
            .bind(variant)
            .bind(version + 1)
            .bind(on_hand - 1)
            .bind(order)
            .bind(format!("customer:{customer}"))
            .execute(&mut *tx)
            .await?;
        sqlx::query("insert into product_sales_daily as d select current_date, product_id, 1, $2, 'KRW' from product_variants where id = $1 on conflict (sold_on, product_id) do update set quantity = d.quantity + 1, revenue = d.revenue + excluded.revenue")
            .bind(variant).bind(PRICE).execute(&mut *tx).await?;
    }
    sqlx::query("update wallets set balance = $2, version = $3 where customer_id = $1 and currency = 'KRW'")
        .bind(customer.get())
        .bind(balance - total)
        .bind(version + 1)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "insert into payments values ($1, $2, $3, 'wallet', $4, 'KRW', 'succeeded', 1, null, null, now(), now())",
    )
    .bind(payment)
    .bind(order)
    .bind(customer.get())
    .bind(total)
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into wallet_entries values ($1, 'KRW', $2, 'payment', $3, $4, $5, $6, null, now())")
        .bind(customer.get())
        .bind(version + 1)
        .bind(-total)
        .bind(balance - total)
        .bind(order)
        .bind(format!("customer:{customer}"))
        .execute(&mut *tx)
        .await?;
    sqlx::query("insert into order_events values ($1, 1, null, 'paid', $2::text::json, now())")
        .bind(order)
        .bind(PAYLOAD)
        .execute(&mut *tx)
        .await?;
    sqlx::query("insert into outbox_messages (id, order_id, sequence, event_type, status, due_at) values ($1, $2, 1, 'order.paid', 'ready', now())")
        .bind(message).bind(order).execute(&mut *tx).await?;
    remember(&mut tx, fixture, customer.get(), "place_order", order).await?;
    Ok(tx.commit().await?)
}

async fn remember(
    tx: &mut Transaction<'_, Postgres>,
    fixture: &Fixture,
    customer: i64,
    operation: &str,
    order: i64,
) -> Outcome<()> {
    let outcome = (operation != "place_order").then_some("{\"issued_coupon\": null}");
    sqlx::query("insert into idempotency_keys values ($1, $2, $3, $4, $5::text::json, $6, $7, now())")
        .bind(format!("customer:{customer}"))
        .bind(operation)
        .bind(fixture.key())
        .bind(vec![0_u8; 16])
        .bind(outcome)
        .bind(outcome.is_none().then_some(order))
        .bind(outcome.is_none().then_some(1_i64))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn collect(pool: &PgPool, fixture: &Fixture) -> Outcome<()> {
    let (customer, variants) = fixture.draw(true);
    let variant = variants[usize::from(customer.get() % 2 == 0)];
    let mut tx = pool.begin().await?;
    sqlx::query("select id, username, name from customers where id = $1")
        .bind(customer.get())
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("select v.id, v.sku, v.additional_price, p.id, p.name, p.base_price, p.status from product_variants v join products p on p.id = v.product_id where v.id = $1")
        .bind(variant.get()).fetch_one(&mut *tx).await?;
    sqlx::query("insert into carts values ($1, 0, 1, now()) on conflict (customer_id) do nothing")
        .bind(customer.get())
        .execute(&mut *tx)
        .await?;
    let version: i64 = sqlx::query_scalar("select version from carts where customer_id = $1 for update")
        .bind(customer.get())
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("insert into cart_items as i values ($1, $2, 1, $3, 'KRW', now()) on conflict (customer_id, variant_id) do update set quantity = i.quantity + 1")
        .bind(customer.get()).bind(variant.get()).bind(PRICE).execute(&mut *tx).await?;
    sqlx::query("update carts set line_count = (select count(*) from cart_items where customer_id = $1), version = $2, updated_at = now() where customer_id = $1")
        .bind(customer.get()).bind(version + 1).execute(&mut *tx).await?;
    remember(&mut tx, fixture, customer.get(), "add_cart_item", 0).await?;
    Ok(tx.commit().await?)
}

async fn issue(pool: &PgPool, fixture: &Fixture) -> Outcome<()> {
    let (customer, _) = fixture.draw(true);
    let mut tx = pool.begin().await?;
    sqlx::query("select id, username, name from customers where id = $1")
        .bind(customer.get())
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("select id, name, per_customer_limit, active from coupons where id = $1")
        .bind(fixture.coupon.get())
        .fetch_one(&mut *tx)
        .await?;
    let issued: i64 = sqlx::query_scalar("select issued from coupon_issuances where coupon_id = $1 for update")
        .bind(fixture.coupon.get())
        .fetch_one(&mut *tx)
        .await?;
    let copies: i64 = sqlx::query_scalar(
        "select coalesce(max(ordinal), 0) from issued_coupons where coupon_id = $1 and customer_id = $2",
    )
    .bind(fixture.coupon.get())
    .bind(customer.get())
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("insert into issued_coupons values ($1, $2, $3, $4, 'available', null, now(), null, null)")
        .bind(fixture.id())
        .bind(fixture.coupon.get())
        .bind(customer.get())
        .bind(copies + 1)
        .execute(&mut *tx)
        .await?;
    sqlx::query("update coupon_issuances set issued = $2 where coupon_id = $1")
        .bind(fixture.coupon.get())
        .bind(issued + 1)
        .execute(&mut *tx)
        .await?;
    remember(&mut tx, fixture, customer.get(), "issue_coupon", 0).await?;
    Ok(tx.commit().await?)
}
