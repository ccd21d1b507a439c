//! What every request shares.

use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Commerce, ViewCounter};
use poem::Request;
use tokio::sync::Notify;

use crate::auth::Tokens;
use crate::codes::Codes;
use crate::cursor::Cursors;
use crate::gateway::Cards;
use crate::problem::{Problem, framework};
use crate::secrets::Secrets;

/// The limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes that a body may have.
    pub body: usize,
    /// The most bytes that a file of products may have.
    pub import: usize,
    /// How long a request may take, its body included.
    pub request: Duration,
    /// How long a client may take over the head of a request; also how long a connection may idle.
    pub header: Duration,
    /// The most connections at a time.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            import: 4 * 1024 * 1024,
            request: Duration::from_secs(30),
            header: Duration::from_secs(15),
            connections: 10_000,
        }
    }
}

/// How what happened is told to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// What the shop is called in events: a URI, or the path of one.
    pub source: String,
    /// Whether operators may have events sent to addresses that are not public.
    pub private_webhooks: bool,
}

impl Default for Telling {
    fn default() -> Self {
        Self { source: "/commerce".to_owned(), private_webhooks: false }
    }
}

/// The shop, the keys and the limits: made once, shared by all requests.
#[derive(Debug)]
pub struct App {
    /// The shop.
    pub commerce: Commerce,
    /// Tokens.
    pub tokens: Tokens,
    /// Cursors.
    pub cursors: Cursors,
    /// Makes codes for coupons.
    pub codes: Codes,
    /// Makes secrets for webhooks.
    pub secrets: Secrets,
    /// Limits.
    pub limits: Limits,
    /// Looks at products that are not written yet.
    pub views: ViewCounter,
    /// What it takes cards with, if it does.
    pub cards: Option<Cards>,
    /// How what happened is told to others.
    pub telling: Telling,
    /// Notified when something may have happened that others are to hear of.
    pub happened: Arc<Notify>,
    /// Notified when an operator has asked for a job to run.
    pub asked: Arc<Notify>,
}

impl App {
    /// A shop served with tokens and cursors under `secret`.
    #[must_use]
    pub fn new(commerce: Commerce, secret: &[u8], limits: Limits) -> Arc<Self> {
        Self::with_cards(commerce, secret, limits, None)
    }

    /// The same of a shop that takes cards, if `cards` are given.
    #[must_use]
    pub fn with_cards(commerce: Commerce, secret: &[u8], limits: Limits, cards: Option<Cards>) -> Arc<Self> {
        Self::with_telling(commerce, secret, limits, cards, Telling::default())
    }

    /// The same of a shop that tells others of what happens in a way of its own.
    #[must_use]
    pub fn with_telling(
        commerce: Commerce,
        secret: &[u8],
        limits: Limits,
        cards: Option<Cards>,
        telling: Telling,
    ) -> Arc<Self> {
        let (tokens, cursors, codes) = (Tokens::new(secret), Cursors::new(secret), Codes::new(secret));
        let (secrets, views) = (Secrets::new(secret), ViewCounter::default());
        let (happened, asked) = (Arc::default(), Arc::default());
        Arc::new(Self { commerce, tokens, cursors, codes, secrets, limits, views, cards, telling, happened, asked })
    }
}

/// The [`App`] that the router gave to the request.
pub(crate) fn app(request: &Request) -> Result<&Arc<App>, Problem> {
    request.extensions().get::<Arc<App>>().ok_or_else(framework::internal)
}
