//! The admission gate: who cannot win is turned away before taking a place among those who may.

use async_trait::async_trait;

use crate::decide::{Context, decide, keys};
use crate::idempotency::KeyScope;
use crate::rejection::Rejection;
use crate::store::{Envelope, Error, Receipt, Store, StoreError};
use crate::working_set::{Keys, WorkingSet};

/// Stands in front of [`Store::execute`]; see [`Commerce::behind`](crate::Commerce::behind).
///
/// # Contract
/// It may turn away what the store would refuse, and only with what the store would say at some instant since it was asked:
/// [`foresee`] tells that. Whatever a gate remembers, or is told by others, may make it look, and never makes it turn
/// away: memories may be old, lost or wrong. What it does not turn away it sends to the store, once.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Has the envelope carried out by the store, or turns it away.
    async fn pass(&self, store: &dyn Store, envelope: Envelope) -> Result<Receipt, Error>;
}

/// What the store would refuse of these, each by itself, and with what; none of what it would carry out, or has carried out
/// under the same key.
///
/// Each refusal is true of records from one moment since the call, after which the envelope's key was still free: to answer
/// it is to answer for the store. Nothing is changed, and nothing is locked.
///
/// # Errors
/// [`StoreError`]: the store could not be read. Nothing is known then, of any of them.
pub async fn foresee(store: &dyn Store, envelopes: &[Envelope]) -> Result<Vec<Option<Rejection>>, StoreError> {
    let wanted = |records: &WorkingSet| {
        let mut all = Keys::default();
        envelopes.iter().for_each(|envelope| all.extend(keys(&envelope.command, records)));
        all
    };
    let records = loaded(store, wanted).await?;
    let now = store.now().await?;
    let refused = |envelope: &Envelope| {
        let context = Context { now, ids: envelope.ids, shop: store.shop() };
        decide(&records, &envelope.principal, &envelope.command, &context).err()
    };
    let mut refusals: Vec<Option<Rejection>> = envelopes.iter().map(refused).collect();
    // After the records: whatever ran under a key before they were read is found now.
    let open = refusals.iter_mut().zip(envelopes).filter(|(refusal, _)| refusal.is_some());
    let (open, scopes): (Vec<_>, Vec<KeyScope>) = open.map(|(refusal, envelope)| (refusal, envelope.scope())).unzip();
    if !scopes.is_empty() {
        for (refusal, used) in open.into_iter().zip(store.used(&scopes).await?) {
            *refusal = refusal.take().filter(|_| !used);
        }
    }
    Ok(refusals)
}

/// Loads until everything that `keys` names has been looked for.
pub(crate) async fn loaded(store: &dyn Store, keys: impl Fn(&WorkingSet) -> Keys) -> Result<WorkingSet, StoreError> {
    let mut asked = Keys::default();
    let mut records = WorkingSet::default();
    loop {
        let wanted = keys(&records);
        if wanted.without(&asked).is_empty() {
            return Ok(records);
        }
        asked.extend(wanted);
        // All of it anew, so that it is all from one moment.
        records = store.load(&asked).await?;
    }
}
