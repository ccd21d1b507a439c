//! The operations, by noun. Each parses, calls the shop, and answers.

mod admin_catalog;
mod admin_coupons;
mod admin_customers;
mod admin_delivery;
mod admin_import;
mod admin_jobs;
mod admin_orders;
mod admin_reports;
mod admin_webhooks;
mod cart;
mod catalog;
mod me;
mod orders;
mod payments;
mod platform;
mod products;

use std::sync::Arc;

use commerce_core::{
    Caller, Commerce, Customer, CustomerId, Order, OrderId, Principal, Rejection, StoreError, WalletId,
};
use poem_openapi::{OpenApi, Tags};

use crate::app::App;
use crate::extract::{Key, Limit, List};
use crate::problem::Problem;
use crate::wire::page::Page;
use crate::wire::wallet::{Wallet, WalletEntry, Wallets};

/// What an operation answers: what was asked, or a problem.
pub type Answer<T> = Result<T, Problem>;

#[derive(Tags)]
enum Tag {
    /// What is for sale, for anyone.
    Catalog,
    /// One's own registration, wallet and coupons.
    Me,
    /// One's own cart.
    Cart,
    /// Quotes and orders.
    Orders,
    /// Card payments and top-ups.
    Payments,
    /// Operators: customers and their wallets.
    AdminCustomers,
    /// Operators: products, variants and stock.
    AdminCatalog,
    /// Operators: coupons.
    AdminCoupons,
    /// Operators: what becomes of paid orders.
    AdminOrders,
    /// Operators: where events go, and what was given up on.
    AdminDelivery,
    /// Operators: sales and reconciliation.
    AdminReports,
    /// Operators: jobs that come round by themselves.
    AdminJobs,
    /// Health of the process.
    Platform,
}

/// The shop that handlers work on; none in a description, where nothing is handled.
#[derive(Debug, Clone)]
struct Shared(Option<Arc<App>>);

impl Shared {
    fn app(&self) -> Answer<&App> {
        self.0.as_deref().ok_or_else(crate::problem::framework::internal)
    }

    fn commerce(&self) -> Answer<&Commerce> {
        Ok(&self.app()?.commerce)
    }

    /// The order, if it exists for the principal: what is not theirs does not.
    async fn visible_order(&self, principal: &Principal, id: OrderId) -> Answer<Arc<Order>> {
        let order = self.commerce()?.store().order(id).await.map_err(problem)?;
        let theirs = order.filter(|order| principal.sees(order.customer_id));
        theirs.ok_or_else(|| Problem::from(Rejection::OrderNotFound { order: id }))
    }
}

/// Every operation, over a shop.
pub fn operations(app: &Arc<App>) -> impl OpenApi {
    all(Shared(Some(Arc::clone(app))))
}

/// Every operation, to be described only.
pub fn described() -> impl OpenApi {
    all(Shared(None))
}

fn all(shared: Shared) -> impl OpenApi {
    (
        catalog::CatalogApi(shared.clone()),
        me::MeApi(shared.clone()),
        cart::CartApi(shared.clone()),
        orders::OrdersApi(shared.clone()),
        payments::PaymentsApi(shared.clone()),
        admin_customers::AdminCustomersApi(shared.clone()),
        admin_catalog::AdminCatalogApi(shared.clone()),
        admin_import::AdminImportApi(shared.clone()),
        admin_coupons::AdminCouponsApi(shared.clone()),
        admin_orders::AdminOrdersApi(shared.clone()),
        admin_delivery::AdminDeliveryApi(shared.clone()),
        admin_webhooks::AdminWebhooksApi(shared.clone()),
        admin_reports::AdminReportsApi(shared.clone()),
        admin_jobs::AdminJobsApi(shared.clone()),
        platform::PlatformApi(shared),
    )
}

fn customer(id: CustomerId, key: Key) -> Caller {
    Caller::new(Principal::Customer(id), key.0)
}

fn operator(name: commerce_core::OperatorName, key: Key) -> Caller {
    Caller::new(Principal::Operator(name), key.0)
}

async fn registered(commerce: &Commerce, id: CustomerId) -> Answer<Arc<Customer>> {
    let customer = commerce.store().customer(id).await.map_err(problem)?;
    customer.ok_or_else(|| Rejection::CustomerNotFound { customer: id }.into())
}

async fn wallets(commerce: &Commerce, customer: CustomerId) -> Answer<Wallets> {
    let wallets = commerce.store().wallets(customer).await.map_err(problem)?;
    Ok(Wallets { items: wallets.iter().map(Wallet::from).collect() })
}

/// A page of a wallet's entries; `reader` says whose list it is, so that cursors do not travel.
async fn wallet_entries(
    app: &App,
    reader: &str,
    wallet: WalletId,
    (limit, cursor): (Option<Limit>, Option<String>),
) -> Answer<Page<WalletEntry>> {
    let list = List::new(app, format!("{reader} wallet {} {}", wallet.customer_id, wallet.currency));
    let page = app.commerce.store().wallet_entries(wallet, list.request(limit, cursor.as_deref())?).await;
    Ok(list.page(page.map_err(problem)?, |entry| WalletEntry::from(&entry)))
}

fn problem(error: StoreError) -> Problem {
    error.into()
}
