//! What goes over the wire. Wire types are not domain types: each is made from one, field by field, so that neither
//! side's changes leak into the other.

pub mod cart;
pub mod catalog;
pub mod coupon;
pub mod customer;
pub mod delivery;
pub mod import;
pub mod job;
pub mod money;
pub mod operations;
pub mod order;
pub mod page;
pub mod payment;
pub mod price_rules;
pub mod refund;
pub mod scalar;
pub(crate) mod schema;
pub mod wallet;
pub mod webhook;
