//! HTTP over [`commerce_core`]: thin handlers over one store, described by an OpenAPI document.
//!
//! A handler parses what came in, calls [`Commerce`](commerce_core::Commerce), and writes what came out; no rule of
//! the shop is decided here. The map:
//!
//! - [`router`] finds the endpoint, and puts limits, panics and headers around it; [`serve`] accepts connections;
//! - [`auth`] tells who asks; [`extract`] reads bodies, keys, versions and cursors; [`reply`] writes answers;
//! - [`problem`] is every error that a client sees, and the one place where the core's errors become statuses;
//! - [`wire`] is every JSON body; [`api`] the operations, by noun; [`document`] their description;
//! - [`expiry`] ends unpaid orders and marks expired copies, [`views`] writes how often products were looked at;
//! - [`gateway`] asks a payment gateway, hears its calls, and has one to develop against;
//! - [`gate`] turns away who is too late for a coupon or a hot product, before that costs anybody a wait;
//! - [`work`] delivers what happened to the places that [`sink`] knows, and runs jobs when their time has come;
//! - [`config`] the settings, [`demo`] a small shop to try it on.
//!
//! Only the binary names a store: everything here works over any [`Store`](commerce_core::Store).

pub mod api;
pub mod app;
pub mod auth;
pub mod codes;
pub mod config;
pub mod cursor;
pub mod demo;
pub mod document;
pub mod expiry;
pub mod extract;
pub mod gate;
pub mod gateway;
pub mod import;
pub mod problem;
pub mod reply;
pub mod router;
pub mod secrets;
pub mod serve;
pub mod sink;
pub mod views;
pub mod wire;
pub mod work;

use std::sync::Arc;

use app::App;
use router::Router;

/// The whole service over one shop.
#[must_use]
pub fn service(app: &Arc<App>) -> Router {
    Router::new(Arc::clone(app), api::operations(app), document::pages())
}
