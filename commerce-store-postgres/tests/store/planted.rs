//! Bugs planted between the store and its database, and the checks that must find them. What the store says is
//! changed on its way, so that the program itself knows nothing of it.
//!
//! A check that finds nothing here would find nothing elsewhere. That an acknowledgement before the commit is found
//! is shown where the database is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::conformance::{Case, Harness, Opened, krw, operator, runtime, try_case};
use commerce_core::{Deposit, Drift, ManualClock, Shop, Store, reconcile};
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit::{Fate, Message};

use crate::harness::{Backstage, Gate, open_at, proxied, world};

/// A bug, as what is said in the place of what the store says.
#[derive(Debug, Clone, Copy)]
struct Bug {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    /// Cases of the suite that must find it.
    found_by: &'static [&'static str],
}

const BUGS: &[Bug] = &[
    Bug {
        what: "no key is kept",
        from: "as u (principal, operation, key, fingerprint, outcome, order_id, order_version, created_at, issued_coupon_id)",
        to: "as u (principal, operation, key, fingerprint, outcome, order_id, order_version, created_at, issued_coupon_id) where false",
        found_by: &["a_replay_answers_as_then", "racing_requests_under_one_key_run_once"],
    },
    Bug {
        what: "no key is looked up",
        from: "and i.key = w.key",
        to: "and i.key = w.key and false",
        found_by: &["a_replay_answers_as_then", "a_reused_key_is_refused"],
    },
    Bug {
        what: "any key will do",
        from: "on i.principal = w.principal and",
        to: "on",
        found_by: &["keys_of_two_principals_never_meet"],
    },
    Bug {
        what: "a commit is none",
        from: "commit",
        to: "rollback",
        found_by: &["an_order_is_written_whole", "movements_of_a_wallet_are_never_lost"],
    },
    Bug {
        what: "stock does not fall",
        from: "set on_hand = u.on_hand,",
        to: "set on_hand = s.on_hand,",
        found_by: &["the_last_units_are_sold_once", "adjustments_are_never_lost"],
    },
    Bug {
        what: "a balance does not move",
        from: "set balance = u.balance,",
        to: "set balance = w.balance,",
        found_by: &["a_balance_is_spent_once"],
    },
    Bug {
        what: "copies are not counted",
        from: "set issued = u.issued",
        to: "set issued = i.issued",
        found_by: &["copies_stop_at_the_cap"],
    },
    Bug {
        what: "no message is written",
        from: "as u (id, order_id, sequence, event_type, due_at)",
        to: "as u (id, order_id, sequence, event_type, due_at) where false",
        found_by: &["each_transition_has_one_message"],
    },
    Bug {
        what: "any token will do",
        from: "where name = $1 and token = $2 for share",
        to: "where name = $1 and token <> -$2 for share",
        found_by: &["a_paused_owner_writes_nothing"],
    },
    Bug {
        what: "anybody may settle a claim",
        from: "and owner = $2 and",
        to: "and (owner = $2 or owner is not null) and",
        found_by: &["a_claim_runs_out_by_the_clock"],
    },
];

/// Stores with a bug, on databases of their own.
struct Planted {
    bug: Bug,
    planted: Arc<AtomicUsize>,
}

#[async_trait]
impl Harness for Planted {
    async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened {
        let (_, proxy) = proxied().await;
        let mut config = Config::new(proxy.url(), shop).unwrap().with_clock(clock);
        // Whatever never comes about is given up soon.
        config.deadline = Duration::from_secs(2);
        // What the store asks of a database that it opens is not for a bug to change.
        let store = Arc::new(PostgresStore::open(config).await.unwrap());
        let (bug, planted) = (self.bug, Arc::clone(&self.planted));
        proxy.follow(move |message: Message<'_>| match message.statement.contains(bug.from) {
            true => {
                planted.fetch_add(1, Ordering::SeqCst);
                Fate::Say(message.statement.replace(bug.from, bug.to))
            }
            false => Fate::Pass,
        });
        Opened::guarded(store, proxy)
    }
}

#[test]
fn the_suite_finds_every_bug() {
    for bug in BUGS {
        let harness = Planted { bug: *bug, planted: Arc::default() };
        for name in bug.found_by {
            let case = Case::named(name).unwrap();
            let found = runtime().block_on(try_case(&harness, case, Duration::from_secs(20)));
            assert!(harness.planted.load(Ordering::SeqCst) > 0, "{}: the store says it differently now", bug.what);
            assert!(found.is_err(), "{} is not found by {name}", bug.what);
        }
    }
}

/// What came of two deposits that two instances raced for.
#[derive(Debug, Default)]
struct Raced {
    /// How often what was decided was overtaken by the other.
    overtaken: u64,
    drifts: Vec<Drift>,
}

/// Two instances whose statements are changed by `rule` put money into one wallet: the first one's commit waits until the
/// second can go no further.
async fn race(prepare: &str, rule: fn(&str) -> String) -> Raced {
    let (database, proxy) = proxied().await;
    let mut backstage = Backstage::at(&database.url).await;
    backstage.run(prepare).await;
    let say = move |message: Message<'_>| match message.statement {
        "" => Fate::Pass,
        statement => Fate::Say(rule(statement)),
    };
    proxy.follow(say);
    let stores = [open_at(proxy.url(), |_| {}).await, open_at(proxy.url(), |_| {}).await];
    let world = world(&stores[0]);
    let customer_id = world.customer_with(1).await;
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    proxy.follow(move |message| {
        if message.statement == "commit" {
            held.hold_first();
        }
        say(message)
    });
    let send = |store: &Arc<PostgresStore>| {
        let envelope = world.envelope(&operator(), Deposit { customer_id, amount: krw(1), memo: None });
        let store = Arc::clone(store);
        tokio::spawn(async move { store.execute(envelope).await })
    };
    let first = send(&stores[0]);
    gate.reached().await;
    let second = send(&stores[1]);
    backstage.until_blocked(1).await;
    gate.open();
    for deposit in [first, second] {
        deposit.await.unwrap().unwrap();
    }
    let overtaken = stores.iter().map(|store| store.stats().overtaken).sum();
    Raced { overtaken, drifts: reconcile(&*stores[0]).await.unwrap().drifts }
}

fn without_locks(statement: &str) -> String {
    let locks = ["for no key update of s", "for no key update of v", "for no key update of w", "for no key update"];
    let shares = ["for share of v", "for share"];
    locks.iter().chain(&shares).fold(statement.to_owned(), |statement, lock| statement.replace(lock, ""))
}

/// Without locks two instances decide on the same balance. The ledger's own key refuses the second, at the price of
/// deciding again; without that key too money would be lost, and the reconciliation finds that it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dropped_locks_are_found_by_the_counters_and_behind_them_by_the_reconciliation() {
    let sound = race("select 1", str::to_owned).await;
    assert_eq!((sound.overtaken, sound.drifts), (0, Vec::new()));
    let unlocked = race("select 1", without_locks).await;
    assert_eq!((unlocked.overtaken, unlocked.drifts), (1, Vec::new()));
    let keyless = "alter table wallet_entries drop constraint wallet_entries_pkey";
    let lost = race(keyless, without_locks).await;
    assert!(lost.overtaken == 0 && !lost.drifts.is_empty(), "{lost:?}");
}
