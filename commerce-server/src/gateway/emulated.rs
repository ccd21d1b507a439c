//! The emulator over HTTP, on a port of its own, with its calls back.
//!
//! | | |
//! |---|---|
//! | `POST /v1/payments` | take a payment; the same again under one reference is the same payment |
//! | `GET /v1/payments/{reference}` | where it stands |
//! | `POST /v1/payments/{reference}/capture`, `…/cancel` | capture it, or call it off; what can no longer be is told as it is |
//! | `POST /v1/payments/{reference}/refunds` | give money back, once per `Idempotency-Key` |
//! | `POST /v1/payments/{reference}/approve`, `…/decline` | decide on a pending one, as its customer would |
//! | `GET /v1/manners` | which amounts bring about what |

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{
    ChargeId, GatewayError, GatewayPayment, GatewayRefund, GatewayRequest, IdempotencyKey, PaymentGateway,
};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json, Path};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get, handler, post};
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;

use super::emulator::{Emulator, Happening, MANNERS, Manner};
use super::protocol::{NewPayment, NewRefund, Notice, Payment, Refund, Refusal};
use super::signature::WebhookSecret;
use crate::auth::now;
use crate::sink::webhook::plain;

/// How often a call back is tried until it is answered with 2xx.
const TRIES: u32 = 8;

/// What the emulator is set to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to call back, and the secret that calls are signed with; nowhere if absent.
    pub webhook: Option<(Url, WebhookSecret)>,
    /// How long what takes a while takes.
    pub delay: Duration,
    /// How long an answer is held back that is to come too late.
    pub hang: Duration,
}

#[derive(Clone)]
struct Desk {
    emulator: Arc<Emulator>,
    settings: Arc<Settings>,
    client: reqwest::Client,
}

/// Serves `emulator` until `stop` is ready.
pub async fn serve(
    listener: TcpListener,
    emulator: Arc<Emulator>,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let client = plain(reqwest::Client::builder()).build().map_err(std::io::Error::other)?;
    let desk = Desk { emulator, settings: Arc::new(settings), client };
    let server = poem::Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?);
    server.run_with_graceful_shutdown(routes(desk), stop, Some(Duration::from_secs(1))).await
}

fn routes(desk: Desk) -> impl Endpoint {
    Route::new()
        .at("/v1/payments", post(create))
        .at("/v1/payments/:reference", get(look_up))
        .at("/v1/payments/:reference/capture", post(capture))
        .at("/v1/payments/:reference/cancel", post(cancel))
        .at("/v1/payments/:reference/refunds", post(refund))
        .at("/v1/payments/:reference/approve", post(approve_payment))
        .at("/v1/payments/:reference/decline", post(decline_payment))
        .at("/v1/manners", get(manners))
        .data(desk)
}

#[handler]
async fn create(Data(desk): Data<&Desk>, Json(new): Json<NewPayment>) -> Response {
    let Ok(amount) = new.amount.money() else { return refusal("that is no amount of money") };
    let (charge_id, customer_id) = (new.reference, new.customer);
    let known = desk.emulator.find(charge_id).is_some();
    let taken = desk.emulator.take(&GatewayRequest { charge_id, customer_id, amount });
    desk.tell();
    if !known && taken.is_ok() {
        match desk.emulator.manner(amount) {
            Manner::Hang => tokio::time::sleep(desk.settings.hang).await,
            Manner::LoseAnswer => return StatusCode::BAD_GATEWAY.into_response(),
            Manner::Delay => desk.decide_later(charge_id, true),
            Manner::DelayedDecline => desk.decide_later(charge_id, false),
            _ => {}
        }
    }
    answer(charge_id, taken)
}

#[handler]
async fn look_up(Data(desk): Data<&Desk>, Path(reference): Path<String>) -> Response {
    let Some((charge, found)) = known(desk, &reference) else { return missing() };
    answer(charge, Ok(found))
}

#[handler]
async fn capture(Data(desk): Data<&Desk>, Path(reference): Path<String>) -> Response {
    let Some((charge, _)) = known(desk, &reference) else { return missing() };
    desk.answered(charge, desk.emulator.capture(charge).await)
}

#[handler]
async fn cancel(Data(desk): Data<&Desk>, Path(reference): Path<String>) -> Response {
    let Some((charge, _)) = known(desk, &reference) else { return missing() };
    desk.answered(charge, desk.emulator.cancel(charge).await)
}

#[handler]
async fn approve_payment(Data(desk): Data<&Desk>, Path(reference): Path<String>) -> Response {
    let Some((charge, _)) = known(desk, &reference) else { return missing() };
    desk.answered(charge, desk.emulator.decide(charge, true))
}

#[handler]
async fn decline_payment(Data(desk): Data<&Desk>, Path(reference): Path<String>) -> Response {
    let Some((charge, _)) = known(desk, &reference) else { return missing() };
    desk.answered(charge, desk.emulator.decide(charge, false))
}

#[handler]
async fn refund(
    Data(desk): Data<&Desk>,
    Path(reference): Path<String>,
    request: &Request,
    Json(new): Json<NewRefund>,
) -> Response {
    let Some((charge_id, _)) = known(desk, &reference) else { return missing() };
    let key = request.header("idempotency-key").and_then(|key| IdempotencyKey::new(key).ok());
    let Some(key) = key else { return refusal("an Idempotency-Key is needed") };
    let Ok(amount) = new.amount.money() else { return refusal("that is no amount of money") };
    let refunded = desk.emulator.give_back(&GatewayRefund { charge_id, key: key.clone(), amount });
    desk.tell();
    match refunded {
        Ok((_, Manner::RefundLoseAnswer, true)) => return StatusCode::BAD_GATEWAY.into_response(),
        Ok((_, Manner::RefundHang, true)) => tokio::time::sleep(desk.settings.hang).await,
        Ok((_, Manner::RefundDelay, true)) => desk.give_back_later(charge_id, key),
        _ => {}
    }
    match refunded {
        Ok((status, ..)) => Json(Refund::from(&status)).into_response(),
        Err(error) => failed(&error),
    }
}

#[handler]
fn manners() -> Response {
    let manner = |(digits, manner): &(i64, Manner)| json!({ "minor_units_ending_in": digits, "manner": manner });
    Json(MANNERS.iter().map(manner).collect::<Vec<_>>()).into_response()
}

fn known(desk: &Desk, reference: &str) -> Option<(ChargeId, GatewayPayment)> {
    let charge = reference.parse().ok()?;
    desk.emulator.find(charge).map(|(payment, _)| (charge, payment))
}

fn answer(charge: ChargeId, payment: Result<GatewayPayment, GatewayError>) -> Response {
    match payment {
        Ok(payment) => Json(Payment::of(charge, &payment)).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &GatewayError) -> Response {
    match error {
        GatewayError::Refused { reason } => refusal(reason),
        GatewayError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn refusal(reason: &str) -> Response {
    Json(Refusal { error: reason.to_owned() }).with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response()
}

fn missing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

impl Desk {
    fn answered(&self, charge: ChargeId, payment: Result<GatewayPayment, GatewayError>) -> Response {
        self.tell();
        answer(charge, payment)
    }

    /// Approves or declines after a while.
    fn decide_later(&self, charge: ChargeId, approve: bool) {
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(desk.settings.delay).await;
            if let Err(error) = desk.emulator.decide(charge, approve) {
                tracing::warn!(%charge, %error, "could not be decided");
            }
            desk.tell();
        });
    }

    /// Gives back after a while.
    fn give_back_later(&self, charge: ChargeId, key: IdempotencyKey) {
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(desk.settings.delay).await;
            if let Err(error) = desk.emulator.finish(charge, &key) {
                tracing::warn!(%charge, %error, "could not be given back");
            }
            desk.tell();
        });
    }

    /// Calls back about what has happened, each in the manner of its payment.
    fn tell(&self) {
        let Some((url, secret)) = self.settings.webhook.clone() else { return };
        for happening in self.emulator.happenings() {
            let (first, times) = match happening.manner {
                Manner::CallNever => continue,
                Manner::CallTwice => (Duration::ZERO, 2),
                Manner::CallLate => (self.settings.delay * 4, 1),
                // What happened first is told last.
                Manner::CallOutOfOrder if happening.payment.status == commerce_core::GatewayStatus::Approved => {
                    (self.settings.delay * 2, 1)
                }
                _ => (Duration::ZERO, 1),
            };
            let call = Call { client: self.client.clone(), url: url.clone(), secret: secret.clone(), happening };
            tokio::spawn(async move {
                tokio::time::sleep(first).await;
                for _ in 0..times {
                    call.make().await;
                }
            });
        }
    }
}

/// One call back.
struct Call {
    client: reqwest::Client,
    url: Url,
    secret: WebhookSecret,
    happening: Happening,
}

impl Call {
    /// Tries until it is answered with 2xx, a little later each time; gives up in the end.
    async fn make(&self) {
        let Happening { id, kind, charge, payment, .. } = &self.happening;
        let notice = Notice { kind: kind.clone(), data: Payment::of(*charge, payment) };
        let Ok(body) = serde_json::to_vec(&notice) else { return };
        let id = format!("msg_{id}");
        for attempt in 0..TRIES {
            let timestamp = now();
            let request = self.client.post(self.url.clone()).header("content-type", "application/json");
            let request = request
                .header("webhook-id", &id)
                .header("webhook-timestamp", timestamp)
                .header("webhook-signature", self.secret.sign(&id, timestamp, &body))
                .body(body.clone());
            match request.send().await {
                Ok(response) if response.status().is_success() => return,
                Ok(response) => {
                    tracing::info!(%charge, status = %response.status(), attempt, "a call back was refused")
                }
                Err(error) => tracing::info!(%charge, %error, attempt, "a call back did not arrive"),
            }
            tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(attempt)).await;
        }
        tracing::warn!(%charge, "gave up calling back");
    }
}
