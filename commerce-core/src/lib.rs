//! The transactional core of a shop that sells limited stock: pure decisions, and a storage contract that
//! applies them exactly.
//!
//! An order takes its stock, its coupon and its money in one commit, or nothing. A thousand buyers may race for
//! the last unit, a process may die at any point, a client may retry for ever: one of them gets the unit, and
//! every counter is the sum of its ledger.
//!
//! ```
//! use std::sync::Arc;
//! use commerce_core::*;
//! use commerce_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let shop = Commerce::new(Arc::new(MemoryStore::new(Shop::default())), NodeId::default());
//! let staff = |key: &str| IdempotencyKey::new(key).map(|key| Caller::new(Principal::System, key));
//!
//! let mug = CreateProduct {
//!     name: Name::new("Mug")?,
//!     description: None,
//!     base_price: Money::parse("12.50", Currency::USD)?,
//!     status: ProductStatus::OnSale,
//!     variants: vec![NewVariant {
//!         sku: Sku::new("MUG")?,
//!         option_name: None,
//!         additional_price: Money::zero(Currency::USD),
//!         stock: 1,
//!     }],
//! };
//! let mug = shop.create_product(staff("list-the-mug")?, mug).await?.outcome;
//! let mina = RegisterCustomer { customer_id: None, username: Username::new("mina")?, name: Name::new("Mina")? };
//! let mina = shop.register_customer(staff("register-mina")?, mina).await?.outcome.id;
//! let money = Deposit { customer_id: mina, amount: Money::parse("20.00", Currency::USD)?, memo: None };
//! shop.deposit(staff("minas-first-deposit")?, money).await?;
//!
//! let order = PlaceOrder {
//!     customer_id: mina,
//!     basket: Basket {
//!         lines: vec![LineRequest { variant_id: mug.variants[0].variant.id, quantity: Quantity::ONE }].into(),
//!         coupons: vec![],
//!     },
//!     payment: Some(PaymentMethod::Wallet),
//! };
//! let caller = Caller::new(Principal::Customer(mina), IdempotencyKey::new("one-mug")?);
//! let placed = shop.place_order(caller.clone(), order.clone()).await?;
//! assert_eq!(placed.outcome.status, OrderStatus::Paid);
//!
//! // The answer got lost? The same key tells what came of it, and runs nothing.
//! assert!(shop.place_order(caller, order.clone()).await?.replayed);
//!
//! // A second mug there is not.
//! let caller = Caller::new(Principal::Customer(mina), IdempotencyKey::new("another-mug")?);
//! let refused = shop.place_order(caller, order).await.unwrap_err();
//! assert_eq!(refused.rejection().map(Rejection::code), Some("out_of_stock"));
//! # Ok(())
//! # }
//! ```
//!
//! # Decide, then apply
//! ```text
//!             keys()               decide()                       apply
//! Command ───────────▶ load, lock ───────────▶ Changes, Outcome ─────────▶ committed, or nothing
//!  (data)               (store)      (pure)        (data)          (store)
//! ```
//! A [`Command`] is data. [`decide`](decide::decide) is a pure function from the records as they are to a
//! [`Decision`] or a [`Rejection`]; time and fresh ids come in with its [`Context`]. [`Changes`] are data too. A
//! [`Store`] locks and loads, calls `decide`, writes, commits: no rule lives there, so no two stores can disagree
//! about one.
//!
//! # Vocabulary
//! A [`Product`] is sold as one of its [`Variant`]s, each with a SKU, a [`Stock`] and a ledger of
//! [`StockEntry`] rows. A [`Customer`] has a [`Wallet`] per currency with its [`WalletEntry`] rows. A [`Coupon`] is
//! the campaign, an [`IssuedCoupon`] one customer's copy, a [`Redemption`] one use of it by one order. A [`Cart`] has
//! [`CartItem`]s, and holds nothing back; a [`CartView`] is how it looks now. A [`Quote`] is
//! a priced basket that changed nothing; an [`Order`] has [`OrderLine`]s, a [`Payment`], perhaps [`Refund`]s, and a history of
//! [`OrderEvent`]s, each of which has one [`OutboxMessage`] for every sink; a [`Webhook`] is one that operators manage. A [`Charge`] is one attempt at having a payment gateway take
//! money from a card, for an order or for a [`TopUp`] of a wallet. Instants end in `_at` and are UTC; intervals are
//! half-open; an amount of [`Money`] is a whole number of minor units.
//!
//! # The map, in reading order
//! * [`Money`], [ids](Id), [texts](Name), [`Timestamp`]: the values, each checked when it is made.
//! * [`Product`] … [`OutboxMessage`]: the nouns, and the rules on one of them alone.
//! * [`Command`]: every mutation, and [`keys`] for the records it may touch.
//! * [`decide`]: where the nouns meet; one function a command.
//! * [`Rejection`]: every "no", with its numbers and a stable code.
//! * [`store`]: the contract. [`Records`] is what a decision sees of a store, [`WorkingSet`] what a store loads.
//! * [`Commerce`]: the façade that embedders call; [`Payments`] beside it, with a [`PaymentGateway`] for cards.
//! * [`reconcile`]: proves a store's books, or lists what does not add up; [`sales_of`]: what a roll-up tells anew.
//! * [`Job`]: what comes round by itself, and its runs; whoever runs one holds its [lease](store::Leases).
//! * `conformance`, behind the feature of that name: the suite that every store must pass.
//!
//! # What is deliberately absent
//! No I/O, no clock, no randomness and no environment: a lint forbids them, [`SystemClock`] aside. No rule outside
//! of this crate. No setter: a record's new version is a new value. No way to change or remove a row of a ledger or
//! a history. No float, anywhere near money. No status that follows from other facts (sold out, expired): it is
//! derived when asked for.

mod admission;
mod cart;
mod catalog;
mod charge;
mod command;
mod commerce;
#[cfg(feature = "conformance")]
pub mod conformance;
mod coupon;
mod customer;
mod days;
pub mod decide;
mod event;
mod expiry;
mod gateway;
mod idempotency;
mod ids;
mod inventory;
mod job;
mod money;
mod operation;
mod order;
mod payment;
mod payments;
mod price_rules;
mod pricing;
mod principal;
mod product_query;
mod reconcile;
mod records;
mod refund;
mod rejection;
mod sales;
mod stacking;
pub mod store;
mod text;
mod time;
mod top_up;
mod views;
mod wallet;
mod webhook;
mod working_set;

pub use admission::{Gate, foresee};
pub use cart::{Cart, CartItem, CartLine, CartView, MergedCart, RefusedLine};
pub use catalog::*;
pub use charge::*;
pub use command::*;
pub use commerce::*;
pub use coupon::*;
pub use customer::*;
pub use days::{Days, DaysError, stretches_of};
pub use decide::{Context, Decision, ListedVariant, Listing, Outcome, Shop, keys};
pub use event::*;
pub use expiry::{Expired, ExpiredCopies, SETTLING};
pub use gateway::*;
pub use idempotency::*;
pub use ids::*;
pub use inventory::{MAX_QUANTITY, MAX_STOCK, Stock, StockEntry, StockReason};
pub use job::*;
pub use money::*;
pub use operation::Operation;
pub use order::*;
pub use payment::*;
pub use payments::{Open, PaymentError, Payments, Swept, Unsettled};
pub use price_rules::*;
pub use pricing::*;
pub use principal::*;
pub use product_query::*;
pub use reconcile::*;
pub use records::*;
pub use refund::*;
pub use rejection::{RefusedItem, Rejection};
pub use sales::{DailySales, PopularQuery, Popularity, Revenue, RolledUp, rank, sales_of};
pub use store::{
    Audit, CodeFacts, CopyPlace, CouponFacts, Envelope, Error, HeldCopy, HeldCount, HolderFacts, LedgerRow, Movement,
    NamedOrder, OrderFacts, Page, PageRequest, Receipt, StockFacts, Store, StoreError, TopUpFacts, WalletFacts,
    WalletPayment,
};
pub use text::*;
pub use time::*;
pub use top_up::*;
pub use views::{ProductViews, ViewCounter};
pub use wallet::{Wallet, WalletEntry, WalletEntryKind, WalletId};
pub use webhook::{
    ChangedWebhook, RetiringSecret, SigningSecret, Webhook, WebhookChange, WebhookRecord, WebhookRequest, WebhookScope,
    WebhookState,
};
pub use working_set::*;
