//! The service over real sockets, theme by theme, on every store.

mod auth;
mod catalog;
mod coupons;
mod faults;
mod harness;
mod idempotency;
mod openapi;
mod orders;
mod pagination;
mod problems;
mod wallet;
