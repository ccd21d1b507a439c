//! The binary of [`commerce_fuzz::ids`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(ids);
