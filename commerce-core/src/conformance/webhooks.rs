//! Webhooks: kept with their sinks, changed one change after another, each once per key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::outbox::cancelled_orders;
use super::world::{accepted, decided, sound};
use super::{World, operator};
use crate::commerce::Caller;
use crate::rejection::Rejection;
use crate::store::Receipt;
use crate::text::{IdempotencyKey, WebhookName};
use crate::webhook::{ChangedWebhook, SigningSecret, Webhook, WebhookChange, WebhookRequest, WebhookState};

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

async fn ask(
    world: &World,
    key: &IdempotencyKey,
    (name, change): (&str, &WebhookChange),
) -> Result<Option<Receipt<ChangedWebhook>>, Rejection> {
    let caller = Caller::new(operator(), key.clone());
    let request = WebhookRequest { caller, name: named(name), change: change.clone() };
    decided(world.store().change_webhook(&request).await)
}

/// Under a fresh key.
async fn change(world: &World, name: &str, change: &WebhookChange) -> Option<ChangedWebhook> {
    let receipt = accepted(ask(world, &world.key(), (name, change)).await)?;
    assert!(!receipt.replayed, "a change under a fresh key");
    Some(receipt.outcome)
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
    assert_eq!(read(&world, "books").await.as_deref(), expected.as_ref(), "a webhook that was put");
    let told = expected
        .as_ref()
        .map(|webhook| ChangedWebhook { webhook: WebhookState::from(webhook), secret: Some(webhook.secret.clone()) });
    assert_eq!(made, told, "what is told of a webhook that was put");
    change(&world, "mail", &put("http://mail.example/", false, "whsec_m")).await;
    let both = (texts(&["books", "mail"]), texts(&["webhook-books", "webhook-mail"]));
    assert_eq!(names(&world).await, both, "webhooks and sinks");

    cancelled_orders(&world, 1).await;
    assert_eq!(sound(world.store().distribute(10).await), 2, "distributed to the webhooks");
    world.wait(Duration::from_secs(1));
    let moved = put("http://new.example/", false, "whsec_other");
    let moved = change(&world, "books", &moved).await;
    let told =
        moved.as_ref().map(|ChangedWebhook { webhook: at, secret }| (at.url.as_str(), at.enabled, at.version, secret));
    assert_eq!(told, Some(("http://new.example/", false, 2, &None)), "the webhook, put elsewhere");
    let kept = read(&world, "books").await.map(|webhook| webhook.secret.reveal().to_owned());
    assert_eq!(kept.as_deref(), Some("whsec_0"), "its secret stays");
    let backlogs: Vec<u64> = sound(world.store().sinks().await).iter().map(|sink| sink.backlog).collect();
    assert_eq!(backlogs, vec![2, 2], "what waits for webhooks that were changed");

    assert!(sound(world.store().remove_webhook(&named("books")).await), "removing a webhook");
    assert!(!sound(world.store().remove_webhook(&named("books")).await), "removing it again");
    assert_eq!(names(&world).await, (texts(&["mail"]), texts(&["webhook-mail"])), "what is left of two");
    assert!(sound(world.store().remove_sink(&named("mail").sink()).await), "removing the sink of a webhook");
    assert_eq!(names(&world).await, (vec![], vec![]), "what is left once the sink was removed");
    assert_eq!(read(&world, "mail").await, None, "the webhook whose sink was removed");
    let again = change(&world, "books", &put("http://books.example/", true, "whsec_again")).await;
    let told = again.map(|again| (again.webhook.version, again.secret));
    assert_eq!(told, Some((1, Some(secret("whsec_again")))), "a webhook of a name that was free again");
    assert_eq!(sound(world.store().sinks().await)[0].backlog, 0, "what waits for a webhook that came later");
}

pub(super) async fn a_secret_is_replaced_without_a_gap(world: World) {
    change(&world, "books", &put("http://books.example/", true, "whsec_0")).await;
    world.wait(Duration::from_secs(1));
    let rotated = change(&world, "books", &rotate("whsec_1")).await;
    let Some(webhook) = read(&world, "books").await else { panic!("the webhook is there") };
    let signing =
        |webhook: &Webhook, now| webhook.secrets_at(now).map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>();
    assert_eq!(signing(&webhook, world.now()), texts(&["whsec_1", "whsec_0"]), "secrets that sign after a rotation");
    let ends = world.now().plus(DAY);
    assert_eq!(signing(&webhook, ends), texts(&["whsec_1"]), "secrets that sign a day later");
    let told = ChangedWebhook { webhook: WebhookState::from(&*webhook), secret: Some(secret("whsec_1")) };
    assert_eq!(rotated.as_ref(), Some(&told), "what is told of the rotation");
    let again = change(&world, "books", &rotate("whsec_1")).await;
    assert_eq!(again, rotated, "the same rotation, under another key");
    assert_eq!(read(&world, "books").await.as_ref(), Some(&webhook), "the webhook, after the same rotation");
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
    let made: Vec<ChangedWebhook> = world.race(8, make).await.into_iter().flatten().collect();
    let same = made.iter().filter(|made_too| made_too.webhook == made[0].webhook).count();
    let told = made.iter().filter(|made| made.secret.is_some()).count();
    assert_eq!(
        (same, told),
        (8, 1),
        "of racing webhooks of one name one is made, and one is told its secret: {made:?}"
    );
}

fn at_once(to: &str) -> WebhookChange {
    WebhookChange::Rotate { secret: secret(to), overlap: Duration::ZERO }
}

pub(super) async fn a_late_retry_undoes_no_change(world: World) {
    let changes = [
        put("http://a.example/", true, "whsec_0"),
        at_once("whsec_leaked"),
        at_once("whsec_1"),
        put("http://b.example/", true, "whsec_x"),
        put("http://a.example/", true, "whsec_y"),
        put("http://c.example/", false, "whsec_z"),
    ];
    let keys: Vec<IdempotencyKey> = changes.iter().map(|_| world.key()).collect();
    let mut answers = Vec::new();
    for (key, change) in keys.iter().zip(&changes) {
        world.wait(Duration::from_secs(1));
        let Some(first) = accepted(ask(&world, key, ("books", change)).await) else { panic!("the webhook is there") };
        assert!(!first.replayed, "a change under a fresh key: {change:?}");
        answers.push(first.outcome.webhook);
    }
    let present = read(&world, "books").await;
    assert_eq!(present.as_deref().map(|webhook| webhook.secret.reveal()), Some("whsec_1"), "the present secret");
    for ((key, change), webhook) in keys.iter().zip(&changes).zip(&answers) {
        world.wait(Duration::from_secs(1));
        let late = accepted(ask(&world, key, ("books", change)).await);
        assert_eq!(read(&world, "books").await, present, "the webhook, after the retry of an older change");
        let secret = (*change.secret() == secret("whsec_1")).then(|| secret("whsec_1"));
        let expected = ChangedWebhook { webhook: webhook.clone(), secret };
        assert_eq!(late, Some(Receipt { outcome: expected, replayed: true }), "the answer to the retry of {change:?}");
    }
    other_requests_under_their_keys(&world, &keys).await;
    once_it_was_removed(&world, &keys, &changes).await;
}

async fn other_requests_under_their_keys(world: &World, keys: &[IdempotencyKey]) {
    let present = read(world, "books").await;
    let others = [
        (&keys[0], "books", put("http://other.example/", true, "whsec_0")),
        (&keys[0], "mail", put("http://a.example/", true, "whsec_0")),
        (&keys[1], "books", rotate("whsec_leaked")),
    ];
    for (key, name, change) in &others {
        let refused = Err(Rejection::IdempotencyKeyReused { key: (*key).clone() });
        assert_eq!(ask(world, key, (name, change)).await, refused, "another request under a key: {change:?}");
    }
    assert_eq!((read(world, "books").await, read(world, "mail").await), (present, None), "what was refused");
    let early = ask(world, &world.key(), ("mail", &rotate("whsec_m"))).await;
    assert_eq!(early, Ok(None), "rotating the secret of what is not there");
    let other = accepted(ask(world, &keys[1], ("mail", &put("http://mail.example/", true, "whsec_m"))).await);
    assert_eq!(other.map(|receipt| receipt.replayed), Some(false), "a key of another operation");
}

async fn once_it_was_removed(world: &World, keys: &[IdempotencyKey], changes: &[WebhookChange]) {
    assert!(sound(world.store().remove_webhook(&named("books")).await), "removing the webhook");
    for (key, change) in keys.iter().zip(changes) {
        let late = accepted(ask(world, key, ("books", change)).await);
        let told = late.map(|receipt| (receipt.replayed, receipt.outcome.secret));
        assert_eq!(told, Some((true, None)), "the retry of {change:?}, once the webhook was removed");
    }
    assert_eq!(read(world, "books").await, None, "a webhook that was removed, after retries");

    world.wait(DAY);
    let mut counts = Vec::new();
    for _ in 0..5 {
        counts.push(sound(world.store().prune_keys(world.now(), 2).await));
    }
    assert_eq!(counts, vec![2, 2, 2, 1, 0], "keys forgotten of seven changes, two at most");
    let again = accepted(ask(world, &keys[0], ("books", &changes[0])).await);
    assert_eq!(again.map(|receipt| receipt.replayed), Some(false), "a key that was forgotten is free");
}

pub(super) async fn racing_changes_under_one_key_run_once(world: World) {
    change(&world, "books", &put("http://books.example/", true, "whsec_0")).await;
    for (round, changed) in [rotate("whsec_1"), put("http://new.example/", true, "whsec_x")].into_iter().enumerate() {
        let key = world.key();
        let task = |world: World, _: usize| {
            let (key, changed) = (key.clone(), changed.clone());
            async move { accepted(ask(&world, &key, ("books", &changed)).await) }
        };
        let receipts: Vec<_> = world.race(8, task).await.into_iter().flatten().collect();
        let ran = receipts.iter().filter(|receipt| !receipt.replayed).count();
        let same = receipts.iter().filter(|receipt| receipt.outcome == receipts[0].outcome).count();
        assert_eq!((ran, same), (1, 8), "changes that ran, of equal ones, and answers alike: {receipts:?}");
        let version = read(&world, "books").await.map(|webhook| webhook.version);
        assert_eq!(version, Some(round as u64 + 2), "the version after equal changes");
    }

    let key = world.key();
    let task = |world: World, n: usize| {
        let (key, name) = (key.clone(), format!("hook-{n}"));
        async move { ask(&world, &key, (&name, &put("http://hook.example/", true, "whsec_h"))).await }
    };
    let (made, refused): (Vec<_>, Vec<_>) = world.race(8, task).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 7), "made and refused, of different webhooks under one key");
    assert_eq!(names(&world).await.0.len(), 2, "webhooks there are");
}
