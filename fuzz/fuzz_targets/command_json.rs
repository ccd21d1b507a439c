//! The binary of [`commerce_fuzz::command_json`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(command_json);
