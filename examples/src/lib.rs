//! What the runnable examples share. Start with `examples/quickstart.rs`; [`flash_sale`] is the example of the
//! same name without its command line.

pub mod flash_sale;
