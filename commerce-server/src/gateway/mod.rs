//! The payment gateway: the server's side of one, and one to develop against.
//!
//! - [`http`] asks a gateway over HTTP, [`protocol`] is what the two say to each other;
//! - [`signature`] signs and checks what the gateway calls back with;
//! - [`emulator`] is a gateway that approves, declines, delays and misbehaves on request, and [`emulated`] serves it.

pub mod emulated;
pub mod emulator;
pub mod http;
pub mod protocol;
pub mod signature;

use commerce_core::Payments;
use signature::Webhooks;

/// What a shop has that takes cards.
#[derive(Debug)]
pub struct Cards {
    /// The steps between the shop and the gateway.
    pub payments: Payments,
    /// What the gateway signs its calls with.
    pub webhooks: Webhooks,
}
