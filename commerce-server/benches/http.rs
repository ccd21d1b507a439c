//! Orders per second over HTTP against the same server's trivial JSON route, side by side in one run.
//!
//! `cargo bench -p commerce-server` starts the server on the memory store in this process and drives it over
//! loopback from 64 connections that are kept alive, each waiting for its answer before it asks again. The load
//! shares the machine with the server, as `wrk` on the same host would. `SECONDS=10` sets how long each case of
//! each round runs; the ratio is of the medians over the rounds.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark stops at the first surprise, and prints")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commerce_core::{
    AdjustStock, Caller, Commerce, Currency, Deposit, Error, IdempotencyKey, Money, NodeId, Principal, Shop,
};
use commerce_server::app::{App, Limits};
use commerce_server::auth::Role;
use commerce_server::{demo, serve, service};
use commerce_store_memory::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The allocator of the server's binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const SECRET: &[u8] = b"a secret for the benchmark alone, nowhere else";

#[tokio::main]
async fn main() {
    let seconds = std::env::var("SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let length = Duration::from_secs(seconds);
    let target = Target::start().await;
    let (mut trivial, mut orders) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        trivial.push(rate(&target, length, |target, _| target.trivial()).await);
        orders.push(rate(&target, length, move |target, n| target.order(round, n)).await);
    }
    let (trivial, orders) = (median(trivial), median(orders));
    println!("{CONNECTIONS} connections, {ROUNDS} rounds of {seconds} s each, medians");
    println!("  GET /health/live  {trivial:>8.0} requests/s");
    println!("  POST /v1/orders   {orders:>8.0} orders/s: {:.2} of the trivial route", orders / trivial);
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A served shop, and the requests to send it.
struct Target {
    address: SocketAddr,
    token: String,
    variant: String,
}

impl Target {
    async fn start() -> Arc<Self> {
        let commerce = Commerce::new(Arc::new(MemoryStore::new(Shop::default())), NodeId::default());
        let app = App::new(commerce, SECRET, Limits::default());
        let market = demo::fill(&app.commerce).await.expect("the demo shop");
        endow(&app.commerce, &market).await.expect("stock and money without end");
        let token = app.tokens.mint(Role::Customer, &market.customer.to_string(), Duration::from_secs(3_600));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(serve::serve(listener, Arc::new(service(&app)), std::future::pending()));
        Arc::new(Self { address, token: token.expect("a token"), variant: market.variant.to_string() })
    }

    fn trivial(&self) -> String {
        format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", self.address)
    }

    fn order(&self, round: usize, n: String) -> String {
        let body = format!(r#"{{"lines":[{{"variant_id":"{}","quantity":1}}],"payment":"wallet"}}"#, self.variant);
        format!(
            "POST /v1/orders HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {round}-{n}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )
    }
}

/// Stock and money for more orders than the benchmark can place.
async fn endow(commerce: &Commerce, market: &demo::Demo) -> Result<(), Error> {
    let caller = |key| Caller::new(Principal::System, IdempotencyKey::new(key).expect("a key"));
    let delta = 900_000_000;
    let stock = AdjustStock { variant_id: market.variant, delta, note: None };
    commerce.adjust_stock(caller("endow-stock"), stock).await?;
    let amount = Money::new(900_000_000_000_000, Currency::KRW).expect("an amount");
    let deposit = Deposit { customer_id: market.customer, amount, memo: None };
    commerce.deposit(caller("endow-wallet"), deposit).await.map(drop)
}

/// Answers per second over all connections.
async fn rate<F>(target: &Arc<Target>, length: Duration, request: F) -> f64
where
    F: Fn(&Target, String) -> String + Copy + Send + 'static,
{
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        let target = Arc::clone(target);
        clients.spawn(async move {
            let mut connection = Connection::open(target.address).await;
            let mut answers = 0_u64;
            while begin.elapsed() < length {
                connection.ask(request(&target, format!("{client}-{answers}")).as_bytes()).await;
                answers += 1;
            }
            answers
        });
    }
    let answers: u64 = clients.join_all().await.into_iter().sum();
    answers as f64 / begin.elapsed().as_secs_f64()
}

/// The least of an HTTP client: one request at a time, answers with a Content-Length, statuses below 300.
struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("a connection");
        socket.set_nodelay(true).expect("no delay");
        Self { socket, buffer: Vec::with_capacity(16 * 1024) }
    }

    async fn ask(&mut self, request: &[u8]) {
        self.socket.write_all(request).await.expect("the request is sent");
        self.buffer.clear();
        loop {
            assert_ne!(
                self.socket.read_buf(&mut self.buffer).await.expect("an answer"),
                0,
                "the connection stays open"
            );
            if whole(&self.buffer) {
                let answer = String::from_utf8_lossy(&self.buffer);
                assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
                return;
            }
        }
    }
}

/// Whether the buffer holds a head and as many bytes of body as it says.
fn whole(buffer: &[u8]) -> bool {
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|n| n.trim().parse::<usize>().ok()).is_some_and(|length| buffer.len() >= end + 4 + length)
}
