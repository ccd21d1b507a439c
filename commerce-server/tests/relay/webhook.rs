//! What a webhook is sent to, and what it is not.

use std::time::Duration;

use bytes::Bytes;
use commerce_server::sink::webhook::{Endpoint, EndpointError, Webhook};
use commerce_server::sink::{Outgoing, Sink, Word};

use crate::receiver::{Receiver, secret};

pub(crate) fn endpoint(url: &str, allow_private: bool) -> Endpoint {
    let (url, secrets) = (url.parse().expect("a URL"), vec![secret()]);
    Endpoint { url, secrets, patience: Duration::from_millis(200), allow_private }
}

pub(crate) async fn sent(endpoint: Endpoint) -> Word {
    let id = 7_i64.try_into().expect("an id");
    let (key, kind) = ("42".to_owned(), "order.placed.v1".to_owned());
    let event = Outgoing { id, key, kind, body: Bytes::from_static(br#"{"id":"7"}"#) };
    let words = Webhook::new(endpoint).expect("an endpoint").deliver(&[event]).await;
    words.into_iter().next().expect("a word")
}

#[tokio::test]
async fn only_a_status_of_2xx_means_delivered() {
    for (status, taken) in
        [(200, true), (204, true), (301, false), (302, false), (307, false), (410, false), (500, false)]
    {
        let receiver = Receiver::start(move |_, _| Some(status)).await;
        let word = sent(endpoint(&receiver.url, true)).await;
        assert_eq!(word.is_ok(), taken, "{status}: {word:?}");
        assert!(taken || word.is_err_and(|error| error.contains(&status.to_string())));
        assert_eq!(receiver.calls(), 1, "a redirect is not followed");
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up() {
    let receiver = Receiver::start(|_, _| None).await;
    let error = sent(endpoint(&receiver.url, true)).await.expect_err("no answer");
    assert!(error.contains("timed out"), "{error}");
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let receiver = Receiver::start(|_, _| Some(200)).await;
    let refused = Webhook::new(endpoint(&receiver.url, false)).expect_err("127.0.0.1 is not public");
    assert!(matches!(refused, EndpointError::Private { .. }), "{refused}");
    // A name is known for what it is when it is resolved.
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    let error = sent(endpoint(&by_name, false)).await.expect_err("localhost is not public");
    assert!(error.contains("private"), "{error}");
    assert_eq!(receiver.calls(), 0);
    assert_eq!(sent(endpoint(&receiver.url, true)).await, Ok(()));
}

#[test]
fn an_endpoint_needs_a_secret() {
    let unsigned = Endpoint { secrets: Vec::new(), ..endpoint("http://shop.example/", false) };
    assert_eq!(Webhook::new(unsigned).err(), Some(EndpointError::Unsigned));
}
