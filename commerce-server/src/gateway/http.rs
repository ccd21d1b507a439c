//! A gateway over HTTP, by the [`protocol`](super::protocol).

use std::time::Duration;

use async_trait::async_trait;
use commerce_core::{
    ChargeId, GatewayError, GatewayPayment, GatewayRefund, GatewayRefundStatus, GatewayRequest, PaymentGateway,
};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::protocol::{NewPayment, NewRefund, Payment, Refund, Refusal};
use crate::sink::webhook::plain;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// Asks a gateway at a URL.
#[derive(Debug, Clone)]
pub struct HttpGateway {
    client: Client,
    payments: Url,
}

/// A gateway that cannot be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the gateway cannot be asked: {reason}")]
pub struct HttpGatewayError {
    reason: String,
}

impl HttpGateway {
    /// A gateway at `base`, each of whose answers may take as long as `patience`.
    pub fn new(base: &Url, patience: Duration) -> Result<Self, HttpGatewayError> {
        let failed = |reason: String| HttpGatewayError { reason };
        // What a redirect leads to is not the gateway that was named.
        let client = plain(Client::builder())
            .connect_timeout(CONNECT)
            .timeout(patience)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let mut payments = base.clone();
        let mut segments = payments.path_segments_mut().map_err(|()| failed(format!("{base} has no path")))?;
        segments.pop_if_empty().extend(["v1", "payments"]);
        drop(segments);
        Ok(Self { client, payments })
    }

    fn of(&self, charge: ChargeId, rest: &[&str]) -> Url {
        let mut url = self.payments.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(&charge.to_string()).extend(rest);
        }
        url
    }

    async fn payment(&self, charge: ChargeId, request: RequestBuilder) -> Result<GatewayPayment, GatewayError> {
        let payment: Payment = answer(request).await?.ok_or_else(|| refused("it knows of no such payment"))?;
        payment.read(charge).map_err(unreadable)
    }
}

/// The answer; none for 404. A definite no is one with a status of 4xx and words; anything else tells nothing.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<Option<T>, GatewayError> {
    let mut response = request.send().await.map_err(unavailable)?;
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return Err(unreadable(format!("it answered with more than {MAX_ANSWER} bytes")));
        }
    }
    if status.is_success() {
        return serde_json::from_slice(&body).map(Some).map_err(|error| unreadable(error.to_string()));
    }
    // Too many requests, one that took too long, and one under way with the same key are no answers to what was asked.
    let temporary =
        [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    match serde_json::from_slice::<Refusal>(&body) {
        Ok(Refusal { error }) if status.is_client_error() && !temporary.contains(&status) => Err(refused(&error)),
        _ => Err(unreadable(format!("it answered with status {status}"))),
    }
}

fn unavailable(error: reqwest::Error) -> GatewayError {
    GatewayError::Unavailable { reason: error.without_url().to_string() }
}

fn unreadable(reason: String) -> GatewayError {
    GatewayError::Unavailable { reason }
}

fn refused(reason: &str) -> GatewayError {
    GatewayError::Refused { reason: reason.to_owned() }
}

#[async_trait]
impl PaymentGateway for HttpGateway {
    async fn create(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError> {
        let post = self.client.post(self.payments.clone()).json(&NewPayment::from(request));
        self.payment(request.charge_id, post.header("Idempotency-Key", request.charge_id.to_string())).await
    }

    async fn look_up(&self, charge: ChargeId) -> Result<Option<GatewayPayment>, GatewayError> {
        let found: Option<Payment> = answer(self.client.get(self.of(charge, &[]))).await?;
        found.map(|payment| payment.read(charge).map_err(unreadable)).transpose()
    }

    async fn capture(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.payment(charge, self.client.post(self.of(charge, &["capture"]))).await
    }

    async fn cancel(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.payment(charge, self.client.post(self.of(charge, &["cancel"]))).await
    }

    async fn refund(&self, refund: &GatewayRefund) -> Result<GatewayRefundStatus, GatewayError> {
        let post = self.client.post(self.of(refund.charge_id, &["refunds"]));
        let post = post.json(&NewRefund { amount: refund.amount.into() });
        let refund = answer::<Refund>(post.header("Idempotency-Key", refund.key.as_str())).await?;
        refund.ok_or_else(|| refused("it knows of no such payment"))?.read().map_err(unreadable)
    }
}
