//! Idempotency: the same request under the same key runs once.

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::command::Command;
use crate::decide::Outcome;
use crate::operation::Operation;
use crate::principal::Principal;
use crate::rejection::Rejection;
use crate::text::{IdempotencyKey, TextError};
use crate::time::Timestamp;

impl IdempotencyKey {
    /// The key of one part of a request that is done part by part: the same for the same number, so that asking for all of
    /// it again under this key does no part twice.
    pub fn part(&self, number: u64) -> Result<Self, TextError> {
        Self::new(format!("{self}#{number}"))
    }
}

/// Where a key is unique: two principals, or two operations, may use the same key without meeting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyScope {
    /// The key the client chose.
    pub key: IdempotencyKey,
    /// Who asked.
    pub principal: Principal,
    /// For what.
    pub operation: Operation,
}

/// What a request was, in 128 bits: XXH3 over the command in MessagePack with field names.
///
/// Not a cryptographic hash, and no need of one: whoever makes two requests collide under one key is answered
/// with the first one's outcome, which harms and serves nobody but that principal.
///
/// Absent optional fields are left out of it, so that a later version of a command with more of them
/// still recognises requests that were recorded before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The fingerprint of a command.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        Self::over(command)
    }

    pub(crate) fn over(request: &impl Serialize) -> Self {
        Self(hash(request).to_be_bytes())
    }
}

fn hash(data: &impl Serialize) -> u128 {
    let mut bytes = Vec::with_capacity(256);
    let written = data.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map());
    // Plain data into memory: it cannot fail. Were it to, requests that begin alike would pass for the same
    // one under a key; none would run twice.
    debug_assert!(written.is_ok(), "{written:?}");
    XxHash3_128::oneshot(&bytes)
}

/// What a store keeps of a key: written in the commit of the command's changes, never without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// What the request was.
    pub fingerprint: Fingerprint,
    /// What came of it.
    pub outcome: Outcome,
    /// When.
    pub created_at: Timestamp,
}

impl KeyRecord {
    /// The stored outcome, if `fingerprint` is of the same request; refused otherwise.
    pub fn replay(&self, scope: &KeyScope, fingerprint: Fingerprint) -> Result<Outcome, Rejection> {
        if self.fingerprint == fingerprint {
            return Ok(self.outcome.clone());
        }
        Err(Rejection::IdempotencyKeyReused { key: scope.key.clone() })
    }
}
