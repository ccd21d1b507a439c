//! The binary of [`commerce_fuzz::timestamp`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(timestamp);
