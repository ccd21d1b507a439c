//! The binary of [`commerce_fuzz::http`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(http);
