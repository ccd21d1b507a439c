//! Working ahead. A crowd wants the same few records, so its batches come one after another; but finding out takes time,
//! and most of what a batch writes are rows that nobody else writes: new orders, and the keys and copies of those who ask. A
//! batch that meets one under way is therefore decided on what that one is about to commit, and writes those rows meanwhile.
//! When the other has ended, it locks and reads the records that it was decided on: if each is as expected, it writes the
//! rest and commits; if one is not, because the other failed or another process was there, all is rolled back and run
//! again the usual way.
//!
//! It goes on only if the other has committed just what it announced: from the end of that commit on, what it left is a
//! fact, and whoever has been there since has left another one. So two things need be read once only, before the locks,
//! because a record that is locked vouches for them. Whoever issues a copy moves the coupon's counter, which never falls:
//! while it is as that commit left it, so are the customers' copies. And whoever runs the same command under the same key
//! moves the same counter, or the version of the same stock. A value alone would vouch for nothing: another process may
//! reach the same one by another way, after a commit that failed.
//!
//! So nothing is committed but what was decided on records that are locked and are so. Until it has the locks, nobody waits
//! for a row of a batch ahead but who does the same for the same customer elsewhere: under the same key, or for the same
//! copy. Such a one has the locks, as whoever comes the usual way has before it writes. So that the two do not wait for each
//! other, a batch ahead gives up rather than wait: for a row that somebody has locked, for a batch before that does not go on
//! as it announced, and in the end for one that takes too long (it may wait for a row of another process, and that process, by
//! way of others, for one of this batch). With nothing in its hands it then waits for its turn like anybody else. A request
//! that the batch before has too, under the same key, is not begun ahead.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use commerce_core::{Changes, Copies, KeyScope, Keys, Records, WorkingSet};
use sqlx::PgConnection;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::transaction::{Decided, Loaded, Surroundings, decide_all, discover, is_rejected};
use crate::error::Failure;
use crate::keys::{Request, Scopes, is_rush, touched};
use crate::load::{Hints, Mode};
use crate::write::{Net, write_new, write_rest};

/// What a batch is about to commit.
#[derive(Debug)]
pub(super) struct Announced {
    values: Changes,
    /// The keys of its requests, of those too that it rejects: run again, it may accept them.
    scopes: HashSet<KeyScope>,
}

/// How a batch stands to what it announced last.
#[derive(Debug)]
pub(super) enum Standing {
    /// It has announced nothing, or has withdrawn it.
    Void,
    /// It is about to commit this.
    Announced(Arc<Announced>),
    /// It has committed this.
    Committed(Arc<Announced>),
}

impl Standing {
    /// What is about to be committed.
    pub(super) const fn announced(&self) -> Option<&Arc<Announced>> {
        match self {
            Self::Announced(announced) => Some(announced),
            Self::Void | Self::Committed(_) => None,
        }
    }

    fn is_about(&self, announced: &Arc<Announced>) -> bool {
        self.announced().is_some_and(|standing| Arc::ptr_eq(standing, announced))
    }

    fn has_committed(&self, announced: &Arc<Announced>) -> bool {
        matches!(self, Self::Committed(standing) if Arc::ptr_eq(standing, announced))
    }
}

/// Tells what a batch is about to commit, and whether it has.
#[derive(Debug)]
pub(super) struct Announcer {
    standing: watch::Sender<Standing>,
    /// Wakes who hands out: there may be something to follow.
    news: Arc<Notify>,
}

impl Announcer {
    /// One for a batch, and the place where those who follow it hear what becomes of it.
    pub(super) fn new(news: &Arc<Notify>) -> (Self, watch::Receiver<Standing>) {
        let (standing, heard) = watch::channel(Standing::Void);
        (Self { standing, news: Arc::clone(news) }, heard)
    }

    /// Tells what the requests came to, decided on `records`.
    pub(super) fn announce(&self, net: &Net, records: &WorkingSet, requests: &[&Request]) {
        let scopes = requests.iter().map(|request| request.scope.clone()).collect();
        let announced = Arc::new(Announced { values: net.values(records), scopes });
        self.standing.send_replace(Standing::Announced(announced));
        self.news.notify_one();
    }

    /// The attempt failed, or nobody knows whether it did: what it announced is void.
    pub(super) fn withdraw(&self) {
        self.standing.send_replace(Standing::Void);
    }

    /// What was announced is committed.
    pub(super) fn commit(&self) {
        self.standing.send_modify(|standing| {
            if let Standing::Announced(announced) = standing {
                *standing = Standing::Committed(Arc::clone(announced));
            }
        });
    }
}

/// A batch under way, for one that meets it.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    /// What it is about to commit.
    pub(super) announced: Arc<Announced>,
    /// What becomes of that.
    pub(super) standing: watch::Receiver<Standing>,
    /// How long its end is waited for.
    pub(super) hold: Duration,
}

impl Ahead {
    /// Waits until it has committed what it announced, or will not.
    async fn is_committed(&mut self) -> bool {
        let announced = &self.announced;
        let decided = self.standing.wait_for(|standing| !standing.is_about(announced)).await;
        decided.is_ok_and(|standing| standing.has_committed(announced))
    }

    /// Waits until it has ended, whatever it came to.
    pub(super) async fn has_ended(&mut self) {
        // An error says that nobody will tell any more.
        drop(self.standing.wait_for(|standing| matches!(standing, Standing::Committed(_))).await);
    }
}

/// As [`super::transaction::decide_and_write`], for requests that meet a batch under way.
pub(super) async fn decide_and_write(
    connection: &mut PgConnection,
    requests: &[&Request],
    surroundings: Surroundings<'_>,
    hints: &mut Hints,
    mut ahead: Ahead,
    announce: impl FnOnce(&Net, &WorkingSet) + Send,
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
        let is_committed = timeout(ahead.hold, ahead.is_committed()).await.unwrap_or(false);
        // Not before: who follows this batch knows nothing of the one that this batch follows.
        if is_committed && wrote {
            announce(&net, &expected.records);
        }
        is_committed
    };
    // Should the writing fail, nothing is waited for any longer.
    let ((), is_committed) = tokio::try_join!(write_new(connection, &net), async { Ok(turn.await) })?;
    if !is_committed {
        return Err(misjudged("the batch before has not committed what it was about to"));
    }
    let rejected = || requests.iter().zip(&verdicts).filter(|(_, verdict)| is_rejected(verdict));
    // The success of the same command may be why it is rejected here. What this batch has written itself tells nothing.
    let elsewhere = rejected().map(|(request, _)| &request.scope).filter(|scope| !net.keys.contains_key(scope));
    let scopes = Scopes::of(elsewhere);
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
        write_rest(connection, &net).await?;
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
    // Of what is announced, coupons need not be read: the batch before commits only what it has found so under its locks.
    let mut unread = wanted.clone();
    unread.coupons.retain(|id| values.coupons.iter().all(|coupon| coupon.id != *id));
    let found = hints.fetch(connection, &unread, &scopes, Mode::Read).await?;
    let mut records = WorkingSet::default();
    records.apply(&found.records);
    records.apply(&Changes {
        coupons: values.coupons.iter().filter(|v| wanted.coupons.contains(&v.id)).cloned().collect(),
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
