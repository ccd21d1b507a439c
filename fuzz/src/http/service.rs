//! The service that a script is played on: the demo shop on the store in memory, under a clock that stands still.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use commerce_core::store::{Jobs, LeaseRequest, Leases, Outbox};
use commerce_core::{
    ClaimRequest, Commerce, Holder, JobName, JobPlan, ManualClock, NodeId, Payments, Shop, StoreError, Timestamp,
};
use commerce_server::app::{App, Limits};
use commerce_server::auth::Role;
use commerce_server::gateway::Cards;
use commerce_server::gateway::emulator::{Emulator, Manner};
use commerce_server::gateway::signature::Webhooks;
use commerce_server::router::Router;
use commerce_server::{api, demo};
use commerce_store_memory::MemoryStore;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::script::Request;
use crate::sequence::Snapshot;

/// When every script is played.
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Small, so that inputs can be over it.
const BODY_LIMIT: usize = 2_048;

pub(super) struct Service {
    app: Arc<App>,
    router: Router,
    store: Arc<MemoryStore>,
    runtime: Runtime,
    /// What `$name` stands for.
    names: BTreeMap<&'static str, String>,
    sent: u64,
}

/// A request as it is sent.
pub(super) struct Sent {
    pub(super) who: String,
    pub(super) method: Method,
    pub(super) uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// Null if the text is no JSON.
    pub(super) body: Value,
}

/// A job that runs when it is asked to: no process is there to run it.
async fn tidying(store: &MemoryStore) -> Result<(), StoreError> {
    let job: JobName = "tidying".parse().expect("a job's name");
    let owner = "worker".parse().expect("an owner");
    let lease = store.acquire(LeaseRequest { name: job.lease(), owner, duration: Duration::from_secs(1) }).await?;
    let plan = JobPlan { job, schedule: None, next_at: None };
    store.plan_job(lease.expect("a new lease").token, plan).await.map(drop)
}

impl Service {
    pub(super) fn open() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let store = Arc::new(MemoryStore::with_clock(Shop::default(), clock.clone()));
        let commerce = Commerce::with_clock(store.clone(), NodeId::default(), clock);
        // A timeout would make a property of the machine's speed.
        let limits = Limits { body: BODY_LIMIT, request: Duration::from_secs(86_400), ..Limits::default() };
        // A gateway in process; without secrets no call is its own.
        let gateway = Arc::new(Emulator::new(Manner::Approve));
        let payments = Payments::new(commerce.clone(), gateway);
        let cards = Some(Cards { payments, webhooks: Webhooks::new(Vec::new()) });
        let app = App::with_cards(commerce, b"a secret for fuzzing, of 32 bytes or more", limits, cards);
        let router = Router::new(Arc::clone(&app), api::operations(&app), Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let demo = runtime.block_on(demo::fill(&app.commerce)).expect("the demo shop opens");
        let books = "books".parse().expect("a sink's name");
        runtime.block_on(store.register_sink(&books)).expect("the store in memory answers");
        runtime.block_on(tidying(&store)).expect("the store in memory answers");
        let names = BTreeMap::from([("customer", demo.customer.to_string()), ("variant", demo.variant.to_string())]);
        Self { app, router, store, runtime, names, sent: 0 }
    }

    /// What commands change.
    pub(super) fn books(&self) -> Snapshot {
        Snapshot::of(&self.store)
    }

    pub(super) fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Gives up on every event there is, as a relay does whose sink refuses them all.
    pub(super) fn give_up(&self) {
        let holder =
            Holder { sink: "books".parse().expect("a sink's name"), owner: "relay".parse().expect("an owner") };
        let request = ClaimRequest { holder: holder.clone(), limit: 100, hold: Duration::from_secs(60) };
        self.runtime.block_on(async {
            self.store.distribute(100).await.expect("the store in memory answers");
            for claimed in self.store.claim(request).await.expect("the store in memory answers") {
                self.store.bury(&holder, claimed.message.id, "refused").await.expect("the store in memory answers");
            }
        });
    }

    /// The request with names filled in; none if it cannot be written as HTTP at all.
    pub(super) fn prepare(&mut self, request: &Request<'_>) -> Option<Sent> {
        let method = Method::from_bytes(request.method.as_bytes()).ok()?;
        let uri: Uri = self.filled(request.target).parse().ok().filter(|uri: &Uri| uri.path().starts_with('/'))?;
        let mut headers = HeaderMap::new();
        if let Some(token) = self.token(request.who) {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).ok()?);
        }
        self.sent += 1;
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(&format!("key-{}", self.sent)).ok()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.remove(&name);
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_str(&self.filled(value)).ok()?);
            }
        }
        let body = match std::str::from_utf8(request.body) {
            Ok(text) => self.filled(text).into_bytes(),
            Err(_) => request.body.to_vec(),
        };
        Some(Sent { who: request.who.to_owned(), method, uri, headers, body })
    }

    fn token(&self, who: &str) -> Option<String> {
        let (role, subject) = match who {
            "customer" => (Role::Customer, "1001"),
            "other" => (Role::Customer, "1002"),
            "stranger" => (Role::Customer, "9223372036854775807"),
            "operator" => (Role::Operator, "mina"),
            _ => return None,
        };
        self.app.tokens.mint(role, subject, Duration::from_secs(86_400)).ok()
    }

    fn filled(&self, text: &str) -> String {
        let fill = |text: String, (name, value): (&&str, &String)| text.replace(&format!("${name}"), value);
        self.names.iter().fold(text.to_owned(), fill)
    }

    pub(super) fn send(&self, sent: &Sent) -> Answer {
        let mut request = poem::Request::builder().method(sent.method.clone()).uri(sent.uri.clone()).finish();
        *request.headers_mut() = sent.headers.clone();
        request.set_body(sent.body.clone());
        self.runtime.block_on(async {
            let mut response = self.router.respond(request).await;
            let bytes = response.take_body().into_vec().await.expect("a body in memory");
            let text = String::from_utf8(bytes).expect("answers are UTF-8");
            let body = serde_json::from_str(&text).unwrap_or_default();
            Answer { status: response.status(), headers: response.headers().clone(), text, body }
        })
    }

    /// Keeps what an answer gave out, for later requests to name.
    pub(super) fn remember(&mut self, answer: &Answer) {
        for (name, pointer, mark) in [
            ("order", "/id", "/placed_at"),
            ("copy", "/id", "/coupon_id"),
            ("coupon", "/id", "/discount/percent"),
            ("coupon", "/id", "/discount/amount"),
            ("product", "/product/id", "/variants"),
            ("variant", "/variants/0/id", "/product"),
            ("variant", "/id", "/sku"),
            ("cursor", "/next_cursor", "/items"),
            ("top_up", "/id", "/charge_id"),
            ("letter", "/items/0/message_id", "/items/0/last_error"),
        ] {
            let given = answer.body.pointer(mark).and_then(|_| answer.body.pointer(pointer)?.as_str());
            if let Some(given) = given {
                self.names.insert(name, given.to_owned());
            }
        }
    }
}

impl Sent {
    /// Whether an answer in the affirmative means that something changed.
    pub(super) fn changes(&self) -> bool {
        let asks =
            self.uri.path() == "/v1/quotes" || self.uri.query().is_some_and(|query| query.contains("dry_run=true"));
        !self.method.is_safe() && !asks
    }

    /// Whether it asks the gateway how things stand, and changes what has changed there.
    pub(super) fn asks_gateway(&self) -> bool {
        self.uri.path().ends_with("/confirm")
    }

    /// Whether it says what is to be, and may find that it is so already.
    pub(super) fn is_repeatable(&self) -> bool {
        let path = self.uri.path();
        let removes = self.method == Method::DELETE && path.starts_with("/v1/admin/webhooks/");
        let settles = path.starts_with("/v1/admin/dead-letters/") || path.starts_with("/v1/admin/sinks/");
        removes || settles || path.ends_with("/roll-up") || path.starts_with("/v1/admin/jobs/")
    }

    /// Whether each part of it is done under a key of its own, so that nothing can be said of the whole beforehand.
    pub(super) fn is_done_in_parts(&self) -> bool {
        self.uri.path() == "/v1/admin/products/import"
    }

    /// Whether a card may be charged for it: a later answer may know more of that than the first.
    pub(super) fn takes_card(&self) -> bool {
        self.uri.path().ends_with("/pay") || self.uri.path() == "/v1/me/top-ups"
    }
}

impl Answer {
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_success()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("header text"))
    }
}

/// Without the token.
impl Debug for Sent {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.who, self.method, self.uri, self.body.escape_ascii())
    }
}

impl Debug for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text)
    }
}
