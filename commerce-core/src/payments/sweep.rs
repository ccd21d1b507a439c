//! The sweep: takes up every charge that nobody has looked after.

use std::time::Duration;

use super::{PaymentError, Payments};
use crate::ids::ChargeId;
use crate::store::{PageRequest, StoreError};
use crate::time::Timestamp;

/// A charge that a sweep could not settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Which charge.
    pub charge: ChargeId,
    /// Why not.
    pub why: PaymentError,
}

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Charges looked after.
    pub looked_after: u64,
    /// Of these, charges that need no more looking after.
    pub settled: u64,
    /// Charges that it failed for. One that fails keeps no other from its turn.
    pub unsettled: Vec<Unsettled>,
}

impl Payments {
    /// Looks after every open charge that has not changed for `quiet`: asks the gateway, settles, gives back. Several at
    /// the same time do no harm.
    pub async fn sweep(&self, quiet: Duration) -> Result<Swept, StoreError> {
        let now = self.store().now().await?.as_micros();
        let before = Timestamp::from_micros(now - i64::try_from(quiet.as_micros()).unwrap_or(now) + 1);
        let (mut swept, mut after) = (Swept::default(), None);
        loop {
            let page = self.store().open_charges(before, PageRequest { after, limit: 100 }).await?;
            for charge in &page.items {
                swept.looked_after += 1;
                match self.advance(charge.id).await {
                    Ok(charge) => swept.settled += u64::from(!charge.status.is_open()),
                    Err(why) => swept.unsettled.push(Unsettled { charge: charge.id, why }),
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(swept);
            }
        }
    }
}
