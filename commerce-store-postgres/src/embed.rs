//! A command inside a transaction of the caller's own.

use commerce_core::store::Envelope;
use commerce_core::{Error, Receipt, StoreError};
use sqlx::{Postgres, Transaction};

use crate::PostgresStore;
use crate::error::Failure;
use crate::keys::Request;
use crate::load::Hints;
use crate::writer::{Surroundings, decide_and_write};

impl PostgresStore {
    /// Carries a command out inside the caller's `transaction`: it is committed, or rolled back, with whatever else the
    /// caller does there. Its key is kept with it, and its messages go out with the commit, as soon as somebody looks: only
    /// the store's own commits are told of.
    ///
    /// The records it touches stay locked until the transaction ends, so keep it short, and lock rows of one's own
    /// before, not after: that is the order in which two such transactions cannot deadlock. Two commands in one transaction
    /// lock in the order they are given, so give those of one kind in one order; and do not wait, before the commit, for a
    /// command on [`PostgresStore`] itself that needs a record of this one: it would wait for this transaction.
    ///
    /// # Errors
    /// [`Error::Rejected`]: a rule refused, nothing was written, and the transaction can go on.
    /// [`Error::Store`]: the transaction has failed; roll it back. [`StoreError::Unavailable`] asks to do the whole of
    /// it again, under the same key.
    ///
    /// `Ok` promises nothing before the caller's own commit has succeeded.
    pub async fn execute_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        envelope: Envelope,
    ) -> Result<Receipt, Error> {
        let request = Request::new(envelope);
        // The caller's transaction cannot be decided again, so the ids are looked up at once.
        let (shop, clock) = (&self.config.shop, self.config.clock.as_deref());
        let surroundings = Surroundings { shop, clock, doubt_ids: true, beginning: None };
        let decided =
            decide_and_write(&mut *transaction, &[&request], surroundings, &mut Hints::default(), |_, _| ()).await;
        let failed = |failure: Failure| match failure {
            // Another transaction came first; deciding again will see it.
            Failure::Overtaken(reason) => StoreError::Unavailable { reason },
            other => other.into_error(),
        };
        let verdict = decided.map_err(failed)?.verdicts.pop();
        verdict.unwrap_or_else(|| Err(StoreError::Corrupt { what: "a command without an answer".to_owned() }.into()))
    }
}
