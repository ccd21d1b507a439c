//! One transaction, from begin to commit.

use std::future::Future;
use std::time::Duration;

use commerce_core::WorkingSet;
use sqlx::{Executor, PgConnection};

use super::Verdict;
use super::ahead::{self, Ahead, Announcer};
use super::beginning::Beginning;
use super::transaction::{Decided, Surroundings, decide_and_write};
use crate::config::Config;
use crate::error::Failure;
use crate::keys::Request;
use crate::load::Hints;
use crate::write::Net;

/// How a transaction ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Committed, or nothing was to be committed: these are the answers, and whether messages went along.
    Done(Vec<Verdict>, bool),
    /// Failed before its commit was sent: nothing happened.
    Failed(Failure),
    /// Its commit was sent, and the answer did not come. These are the answers if it was committed.
    InDoubt(Vec<Verdict>, Failure),
}

/// How long a transaction may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Until it sends its commit.
    pub(super) left: Duration,
    /// How long it waits for a row, if not as the connection does.
    pub(super) patience: Option<Duration>,
}

/// Runs the requests in one transaction, which the statement `beginning` begins; if it is `ahead` of the end of a batch that
/// they meet, on what that one is about to commit.
pub(super) async fn run(
    (connection, beginning): (&mut PgConnection, &'static str),
    requests: &[&Request],
    surroundings: Surroundings<'_>,
    (config, limits): (&Config, Limits),
    hints: &mut Hints,
    (ahead, announcer): (Option<Ahead>, Option<&Announcer>),
) -> Ended {
    let announce = |net: &Net, records: &WorkingSet| {
        announcer.into_iter().for_each(|announcer| announcer.announce(net, records, requests));
    };
    let beginning = Beginning { statement: beginning, patience: limits.patience };
    let surroundings = Surroundings { beginning: Some(beginning), ..surroundings };
    // Nothing was sent before: a connection that has died unnoticed leaves time for another.
    if let Err(failure) = within(limits.left.min(config.deadline / 2), beginning.begin(connection)).await {
        return Ended::Failed(failure);
    }
    let work = async {
        match ahead {
            Some(ahead) => {
                ahead::decide_and_write(&mut *connection, requests, surroundings, hints, ahead, announce).await
            }
            None => decide_and_write(&mut *connection, requests, surroundings, hints, announce).await,
        }
    };
    match within(limits.left, work).await {
        Ok(decided) => finish(connection, decided, config).await,
        Err(failure) => Ended::Failed(failure),
    }
}

async fn finish(connection: &mut PgConnection, decided: Decided, config: &Config) -> Ended {
    let Decided { verdicts, wrote, tells } = decided;
    let end = if wrote { "commit" } else { "rollback" };
    let ending = async { Ok(connection.execute(end).await?) };
    match within(config.deadline, ending).await {
        Ok(_) => Ended::Done(verdicts, wrote && tells),
        // Nothing was written, so nothing is in doubt; the connection is.
        Err(Failure::Lost(_)) if !wrote => Ended::Failed(Failure::Lost("the connection broke".to_owned())),
        // A deferred constraint or a conflict found at the commit: the server said no, and rolled back.
        Err(failure @ (Failure::Contended(_) | Failure::Overtaken(_) | Failure::Refused(_))) => Ended::Failed(failure),
        Err(failure) => Ended::InDoubt(verdicts, failure),
    }
}

/// Leaves a failed transaction; `false` if the connection is of no more use.
pub(super) async fn leave(connection: &mut PgConnection, config: &Config) -> bool {
    within(config.deadline / 5, async { Ok(connection.execute("rollback").await?) }).await.is_ok()
}

/// The work's result, or a failure when the database does not answer in time.
async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(limit, work).await.map_err(|_| Failure::late(limit))?
}
