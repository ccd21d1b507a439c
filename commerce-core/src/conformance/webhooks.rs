//! Webhooks: kept with their sinks, changed one change after another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::outbox::cancelled_orders;
use super::world::sound;
use crate::text::WebhookName;
use crate::webhook::{SigningSecret, Webhook, WebhookChange};

const DAY: Duration = Duration::from_secs(86_400);

fn named(name: &str) -> WebhookName {
    WebhookName::new(name).expect("a webhook's name")
}

fn secret(text: &str) -> SigningSecret {
    SigningSecret::new(text).expect("a secret")
}

fn put(url: &str, enabled: bool, new: &str) -> WebhookChange {
    WebhookChange::Put { url: url.parse().expect("an address"), enabled, secret: secret(new) }
}

fn rotate(to: &str) -> WebhookChange {
    WebhookChange::Rotate { secret: secret(to), overlap: DAY }
}

async fn change(world: &World, name: &str, change: &WebhookChange) -> Option<Arc<Webhook>> {
    sound(world.store().change_webhook(&named(name), change).await)
}

async fn read(world: &World, name: &str) -> Option<Arc<Webhook>> {
    sound(world.store().webhook(&named(name)).await)
}

async fn names(world: &World) -> (Vec<String>, Vec<String>) {
    let webhooks = sound(world.store().webhooks().await);
    let sinks = sound(world.store().sinks().await);
    (
        webhooks.iter().map(|webhook| webhook.name.to_string()).collect(),
        sinks.iter().map(|sink| sink.name.to_string()).collect(),
    )
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) async fn a_webhook_comes_and_goes_with_its_sink(world: World) {
    assert_eq!(change(&world, "books", &rotate("whsec_1")).await, None, "rotating the secret of what is not there");
    assert_eq!(names(&world).await, (vec![], vec![]), "webhooks and sinks before the first");
    let made = change(&world, "books", &put("http://books.example/", true, "whsec_0")).await;
    let expected = Webhook::changed(None, &named("books"), &put("http://books.example/", true, "whsec_0"), world.now());
    assert_eq!(made.as_deref(), expected.as_ref(), "a webhook that was put");
    assert_eq!(read(&world, "books").await, made, "the webhook, read back");
    change(&world, "mail", &put("http://mail.example/", false, "whsec_m")).await;
    let both = (texts(&["books", "mail"]), texts(&["webhook-books", "webhook-mail"]));
    assert_eq!(names(&world).await, both, "webhooks and sinks");

    cancelled_orders(&world, 1).await;
    assert_eq!(sound(world.store().distribute(10).await), 2, "distributed to the webhooks");
    world.wait(Duration::from_secs(1));
    let moved = put("http://new.example/", false, "whsec_other");
    let moved = change(&world, "books", &moved).await;
    let told = moved.as_deref().map(|webhook| (webhook.url.as_str(), webhook.enabled, webhook.version));
    assert_eq!(told, Some(("http://new.example/", false, 2)), "the webhook, put elsewhere");
    assert_eq!(moved.as_deref().map(|webhook| webhook.secret.reveal()), Some("whsec_0"), "its secret stays");
    let backlogs: Vec<u64> = sound(world.store().sinks().await).iter().map(|sink| sink.backlog).collect();
    assert_eq!(backlogs, vec![2, 2], "what waits for webhooks that were changed");

    assert!(sound(world.store().remove_webhook(&named("books")).await), "removing a webhook");
    assert!(!sound(world.store().remove_webhook(&named("books")).await), "removing it again");
    assert_eq!(names(&world).await, (texts(&["mail"]), texts(&["webhook-mail"])), "what is left of two");
    assert!(sound(world.store().remove_sink(&named("mail").sink()).await), "removing the sink of a webhook");
    assert_eq!(names(&world).await, (vec![], vec![]), "what is left once the sink was removed");
    assert_eq!(read(&world, "mail").await, None, "the webhook whose sink was removed");
    let again = change(&world, "books", &put("http://books.example/", true, "whsec_again")).await;
    let told = again.as_deref().map(|webhook| (webhook.version, webhook.secret.reveal()));
    assert_eq!(told, Some((1, "whsec_again")), "a webhook of a name that was free again");
    assert_eq!(sound(world.store().sinks().await)[0].backlog, 0, "what waits for a webhook that came later");
}

pub(super) async fn a_secret_is_replaced_without_a_gap(world: World) {
    change(&world, "books", &put("http://books.example/", true, "whsec_0")).await;
    world.wait(Duration::from_secs(1));
    let rotated = change(&world, "books", &rotate("whsec_1")).await;
    assert_eq!(read(&world, "books").await, rotated, "the webhook, read back");
    let Some(webhook) = rotated else { panic!("the webhook is there") };
    let signing =
        |webhook: &Webhook, now| webhook.secrets_at(now).map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>();
    assert_eq!(signing(&webhook, world.now()), texts(&["whsec_1", "whsec_0"]), "secrets that sign after a rotation");
    let ends = world.now().plus(DAY);
    assert_eq!(signing(&webhook, ends), texts(&["whsec_1"]), "secrets that sign a day later");
    let again = change(&world, "books", &rotate("whsec_1")).await;
    assert_eq!(again.as_deref(), Some(&*webhook), "the same rotation, asked again");
}

pub(super) async fn changes_of_a_webhook_are_never_lost(world: World) {
    change(&world, "books", &put("http://books.example/", true, "whsec_0")).await;
    let turn = |world: World, n: usize| async move {
        change(&world, "books", &rotate(&format!("whsec_{}", n + 1))).await;
    };
    world.race(Webhook::MAX_RETIRING, turn).await;
    let Some(webhook) = read(&world, "books").await else { panic!("the webhook is there") };
    let signing: BTreeSet<&str> = webhook.secrets_at(world.now()).map(SigningSecret::reveal).collect();
    let expected = BTreeSet::from(["whsec_0", "whsec_1", "whsec_2", "whsec_3", "whsec_4"]);
    assert_eq!(
        (signing, webhook.version),
        (expected, 5),
        "secrets that sign after as many racing rotations, and changes"
    );

    let make = |world: World, n: usize| async move {
        change(&world, "new", &put("http://new.example/", true, &format!("whsec_{n}"))).await
    };
    let made = world.race(8, make).await;
    assert!(made.iter().all(|webhook| *webhook == made[0]), "of racing webhooks of one name one is made: {made:?}");
}
