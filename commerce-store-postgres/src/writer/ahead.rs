//! Working ahead. A crowd wants the same few records, so its batches come one after another; but finding out takes time,
//! and most of what a batch writes are new orders, which nobody else touches. A batch that meets one under way is
//! therefore decided on what that one is about to commit, and writes its new orders meanwhile. When the other has ended,
//! it locks and reads the records that it was decided on: if each is as expected, it writes the rest and commits; if one
//! is not, because the other failed or another process was there, all is rolled back and run again the usual way.
//!
//! It goes on only if the other has committed just what it announced: from the end of that commit on, what it left is a
//! fact, and whoever has been there since has left another one. So two things need be read once only, before the locks,
//! because a record that is locked vouches for them. Whoever issues a copy moves the coupon's counter, which never falls:
//! while it is as that commit left it, so are the customers' copies. And whoever runs the same command under the same key
//! moves the same counter, or the version of the same stock. A value alone would vouch for nothing: another process may
//! reach the same one by another way, after a commit that failed.
//!
//! So nothing is committed but what was decided on records that are locked and are so. Until it has the locks, a batch
//! ahead holds no row that anybody could wait for but its new orders, whose ids nobody else has: a request that the batch
//! under way has too, under the same key, is not begun ahead.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use commerce_core::{Changes, Copies, KeyScope, Keys, Records, WorkingSet};
use sqlx::PgConnection;
use tokio::sync::{mpsc, watch};

use super::transaction::{Decided, Loaded, Surroundings, decide_all, discover, is_rejected};
use crate::error::Failure;
use crate::keys::{Request, Scopes, is_rush, touched};
use crate::load::{Hints, Mode};
use crate::write::{Net, write_new_orders, write_sale};

/// Numbers batches.
pub(super) type Ticket = u64;

/// What a batch is about to commit.
#[derive(Debug)]
pub(super) struct Announced {
    values: Changes,
    /// The keys of its requests, of those too that it rejects: run again, it may accept them.
    scopes: HashSet<KeyScope>,
}

/// Tells what a batch is about to commit, and what it has committed.
#[derive(Debug)]
pub(super) struct Announcer {
    ticket: Ticket,
    to: mpsc::UnboundedSender<(Ticket, Arc<Announced>)>,
    /// Of the present attempt.
    latest: Mutex<Option<Arc<Announced>>>,
    committed: watch::Sender<Option<Arc<Announced>>>,
}

impl Announcer {
    /// One for a batch, and the place where those who follow it hear of its end.
    pub(super) fn new(
        ticket: Ticket,
        to: mpsc::UnboundedSender<(Ticket, Arc<Announced>)>,
    ) -> (Self, watch::Receiver<Option<Arc<Announced>>>) {
        let (committed, ended) = watch::channel(None);
        (Self { ticket, to, latest: Mutex::default(), committed }, ended)
    }

    pub(super) fn announce(&self, net: &Net, requests: &[&Request]) {
        let scopes = requests.iter().map(|request| request.scope.clone()).collect();
        let announced = Arc::new(Announced { values: net.values(), scopes });
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&announced));
        // Nobody listens any more when the store is closed.
        drop(self.to.send((self.ticket, announced)));
    }

    /// A new attempt begins: what was announced before is void.
    pub(super) fn begin(&self) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What the present attempt announced is committed.
    pub(super) fn commit(&self) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.committed.send_replace(latest);
    }
}

/// A batch under way, for one that meets it.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    /// What it is about to commit.
    pub(super) announced: Arc<Announced>,
    /// Tells what it has committed; closed when it has ended in any other way.
    pub(super) ended: watch::Receiver<Option<Arc<Announced>>>,
}

impl Ahead {
    /// Waits for its end. Whether it has committed what it announced, and nothing else.
    async fn is_committed(&mut self) -> bool {
        let committed = self.ended.wait_for(Option::is_some).await.ok().and_then(|committed| committed.clone());
        committed.is_some_and(|committed| Arc::ptr_eq(&committed, &self.announced))
    }
}

/// As [`super::transaction::decide_and_write`], for requests that meet a batch under way.
pub(super) async fn decide_and_write(
    connection: &mut PgConnection,
    requests: &[&Request],
    surroundings: Surroundings<'_>,
    hints: &mut Hints,
    mut ahead: Ahead,
    announce: impl FnOnce(&Net) + Send,
) -> Result<Decided, Failure> {
    if !is_rush(requests) {
        return Err(misjudged("the batch does other things than a crowd does"));
    }
    if requests.iter().any(|request| ahead.announced.scopes.contains(&request.scope)) {
        return Err(misjudged("the batch before has a request of this one"));
    }
    let wanted = discover(connection, requests, hints).await?;
    let expected = expect(connection, requests, &wanted, &ahead.announced.values, hints).await?;
    if !touched(requests, &expected.records).without(&wanted).is_empty() {
        return Err(misjudged("the records of the batch lead to others"));
    }
    let (net, verdicts, _) = decide_all(requests, &expected, surroundings);
    if !net.only_sells() {
        return Err(misjudged("the batch makes records that others may be making"));
    }
    let wrote = !net.keys.is_empty();
    let turn = async {
        let is_committed = ahead.is_committed().await;
        // Not before: who follows this batch knows nothing of the one that this batch follows.
        if is_committed && wrote {
            announce(&net);
        }
        is_committed
    };
    let (written, is_committed) = tokio::join!(write_new_orders(connection, &net), turn);
    written?;
    if !is_committed {
        return Err(misjudged("the batch before has not committed what it was about to"));
    }
    let rejected = || requests.iter().zip(&verdicts).filter(|(_, verdict)| is_rejected(verdict));
    // The success of the same command may be why it is rejected here.
    let scopes = Scopes::of(rejected().map(|(request, _)| &request.scope));
    let locked = Keys { copies: BTreeSet::new(), ..wanted.clone() };
    let (found, stored) = hints.check(connection, &locked, &scopes, Mode::Sell).await?;
    let mut records = WorkingSet::default();
    records.apply(&found);
    records.apply(&Changes { copies: copies_in(&expected.records, &wanted), ..Changes::default() });
    // What is absent may come at any time, without a lock to wait for: a rejection because of it is looked at twice.
    let doubtful = expected.absent && rejected().next().is_some();
    if !stored.is_empty() || records != expected.records || doubtful {
        return Err(misjudged("a record is not as the batch before was to leave it"));
    }
    if wrote {
        write_sale(connection, &net).await?;
    }
    Ok(Decided { verdicts, wrote, tells: !net.messages.is_empty() })
}

/// The records as they will be when the batch ahead has committed. The time is of this reading: after the one that the
/// batch ahead decided at, so that what hangs on a record never goes back in time.
async fn expect(
    connection: &mut PgConnection,
    requests: &[&Request],
    wanted: &Keys,
    values: &Changes,
    hints: &mut Hints,
) -> Result<Loaded, Failure> {
    let scopes = Scopes::of(requests.iter().map(|request| &request.scope));
    let found = hints.fetch(connection, wanted, &scopes, Mode::Read).await?;
    let mut records = WorkingSet::default();
    records.apply(&found.records);
    records.apply(&Changes {
        stocks: values.stocks.iter().filter(|v| wanted.variants.contains(&v.variant_id)).copied().collect(),
        wallets: values.wallets.iter().filter(|v| wanted.wallets.contains(&v.id)).copied().collect(),
        issuances: values.issuances.iter().filter(|v| wanted.coupons.contains(&v.coupon_id)).copied().collect(),
        copies: values
            .copies
            .iter()
            .filter(|v| wanted.copies.contains(&(v.coupon_id, v.customer_id)))
            .copied()
            .collect(),
        ..Changes::default()
    });
    Ok(Loaded::new(requests, wanted.clone(), records, found.stored, found.now))
}

fn copies_in(records: &WorkingSet, wanted: &Keys) -> Vec<Copies> {
    let copies = |&(coupon_id, customer_id)| {
        let count = records.copies(coupon_id, customer_id);
        Copies { coupon_id, customer_id, count }
    };
    wanted.copies.iter().map(copies).collect()
}

fn misjudged(what: &str) -> Failure {
    Failure::Contended(what.to_owned())
}
