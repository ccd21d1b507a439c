//! The inside of a transaction: load, decide, write. Begin and commit are the caller's.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use commerce_core::decide::{decide, fresh_keys};
use commerce_core::{
    Clock, Context, Decision, Error, KeyRecord, KeyScope, Keys, Receipt, Rejection, Shop, StoreError, Timestamp,
    WorkingSet,
};
use sqlx::PgConnection;

use super::Verdict;
use super::beginning::Beginning;
use crate::error::Failure;
use crate::keys::{Request, Scopes, is_unknown, leads, mode, touched};
use crate::load::{Found, Hints, Mode, fetch};
use crate::write::{Net, write};

/// What decisions need from the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) shop: &'a Shop,
    pub(crate) clock: Option<&'a dyn Clock>,
    /// Whether the ids given as fresh are looked up too. Primary keys find out one that is taken; it then takes a
    /// second look to say so.
    pub(crate) doubt_ids: bool,
    /// How the transaction begins, if it is the store's own. It begins anew rather than lock what comes before what it holds.
    pub(crate) beginning: Option<Beginning>,
}

/// What a batch came to, once it is committed.
#[derive(Debug)]
pub(crate) struct Decided {
    /// One a request, in their order.
    pub(crate) verdicts: Vec<Verdict>,
    /// Whether anything was written.
    pub(crate) wrote: bool,
    /// Whether messages were among it.
    pub(crate) tells: bool,
}

/// Carries the requests out one after another, and writes what they came to. Each sees the changes of those before
/// it; a rejected one leaves no trace. Before it writes, it announces what there is to write.
pub(crate) async fn decide_and_write(
    connection: &mut PgConnection,
    requests: &[&Request],
    surroundings: Surroundings<'_>,
    hints: &mut Hints,
    announce: impl FnOnce(&Net, &WorkingSet) + Send,
) -> Result<Decided, Failure> {
    let (mut loaded, mut net, mut verdicts) = load_and_decide(connection, requests, surroundings, hints).await?;
    if loaded.absent && verdicts.iter().any(is_rejected) {
        // Something was not there when the load began. It may have come while locks were waited for, and what waited for
        // the same locks may have been told of it.
        let_go(connection, surroundings).await?;
        (loaded, net, verdicts) = load_and_decide(connection, requests, surroundings, hints).await?;
    }
    let rejected: Vec<usize> = (0..verdicts.len()).filter(|i| is_rejected(&verdicts[*i])).collect();
    if !rejected.is_empty() {
        replay_rejected(connection, requests, &rejected, &mut verdicts).await?;
    }
    let wrote = !net.keys.is_empty();
    if wrote {
        announce(&net, &loaded.records);
        write(connection, &net).await?;
    }
    Ok(Decided { verdicts, wrote, tells: !net.messages.is_empty() })
}

/// Loads what the batch may touch, and decides. What a cart leads to may show only when a command of the batch has
/// filled it: then that is loaded too, and all is decided again.
async fn load_and_decide(
    connection: &mut PgConnection,
    requests: &[&Request],
    surroundings: Surroundings<'_>,
    hints: &mut Hints,
) -> Result<(Loaded, Net, Vec<Verdict>), Failure> {
    let mut more = Keys::default();
    for _ in 0..3 {
        let loaded = load(connection, requests, surroundings, hints, &more).await?;
        let (net, verdicts, missing) = decide_all(requests, &loaded, surroundings);
        if missing.is_empty() {
            return Ok((loaded, net, verdicts));
        }
        more.extend(missing);
        let_go(connection, surroundings).await?;
    }
    Err(Failure::Contended("the carts of a batch did not stand still".to_owned()))
}

/// Before more is locked: what is held by now may come after it, and somebody who holds it may wait for that. A transaction of
/// the caller's own keeps what it holds; the database ends one of those who wait for each other.
async fn let_go(connection: &mut PgConnection, surroundings: Surroundings<'_>) -> Result<(), Failure> {
    match surroundings.beginning {
        Some(beginning) => beginning.begin_anew(connection).await,
        None => Ok(()),
    }
}

pub(super) fn is_rejected(verdict: &Verdict) -> bool {
    matches!(verdict, Err(Error::Rejected(reason)) if !matches!(reason, Rejection::IdempotencyKeyReused { .. }))
}

/// The records of a batch, locked.
pub(super) struct Loaded {
    pub(super) wanted: Keys,
    pub(super) records: WorkingSet,
    pub(super) stored: HashMap<KeyScope, KeyRecord>,
    pub(super) now: Timestamp,
    /// Whether some record that was named is not there.
    pub(super) absent: bool,
}

impl Loaded {
    /// What was found of `wanted`, and under the keys of the requests, by their places.
    pub(super) fn new(
        requests: &[&Request],
        wanted: Keys,
        records: WorkingSet,
        stored: HashMap<usize, KeyRecord>,
        now: Timestamp,
    ) -> Self {
        let absent = is_absent(&wanted, &records);
        let stored = stored.into_iter().map(|(i, record)| (requests[i].scope.clone(), record)).collect();
        Self { wanted, records, stored, now, absent }
    }
}

/// Locks and loads every record that the batch may touch, in one pass if the hints tell which.
async fn load(
    connection: &mut PgConnection,
    requests: &[&Request],
    surroundings: Surroundings<'_>,
    hints: &mut Hints,
    more: &Keys,
) -> Result<Loaded, Failure> {
    let mode = mode(requests);
    let scopes = Scopes::of(requests.iter().map(|request| &request.scope));
    let mut wanted = discover(connection, requests, hints).await?;
    wanted.extend(more.clone());
    if surroundings.doubt_ids {
        requests.iter().for_each(|request| wanted.extend(fresh_keys(&request.envelope.command, request.envelope.ids)));
    }
    // The facts that led here do not change but for what is in carts, so one pass is all there is; else the next one is complete.
    for _ in 0..3 {
        let Found { records: found, stored, now } = hints.fetch(connection, &wanted, &scopes, mode).await?;
        let mut records = WorkingSet::default();
        records.apply(&found);
        let all = touched(requests, &records);
        if all.without(&wanted).is_empty() {
            return Ok(Loaded::new(requests, wanted, records, stored, now));
        }
        wanted.extend(all);
        let_go(connection, surroundings).await?;
    }
    Err(Failure::Contended("the records of a batch did not stand still".to_owned()))
}

/// Finds out which records the batch may touch, without locking any.
pub(super) async fn discover(
    connection: &mut PgConnection,
    requests: &[&Request],
    hints: &mut Hints,
) -> Result<Keys, Failure> {
    let mut asked = Keys::default();
    loop {
        let wanted = touched(requests, hints.facts());
        let unknown = leads(requests, &wanted, hints.facts()).without(&asked);
        if unknown.is_empty() {
            return Ok(wanted);
        }
        hints.fetch(connection, &unknown, &Scopes::default(), Mode::Read).await?;
        asked.extend(unknown);
    }
}

fn is_absent(wanted: &Keys, found: &WorkingSet) -> bool {
    use commerce_core::Records;
    wanted.customers.iter().any(|id| found.customer(*id).is_none())
        || wanted.products.iter().any(|id| found.product(*id).is_none())
        || wanted.variants.iter().any(|id| found.variant(*id).is_none())
        || wanted.coupons.iter().any(|id| found.coupon(*id).is_none())
        || wanted.coupon_codes.iter().any(|code| is_unknown(code, found))
        || wanted.issued_coupons.iter().any(|id| found.issued_coupon(*id).is_none())
        || wanted.carts.iter().any(|id| found.cart(*id).is_none())
        || wanted.orders.iter().any(|id| found.order(*id).is_none())
        || wanted.charges.iter().any(|id| found.charge(*id).is_none())
        || wanted.top_ups.iter().any(|id| found.top_up(*id).is_none())
        || wanted.wallets.iter().any(|id| found.wallet(*id).is_none())
}

/// Decides on the requests one after another. Records that one of them may touch and that were not loaded make
/// its verdict void: they are named.
pub(super) fn decide_all(
    requests: &[&Request],
    loaded: &Loaded,
    surroundings: Surroundings<'_>,
) -> (Net, Vec<Verdict>, Keys) {
    let mut records = loaded.records.clone();
    let (mut net, mut missing) = (Net::default(), Keys::default());
    let mut verdicts = Vec::with_capacity(requests.len());
    for request in requests {
        if request.ordered_cart().is_some() {
            missing.extend(request.touched(&records).without(&loaded.wanted));
        }
        verdicts.push(decide_one(request, loaded, surroundings, &mut records, &mut net));
    }
    (net, verdicts, missing)
}

fn decide_one(
    request: &Request,
    loaded: &Loaded,
    surroundings: Surroundings<'_>,
    records: &mut WorkingSet,
    net: &mut Net,
) -> Verdict {
    let Request { envelope, scope, fingerprint } = request;
    // The same key may be in the batch twice.
    if let Some(record) = loaded.stored.get(scope).or_else(|| net.keys.get(scope)) {
        return Ok(Receipt { outcome: record.replay(scope, *fingerprint)?, replayed: true });
    }
    let now = surroundings.clock.map_or(loaded.now, Clock::now);
    let context = Context { now, ids: envelope.ids, shop: surroundings.shop };
    // A decision is pure: whatever it was doing when it panicked, it has changed nothing.
    let decided = catch_unwind(AssertUnwindSafe(|| decide(records, &envelope.principal, &envelope.command, &context)));
    let Decision { changes, outcome } = decided.map_err(|_| panicked())??;
    let record = KeyRecord { fingerprint: *fingerprint, outcome: outcome.clone(), created_at: now };
    net.add(changes.clone(), records);
    records.apply(&changes);
    net.keys.insert(scope.clone(), record);
    Ok(Receipt { outcome, replayed: false })
}

fn panicked() -> StoreError {
    StoreError::Corrupt { what: "the decision panicked".to_owned() }
}

/// Looks rejected requests' keys up once more, now that the locks are there: the same request may have been under
/// way elsewhere, and its success be the very reason for the rejection here.
async fn replay_rejected(
    connection: &mut PgConnection,
    requests: &[&Request],
    rejected: &[usize],
    verdicts: &mut [Verdict],
) -> Result<(), Failure> {
    let scopes = Scopes::of(rejected.iter().map(|i| &requests[*i].scope));
    let found = fetch(connection, &Keys::default(), &scopes, Mode::Read).await?;
    for (place, record) in found.stored {
        let i = rejected[place];
        let Request { scope, fingerprint, .. } = requests[i];
        let replayed = record.replay(scope, *fingerprint).map_err(Error::from);
        verdicts[i] = replayed.map(|outcome| Receipt { outcome, replayed: true });
    }
    Ok(())
}
