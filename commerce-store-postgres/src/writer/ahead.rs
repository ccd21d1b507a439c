//! Working ahead. A crowd wants the same few records, so its batches come one after another; but finding out takes time,
//! and most of what a batch writes are new orders, which nobody else touches. A batch that meets one under way is
//! therefore decided on what that one is about to commit, and writes its new orders meanwhile. When the other has ended,
//! it locks and reads the records that it was decided on: if each is as expected, it writes the rest and commits; if one
//! is not, because the other failed or another process was there, all is rolled back and run again the usual way.
//!
//! Two things are read once only, before the locks, because a record that is locked vouches for them. Whoever issues a
//! copy moves the coupon's counter, which never falls: while it is as expected, so are the customers' copies. And
//! whoever runs the same command under the same key moves the same counter or stock; a key that the batch ahead has
//! taken meets the keys' own constraint.
//!
//! So nothing is committed but what was decided on records that are locked and are so. Until it has the locks, a
//! batch ahead holds no row that anybody could wait for.

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::{Changes, Copies, Keys, Records, WorkingSet};
use sqlx::PgConnection;
use tokio::sync::{mpsc, watch};

use super::transaction::{Decided, Loaded, Surroundings, decide_all, discover, is_rejected};
use crate::error::Failure;
use crate::keys::{Request, Scopes, is_rush, touched};
use crate::load::{Hints, Mode};
use crate::write::{Net, write_new_orders, write_sale};

/// Numbers batches.
pub(super) type Ticket = u64;

/// Tells what a batch is about to commit.
#[derive(Debug, Clone)]
pub(super) struct Announcer {
    pub(super) ticket: Ticket,
    pub(super) to: mpsc::UnboundedSender<(Ticket, Arc<Changes>)>,
}

impl Announcer {
    pub(super) fn announce(&self, net: &Net) {
        // Nobody listens any more when the store is closed.
        drop(self.to.send((self.ticket, Arc::new(net.values()))));
    }
}

/// A batch under way, for one that meets it.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    /// What it is about to commit.
    pub(super) values: Arc<Changes>,
    /// Closed when it has ended, one way or the other.
    pub(super) ended: watch::Receiver<()>,
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
    let wanted = discover(connection, requests, hints).await?;
    let expected = expect(connection, requests, &wanted, &ahead.values, hints).await?;
    if !touched(requests, &expected.records).without(&wanted).is_empty() {
        return Err(misjudged("the records of the batch lead to others"));
    }
    let (net, verdicts, _) = decide_all(requests, &expected, surroundings);
    if !net.only_sells() {
        return Err(misjudged("the batch makes records that others may be making"));
    }
    let wrote = !net.keys.is_empty();
    let turn = async {
        // Nothing is ever sent: an error says that the sender is gone, which is the news.
        while ahead.ended.changed().await.is_ok() {}
        // Not before: who follows this batch knows nothing of the one that this batch follows.
        if wrote {
            announce(&net);
        }
    };
    let (written, ()) = tokio::join!(write_new_orders(connection, &net), turn);
    written?;
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
