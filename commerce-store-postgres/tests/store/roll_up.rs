//! Sales that somebody changed by hand are told anew, also while orders of the same day go on.

use std::sync::Arc;

use commerce_core::conformance::{World, basket};
use commerce_core::store::Sales;
use commerce_core::{DailySales, Date, Drift, ProductId};
use sqlx::{Connection, Executor, PgConnection};

use crate::harness::{assert_sound, database, open, world};

async fn today(world: &World) -> Date {
    world.store().now().await.unwrap().date_in(world.store().shop().time_zone)
}

/// A shop that sold three products today, and the figures of that.
async fn sold(world: &World) -> (Vec<ProductId>, Vec<DailySales>, Date) {
    let customer = world.customer_with(1_000_000).await;
    let mut products = Vec::new();
    for won in [100, 200, 300] {
        let listing = world.product(won, &[10_000]).await;
        let order = world.buy(customer, basket(&[(listing.variants[0].variant.id, 3)])).await;
        world.refund(order.id, Some(&[(1, 1)])).await;
        products.push(listing.product.id);
    }
    let date = today(world).await;
    (products, world.store().daily_sales(date, None).await.unwrap(), date)
}

#[tokio::test]
async fn what_was_changed_by_hand_is_put_right() {
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let (products, before, date) = sold(&world).await;
    let mut hand = PgConnection::connect(&database.url).await.unwrap();
    // One too many, one gone, one in another money; and a day on which nothing was sold.
    hand.execute(
        sqlx::query("update product_sales_daily set quantity = quantity + 1 where product_id = $1")
            .bind(products[0].get()),
    )
    .await
    .unwrap();
    hand.execute(sqlx::query("delete from product_sales_daily where product_id = $1").bind(products[1].get()))
        .await
        .unwrap();
    hand.execute(
        sqlx::query("update product_sales_daily set currency = 'USD' where product_id = $1").bind(products[2].get()),
    )
    .await
    .unwrap();
    let elsewhere = sqlx::query("insert into product_sales_daily values ($1::date - 1, $2, 5, 500, 'KRW')");
    hand.execute(elsewhere.bind(date).bind(products[0].get())).await.unwrap();

    let rolled_up = store.roll_up(date).await.unwrap();
    assert_eq!((rolled_up.lines, rolled_up.products, rolled_up.corrected), (6, 3, 3));
    let subjects: Vec<String> = rolled_up.corrections.iter().map(Drift::subject).collect();
    let expected: Vec<String> = products.iter().map(|product| format!("product {product}, {date}")).collect();
    assert_eq!(subjects, expected);
    assert_eq!(store.daily_sales(date, None).await.unwrap(), before);
    assert_eq!(store.roll_up(date).await.unwrap().corrected, 0);
    let yesterday = date.pred_opt().unwrap();
    let rolled_up = store.roll_up(yesterday).await.unwrap();
    assert_eq!((rolled_up.lines, rolled_up.corrected), (0, 1));
    assert_sound(&store).await;
}

/// Many roll-ups of a day at once, while it is sold on: what is wrong is put right once, and nothing else is touched.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_roll_ups_put_it_right_once() {
    const TASKS: usize = 32;
    let database = database().await;
    let store = Arc::new(open(&database).await);
    let world = world(&store);
    let (products, _, date) = sold(&world).await;
    let listing = world.product(1_000, &[10_000]).await;
    let variant = listing.variants[0].variant.id;
    let customers = world.customers(TASKS, 10_000).await;
    let hand = "update product_sales_daily set quantity = quantity - 7, revenue = revenue + 1 where product_id = $1";
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    for product in &products {
        connection.execute(sqlx::query(hand).bind(product.get())).await.unwrap();
    }
    let task = |world: World, n: usize| {
        let customer = customers[n];
        async move {
            if n.is_multiple_of(2) {
                return world.store().roll_up(date).await.unwrap().corrected;
            }
            for _ in 0..3 {
                let order = world.buy(customer, basket(&[(variant, 2)])).await;
                world.refund(order.id, Some(&[(1, 1)])).await;
            }
            0
        }
    };
    let corrected: u64 = world.race(TASKS, task).await.into_iter().sum();
    assert_eq!(corrected, 3, "what all roll-ups together put right, of three that were wrong");
    let sales = store.daily_sales(date, None).await.unwrap();
    let hot = sales.iter().find(|sold| sold.product_id == listing.product.id).unwrap();
    assert_eq!((hot.quantity, hot.revenue.minor()), (48, 48_000), "48 orders of two, a unit of each back");
    assert_sound(&store).await;
}

/// The day comes by ranges of time, whatever else there is.
#[tokio::test]
async fn a_day_is_read_by_its_time() {
    let database = database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let rows = "set session_replication_role = replica;
        insert into payments (id, order_id, customer_id, method, amount, currency, status, attempts, created_at, updated_at)
          select i, i, 1, 'wallet', 10, 'KRW', 'succeeded', 1, at, at
          from generate_series(1, 200000) i, lateral (select timestamptz '2026-01-01' + i * interval '1 minute' as at) t;
        insert into order_items (order_id, position, product_id, variant_id, product_name, sku, unit_price, quantity, subtotal,
            discount, currency)
          select i, 1, 1, 1, 'Mug', 'MUG', 10, 1, 10, 0, 'KRW' from generate_series(1, 200000) i;
        analyze; select brin_summarize_new_values('payments_by_time'); set session_replication_role = origin";
    connection.execute(sqlx::raw_sql(rows)).await.unwrap();
    let roll_up =
        commerce_store_postgres::statements().into_iter().find(|text| text.starts_with("with lines")).unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("prepare roll_up as {roll_up}"))).await.unwrap();
    let day = "explain execute roll_up ('2026-03-01', '2026-03-01', '2026-03-02', '2026-03-02', '2026-03-02', 100)";
    let plan: Vec<String> = sqlx::query_scalar(day).fetch_all(&mut connection).await.unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("payments_by_time") && !plan.contains("Seq Scan on payments"), "{plan}");
}
