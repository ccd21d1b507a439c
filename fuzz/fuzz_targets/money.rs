//! The binary of [`commerce_fuzz::money`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(money);
