//! Baseline (b): everything in one function, one round trip an order. The function is the benchmark's own.

use std::sync::Arc;
use std::time::Duration;

use crate::measure::{Figure, Load, Outcome};
use crate::shop::{Fixture, PRICE};

/// An event of the size that the store keeps.
pub(crate) const PAYLOAD: &str = include_str!("payload.json");

const PLACE: &str = "create function bench_place(p_customer bigint, p_variants bigint[], p_order bigint, p_payment bigint,
  p_message bigint, p_key text, p_price bigint, p_payload text) returns void language plpgsql as $$
declare v record; w record; total bigint := 0; n bigint := 0; who text := 'customer:' || p_customer;
begin
  insert into idempotency_keys values (who, 'place_order', p_key, decode(repeat('00', 16), 'hex'), null, p_order, 1, now());
  perform 1 from customers where id = p_customer;
  insert into orders values (p_order, p_customer, 'paid', 'KRW', 2 * p_price, 0, 2 * p_price, p_payment, 'wallet', null, 1,
    now(), now());
  for v in select s.variant_id, s.on_hand, s.version, x.product_id, x.sku, p.name from product_stocks s
    join product_variants x on x.id = s.variant_id join products p on p.id = x.product_id
    where s.variant_id = any(p_variants) order by s.variant_id for update of s loop
    n := n + 1; total := total + p_price;
    insert into order_items values (p_order, n, v.product_id, v.variant_id, v.name, null, v.sku, p_price, 1, p_price, 0, 'KRW');
    update product_stocks set on_hand = v.on_hand - 1, version = v.version + 1 where variant_id = v.variant_id;
    insert into stock_entries values (v.variant_id, v.version + 1, -1, v.on_hand - 1, 'order', p_order, who, null, now());
    insert into product_sales_daily as d values (current_date, v.product_id, 1, p_price, 'KRW')
      on conflict (sold_on, product_id) do update set quantity = d.quantity + 1, revenue = d.revenue + excluded.revenue;
  end loop;
  select balance, version into w from wallets where customer_id = p_customer and currency = 'KRW' for update;
  update wallets set balance = w.balance - total, version = w.version + 1 where customer_id = p_customer and currency = 'KRW';
  insert into payments values (p_payment, p_order, p_customer, 'wallet', total, 'KRW', 'succeeded', 1, null, null, now(), now());
  insert into wallet_entries values (p_customer, 'KRW', w.version + 1, 'payment', -total, w.balance - total, p_order, who, null, now());
  insert into order_events values (p_order, 1, null, 'paid', p_payload::json, now());
  insert into outbox_messages (id, order_id, sequence, event_type, status, due_at)
    values (p_message, p_order, 1, 'order.paid', 'ready', now());
end $$";

const ISSUE: &str = "create function bench_issue(p_customer bigint, p_coupon bigint, p_id bigint, p_key text) returns void
language plpgsql as $$
declare n bigint; copies bigint; who text := 'customer:' || p_customer;
begin
  insert into idempotency_keys values (who, 'issue_coupon', p_key, decode(repeat('00', 16), 'hex'), '{}', null, null, now());
  perform 1 from customers where id = p_customer;
  perform 1 from coupons where id = p_coupon;
  select issued into n from coupon_issuances where coupon_id = p_coupon for update;
  select coalesce(max(ordinal), 0) into copies from issued_coupons where coupon_id = p_coupon and customer_id = p_customer;
  insert into issued_coupons values (p_id, p_coupon, p_customer, copies + 1, 'available', null, now(), null, null);
  update coupon_issuances set issued = n + 1 where coupon_id = p_coupon;
end $$";

pub(crate) async fn install(url: &str) -> Outcome<()> {
    for sql in [PLACE, ISSUE] {
        commerce_store_postgres_testkit::admin(url.to_owned(), sql.to_owned()).await?;
    }
    Ok(())
}

pub(crate) async fn measure(
    url: &str,
    fixture: &Arc<Fixture>,
    load: Load,
    callers: usize,
    time: Duration,
) -> Outcome<Figure> {
    let pool = crate::statements::pool(url, callers).await?;
    let (shared, kept) = (Arc::clone(fixture), pool.clone());
    let figure = crate::measure::measure(callers, time, move |_| {
        let (fixture, pool) = (Arc::clone(&shared), pool.clone());
        async move {
            let (customer, variants) = fixture.draw(load == Load::Hot);
            let key = fixture.key();
            let query = match load {
                Load::Coupon => sqlx::query("select bench_issue($1, $2, $3, $4)")
                    .bind(customer.get())
                    .bind(fixture.coupon.get())
                    .bind(fixture.id())
                    .bind(key),
                _ => sqlx::query("select bench_place($1, $2, $3, $4, $5, $6, $7, $8)")
                    .bind(customer.get())
                    .bind(variants.map(|variant| variant.get()).to_vec())
                    .bind(fixture.id())
                    .bind(fixture.id())
                    .bind(fixture.id())
                    .bind(key)
                    .bind(PRICE)
                    .bind(PAYLOAD),
            };
            query.execute(&pool).await?;
            Ok(())
        }
    })
    .await;
    kept.close().await;
    figure
}
