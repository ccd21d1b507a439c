//! The decisions: one function a command, the only place where the nouns meet.
//!
//! Each reads top to bottom in phases: shape, existence, rules, limits, *after this point it must succeed*,
//! changes. Where several rules refuse, the answer is the first of: shape, product and variant, stock,
//! coupon, wallet (design, section 4).

mod basket;
mod cart;
mod catalog;
mod charge;
mod coupon;
mod customer;
mod import;
mod keys;
mod lifecycle;
mod order;
mod refund;
mod top_up;
mod wallet;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use basket::{quote, quote_best};
pub use cart::view_cart;
pub use keys::{basket_keys, cart_view_keys, fresh_keys, keys};

use crate::cart::{Cart, MergedCart};
use crate::catalog::{Imported, Product, Variant};
use crate::charge::Charge;
use crate::command::Command;
use crate::coupon::{CodeBatch, Coupon, IssuedCoupon};
use crate::customer::Customer;
use crate::ids::{CustomerId, Id, IdBlock};
use crate::inventory::{Stock, StockEntry};
use crate::order::Order;
use crate::principal::Principal;
use crate::records::{Changes, Records};
use crate::refund::Refund;
use crate::rejection::Rejection;
use crate::time::{Date, TimeZone, Timestamp};
use crate::top_up::TopUp;
use crate::wallet::WalletEntry;

/// What the operator of the shop has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shop {
    /// The time zone of the shop's days: daily sales and popularity count in it.
    pub time_zone: TimeZone,
    /// How long an unpaid order holds what it took, and how long the money of a top-up is waited for.
    pub pending_order_ttl: Duration,
}

/// UTC, and half an hour to pay.
impl Default for Shop {
    fn default() -> Self {
        Self { time_zone: TimeZone::UTC, pending_order_ttl: Duration::from_secs(30 * 60) }
    }
}

/// Everything a decision needs from outside: time, fresh ids, the shop's settings.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The present instant, read once by the store.
    pub now: Timestamp,
    /// Fresh ids; at least [`Command::ids_needed`].
    pub ids: IdBlock,
    /// The shop's settings.
    pub shop: &'a Shop,
}

impl Context<'_> {
    /// Today in the shop's time zone.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now.date_in(self.shop.time_zone)
    }
}

/// What a command came to: what its caller is told, then and on every replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A customer was registered.
    Customer(Arc<Customer>),
    /// A product was created.
    Listing(Arc<Listing>),
    /// A product changed.
    Product(Arc<Product>),
    /// Products and variants were imported.
    Imported(Arc<Imported>),
    /// A variant was added or changed.
    Variant(Arc<ListedVariant>),
    /// Stock was adjusted.
    StockEntry(Arc<StockEntry>),
    /// A wallet's balance moved.
    WalletEntry(Arc<WalletEntry>),
    /// A coupon was created or changed.
    Coupon(Arc<Coupon>),
    /// Codes were added to a coupon.
    CodeBatch(Arc<CodeBatch>),
    /// A copy was handed out, taken back or marked as expired.
    IssuedCoupon(Arc<IssuedCoupon>),
    /// A cart was changed.
    Cart(Arc<Cart>),
    /// Lines were merged into a cart.
    MergedCart(Arc<MergedCart>),
    /// An order was placed, or went a step further.
    Order(Arc<Order>),
    /// Money of an order was given back, or is on its way.
    Refund(Arc<Refund>),
    /// A charge was begun or settled.
    Charge(Arc<Charge>),
    /// A top-up was asked for.
    TopUp(Arc<TopUp>),
}

/// A product with its variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The product.
    pub product: Arc<Product>,
    /// Its variants, oldest first.
    pub variants: Vec<ListedVariant>,
    /// How often it has been looked at, as far as that has been written; no change of the product.
    #[serde(default)]
    pub views: u64,
}

/// A variant with its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedVariant {
    /// The variant.
    pub variant: Arc<Variant>,
    /// Its stock.
    pub stock: Stock,
}

/// A command accepted: what to write, and what to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What to write, all of it in one commit.
    pub changes: Changes,
    /// What to answer once it is written.
    pub outcome: Outcome,
}

/// Decides a command against the records as they are. Pure: the same arguments give the same answer, and
/// nothing else is read or changed. It looks only at records that [`keys`] names, and for those that [`fresh_keys`]
/// names, which should not be there.
pub fn decide<R: Records>(
    records: &R,
    principal: &Principal,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let case = Case { records, principal, context };
    case.check(command)?;
    match command {
        Command::RegisterCustomer(command) => customer::register(&case, command),
        Command::CreateProduct(command) => catalog::create_product(&case, command),
        Command::UpdateProduct(command) => catalog::update_product(&case, command),
        Command::AddVariant(command) => catalog::add_variant(&case, command),
        Command::ImportProducts(command) => import::import(&case, command),
        Command::UpdateVariant(command) => catalog::update_variant(&case, command),
        Command::AdjustStock(command) => catalog::adjust_stock(&case, command),
        Command::Deposit(command) => wallet::deposit(&case, command),
        Command::AdjustWallet(command) => wallet::adjust(&case, command),
        Command::CreateCoupon(command) => coupon::create(&case, command),
        Command::UpdateCoupon(command) => coupon::update(&case, command),
        Command::AddCodes(command) => coupon::add_codes(&case, command),
        Command::IssueCoupon(command) => coupon::issue(&case, command),
        Command::RevokeCoupon(command) => coupon::revoke(&case, command),
        Command::ExpireIssuedCoupon(command) => coupon::expire(&case, command),
        Command::AddCartItem(command) => cart::add(&case, command),
        Command::UpdateCartItem(command) => cart::update(&case, command),
        Command::RemoveCartItem(command) => cart::remove(&case, command),
        Command::ClearCart(command) => cart::clear(&case, command),
        Command::MergeCart(command) => cart::merge(&case, command),
        Command::PlaceOrder(command) => order::place(&case, command),
        Command::PayOrder(command) => order::pay(&case, command),
        Command::CancelOrder(command) => lifecycle::cancel(&case, command),
        Command::ExpireOrder(command) => lifecycle::expire(&case, command),
        Command::ShipOrder(command) => lifecycle::ship(&case, command.order_id),
        Command::DeliverOrder(command) => lifecycle::deliver(&case, command.order_id),
        Command::RefundOrder(command) => refund::refund(&case, command),
        Command::SettleRefund(command) => refund::settle(&case, command),
        Command::StartCardPayment(command) => charge::start(&case, command),
        Command::RequestTopUp(command) => top_up::request(&case, command),
        Command::SettleCharge(command) => charge::settle(&case, command),
    }
}

/// One command's circumstances, as each decision gets them.
struct Case<'a, R> {
    records: &'a R,
    principal: &'a Principal,
    context: &'a Context<'a>,
}

impl<R: Records> Case<'_, R> {
    /// What holds for every command: enough ids, and a principal that may ask for it.
    fn check(&self, command: &Command) -> Result<(), Rejection> {
        let (needed, given) = (command.ids_needed(), self.context.ids.len());
        if given < needed {
            return Err(Rejection::TooFewIds { needed, given });
        }
        let permitted = match command {
            Command::RegisterCustomer(c) => {
                self.principal.is_staff() || c.customer_id.is_some_and(|id| self.acts_for(id))
            }
            Command::IssueCoupon(c) => self.acts_for(c.customer_id),
            Command::AddCartItem(c) => self.acts_for(c.customer_id),
            Command::UpdateCartItem(c) => self.acts_for(c.customer_id),
            Command::RemoveCartItem(c) => self.acts_for(c.customer_id),
            Command::ClearCart(c) => self.acts_for(c.customer_id),
            Command::MergeCart(c) => self.acts_for(c.customer_id),
            Command::PlaceOrder(c) => self.acts_for(c.customer_id),
            // Whose order it is shows once it is loaded.
            Command::PayOrder(_) | Command::CancelOrder(_) | Command::StartCardPayment(_) => true,
            Command::RequestTopUp(c) => self.acts_for(c.customer_id),
            Command::CreateProduct(_)
            | Command::UpdateProduct(_)
            | Command::AddVariant(_)
            | Command::ImportProducts(_)
            | Command::UpdateVariant(_)
            | Command::AdjustStock(_)
            | Command::Deposit(_)
            | Command::AdjustWallet(_)
            | Command::CreateCoupon(_)
            | Command::UpdateCoupon(_)
            | Command::AddCodes(_)
            | Command::RevokeCoupon(_)
            | Command::ExpireIssuedCoupon(_)
            | Command::ExpireOrder(_)
            | Command::ShipOrder(_)
            | Command::DeliverOrder(_)
            | Command::RefundOrder(_)
            | Command::SettleRefund(_)
            | Command::SettleCharge(_) => self.principal.is_staff(),
        };
        if permitted { Ok(()) } else { Err(Rejection::Forbidden { operation: command.operation() }) }
    }

    fn acts_for(&self, customer: CustomerId) -> bool {
        self.principal.sees(customer)
    }

    fn now(&self) -> Timestamp {
        self.context.now
    }

    fn ids(&self) -> FreshIds {
        FreshIds(self.context.ids)
    }

    fn registered(&self, customer: CustomerId) -> Result<&Customer, Rejection> {
        self.records.customer(customer).ok_or(Rejection::CustomerNotFound { customer })
    }
}

/// The context's ids, with running out as a rejection: [`Case::check`] has made sure that it does not happen
/// to a command that takes no more than it said.
struct FreshIds(IdBlock);

impl FreshIds {
    /// An id for a new record; refused if one of its kind has it, which would be overwritten. Records that are
    /// loaded by [`keys`] show it only together with [`fresh_keys`].
    fn unused<I: Id>(&mut self, taken: impl FnOnce(I) -> bool) -> Result<I, Rejection> {
        let id = self.take::<I>()?;
        if taken(id) { Err(Rejection::IdTaken { id: id.get() }) } else { Ok(id) }
    }

    fn take<I: Id>(&mut self) -> Result<I, Rejection> {
        self.0.take().ok_or(Rejection::TooFewIds { needed: 1, given: 0 })
    }
}

/// Refuses an update that was meant for another version of the record.
fn check_version(expected: Option<u64>, actual: u64) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != actual => Err(Rejection::VersionMismatch { expected, actual }),
        _ => Ok(()),
    }
}
