//! Commands as JSON: whatever is read as a command is written back as the same command, is recognised as the same
//! request, and can be sent to a store.

use std::sync::Arc;

use commerce_core::{
    Command, Envelope, Error, Fingerprint, IdBlock, IdempotencyKey, ManualClock, NodeId, Principal, Shop, Store,
    Timestamp,
};
use commerce_store_memory::MemoryStore;

use crate::round_trip::survives_json;
use crate::sequence::answer;

/// Reads the input as a command.
pub fn run(data: &[u8]) {
    let Ok(command) = serde_json::from_slice::<Command>(data) else { return };
    survives_json(&command);
    let json = serde_json::to_vec(&command).expect("plain data becomes JSON");
    let back: Command = serde_json::from_slice(&json).expect("what was written can be read");
    assert_eq!(Fingerprint::of(&back), Fingerprint::of(&command), "the same request looks like another");
    check_execute(command);
}

/// An empty shop carries the command out or refuses it; asked again, it says the same.
fn check_execute(command: Command) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let store = MemoryStore::with_clock(Shop::default(), clock);
    let key = IdempotencyKey::new("k").expect("a key");
    let ids = IdBlock::new(1, command.ids_needed(), NodeId::default());
    let envelope = Envelope { principal: Principal::System, key, command, ids };
    let first = answer(store.execute(envelope.clone()));
    let second = answer(store.execute(envelope));
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert!(!first.replayed && second.replayed);
            assert_eq!(first.outcome, second.outcome);
            survives_json(&first.outcome);
        }
        (Err(Error::Rejected(first)), Err(Error::Rejected(second))) => {
            assert_eq!(first, second);
            survives_json(&first);
        }
        other => unreachable!("two answers to one request: {other:?}"),
    }
}
