//! The binary of [`commerce_fuzz::texts`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(texts);
