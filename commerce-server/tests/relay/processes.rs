//! Two `commerce-server work` processes deliver, and one of them is killed in the midst of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use commerce_core::conformance::World;
use commerce_core::{ManualClock, Shop};
use commerce_store_postgres::{Config, PostgresStore};
use sqlx::{Connection, PgConnection};

use crate::receiver::{Receiver, SECRET};
use crate::shop::{orders, rush, transitions, until, until_delivered};
use crate::stores::database;

/// A process at work. Dropping it kills it.
pub(crate) struct Process(Child);

impl Process {
    /// One that delivers to a receiver, which the certificates of that file vouch for.
    pub(crate) fn start(database: &str, receiver: &Receiver, certificates: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_commerce-server"));
        command.arg("work").env_clear().env("COMMERCE_DATABASE_URL", database).env("COMMERCE_LOG", "off");
        command.env("COMMERCE_SINK_WEBHOOK_URL", &receiver.url).env("COMMERCE_SINK_WEBHOOK_SECRET", SECRET);
        command.env("COMMERCE_SINK_WEBHOOK_PRIVATE", "true").env("COMMERCE_SINK_WEBHOOK_TIMEOUT", "120");
        command.env("COMMERCE_RELAY_INTERVAL", "10").stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(certificates.map(|file| ("SSL_CERT_FILE", file)));
        Self(command.spawn().expect("the program starts"))
    }

    /// How the owners of its claims begin.
    fn owner(&self) -> String {
        format!("{}:%", self.0.id())
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it can be killed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killing what is dead already is no error here.
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

/// A shop on the database's own clock, as a process has it.
pub(crate) async fn shop(url: &str) -> World {
    let config = Config::new(url, Shop::default()).expect("its URL");
    let store = PostgresStore::open(config).await.expect("the store");
    let clock = Arc::new(ManualClock::new("2026-11-21T05:00:00Z".parse().expect("an instant")));
    World::over(Arc::new(store), clock, Arc::new(()))
}

/// The messages in the hands of a process.
async fn held(connection: &mut PgConnection, process: &Process) -> BTreeSet<String> {
    let held = sqlx::query_scalar::<_, i64>("select message_id from deliveries where owner like $1");
    let held = held.bind(process.owner()).fetch_all(connection).await.expect("a read");
    held.iter().map(ToString::to_string).collect()
}

fn ids(receiver: &Receiver) -> Vec<String> {
    receiver.taken().iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_only_duplicates() {
    let database = database().await;
    let world = shop(&database.url).await;
    let mut backstage = PgConnection::connect(&database.url).await.expect("a connection");

    // Of every few calls one is not answered, so that both processes come to a stand with some that are.
    let receiver = Receiver::start(|n, _| (!n.is_multiple_of(5)).then_some(200)).await;
    let mut processes = [0, 1].map(|_| Process::start(&database.url, &receiver, None));
    until(&world, async || {
        let sinks = world.store().sinks().await.expect("the sinks");
        !sinks.is_empty()
    })
    .await;
    while transitions(&world).await < 200 {
        rush(&world, 24).await;
    }
    let mut told;
    loop {
        let (first, second) = (held(&mut backstage, &processes[0]).await, held(&mut backstage, &processes[1]).await);
        let taken: BTreeSet<String> = ids(&receiver).into_iter().collect();
        told = first.intersection(&taken).count();
        if told > 0 && !second.is_empty() && receiver.under_way() > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    processes[0].kill();
    // What it held is free again when its claims run out: for these that is now.
    let ran_out = "update deliveries set claimed_until = now() where owner like $1";
    let ran_out = sqlx::query(ran_out).bind(processes[0].owner()).execute(&mut backstage).await.expect("a change");
    assert!(ran_out.rows_affected() > 0, "it was killed with nothing in its hands");
    receiver.release();
    rush(&world, 24).await;
    until_delivered(&world, &["webhook"]).await;

    let (all, transitions) = (ids(&receiver), transitions(&world).await);
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), transitions, "none lost, and none that was never committed");
    assert!(
        all.len() >= transitions + told,
        "{} came twice, {told} of the dead one's among them",
        all.len() - transitions
    );
    // In sequence, the first time; and what a consumer makes of it that leaves out what it has seen.
    assert_eq!(receiver.read_model(), orders(&world).await);
    assert_eq!(commerce_core::reconcile(world.store()).await.expect("a report").drifts, []);
}
