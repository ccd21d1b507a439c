//! The binary of [`commerce_fuzz::import`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(import);
