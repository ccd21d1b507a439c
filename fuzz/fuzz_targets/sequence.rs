//! The binary of [`commerce_fuzz::sequence`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(sequence);
