//! Claims of a coupon on PostgreSQL, of one that has plenty and of one that is gone, with each kind of gate in front.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use commerce_core::{
    Caller, Commerce, CouponId, CouponRef, CouponScope, CreateCoupon, Currency, Discount, Gate, IdempotencyKey,
    IssueCoupon, Money, Name, NodeId, OperatorName, Principal, Shop, Stacking, Store, Window,
};
use commerce_server::app::{App, Limits};
use commerce_server::auth::Role;
use commerce_server::gate::Doorway;
use commerce_server::gate::process::InProcess;
use commerce_server::{serve, service};
use commerce_store_postgres::{Config, PostgresStore, migrate};
use commerce_store_postgres_testkit::{Cluster, Settings, admin};
use tokio::net::TcpListener;

use crate::SECRET;
use crate::load::{Client, Connection, Figure, Outcome, measure, median};
use crate::shop::Market;

const CONNECTIONS: usize = 256;
const ROUNDS: usize = 3;

/// One that claims, whatever the answer.
struct Claimant {
    connection: Connection,
    token: String,
    coupon: CouponId,
    counter: Arc<AtomicU64>,
}

impl Client for Claimant {
    async fn ask(&mut self) -> Outcome<()> {
        let key = self.counter.fetch_add(1, Ordering::Relaxed);
        let body = format!(r#"{{"coupon_id":"{}"}}"#, self.coupon);
        let request = format!(
            "POST /v1/me/coupons HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: claim-{key}\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        match self.connection.ask_for_status(request.as_bytes()).await? {
            201 | 409 => Ok(()),
            other => Err(format!("a claim was answered with status {other}").into()),
        }
    }
}

fn caller(key: &str) -> Outcome<Caller> {
    Ok(Caller::new(Principal::Operator(OperatorName::new("bench")?), IdempotencyKey::new(key)?))
}

async fn coupon(commerce: &Commerce, key: &str, total: u32) -> Outcome<CouponId> {
    let now = commerce.store().now().await?;
    let terms = CreateCoupon {
        code: None,
        by_code: false,
        name: Name::new(key)?,
        discount: Discount::Amount(Money::new(100, Currency::KRW)?),
        scope: CouponScope::Order,
        stacking: Stacking::default(),
        priority: 0,
        min_subtotal: None,
        total_quantity: Some(total),
        per_customer_limit: 1_000_000,
        window: Window { from: now, until: None },
        active: true,
    };
    Ok(commerce.create_coupon(caller(key)?, terms).await?.outcome.id)
}

/// Prints the table.
pub(crate) async fn run(length: Duration) -> Outcome<()> {
    let cluster = Cluster::start(Settings::durable())?;
    admin(cluster.url("postgres"), "create database shop".to_owned()).await?;
    let url = cluster.url("shop");
    migrate(&url).await?;
    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(Config::new(&url, Shop::default())?).await?);
    let commerce = Commerce::new(Arc::clone(&store), NodeId::default());
    let market = Market::make(&commerce, CONNECTIONS).await?;
    let (plenty, gone) = (coupon(&commerce, "plenty", 1_000_000).await?, coupon(&commerce, "gone", 1).await?);
    let customer_id = market.customers[0];
    let claim = IssueCoupon { customer_id, coupon: CouponRef::Id(gone) };
    commerce.issue_coupon(caller("the-last")?, claim).await?;

    let redis = crate::servers::redis::Redis::start().await;
    let mut doors: Vec<(&str, SocketAddr)> = vec![("no gate", serve_behind(&store, None).await?)];
    let in_process: Arc<dyn Gate> = Doorway::new(Arc::clone(&store), Arc::new(InProcess::default()));
    doors.push(("gate in process", serve_behind(&store, Some(in_process)).await?));
    let in_redis = crate::redis::gate(&redis, &store)?;
    doors.push(("gate in Redis", serve_behind(&store, Some(in_redis)).await?));
    println!("claims over HTTP on PostgreSQL: {CONNECTIONS} connections, {ROUNDS} rounds of {length:?} each, medians");
    println!("{:<8} {:<16} {:>9} {:>9} {:>9} {:>6}", "coupon", "", "a second", "p50", "p99", "x");
    let counter = Arc::<AtomicU64>::default();
    for (name, coupon) in [("gone", gone), ("plenty", plenty)] {
        let mut figures: Vec<Vec<Figure>> = vec![Vec::new(); doors.len()];
        for _ in 0..ROUNDS {
            for ((_, address), figures) in doors.iter().zip(&mut figures) {
                admin(url.clone(), "checkpoint".to_owned()).await?;
                figures.push(measure(claimants(&market, *address, coupon, &counter).await?, length).await?);
            }
        }
        let medians: Vec<Figure> = figures.into_iter().map(median).collect();
        for ((how, _), figure) in doors.iter().zip(&medians) {
            let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
            let (p50, p99) = (milliseconds(figure.p50), milliseconds(figure.p99));
            let ratio = figure.per_second / medians[0].per_second;
            println!("{name:<8} {how:<16} {:>9.0} {p50:>9} {p99:>9} {ratio:>6.2}", figure.per_second);
        }
    }
    Ok(())
}

/// A server of its own on the store, behind a gate if there is one.
async fn serve_behind(store: &Arc<dyn Store>, gate: Option<Arc<dyn Gate>>) -> Outcome<SocketAddr> {
    static NODES: AtomicU64 = AtomicU64::new(1);
    let node = u16::try_from(NODES.fetch_add(1, Ordering::Relaxed))?;
    let commerce = Commerce::new(Arc::clone(store), NodeId::new(node).ok_or("there are fewer nodes")?);
    let commerce = match gate {
        Some(gate) => commerce.behind(gate),
        None => commerce,
    };
    let app = App::new(commerce, SECRET.as_bytes(), Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve::serve(listener, Arc::new(service(&app)), std::future::pending()));
    Ok(address)
}

async fn claimants(
    market: &Market,
    address: SocketAddr,
    coupon: CouponId,
    counter: &Arc<AtomicU64>,
) -> Outcome<Vec<Claimant>> {
    let tokens = commerce_server::auth::Tokens::new(SECRET.as_bytes());
    let mut clients = Vec::new();
    for customer in &market.customers {
        let token = tokens.mint(Role::Customer, &customer.to_string(), Duration::from_secs(3_600))?;
        let connection = Connection::open(address).await?;
        clients.push(Claimant { connection, token, coupon, counter: Arc::clone(counter) });
    }
    Ok(clients)
}
