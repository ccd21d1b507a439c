//! A server on a free port over any store, and a client that speaks to it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use commerce_core::store::LeaseRequest;
use commerce_core::{
    Caller, Charge, ChargeReport, ClaimRequest, Clock, Commerce, Currency, GatewayPayment, GatewayStatus, Holder,
    IdempotencyKey, JobName, JobPlan, ManualClock, Money, Name, NodeId, PageRequest, Payments, Principal, ProductQuery,
    RequestTopUp, SettleCharge, Shop, StartCardPayment, Store, Timestamp, reconcile,
};
use commerce_server::app::{App, Limits};
use commerce_server::auth::Role;
use commerce_server::gateway::Cards;
use commerce_server::gateway::emulated::{Settings, serve as serve_gateway};
use commerce_server::gateway::emulator::{Emulator, Manner};
use commerce_server::gateway::http::HttpGateway;
use commerce_server::gateway::signature::{WebhookSecret, Webhooks};
use commerce_server::router::Router;
use commerce_server::{api, document, serve};
use commerce_store_memory::MemoryStore;
use commerce_store_postgres::{Config, PostgresStore};
use poem::endpoint::BoxEndpoint;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::database::database;

pub(crate) const SECRET: &[u8] = b"a secret for tests, long enough for HMAC";
pub(crate) const TTL: Duration = Duration::from_secs(1800);
/// 2026-11-21T09:30:00Z.
const START: i64 = 1_795_253_400_000;

/// Stamps each test once per store. Another store is another module here.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::harness::Server::start($crate::harness::memory).await).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::harness::Server::start($crate::harness::postgres).await).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_store;

/// The same for tests of a shop that takes cards.
macro_rules! on_every_store_with_cards {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::harness::Server::start_with_cards($crate::harness::memory).await).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::harness::Server::start_with_cards($crate::harness::postgres).await).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_store_with_cards;

/// What the emulated gateway signs its calls with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) async fn memory(shop: Shop, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::with_clock(shop, clock))
}

pub(crate) async fn postgres(shop: Shop, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let config = Config::new(&database().await.url, shop).expect("its URL").with_clock(clock);
    Arc::new(PostgresStore::open(config).await.expect("the store"))
}

pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: std::net::SocketAddr,
    client: reqwest::Client,
    keys: AtomicU64,
    gateway: Option<(Arc<Emulator>, std::net::SocketAddr)>,
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts a problem document with this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let media_type = self.header("content-type").to_owned();
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(media_type, "application/problem+json");
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {}", self.text);
        }
        self
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("header text"))
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().expect("an id, as a string").to_owned()
    }
}

/// A registered customer and its token.
pub(crate) struct Shopper {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Server {
    pub(crate) async fn start<F: Future<Output = Arc<dyn Store>>>(store: fn(Shop, Arc<dyn Clock>) -> F) -> Self {
        Self::start_with(store, Limits { body: 16 * 1024, ..Limits::default() }).await
    }

    pub(crate) async fn start_with<F>(store: fn(Shop, Arc<dyn Clock>) -> F, limits: Limits) -> Self
    where
        F: Future<Output = Arc<dyn Store>>,
    {
        Self::start_paged(store, limits, Vec::new()).await
    }

    /// A server that takes cards through an emulated gateway of its own, each on a port of its own.
    pub(crate) async fn start_with_cards<F>(store: fn(Shop, Arc<dyn Clock>) -> F) -> Self
    where
        F: Future<Output = Arc<dyn Store>>,
    {
        Self::start_all(store, Limits { body: 16 * 1024, ..Limits::default() }, Vec::new(), true).await
    }

    /// A server with further pages beside its operations.
    pub(crate) async fn start_paged<F>(
        store: fn(Shop, Arc<dyn Clock>) -> F,
        limits: Limits,
        pages: Vec<(&str, BoxEndpoint<'static>)>,
    ) -> Self
    where
        F: Future<Output = Arc<dyn Store>>,
    {
        Self::start_all(store, limits, pages, false).await
    }

    async fn start_all<F>(
        store: fn(Shop, Arc<dyn Clock>) -> F,
        limits: Limits,
        pages: Vec<(&str, BoxEndpoint<'static>)>,
        takes_cards: bool,
    ) -> Self
    where
        F: Future<Output = Arc<dyn Store>>,
    {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
        let shop = Shop { pending_order_ttl: TTL, ..Shop::default() };
        let store = store(shop, Arc::clone(&clock) as Arc<dyn Clock>).await;
        let commerce = Commerce::new(store, NodeId::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (mut cards, mut gateway) = (None, None);
        if takes_cards {
            let (emulator, at) = emulated(address).await;
            let base = format!("http://{at}").parse().expect("a URL");
            let asked = HttpGateway::new(&base, Duration::from_secs(2)).expect("a gateway");
            let payments = Payments::new(commerce.clone(), Arc::new(asked));
            let secret = WebhookSecret::parse(WEBHOOK_SECRET).expect("a secret");
            cards = Some(Cards { payments, webhooks: Webhooks::new(vec![secret]) });
            gateway = Some((emulator, at));
        }
        let app = App::with_cards(commerce, SECRET, limits, cards);
        let (stop, stopped) = oneshot::channel::<()>();
        let pages = document::pages().into_iter().chain(pages).collect();
        let router = Arc::new(Router::new(Arc::clone(&app), api::operations(&app), pages));
        tokio::spawn(serve::serve(listener, router, async {
            let _ = stopped.await;
        }));
        Self { app, clock, address, client: reqwest::Client::new(), keys: AtomicU64::new(1), gateway, _stop: stop }
    }

    /// The gateway that the shop takes cards through.
    pub(crate) fn gateway(&self) -> Arc<Emulator> {
        Arc::clone(&self.gateway.as_ref().expect("a shop that takes cards").0)
    }

    /// The steps between the shop and the gateway.
    pub(crate) fn payments(&self) -> &Payments {
        &self.app.cards.as_ref().expect("a shop that takes cards").payments
    }

    /// Something that a customer does on the gateway's own page.
    pub(crate) async fn at_gateway(&self, charge: &str, deed: &str) {
        let (_, at) = self.gateway.as_ref().expect("a shop that takes cards");
        let done = self.client.post(format!("http://{at}/v1/payments/{charge}/{deed}")).send().await;
        assert!(done.expect("an answer").status().is_success(), "{deed}");
    }

    /// A call of the gateway about a charge, signed `age` seconds ago.
    pub(crate) async fn call_back(&self, charge: &str, secret: &str, age: i64) -> Reply {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let timestamp = since_1970.as_secs().checked_add_signed(-age).expect("after 1970");
        let body = json!({ "type": "payment.captured", "data": { "reference": charge } }).to_string();
        let signature = WebhookSecret::parse(secret).expect("a secret").sign("msg_test", timestamp, body.as_bytes());
        let request = self.request(Method::POST, "/v1/webhooks/payments").header("webhook-id", "msg_test");
        let request = request.header("webhook-timestamp", timestamp).header("webhook-signature", signature);
        self.send(request.body(body)).await
    }

    /// A top-up of `who` on record, whether or not the shop takes cards.
    pub(crate) async fn top_up(&self, who: &Shopper) -> String {
        let customer_id = who.id.parse().expect("an id");
        let amount = Money::parse("10", Currency::KRW).expect("an amount");
        let key = IdempotencyKey::new(format!("top-up-{}", self.fresh())).expect("a key");
        let caller = Caller::new(Principal::Customer(customer_id), key);
        let asked = self.app.commerce.request_top_up(caller, RequestTopUp { customer_id, amount }).await;
        asked.expect("a top-up").outcome.id.to_string()
    }

    /// An order of one unit, paid by card, whether or not the shop takes cards by now; its id.
    pub(crate) async fn paid_by_card(&self, who: &Shopper, variant: &str) -> String {
        let id = self.pending(who, variant).await;
        let order_id = id.parse().expect("an id");
        let caller = |principal| {
            let key = IdempotencyKey::new(format!("card-{}", self.fresh())).expect("a key");
            Caller::new(principal, key)
        };
        let customer = Principal::Customer(who.id.parse().expect("an id"));
        let begun = self.app.commerce.start_card_payment(caller(customer), StartCardPayment { order_id }).await;
        let Charge { id: charge_id, customer_id, amount, .. } = *begun.expect("begun").outcome;
        let transaction_id = Name::new(format!("tx-{charge_id}")).expect("a name");
        let found = GatewayPayment { transaction_id, customer_id, amount, status: GatewayStatus::Captured };
        let report = SettleCharge { charge_id, report: ChargeReport::Found(found) };
        self.app.commerce.settle_charge(caller(Principal::System), report).await.expect("captured");
        id
    }

    pub(crate) fn fresh(&self) -> u64 {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn operator(&self) -> String {
        self.app.tokens.mint(Role::Operator, "mina", Duration::from_secs(60)).expect("a token")
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status, headers, text, body }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        let request = self.request(Method::GET, path);
        self.send(if token.is_empty() { request } else { request.bearer_auth(token) }).await
    }

    /// A mutation under a fresh key.
    pub(crate) async fn change(&self, method: Method, path: &str, token: &str, body: Value) -> Reply {
        let key = format!("key-{}", self.fresh());
        self.keyed(method, path, token, &key, &body).await
    }

    pub(crate) async fn keyed(&self, method: Method, path: &str, token: &str, key: &str, body: &Value) -> Reply {
        let request = self.request(method, path).header("Idempotency-Key", key).json(body);
        self.send(if token.is_empty() { request } else { request.bearer_auth(token) }).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        self.change(Method::POST, path, token, body).await
    }

    /// Puts a job on record, which runs when it is asked to.
    pub(crate) async fn job(&self, name: &str) {
        let (store, job) = (self.app.commerce.store(), name.parse::<JobName>().expect("a job's name"));
        let (owner, duration) = ("worker".parse().expect("an owner"), Duration::from_secs(60));
        let lease = store.acquire(LeaseRequest { name: job.lease(), owner, duration }).await.expect("an answer");
        let plan = JobPlan { job, schedule: None, next_at: None };
        assert!(store.plan_job(lease.expect("a free lease").token, plan).await.expect("an answer"));
    }

    /// A customer with `won` in the wallet.
    pub(crate) async fn shopper(&self, won: u64) -> Shopper {
        let body = json!({ "username": format!("shopper-{}", self.fresh()), "name": "Shopper" });
        let id = self.post("/v1/admin/customers", &self.operator(), body).await.expect(201).id();
        let token = self.app.tokens.mint(Role::Customer, &id, Duration::from_secs(60)).expect("a token");
        if won > 0 {
            let path = format!("/v1/admin/customers/{id}/wallet/deposits");
            let body = json!({ "amount": { "amount": won.to_string(), "currency": "KRW" } });
            self.post(&path, &self.operator(), body).await.expect(201);
        }
        Shopper { id, token }
    }

    /// A product on sale with one variant; its id and the variant's.
    pub(crate) async fn product(&self, won: u64, stock: u64) -> (String, String) {
        self.product_in("KRW", &won.to_string(), stock).await
    }

    pub(crate) async fn product_in(&self, currency: &str, amount: &str, stock: u64) -> (String, String) {
        let body = json!({
            "name": "A thing", "base_price": { "amount": amount, "currency": currency }, "status": "on_sale",
            "variants": [{ "sku": format!("SKU-{}", self.fresh()), "stock": stock }],
        });
        let listing = self.post("/v1/admin/products", &self.operator(), body).await.expect(201).body;
        let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
        (id(&listing["product"]), id(&listing["variants"][0]))
    }

    /// A coupon of 1,000 won, as the given members change it.
    pub(crate) async fn coupon(&self, changes: Value) -> String {
        let mut body = json!({
            "name": "1,000 off", "discount": { "amount": { "amount": "1000", "currency": "KRW" } },
            "starts_at": "2026-01-01T00:00:00Z",
        });
        for (name, value) in changes.as_object().expect("members") {
            body[name] = value.clone();
        }
        self.post("/v1/admin/coupons", &self.operator(), body).await.expect(201).id()
    }

    pub(crate) async fn claim(&self, who: &Shopper, coupon: &str) -> Reply {
        self.post("/v1/me/coupons", &who.token, json!({ "coupon_id": coupon })).await
    }

    pub(crate) fn place<'a>(
        &'a self,
        who: &'a Shopper,
        lines: &[(&str, i64)],
        more: Value,
    ) -> impl Future<Output = Reply> + use<'a> {
        self.post("/v1/orders", &who.token, order(lines, more))
    }

    /// An unpaid order of one unit.
    pub(crate) async fn pending(&self, who: &Shopper, variant: &str) -> String {
        self.place(who, &[(variant, 1)], json!({})).await.expect(201).id()
    }

    /// An order of one unit, paid from the wallet; its id.
    pub(crate) async fn paid(&self, who: &Shopper, variant: &str) -> String {
        self.place(who, &[(variant, 1)], json!({ "payment": "wallet" })).await.expect(201).id()
    }

    /// An order of one unit, on its way; its id.
    pub(crate) async fn shipped(&self, who: &Shopper, variant: &str) -> String {
        let id = self.paid(who, variant).await;
        self.post(&format!("/v1/admin/orders/{id}/ship"), &self.operator(), json!({})).await.expect(200);
        id
    }

    /// Dead letters of a sink, of the first events of as many orders: the ids of the messages.
    pub(crate) async fn buried(&self, sink: &str, count: u32) -> Vec<String> {
        let store = self.app.commerce.store();
        let holder = Holder { sink: sink.parse().expect("a name"), owner: "relay".parse().expect("an owner") };
        store.register_sink(&holder.sink).await.expect("registered");
        let (who, (_, variant)) = (self.shopper(0).await, self.product(1_000, u64::from(count)).await);
        for _ in 0..count {
            self.pending(&who, &variant).await;
        }
        while store.distribute(1_000).await.expect("distributed") > 0 {}
        let request = ClaimRequest { holder: holder.clone(), limit: count, hold: Duration::from_secs(60) };
        let claimed = store.claim(request).await.expect("a claim");
        assert_eq!(claimed.len(), count as usize);
        for claimed in &claimed {
            assert_eq!(store.bury(&holder, claimed.message.id, "answered with status 410").await, Ok(true));
        }
        // What is buried was buried before whatever is asked next.
        self.clock.advance(Duration::from_micros(1));
        claimed.iter().map(|claimed| claimed.message.id.to_string()).collect()
    }

    /// Everything that commands change, as text: to be compared with itself.
    pub(crate) async fn books(&self) -> String {
        let store = self.app.commerce.store();
        let report = reconcile(&**store).await.expect("a report");
        assert!(report.drifts.is_empty(), "{:?}", report.drifts);
        let facts = (
            store.products(&ProductQuery::default(), PageRequest::first(1_000)).await,
            store.customers(PageRequest::first(1_000)).await,
            store.stock_facts(PageRequest::first(1_000)).await,
            store.wallet_facts(PageRequest::first(1_000)).await,
            store.coupons(PageRequest::first(1_000)).await,
            store.coupon_facts(PageRequest::first(1_000)).await,
            store.order_facts(PageRequest::first(1_000)).await,
        );
        let mut carts = Vec::new();
        for customer in store.customers(PageRequest::first(1_000)).await.expect("customers").items {
            carts.push(store.cart(customer.id).await);
        }
        format!("{facts:?} {carts:?}")
    }
}

/// An emulated gateway that calls the server back; its address.
async fn emulated(server: std::net::SocketAddr) -> (Arc<Emulator>, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let url = format!("http://{server}/v1/webhooks/payments").parse().expect("a URL");
    let secret = WebhookSecret::parse(WEBHOOK_SECRET).expect("a secret");
    let (delay, hang) = (Duration::from_millis(50), Duration::from_secs(60));
    let settings = Settings { webhook: Some((url, secret)), delay, hang };
    let emulator = Arc::new(Emulator::new(Manner::Approve));
    tokio::spawn(serve_gateway(listener, Arc::clone(&emulator), settings, std::future::pending()));
    (emulator, address)
}

/// The body of an order.
pub(crate) fn order(lines: &[(&str, i64)], more: Value) -> Value {
    let line = |(variant, quantity): &(&str, i64)| json!({ "variant_id": variant, "quantity": quantity });
    let mut body = json!({ "lines": lines.iter().map(line).collect::<Vec<_>>() });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    body
}
