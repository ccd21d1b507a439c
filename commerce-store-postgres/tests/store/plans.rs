//! Lists go by index: the plans of the reads, on tables with rows.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::harness::database;

/// Tables that grow with the shop's life.
const GROWING: [&str; 28] = [
    "customers",
    "products",
    "product_variants",
    "orders",
    "order_items",
    "charges",
    "top_ups",
    "order_coupons",
    "order_events",
    "payments",
    "stock_entries",
    "wallets",
    "wallet_entries",
    "coupons",
    "coupon_products",
    "issued_coupons",
    "coupon_codes",
    "coupon_redemptions",
    "product_sales_daily",
    "carts",
    "cart_items",
    "outbox_messages",
    "deliveries",
    "dead_letters",
    "refunds",
    "product_views",
    "refund_items",
    "idempotency_keys",
];

/// Rows enough for the planner to prefer an index if there is a fitting one. Constraints are left to other tests.
const ROWS: &str = "
set session_replication_role = replica;
insert into customers select i, 'user-' || i, 'Somebody', now() from generate_series(1, 100000) i;
insert into products select i, 'Product', null, 1000, 'KRW', case when i % 100 = 0 then 'paused' else 'on_sale' end, 1,
  now(), now(), 'product ' || i, ('product ' || i)::tsvector from generate_series(1, 100000) i;
insert into product_variants select i, i, 'SKU-' || i, null, 0, 'KRW', true, 1, now(), now()
  from generate_series(1, 100000) i;
insert into product_stocks select i, 5, 1 from generate_series(1, 100000) i;
insert into wallets select i, 'KRW', 5, 1 from generate_series(1, 100000) i;
insert into carts select i, 3, 5, now() from generate_series(1, 100000) i;
insert into cart_items select i / 3 + 1, i % 100 + 1, 1, 10, 'KRW', now() from generate_series(1, 100000) i;
insert into orders select i, i % 1000 + 1, case when i % 50 = 0 then 'pending' else 'paid' end, 'KRW', 10, 0, 10, i, 'wallet', null, 1,
  now(), now() from generate_series(1, 100000) i;
insert into order_items select i, 1, 1, 1, 'Product', null, 'SKU', 10, 1, 10, 0, 'KRW' from generate_series(1, 100000) i;
insert into payments select i, i, i, 'wallet', 10, 'KRW', 'succeeded', 1, null, null, now(), now()
  from generate_series(1, 100000) i;
insert into product_views select i, i % 500 + 1 from generate_series(1, 100000) i;
insert into refunds select i, i, i, 10, 'KRW', 'wallet', false, 'succeeded', null, now(), now() from generate_series(1, 100000) i;
insert into refund_items select i, i, 1, 1, 10 from generate_series(1, 100000) i;
insert into top_ups select i, i % 1000 + 1, 10, 'KRW', 'completed', i, null, now(), now(), now() from generate_series(1, 100000) i;
insert into charges select i, case when i % 2 = 0 then i end, case when i % 2 = 0 then 1 end, case when i % 2 = 1 then i end, 1, 10,
  'KRW', case when i % 1000 = 0 then 'pending' else 'captured' end, null, 'tx-' || i, now(), now() from generate_series(1, 100000) i;
insert into order_events select i, 1, null, 'paid', '{}', now() from generate_series(1, 100000) i;
insert into outbox_messages select i, i, 1, 'order.paid', case when i > 99000 then 'ready' else 'sent' end, now()
  from generate_series(1, 100000) i;
insert into sinks select 'sink-' || i, now() from generate_series(1, 3) i;
insert into deliveries select 'sink-' || i % 3 + 1, i, i, 1, now(), now(), null, null, 0, null from generate_series(1, 100000) i;
insert into dead_letters select i, 'sink-' || i % 3 + 1, i, 1, now(), 12, 'error', now() from generate_series(1, 100000) i;
insert into stock_entries select i % 100 + 1, i, 1, 1, 'adjust', null, 'system', null, now() from generate_series(1, 100000) i;
insert into stock_entries select i % 100 + 1, 100000 + i, -1, 1, 'order', i, 'system', null, now()
  from generate_series(1, 100000) i;
insert into wallet_entries select i % 100 + 1, 'KRW', i, 'deposit', 1, 1, null, 'system', null, now()
  from generate_series(1, 100000) i;
insert into coupons select i, null, 'Coupon', 10, null, null, null, 'KRW', null, 'stackable', 0, null, 5, now(), null, true, 1, now(),
  now() from generate_series(1, 1000) i;
insert into coupon_products select i % 1000 + 1, i from generate_series(1, 100000) i;
insert into coupon_issuances select i, 100, null from generate_series(1, 1000) i;
insert into issued_coupons select i, i % 1000 + 1, i, 1, 'available', null, now(), null, null from generate_series(1, 100000) i;
insert into coupon_codes select 'CODE-' || i, i % 1000 + 1, now(), null, null, null from generate_series(1, 100000) i;
insert into coupon_redemptions select i, i, i % 1000 + 1, 10, 'KRW', 'used', now(), now() from generate_series(1, 100000) i;
insert into order_coupons select i, 1, i, i % 1000 + 1, 'Coupon', 10, 'KRW' from generate_series(1, 100000) i;
insert into product_sales_daily select date '2026-01-01' + i % 1000, i, 1, 10, 'KRW' from generate_series(1, 100000) i;
insert into idempotency_keys select 'customer:' || i, 'place_order', 'key-' || i, decode(repeat('00', 16), 'hex'), '{}', null, null,
  now() from generate_series(1, 100000) i;
analyze;
select brin_summarize_new_values('stock_entries_by_order');
";

/// Sets a connection up as those that write are, or not.
async fn set_steps(connection: &mut PgConnection, to: &str) {
    for setting in ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"] {
        connection.execute(AssertSqlSafe(format!("set {setting} = {to}"))).await.unwrap();
    }
}

/// The parameters that a statement is planned with do not matter: these are its generic plans.
#[tokio::test]
async fn no_list_reads_a_growing_table_from_end_to_end() {
    let database = database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    connection.execute(AssertSqlSafe(ROWS.to_owned())).await.unwrap();
    connection.execute("set plan_cache_mode = force_generic_plan").await.unwrap();
    let mut looked_at = 0;
    for (i, statement) in commerce_store_postgres::statements().into_iter().enumerate() {
        // Counting what waits reads what waits: a partial index, whatever the planner makes of it.
        if !["select", "with ready", "delete from idempotency_keys", "with registered", "with chosen", "with page"]
            .iter()
            .any(|start| statement.starts_with(start))
        {
            continue;
        }
        // What takes a step does so on a connection that writes.
        let is_step = ["with ready", "with registered", "with chosen"].iter().any(|start| statement.starts_with(start));
        set_steps(&mut connection, if is_step { "off" } else { "default" }).await;
        let parameters = (1..=20).filter(|n| statement.contains(&format!("${n}"))).count();
        connection.execute(AssertSqlSafe(format!("prepare p{i} as {statement}"))).await.unwrap();
        let nulls = vec!["null"; parameters].join(", ");
        let call =
            if parameters == 0 { format!("explain execute p{i}") } else { format!("explain execute p{i}({nulls})") };
        let rows = sqlx::raw_sql(AssertSqlSafe(call)).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
        for table in GROWING {
            let scan = format!("Seq Scan on {table}");
            assert!(!plan.iter().any(|line| line.contains(&scan)), "{statement}\n{}", plan.join("\n"));
        }
        looked_at += 1;
    }
    assert!(looked_at > 30, "{looked_at}");
}

/// A queue is empty when its statements are planned, and long when they run: its rows are found by their keys even so, and
/// not by looking at all of the sink's for each.
#[tokio::test]
async fn a_queue_is_not_read_from_end_to_end_for_each_of_its_rows() {
    let database = database().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    set_steps(&mut connection, "off").await;
    connection.execute("set plan_cache_mode = force_generic_plan").await.unwrap();
    let mut looked_at = 0;
    for (i, statement) in commerce_store_postgres::statements().into_iter().enumerate() {
        // What counts a queue reads it.
        if !statement.contains(" deliveries ") || statement.starts_with("with counted") {
            continue;
        }
        let parameters = (1..=20).filter(|n| statement.contains(&format!("${n}"))).count();
        connection.execute(AssertSqlSafe(format!("prepare q{i} as {statement}"))).await.unwrap();
        let call = format!("explain execute q{i}({})", vec!["null"; parameters].join(", "));
        let rows = sqlx::raw_sql(AssertSqlSafe(call)).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
        let whole = |line: &String| {
            line.contains("Bitmap Heap Scan on deliveries") || line.trim_start().starts_with("Index Cond: (sink = ")
        };
        assert!(!plan.iter().any(whole), "{statement}\n{}", plan.join("\n"));
        looked_at += 1;
    }
    assert!(looked_at >= 8, "{looked_at}");
}
