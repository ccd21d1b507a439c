//! Sinks: each gets everything, at its own pace, whoever is at work for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::outbox::{HOLD, cancelled_orders, heads, holder};
use super::world::sound;
use super::{World, basket};
use crate::event::{Aggregate, ClaimRequest, ClaimedMessage, DeadLetter, DeadLetterFilter, SinkStatus};
use crate::ids::MessageId;
use crate::store::PageRequest;
use crate::text::SinkName;

fn sink(name: &str) -> SinkName {
    holder(name, "relay").sink
}

async fn register(world: &World, names: &[&str]) {
    for name in names {
        assert!(sound(world.store().register_sink(&sink(name)).await), "registering {name}, which is new");
    }
}

async fn distribute(world: &World, limit: u32) -> u64 {
    sound(world.store().distribute(limit).await)
}

async fn claim(world: &World, (sink, who): (&str, &str), limit: u32) -> Vec<ClaimedMessage> {
    sound(world.store().claim(ClaimRequest { holder: holder(sink, who), limit, hold: HOLD }).await)
}

async fn acknowledge(world: &World, (sink, who): (&str, &str), messages: &[MessageId]) -> u64 {
    sound(world.store().acknowledge(&holder(sink, who), messages).await)
}

fn ids(claimed: &[ClaimedMessage]) -> Vec<MessageId> {
    claimed.iter().map(|claimed| claimed.message.id).collect()
}

/// Each sink's name, backlog and dead letters.
async fn standing(world: &World) -> Vec<(String, u64, u64)> {
    let told = |sink: SinkStatus| (sink.name.to_string(), sink.backlog, sink.dead_letters);
    sound(world.store().sinks().await).into_iter().map(told).collect()
}

fn stands(sinks: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    sinks.iter().map(|(name, backlog, dead)| ((*name).to_owned(), *backlog, *dead)).collect()
}

async fn letters(world: &World, filter: &DeadLetterFilter, limit: u32) -> Vec<DeadLetter> {
    let (mut all, mut page) = (Vec::new(), PageRequest::first(limit));
    loop {
        let found = sound(world.store().dead_letters(filter, page).await);
        assert!(found.items.len() <= limit as usize, "{} dead letters on a page of {limit}", found.items.len());
        all.extend(found.items);
        let Some(next) = found.next else { return all };
        page = PageRequest { after: Some(next), limit };
    }
}

pub(super) async fn without_a_sink_messages_wait(world: World) {
    let early = cancelled_orders(&world, 2).await;
    assert_eq!(distribute(&world, 10).await, 0, "messages distributed without a sink");
    let nobody = (claim(&world, ("books", "a"), 10).await, standing(&world).await);
    assert_eq!(nobody, (vec![], vec![]), "what a sink that is not there is handed, and the sinks");
    assert_eq!(sound(world.store().backlog().await), 4, "messages that wait without a sink");

    register(&world, &["books"]).await;
    let registered_at = world.now();
    assert_eq!((distribute(&world, 3).await, distribute(&world, 3).await), (3, 1), "distributed, three at most");
    assert_eq!((distribute(&world, 3).await, sound(world.store().backlog().await)), (0, 0), "distributed once");
    world.wait(Duration::from_secs(1));
    assert!(!sound(world.store().register_sink(&sink("books")).await), "registering what is there");
    let status = sound(world.store().sinks().await);
    assert_eq!(status.len(), 1, "sinks");
    assert_eq!((status[0].created_at, status[0].backlog), (registered_at, 4), "when it was registered, its backlog");
    let oldest = sound(world.store().order(early[0]).await).map(|order| order.placed_at);
    assert_eq!(status[0].oldest_at, oldest, "when the oldest of its messages happened");

    register(&world, &["late"]).await;
    let later = cancelled_orders(&world, 1).await;
    assert_eq!(distribute(&world, 10).await, 2, "distributed to two sinks");
    let found = heads(&claim(&world, ("late", "a"), 10).await);
    assert_eq!(found, vec![(later[0], 1)], "what a sink gets that was registered late");
    let found = heads(&claim(&world, ("books", "a"), 10).await);
    assert_eq!(found, vec![(early[0], 1), (early[1], 1), (later[0], 1)], "what the first sink gets");
}

pub(super) async fn a_sink_has_its_own_progress(world: World) {
    register(&world, &["books", "mail", "post"]).await;
    let orders = cancelled_orders(&world, 2).await;
    assert_eq!(distribute(&world, 10).await, 4, "messages distributed");
    let all = vec![(orders[0], 1), (orders[1], 1)];
    let books = claim(&world, ("books", "a"), 10).await;
    assert_eq!(heads(&books), all, "what the first sink is handed");
    let mail = claim(&world, ("mail", "a"), 10).await;
    assert_eq!(heads(&mail), all, "what the second sink is handed, while the first has the same");
    assert_eq!(ids(&books), ids(&mail), "the ids of the same messages in two sinks");

    assert_eq!(acknowledge(&world, ("books", "a"), &ids(&books)).await, 2, "delivered to the first");
    assert_eq!(standing(&world).await, stands(&[("books", 2, 0), ("mail", 4, 0), ("post", 4, 0)]), "the sinks");
    let store = world.store();
    assert!(sound(store.bury(&holder("mail", "a"), mail[0].message.id, "gone").await), "buried in the second");
    let delay = Duration::from_secs(10);
    assert!(sound(store.retry(&holder("mail", "a"), mail[1].message.id, "late", delay).await), "to be retried there");
    assert_eq!(standing(&world).await, stands(&[("books", 2, 0), ("mail", 3, 1), ("post", 4, 0)]), "the sinks");
    let post = claim(&world, ("post", "a"), 10).await;
    assert_eq!(heads(&post), all, "what the third sink is handed, whatever became of it in the others");
    assert_eq!(post.iter().map(|claimed| claimed.attempts).collect::<Vec<_>>(), vec![0, 0], "attempts in the third");

    let second = claim(&world, ("mail", "b"), 10).await;
    assert_eq!(heads(&second), vec![(orders[0], 2)], "what comes after the buried one; the other waits");
    let next = claim(&world, ("books", "b"), 10).await;
    assert_eq!(heads(&next), vec![(orders[0], 2), (orders[1], 2)], "what the first sink goes on with");
    let foreign = acknowledge(&world, ("books", "a"), &[next[0].message.id, second[0].message.id]).await;
    assert_eq!(foreign, 0, "acknowledged by who does not hold them in that sink");
    let mixed = [next[0].message.id, books[0].message.id, next[1].message.id];
    assert_eq!(acknowledge(&world, ("books", "b"), &mixed).await, 2, "acknowledged of three, one of them before");
}

pub(super) async fn a_removed_sink_takes_all_with_it(world: World) {
    register(&world, &["books", "mail"]).await;
    let orders = cancelled_orders(&world, 2).await;
    distribute(&world, 10).await;
    for name in ["books", "mail"] {
        let claimed = claim(&world, (name, "a"), 1).await;
        assert!(sound(world.store().bury(&holder(name, "a"), claimed[0].message.id, "gone").await), "buried");
    }
    let held = ids(&claim(&world, ("mail", "a"), 10).await);
    assert!(sound(world.store().remove_sink(&sink("mail")).await), "removing a sink");
    assert!(!sound(world.store().remove_sink(&sink("mail")).await), "removing it again");
    assert_eq!(standing(&world).await, stands(&[("books", 3, 1)]), "the sinks that are left");
    assert_eq!(acknowledge(&world, ("mail", "a"), &held).await, 0, "acknowledged of what went with its sink");
    assert_eq!(letters(&world, &DeadLetterFilter::default(), 10).await.len(), 1, "dead letters that are left");

    register(&world, &["mail"]).await;
    assert_eq!(claim(&world, ("mail", "a"), 10).await, vec![], "what it gets when it is registered again");
    let found = heads(&claim(&world, ("books", "a"), 10).await);
    assert_eq!(found, vec![(orders[0], 2), (orders[1], 1)], "what the other sink goes on with");
}

pub(super) async fn racing_relays_deliver_all_in_sequence(world: World) {
    const TASKS: usize = 12;
    const EACH: usize = 4;
    let names = ["books", "mail", "post"];
    register(&world, &names).await;
    let variant = world.variant(1, 1_000).await;
    let customers = Arc::new(world.customers(TASKS, 1).await);
    // How far each aggregate has come in each sink.
    let told: Arc<Mutex<BTreeMap<(usize, Aggregate), u64>>> = Arc::default();
    let work = |world: World, n: usize| {
        let (customers, told) = (Arc::clone(&customers), Arc::clone(&told));
        async move {
            let (name, who) = (names[n % names.len()], format!("relay-{n}"));
            let mut rounds = 0;
            loop {
                if rounds < EACH {
                    let order = world.place(customers[n], basket(&[(variant, 1)])).await;
                    distribute(&world, 2).await;
                    world.cancel(&order).await;
                }
                rounds += 1;
                let given = distribute(&world, 3).await;
                let claimed = claim(&world, (name, &who), 5).await;
                if claimed.is_empty() && given == 0 && rounds > EACH {
                    return;
                }
                for ClaimedMessage { message, .. } in &claimed {
                    let (aggregate, sequence) = (message.event.aggregate(), message.event.sequence());
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    let last = told.insert((n % names.len(), aggregate), sequence).unwrap_or(0);
                    assert_eq!(last + 1, sequence, "the sequence handed out after {last} of {aggregate:?} to {name}");
                }
                let done = acknowledge(&world, (name, &who), &ids(&claimed)).await;
                assert_eq!(done, claimed.len() as u64, "acknowledged of what was just claimed");
            }
        }
    };
    world.race(TASKS, work).await;
    // Nobody waits for the others' claims: what is left when all have gone is delivered now.
    while distribute(&world, 100).await > 0 {}
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (at, name) in names.iter().enumerate() {
        loop {
            let claimed = claim(&world, (name, "last"), 100).await;
            if claimed.is_empty() {
                break;
            }
            acknowledge(&world, (name, "last"), &ids(&claimed)).await;
            for ClaimedMessage { message, .. } in claimed {
                let last = told.insert((at, message.event.aggregate()), message.event.sequence()).unwrap_or(0);
                assert_eq!(last + 1, message.event.sequence(), "the sequence handed out last to {name}");
            }
        }
    }
    let ends: BTreeSet<u64> = told.values().copied().collect();
    let expected = (names.len() * TASKS * EACH, BTreeSet::from([2]));
    assert_eq!((told.len(), ends), expected, "orders told of to {} sinks, and their last steps", names.len());
    assert_eq!(standing(&world).await, stands(&[("books", 0, 0), ("mail", 0, 0), ("post", 0, 0)]), "the sinks");
}

pub(super) async fn a_claim_handed_back_was_never_made(world: World) {
    register(&world, &["books"]).await;
    let orders = cancelled_orders(&world, 2).await;
    distribute(&world, 10).await;
    let claimed = ids(&claim(&world, ("books", "a"), 10).await);
    let store = world.store();
    assert_eq!(
        sound(store.hand_back(&holder("books", "b"), &claimed).await),
        0,
        "handed back by who does not hold them"
    );
    assert_eq!(sound(store.hand_back(&holder("books", "a"), &claimed).await), 2, "handed back by the holder");
    assert_eq!(sound(store.hand_back(&holder("books", "a"), &claimed).await), 0, "handed back again");
    let again = claim(&world, ("books", "b"), 10).await;
    assert_eq!(heads(&again), vec![(orders[0], 1), (orders[1], 1)], "what is ready again");
    let attempts: Vec<u32> = again.iter().map(|claimed| claimed.attempts).collect();
    assert_eq!(attempts, vec![0, 0], "attempts before, the claims handed back not among them");
}

/// Buries the first message of three orders in two sinks each; answers the ids, by order.
async fn buried(world: &World) -> Vec<(Aggregate, MessageId)> {
    register(world, &["books", "mail"]).await;
    let orders = cancelled_orders(world, 3).await;
    distribute(world, 10).await;
    let mut all = Vec::new();
    for name in ["books", "mail"] {
        let claimed = claim(world, (name, "a"), 10).await;
        all = claimed.iter().map(|claimed| (claimed.message.event.aggregate(), claimed.message.id)).collect();
        for id in ids(&claimed) {
            assert!(sound(world.store().bury(&holder(name, "a"), id, name).await), "buried");
        }
        world.wait(Duration::from_secs(1));
    }
    assert_eq!(all.len(), orders.len(), "orders whose first message is buried");
    all
}

pub(super) async fn dead_letters_are_found_by_filter(world: World) {
    let began = world.now();
    let all = buried(&world).await;
    let any = DeadLetterFilter::default;
    for (what, filter, expected) in [
        ("all", any(), 6),
        ("of a sink", DeadLetterFilter { sink: Some(sink("mail")), ..any() }, 3),
        ("of a message", DeadLetterFilter { message: Some(all[1].1), ..any() }, 2),
        ("about an order", DeadLetterFilter { aggregate: Some(all[2].0), ..any() }, 2),
        ("buried before any was", DeadLetterFilter { buried_before: Some(began), ..any() }, 0),
        ("one", DeadLetterFilter { sink: Some(sink("mail")), message: Some(all[1].1), ..any() }, 1),
        ("of no sink", DeadLetterFilter { sink: Some(sink("nobody")), ..any() }, 0),
    ] {
        let found = letters(&world, &filter, 2).await;
        assert_eq!(found.len(), expected, "dead letters {what}");
        assert!(found.iter().all(|letter| filter.takes(letter)), "dead letters {what}: {found:?}");
        let descending = found.windows(2).all(|pair| pair[0].key() > pair[1].key());
        assert!(descending, "dead letters {what}, in order");
    }
    let letters = letters(&world, &any(), 4).await;
    let instants: BTreeSet<_> = letters.iter().map(|letter| letter.buried_at).collect();
    let later = instants.last().copied();
    let earlier = DeadLetterFilter { buried_before: later, ..any() };
    assert_eq!(self::letters(&world, &earlier, 10).await.len(), 3, "dead letters buried before the later instant");
    assert!(letters.iter().all(|letter| letter.last_error == letter.sink.as_str()), "errors: {letters:?}");
}

pub(super) async fn a_replayed_letter_is_delivered_again(world: World) {
    let all = buried(&world).await;
    let store = world.store();
    let one = DeadLetterFilter { sink: Some(sink("mail")), message: Some(all[1].1), ..DeadLetterFilter::default() };
    assert_eq!(sound(store.replay(&one, 10).await), 1, "replayed, one");
    assert_eq!(sound(store.replay(&one, 10).await), 0, "replayed, once it was");
    assert_eq!(standing(&world).await, stands(&[("books", 3, 3), ("mail", 4, 2)]), "the sinks");
    let claimed = claim(&world, ("mail", "a"), 10).await;
    let found: Vec<_> = claimed.iter().filter(|claimed| claimed.message.id == all[1].1).collect();
    assert_eq!(found.len(), 1, "the replayed message, claimed for its sink");
    assert_eq!(found[0].attempts, 0, "attempts at a replayed message");
    let steps: Vec<u64> = heads(&claimed).iter().map(|(_, sequence)| *sequence).collect();
    assert_eq!(steps.iter().sum::<u64>(), 2 + 1 + 2, "the replayed one before its successor: {steps:?}");
    assert_eq!(acknowledge(&world, ("mail", "a"), &ids(&claimed)).await, 3, "delivered");

    // What was claimed before its predecessor came back stays with its holder; what is let go of waits for it.
    let ahead = ids(&claim(&world, ("books", "a"), 10).await);
    let of_books = DeadLetterFilter { sink: Some(sink("books")), ..DeadLetterFilter::default() };
    let counts = (sound(store.replay(&of_books, 2).await), sound(store.replay(&of_books, 2).await));
    assert_eq!(counts, (2, 1), "replayed of a filter, two at most");
    assert_eq!(standing(&world).await, stands(&[("books", 6, 0), ("mail", 1, 2)]), "the sinks");
    let risen = ids(&claim(&world, ("books", "b"), 10).await);
    let expected: BTreeSet<MessageId> = all.iter().map(|(_, id)| *id).collect();
    assert_eq!(risen.iter().copied().collect::<BTreeSet<_>>(), expected, "the sink's dead letters, claimed again");
    assert_eq!(acknowledge(&world, ("books", "a"), &ahead[1..]).await, 2, "delivered by their holder");
    let late = sound(store.retry(&holder("books", "a"), ahead[0], "late", Duration::ZERO).await);
    assert!(late, "the holder asks for a retry");
    assert_eq!(claim(&world, ("books", "b"), 10).await, vec![], "while its predecessor is under way");
    assert_eq!(acknowledge(&world, ("books", "b"), &risen).await, 3, "delivered, the replayed ones");
    assert_eq!(ids(&claim(&world, ("books", "b"), 10).await), vec![ahead[0]], "what comes after");
    let counts = (sound(store.replay(&DeadLetterFilter::default(), 10).await), standing(&world).await);
    assert_eq!(counts, (2, stands(&[("books", 1, 0), ("mail", 3, 0)])), "replayed of all sinks, and the sinks");
}

pub(super) async fn a_discarded_letter_is_gone(world: World) {
    let all = buried(&world).await;
    let store = world.store();
    let one = DeadLetterFilter { sink: Some(sink("mail")), message: Some(all[0].1), ..DeadLetterFilter::default() };
    assert_eq!(sound(store.discard(&one, 10).await), 1, "discarded, one");
    assert_eq!(sound(store.discard(&one, 10).await), 0, "discarded, once it was");
    assert_eq!(standing(&world).await, stands(&[("books", 3, 3), ("mail", 3, 2)]), "the sinks");
    let rest = DeadLetterFilter::default();
    let counts = (sound(store.discard(&rest, 4).await), sound(store.discard(&rest, 4).await));
    assert_eq!(counts, (4, 1), "discarded of all, four at most");
    assert_eq!(sound(store.replay(&rest, 10).await), 0, "replayed, once all are discarded");
    assert_eq!(letters(&world, &rest, 10).await, vec![], "dead letters that are left");
    let found = heads(&claim(&world, ("books", "a"), 10).await);
    assert!(found.len() == 3 && found.iter().all(|(_, sequence)| *sequence == 2), "what comes after: {found:?}");
}
