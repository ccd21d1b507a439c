//! Webhooks: a POST an event, signed as [Standard Webhooks](https://www.standardwebhooks.com) has it.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::{Client, ClientBuilder, Url};

use super::address::{PublicOnly, names_private};
use super::{CONTENT_TYPE, Outgoing, Sink, Word, causes};
use crate::auth::now;
use crate::gateway::signature::WebhookSecret;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How many events are sent at the same time.
const AT_ONCE: usize = 16;

/// What a webhook is sent to, and how.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where.
    pub url: Url,
    /// What its calls are signed with: one secret, or the old and the new while they change.
    pub secrets: Vec<WebhookSecret>,
    /// How long the other side may take over an answer.
    pub patience: Duration,
    /// Whether it may have an address that is not public.
    pub allow_private: bool,
}

/// Calls an endpoint for every event. Any status of 2xx is its word that it has it; redirects are not followed.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    endpoint: Endpoint,
}

/// An endpoint that cannot be called at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Its address is not public.
    #[error("{url} is not a public address; allow private ones if it is to be called")]
    Private {
        /// Where it is.
        url: String,
    },
    /// It is no address that can be called.
    #[error("write https://host/path or http://host:port/path, without a name or password in it")]
    Address,
    /// It is to be called over TLS, and this program cannot.
    #[error("this program was built without TLS: write http://host:port/path")]
    Encrypted,
    /// There is nothing to sign with.
    #[error("a webhook is signed: it needs a secret at least")]
    Unsigned,
    /// There is no client to call it with.
    #[error("webhooks cannot be sent: {reason}")]
    Client {
        /// What is wrong.
        reason: String,
    },
}

/// A client for calls that are not encrypted: it reads none of the system's certificates, of which there may be none.
#[cfg(feature = "tls")]
pub(crate) fn plain(client: ClientBuilder) -> ClientBuilder {
    client.tls_certs_only([])
}

/// A client, which cannot encrypt.
#[cfg(not(feature = "tls"))]
pub(crate) fn plain(client: ClientBuilder) -> ClientBuilder {
    client
}

/// The address of an endpoint, as far as it can be checked before the first call.
///
/// # Errors
/// [`EndpointError::Address`], [`EndpointError::Encrypted`], and [`EndpointError::Private`] unless that is allowed.
pub fn address(text: &str, allow_private: bool) -> Result<Url, EndpointError> {
    let callable = |url: &Url| {
        let anonymous = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && anonymous && url.fragment().is_none()
    };
    let url = Url::parse(text).ok().filter(callable).ok_or(EndpointError::Address)?;
    if url.scheme() == "https" && !cfg!(feature = "tls") {
        return Err(EndpointError::Encrypted);
    }
    if !allow_private && names_private(&url) {
        return Err(EndpointError::Private { url: url.to_string() });
    }
    Ok(url)
}

impl Webhook {
    /// Checks what can be checked before the first call.
    pub fn new(endpoint: Endpoint) -> Result<Self, EndpointError> {
        if endpoint.secrets.is_empty() {
            return Err(EndpointError::Unsigned);
        }
        // A proxy of the environment would resolve the name itself; what a redirect leads to was never checked.
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(endpoint.patience)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let client = if endpoint.url.scheme() == "https" { client } else { plain(client) };
        let client = if endpoint.allow_private {
            client
        } else if names_private(&endpoint.url) {
            return Err(EndpointError::Private { url: endpoint.url.to_string() });
        } else {
            client.dns_resolver(PublicOnly)
        };
        let client = client.build().map_err(|error| EndpointError::Client { reason: error.to_string() })?;
        Ok(Self { client, endpoint })
    }

    async fn send(&self, event: &Outgoing) -> Word {
        let (id, timestamp) = (event.id.to_string(), now());
        let sign = |secret: &WebhookSecret| secret.sign(&id, timestamp, &event.body);
        let signatures: Vec<String> = self.endpoint.secrets.iter().map(sign).collect();
        let post = self
            .client
            .post(self.endpoint.url.clone())
            .header("content-type", CONTENT_TYPE)
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(event.body.clone());
        match post.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("answered with status {}", answer.status())),
            // Without the URL, which may hold a secret.
            Err(error) => Err(causes(error.without_url())),
        }
    }
}

#[async_trait]
impl Sink for Webhook {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn deliver(&self, events: &[Outgoing]) -> Vec<Word> {
        join_all(events.iter().map(|event| self.send(event))).await
    }
}
