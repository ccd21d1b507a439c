//! The binary of [`commerce_fuzz::cursor`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(cursor);
