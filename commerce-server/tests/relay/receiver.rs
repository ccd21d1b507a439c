//! The other side of a webhook: an HTTP server that writes down what it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use commerce_server::gateway::signature::{Signed, WebhookSecret, Webhooks};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn secret() -> WebhookSecret {
    WebhookSecret::parse(SECRET).expect("a secret")
}

/// What it answers to the `n`th call, which is this event; nothing until it is released, if ever, and 200 then.
type Manner = dyn Fn(usize, &Value) -> Option<u16> + Send + Sync;

pub(crate) struct Receiver {
    pub(crate) url: String,
    manner: Box<Manner>,
    log: Mutex<Log>,
    known: Mutex<Webhooks>,
    released: watch::Sender<bool>,
}

#[derive(Default)]
struct Log {
    calls: usize,
    /// How many signatures each call had.
    signatures: Vec<usize>,
    under_way: BTreeSet<String>,
    /// Events that it has said it has, as they came.
    taken: Vec<Value>,
}

impl Receiver {
    pub(crate) async fn start(manner: impl Fn(usize, &Value) -> Option<u16> + Send + Sync + 'static) -> Arc<Self> {
        Self::listen(manner, None).await
    }

    /// One that is called by its name, and speaks TLS.
    pub(crate) async fn encrypted(acceptor: TlsAcceptor) -> Arc<Self> {
        Self::listen(|_, _| Some(200), Some(acceptor)).await
    }

    async fn listen(
        manner: impl Fn(usize, &Value) -> Option<u16> + Send + Sync + 'static,
        acceptor: Option<TlsAcceptor>,
    ) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = match &acceptor {
            None => format!("http://{address}/events"),
            Some(_) => format!("https://localhost:{}/events", address.port()),
        };
        let (manner, log) = (Box::new(manner), Mutex::default());
        let (known, released) = (Mutex::new(Webhooks::new(vec![secret()])), watch::Sender::new(false));
        let receiver = Arc::new(Self { url, manner, log, known, released });
        let handler = Arc::clone(&receiver);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (handler, acceptor) = (Arc::clone(&handler), acceptor.clone());
                let service = service_fn(move |request| Arc::clone(&handler).answer(request));
                tokio::spawn(async move {
                    let http = http1::Builder::new();
                    // Whoever goes away, or does not like the certificate, is no concern of the receiver's.
                    match acceptor {
                        None => drop(http.serve_connection(TokioIo::new(socket), service).await),
                        Some(acceptor) => {
                            let Ok(socket) = acceptor.accept(socket).await else { return };
                            drop(http.serve_connection(TokioIo::new(socket), service).await);
                        }
                    }
                });
            }
        });
        receiver
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().expect("text"));
        let event: Value = serde_json::from_slice(&body).expect("JSON");
        let id = event["id"].as_str().expect("an id").to_owned();
        let signed = Signed {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
        };
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.verify(signed, &body, now).expect("a signature of the secret");
        assert_eq!((signed.id, head.method.as_str()), (id.as_str(), "POST"));
        assert!(header("content-type").starts_with("application/cloudevents+json"));

        let n = {
            let mut log = self.log();
            log.calls += 1;
            log.signatures.push(signed.signatures.split(' ').count());
            assert!(log.under_way.insert(id.clone()), "{id} is sent while it is being sent");
            log.calls
        };
        // Others have their turn while this one is under way.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        // Whoever calls may die meanwhile.
        let _under_way = UnderWay { receiver: &self, id: &id };
        let status = match (self.manner)(n, &event) {
            Some(status) => status,
            None => {
                let mut released = self.released.subscribe();
                released.wait_for(|released| *released).await.expect("this receiver");
                200
            }
        };
        self.answered(event, status);
        let answer = Response::builder().status(status).header("location", "http://127.0.0.1:9/").body(Full::default());
        Ok(answer.expect("an answer"))
    }

    fn answered(&self, event: Value, status: u16) {
        if (200..300).contains(&status) {
            self.log().taken.push(event);
        }
    }

    /// From now on calls are verified with these.
    pub(crate) fn know(&self, secrets: Vec<WebhookSecret>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Webhooks::new(secrets);
    }

    /// Answers what was not answered, and will be no more.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// How many calls wait to be released.
    pub(crate) fn under_way(&self) -> usize {
        self.log().under_way.len()
    }

    /// How many signatures each call had, in turn.
    pub(crate) fn signatures(&self) -> Vec<usize> {
        self.log().signatures.clone()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> usize {
        self.log().calls
    }

    /// What it has taken so far.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.log().taken.clone()
    }

    /// What a consumer makes of what it has taken.
    pub(crate) fn read_model(&self) -> BTreeMap<String, Value> {
        read_model(&self.taken())
    }
}

/// What a consumer that leaves out ids it has seen makes of events: every order as it was last told. Checks on the way
/// that each order's events came in sequence, the first time.
pub(crate) fn read_model(events: &[Value]) -> BTreeMap<String, Value> {
    let (mut seen, mut last, mut orders) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for event in events {
        if !seen.insert(event["id"].to_string()) {
            continue;
        }
        let order = event["subject"].as_str().expect("an order").to_owned();
        let sequence: u64 = event["sequence"].as_str().expect("a text").parse().expect("a number");
        let before = last.insert(order.clone(), sequence).unwrap_or(0);
        assert_eq!(sequence, before + 1, "the sequence of {order}, after {before}");
        assert_eq!(event["data"]["sequence"], sequence);
        orders.insert(order, event["data"]["order"].clone());
    }
    orders
}

/// A call, until it is answered or whoever called is gone.
struct UnderWay<'a> {
    receiver: &'a Receiver,
    id: &'a str,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.receiver.log().under_way.remove(self.id);
    }
}
