//! What a client sends, what it was told, and what it could not know.

use reqwest::{Client, Method};
use serde_json::Value;

/// A request as it is sent, every time: the key was chosen before the first time.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) key: String,
    pub(crate) body: Value,
}

/// An answer that is final.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) replayed: bool,
}

impl Answer {
    pub(crate) fn accepted(&self) -> bool {
        self.status < 300
    }

    /// Whether it cannot be: nothing that these clients ask for is refused but for the state of the shop.
    pub(crate) fn strange(&self) -> bool {
        !self.accepted() && self.status != 409
    }
}

/// What the clients were told, request by request.
pub(crate) type Record = Vec<(Request, Answer)>;

/// Sends a request once. `None` if the client cannot know what became of it: the connection broke, or the server
/// says that it does not know either, or that it could not now.
pub(crate) async fn send(client: &Client, base: &str, request: &Request) -> Option<Answer> {
    let sent = client
        .request(Method::POST, format!("{base}{}", request.path))
        .bearer_auth(&request.token)
        .header("Idempotency-Key", &request.key)
        .json(&request.body)
        .send()
        .await;
    let response = sent.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.json().await.ok()?;
    (status != 503).then(|| Answer { status, body, replayed: headers.contains_key("idempotent-replayed") })
}

/// Sends a request until there is a final answer, with pauses that nothing depends on.
pub(crate) async fn insist(client: &Client, base: &str, request: &Request) -> Answer {
    for _ in 0..2_000 {
        if let Some(answer) = send(client, base, request).await {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("no answer to {request:?}");
}

/// Reads a page or a record.
pub(crate) async fn get(client: &Client, base: &str, path: &str, token: &str) -> Value {
    let response = client.get(format!("{base}{path}")).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 200, "{path}");
    response.json().await.expect("a body")
}
