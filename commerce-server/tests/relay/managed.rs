//! Webhooks that operators manage, while a relay is at work.

use std::time::Duration;

use commerce_core::conformance::{World, basket};
use commerce_core::{
    Caller, CustomerId, Principal, SigningSecret, VariantId, WebhookChange, WebhookName, WebhookRequest,
};
use commerce_server::gateway::signature::WebhookSecret;

use crate::each::on_every_store;
use crate::receiver::{Receiver, SECRET};
use crate::shop::{AtWork, orders, rush, status, transitions, until, until_delivered};

const NEXT: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const DAY: Duration = Duration::from_secs(86_400);

fn hook(name: &str) -> WebhookName {
    name.parse().expect("a webhook's name")
}

async fn change(world: &World, name: &str, change: WebhookChange) {
    let caller = Caller::new(Principal::System, world.key());
    let request = WebhookRequest { caller, name: hook(name), change };
    assert!(world.store().change_webhook(&request).await.expect("a change").is_some());
}

async fn put(world: &World, name: &str, receiver: &Receiver, enabled: bool) {
    let secret = SigningSecret::new(SECRET).expect("a secret");
    change(world, name, WebhookChange::Put { url: receiver.url.parse().expect("an address"), enabled, secret }).await;
}

async fn rotate(world: &World, name: &str, to: &str) {
    change(world, name, WebhookChange::Rotate { secret: SigningSecret::new(to).expect("a secret"), overlap: DAY })
        .await;
}

/// A shop where an order can be placed at any time.
async fn open(world: &World) -> (CustomerId, VariantId) {
    (world.customer().await, world.variant(1_000, 1_000_000).await)
}

async fn place(world: &World, (customer, variant): (CustomerId, VariantId)) {
    world.place(customer, basket(&[(variant, 1)])).await;
}

async fn an_endpoint_that_is_added_receives(world: World) {
    let relay = AtWork::managing(&world, "a");
    let (books, mail) = (Receiver::start(|_, _| Some(200)).await, Receiver::start(|_, _| Some(200)).await);
    rush(&world, 8).await;
    put(&world, "books", &books, true).await;
    until_delivered(&world, &["webhook-books"]).await;
    assert_eq!(books.read_model(), orders(&world).await);
    let before = transitions(&world).await;

    put(&world, "mail", &mail, true).await;
    rush(&world, 8).await;
    until_delivered(&world, &["webhook-books", "webhook-mail"]).await;
    relay.stop().await;
    assert_eq!(books.read_model(), orders(&world).await);
    let (all, late) = (books.taken().len(), mail.taken().len());
    assert_eq!((all, late), (transitions(&world).await, all - before));
}

/// Whoever verifies changes over at some time between the two: neither before nor after is anything refused or lost.
async fn a_secret_is_rotated_under_load(world: World) {
    let books = Receiver::start(|_, _| Some(200)).await;
    let relays = ["a", "b"].map(|who| AtWork::managing(&world, who));
    put(&world, "books", &books, true).await;
    let shop = open(&world).await;
    place(&world, shop).await;
    until_delivered(&world, &["webhook-books"]).await;
    assert_eq!(books.signatures().last(), Some(&1));

    rotate(&world, "books", NEXT).await;
    let mut placed = 1;
    // Both relays have heard of it when nothing is signed with one secret alone any more, for as long as it takes.
    while !books.signatures().ends_with(&[2; 40]) {
        place(&world, shop).await;
        placed += 1;
        tokio::task::yield_now().await;
    }
    books.know(vec![WebhookSecret::parse(NEXT).expect("a secret")]);
    for _ in 0..20 {
        place(&world, shop).await;
    }
    until_delivered(&world, &["webhook-books"]).await;
    world.wait(DAY);
    while !books.signatures().ends_with(&[1; 40]) {
        place(&world, shop).await;
        placed += 1;
        tokio::task::yield_now().await;
    }
    until_delivered(&world, &["webhook-books"]).await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!((books.calls(), books.taken().len()), (placed + 20, placed + 20), "none lost, none twice");
}

async fn a_disabled_endpoint_keeps_its_backlog(world: World) {
    let (books, other) = (Receiver::start(|_, _| Some(200)).await, Receiver::start(|_, _| Some(200)).await);
    let relay = AtWork::managing(&world, "a");
    put(&world, "books", &books, true).await;
    put(&world, "other", &other, true).await;
    let shop = open(&world).await;
    put(&world, "books", &books, false).await;
    // Sooner or later what happens waits, while the other endpoint gets it.
    until(&world, async || {
        place(&world, shop).await;
        until_delivered(&world, &["webhook-other"]).await;
        status(&world, "webhook-books").await.is_some_and(|status| status.backlog > 2)
    })
    .await;
    let (calls, backlog) = (books.calls(), status(&world, "webhook-books").await.map_or(0, |status| status.backlog));
    for _ in 0..5 {
        place(&world, shop).await;
    }
    until_delivered(&world, &["webhook-other"]).await;
    let waiting = status(&world, "webhook-books").await.map(|status| status.backlog);
    assert_eq!((books.calls(), waiting), (calls, Some(backlog + 5)));

    put(&world, "books", &books, true).await;
    until_delivered(&world, &["webhook-books"]).await;
    assert_eq!(books.read_model(), orders(&world).await);
    let taken = books.taken().len();
    assert!(world.store().remove_webhook(&hook("books")).await.expect("removed"));
    place(&world, shop).await;
    until_delivered(&world, &["webhook-other"]).await;
    relay.stop().await;
    assert_eq!((books.taken().len(), other.taken().len()), (taken, transitions(&world).await));
}

/// An endpoint that cannot be called does no harm to others, and is called once it can be.
async fn an_endpoint_that_cannot_be_called_waits(world: World) {
    let (books, other) = (Receiver::start(|_, _| Some(200)).await, Receiver::start(|_, _| Some(200)).await);
    let relay = AtWork::managing(&world, "a");
    let secret = SigningSecret::new("no-secret-to-sign-with").expect("a text");
    let url = books.url.parse().expect("an address");
    change(&world, "books", WebhookChange::Put { url, enabled: true, secret }).await;
    put(&world, "other", &other, true).await;
    rush(&world, 8).await;
    until_delivered(&world, &["webhook-other"]).await;
    assert_eq!(books.calls(), 0);
    rotate(&world, "books", SECRET).await;
    until_delivered(&world, &["webhook-books"]).await;
    relay.stop().await;
    assert_eq!(books.read_model(), orders(&world).await);
}

on_every_store!(
    an_endpoint_that_is_added_receives,
    a_secret_is_rotated_under_load,
    a_disabled_endpoint_keeps_its_backlog,
    an_endpoint_that_cannot_be_called_waits,
);
