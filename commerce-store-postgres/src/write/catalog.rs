//! Customers, products, variants and new stocks.

use std::sync::Arc;

use commerce_core::{NameKey, Product, Variant};
use sqlx::PgConnection;

use super::sale::unwritable;
use super::{Net, at, column, count, skip_if_empty};
use crate::error::Failure;

const CUSTOMERS: &str = "insert into customers (id, username, name, created_at) \
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[])";
const NEW_PRODUCTS: &str = "insert into products \
     (id, name, description, base_price, currency, status, version, created_at, updated_at, name_key, name_words) \
     select u.id, u.name, u.description, u.base_price, u.currency, u.status, u.version, u.created_at, u.updated_at, \
     u.name_key, u.name_words::tsvector from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], \
     $6::text[], $7::bigint[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[]) as u \
     (id, name, description, base_price, currency, status, version, created_at, updated_at, name_key, name_words)";
const PRODUCTS: &str = "update products p set name = u.name, description = u.description, base_price = u.base_price, \
     status = u.status, version = u.version, updated_at = u.updated_at, name_key = u.name_key, \
     name_words = u.name_words::tsvector \
     from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::timestamptz[], \
     $8::text[], $9::text[]) as u (id, name, description, base_price, status, version, updated_at, name_key, \
     name_words) where p.id = u.id";
const NEW_VARIANTS: &str = "insert into product_variants \
     (id, product_id, sku, option_name, additional_price, currency, active, version, created_at, updated_at, \
     price_rules) \
     select u.id, u.product_id, u.sku, u.option_name, u.additional_price, u.currency, u.active, u.version, u.created_at, \
     u.updated_at, u.price_rules::json \
     from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::boolean[], \
     $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::text[]) \
     as u (id, product_id, sku, option_name, additional_price, currency, active, version, created_at, updated_at, \
     price_rules)";
const VARIANTS: &str = "update product_variants v set additional_price = u.additional_price, active = u.active, \
     version = u.version, updated_at = u.updated_at, price_rules = u.price_rules::json \
     from unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::bigint[], $5::timestamptz[], $6::text[]) \
     as u (id, additional_price, active, version, updated_at, price_rules) where v.id = u.id";
const NEW_STOCKS: &str = "insert into product_stocks (variant_id, on_hand, version) \
     select * from unnest($1::bigint[], $2::bigint[], $3::bigint[])";

pub(super) const STATEMENTS: &[&str] = &[CUSTOMERS, NEW_PRODUCTS, PRODUCTS, NEW_VARIANTS, VARIANTS, NEW_STOCKS];

pub(super) async fn write(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    write_customers(connection, net).await?;
    write_products(connection, net).await?;
    write_variants(connection, net).await?;
    write_new_stocks(connection, net).await
}

async fn write_customers(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.customers);
    // By what is unique in the shop, as with everything that others may be writing: so that two wait in one direction.
    let mut customers: Vec<_> = net.customers.iter().collect();
    customers.sort_unstable_by_key(|customer| &customer.username);
    let rows = || customers.iter();
    sqlx::query(CUSTOMERS)
        .bind(column!(rows(), c => c.id.get()))
        .bind(column!(rows(), c => c.username.as_str()))
        .bind(column!(rows(), c => c.name.as_str()))
        .bind(column!(rows(), c => at(c.created_at)))
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_products(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    if !net.products.new.is_empty() {
        let rows = || net.products.new.values();
        sqlx::query(NEW_PRODUCTS)
            .bind(column!(rows(), p => p.id.get()))
            .bind(column!(rows(), p => p.name.as_str()))
            .bind(column!(rows(), p => p.description.as_ref().map(|d| d.as_str())))
            .bind(column!(rows(), p => p.base_price.minor()))
            .bind(column!(rows(), p => p.base_price.currency().to_string()))
            .bind(column!(rows(), p => p.status.as_str()))
            .bind(column!(rows(), p => count(p.version)))
            .bind(column!(rows(), p => at(p.created_at)))
            .bind(column!(rows(), p => at(p.updated_at)))
            .bind(column!(rows(), p => name_key(p)))
            .bind(column!(rows(), p => name_words(p)))
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.products.changed);
    let rows = || net.products.changed.values();
    sqlx::query(PRODUCTS)
        .bind(column!(rows(), p => p.id.get()))
        .bind(column!(rows(), p => p.name.as_str()))
        .bind(column!(rows(), p => p.description.as_ref().map(|d| d.as_str())))
        .bind(column!(rows(), p => p.base_price.minor()))
        .bind(column!(rows(), p => p.status.as_str()))
        .bind(column!(rows(), p => count(p.version)))
        .bind(column!(rows(), p => at(p.updated_at)))
        .bind(column!(rows(), p => name_key(p)))
        .bind(column!(rows(), p => name_words(p)))
        .execute(connection)
        .await?;
    Ok(())
}

fn name_key(product: &Product) -> String {
    NameKey::of(product.name.as_str()).sort_key.to_string()
}

/// The words as the database reads a `tsvector`. They are of letters and digits: nothing in them needs escaping.
fn name_words(product: &Product) -> String {
    NameKey::of(product.name.as_str()).words.iter().map(|word| format!("'{word}' ")).collect()
}

async fn write_variants(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    if !net.variants.new.is_empty() {
        let mut variants: Vec<_> = net.variants.new.values().collect();
        variants.sort_unstable_by_key(|variant| &variant.sku);
        let rows = || variants.iter().copied();
        sqlx::query(NEW_VARIANTS)
            .bind(column!(rows(), v => v.id.get()))
            .bind(column!(rows(), v => v.product_id.get()))
            .bind(column!(rows(), v => v.sku.as_str()))
            .bind(column!(rows(), v => v.option_name.as_ref().map(|o| o.as_str())))
            .bind(column!(rows(), v => v.additional_price.minor()))
            .bind(column!(rows(), v => v.additional_price.currency().to_string()))
            .bind(column!(rows(), v => v.active))
            .bind(column!(rows(), v => count(v.version)))
            .bind(column!(rows(), v => at(v.created_at)))
            .bind(column!(rows(), v => at(v.updated_at)))
            .bind(price_rules(rows())?)
            .execute(&mut *connection)
            .await?;
    }
    skip_if_empty!(net.variants.changed);
    let rows = || net.variants.changed.values();
    sqlx::query(VARIANTS)
        .bind(column!(rows(), v => v.id.get()))
        .bind(column!(rows(), v => v.additional_price.minor()))
        .bind(column!(rows(), v => v.active))
        .bind(column!(rows(), v => count(v.version)))
        .bind(column!(rows(), v => at(v.updated_at)))
        .bind(price_rules(rows())?)
        .execute(connection)
        .await?;
    Ok(())
}

fn price_rules<'a>(variants: impl Iterator<Item = &'a Arc<Variant>>) -> Result<Vec<Option<String>>, Failure> {
    let json = |variant: &Arc<Variant>| variant.price_rules.as_ref().map(serde_json::to_string).transpose();
    variants.map(json).collect::<Result<_, _>>().map_err(unwritable)
}

async fn write_new_stocks(connection: &mut PgConnection, net: &Net) -> Result<(), Failure> {
    skip_if_empty!(net.stocks.new);
    let rows = || net.stocks.new.values();
    sqlx::query(NEW_STOCKS)
        .bind(column!(rows(), s => s.variant_id.get()))
        .bind(column!(rows(), s => count(s.on_hand)))
        .bind(column!(rows(), s => count(s.version)))
        .execute(connection)
        .await?;
    Ok(())
}
