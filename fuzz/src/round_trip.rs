//! What comes out of JSON is what went in.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Checks that a value survives JSON, and that writing it again gives the same bytes.
pub(crate) fn survives_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_vec(value).expect("plain data becomes JSON");
    let back: T = serde_json::from_slice(&json).expect("what was written can be read");
    assert_eq!(back, *value, "changed by JSON");
    assert_eq!(serde_json::to_vec(&back).expect("plain data becomes JSON"), json, "written in two ways");
}
