//! The binary of [`commerce_fuzz::http_body`].

#![cfg_attr(fuzzing, no_main)]

commerce_fuzz::target!(http_body);
