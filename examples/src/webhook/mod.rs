//! A service that keeps a read model from a shop's webhook.

mod signature;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use poem::http::{HeaderMap, StatusCode};
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json};
use poem::{Body, EndpointExt, IntoResponse, Response, Route, Server, get, handler, post};

pub use self::signature::Secret;
use crate::read_model::ReadModel;

/// The most bytes of an event that are read.
const MAX_BODY: usize = 1 << 20;

/// What the handlers share.
#[derive(Debug)]
pub struct Receiver {
    secret: Secret,
    model: Mutex<ReadModel>,
}

impl Receiver {
    /// A receiver of calls that are signed with this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Arc<Self> {
        Arc::new(Self { secret, model: Mutex::default() })
    }

    /// The read model as it is.
    pub fn model(&self) -> MutexGuard<'_, ReadModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes events at `POST /events`, and shows the orders at `GET /orders`, until `stop` is ready.
pub async fn serve(
    listener: tokio::net::TcpListener,
    receiver: Arc<Receiver>,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let routes = Route::new().at("/events", post(take)).at("/orders", get(orders)).data(receiver);
    let acceptor = TcpAcceptor::from_tokio(listener)?;
    Server::new_with_acceptor(acceptor).run_with_graceful_shutdown(routes, stop, Some(Duration::from_secs(5))).await
}

/// Only a status of 2xx tells the shop that the event has been taken; whatever else it hears, it tries again.
#[handler]
async fn take(headers: &HeaderMap, body: Body, Data(receiver): Data<&Arc<Receiver>>) -> Response {
    let Ok(body) = body.into_bytes_limit(MAX_BODY).await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, "an event is smaller");
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if !receiver.secret.has_signed(headers, &body, now) {
        return answer(StatusCode::UNAUTHORIZED, "the call is not signed with the secret, or not now");
    }
    // Taken means written down, also what the model holds back: a service with tables of its own commits here, and answers
    // after. To refuse what comes too early would make a dead letter of it as well.
    match receiver.model().apply(&body) {
        Ok((event, applied)) => {
            println!("{} about {}: {applied:?}", event.kind, event.subject);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => answer(StatusCode::UNPROCESSABLE_ENTITY, &refused.to_string()),
    }
}

#[handler]
fn orders(Data(receiver): Data<&Arc<Receiver>>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "orders": receiver.model().orders() }))
}

fn answer(status: StatusCode, text: &str) -> Response {
    Response::builder().status(status).body(text.to_owned())
}
