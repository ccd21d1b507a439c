//! The binary of [`commerce_fuzz::pricing`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(pricing);
