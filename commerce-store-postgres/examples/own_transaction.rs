//! A service with a table of its own: a deposit and the service's own note are committed together, or not at all.
//!
//! `DATABASE=postgres://user@localhost/shop cargo run -p commerce-store-postgres --example own_transaction`

use commerce_core::{
    Caller, Commerce, Currency, Deposit, IdempotencyKey, Money, Name, NodeId, OperatorName, Principal,
    RegisterCustomer, Shop, Username,
};
use commerce_store_postgres::{Config, PostgresStore, migrate};
use sqlx::PgPool;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("DATABASE")?;
    migrate(&url).await?;
    let store = Arc::new(PostgresStore::open(Config::new(&url, Shop::default())?).await?);
    let shop = Commerce::new(store.clone(), NodeId::default());
    let pool = PgPool::connect(&url).await?;
    sqlx::query("create table if not exists welcome_gifts (customer_id bigint primary key, sent_by text not null)")
        .execute(&pool)
        .await?;

    let operator = Principal::Operator(OperatorName::new("mina")?);
    let caller =
        |key: &str| Ok::<_, Box<dyn std::error::Error>>(Caller::new(operator.clone(), IdempotencyKey::new(key)?));
    let newcomer = RegisterCustomer { customer_id: None, username: Username::new("ada")?, name: Name::new("Ada")? };
    let customer_id = shop.register_customer(caller("register-ada")?, newcomer).await?.outcome.id;

    // One commit for both: a gift is never noted without its money, and never paid twice.
    let gift = Deposit { customer_id, amount: Money::parse("5000", Currency::KRW)?, memo: None };
    let mut transaction = pool.begin().await?;
    sqlx::query("insert into welcome_gifts values ($1, 'mina') on conflict do nothing")
        .bind(customer_id.get())
        .execute(&mut *transaction)
        .await?;
    let envelope = shop.envelope(caller("gift-ada")?, gift.into());
    let receipt = store.execute_in(&mut transaction, envelope).await?;
    transaction.commit().await?;

    println!("{} (replayed: {})", serde_json::to_string_pretty(&receipt.outcome)?, receipt.replayed);
    Ok(())
}
