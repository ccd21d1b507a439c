//! The memory store: orders beside the same server's trivial route.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{AdjustStock, Caller, Commerce, Currency, Deposit, IdempotencyKey, Money, NodeId, Principal, Shop};
use commerce_server::app::{App, Limits};
use commerce_server::auth::Role;
use commerce_server::{demo, serve, service};
use commerce_store_memory::MemoryStore;
use tokio::net::TcpListener;

use crate::SECRET;
use crate::load::{Client, Connection, Outcome, measure, median, order};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;

pub(crate) async fn run(length: Duration) -> Outcome<()> {
    let target = Target::start().await?;
    let (mut trivial, mut orders) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        trivial.push(measure(target.clients(None).await?, length).await?);
        orders.push(measure(target.clients(Some(round)).await?, length).await?);
    }
    let (trivial, orders) = (median(trivial).per_second, median(orders).per_second);
    println!("memory: {CONNECTIONS} connections, {ROUNDS} rounds of {length:?} each, medians");
    println!("  GET /health/live  {trivial:>8.0} requests/s");
    println!("  POST /v1/orders   {orders:>8.0} orders/s: {:.2} of the trivial route", orders / trivial);
    Ok(())
}

/// A served shop.
struct Target {
    address: SocketAddr,
    token: String,
    line: String,
}

impl Target {
    async fn start() -> Outcome<Self> {
        let commerce = Commerce::new(Arc::new(MemoryStore::new(Shop::default())), NodeId::default());
        let app = App::new(commerce, SECRET.as_bytes(), Limits::default());
        let market = demo::fill(&app.commerce).await?;
        endow(&app.commerce, &market).await?;
        let token = app.tokens.mint(Role::Customer, &market.customer.to_string(), Duration::from_secs(3_600))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(serve::serve(listener, Arc::new(service(&app)), std::future::pending()));
        let line = format!(r#"{{"variant_id":"{}","quantity":1}}"#, market.variant);
        Ok(Self { address, token, line })
    }

    /// Clients that order in a round, or ask the trivial route.
    async fn clients(&self, round: Option<usize>) -> Outcome<Vec<Asking>> {
        let mut clients = Vec::new();
        for number in 0..CONNECTIONS {
            let connection = Connection::open(self.address).await?;
            let scope = round.map(|round| format!("{round}-{number}"));
            let (token, line) = (self.token.clone(), self.line.clone());
            clients.push(Asking { connection, token, line, scope, asked: 0 });
        }
        Ok(clients)
    }
}

/// One connection's client.
struct Asking {
    connection: Connection,
    token: String,
    line: String,
    /// What its keys begin with, if it orders.
    scope: Option<String>,
    asked: u64,
}

impl Client for Asking {
    async fn ask(&mut self) -> Outcome<()> {
        self.asked += 1;
        let request = match &self.scope {
            Some(scope) => order(&self.token, &format!("{scope}-{}", self.asked), &self.line),
            None => "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        };
        self.connection.ask(request.as_bytes()).await
    }
}

/// Stock and money for more orders than the benchmark can place.
async fn endow(commerce: &Commerce, market: &demo::Demo) -> Outcome<()> {
    let caller = |key| Outcome::Ok(Caller::new(Principal::System, IdempotencyKey::new(key)?));
    let stock = AdjustStock { variant_id: market.variant, delta: 900_000_000, note: None };
    commerce.adjust_stock(caller("endow-stock")?, stock).await?;
    let amount = Money::new(900_000_000_000_000, Currency::KRW)?;
    let deposit = Deposit { customer_id: market.customer, amount, memo: None };
    commerce.deposit(caller("endow-wallet")?, deposit).await?;
    Ok(())
}
