//! The service over real sockets, theme by theme, on every store.

#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

mod auth;
mod calling_off;
mod carts;
mod catalog;
mod coupons;
mod crash;
#[path = "../stores/database.rs"]
mod database;
mod dead_letters;
mod faults;
mod gateway_refunds;
mod harness;
mod idempotency;
mod import_breaks;
mod imports;
mod jobs;
mod lifecycle;
mod openapi;
mod orders;
mod pagination;
mod payments;
mod prices;
mod problems;
mod refunds;
mod scene;
mod stories;
mod wallet;
mod webhooks;
