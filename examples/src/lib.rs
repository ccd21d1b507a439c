//! What the runnable examples share. Start with `examples/quickstart.rs`; [`flash_sale`] is the example of the same name
//! without its command line. [`webhook`] and [`redis_stream`] follow a shop's events from outside, and keep a
//! [`read_model`] of its orders.

pub mod flash_sale;
pub mod read_model;
#[cfg(feature = "redis")]
pub mod redis_stream;
pub mod webhook;
