//! Operators: customers and their wallets.

use commerce_core::{AdjustWallet, CustomerId, Deposit, RegisterCustomer, WalletId};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Answer, Shared, Tag, operator, registered, wallet_entries, wallets};
use crate::auth::AsOperator;
use crate::extract::{Body, Key, Limit, List};
use crate::reply::{Created, Reply};
use crate::wire::customer::{Customer, CustomerRegistration};
use crate::wire::order::{Order, OrderStatus};
use crate::wire::page::Page;
use crate::wire::scalar::{CurrencyCode, WireId};
use crate::wire::wallet::{DepositRequest, WalletAdjustment, WalletEntry, Wallets};

pub(super) struct AdminCustomersApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin/customers", tag = "Tag::AdminCustomers")]
impl AdminCustomersApi {
    /// Register a customer
    ///
    /// Under the id given, or under a fresh one.
    #[oai(path = "/", method = "post", operation_id = "register_customer")]
    async fn register(
        &self,
        staff: AsOperator,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<CustomerRegistration>,
    ) -> Answer<Created<Customer>> {
        let CustomerRegistration { id, username, name } = body.0;
        let command = RegisterCustomer { customer_id: id.map(|id| id.0), username: username.0, name: name.0 };
        Ok(Reply::of(&self.0.commerce()?.register_customer(operator(staff.0, key), command).await?))
    }

    /// Customers, newest first
    ///
    /// All of them, page by page.
    #[oai(path = "/", method = "get", operation_id = "list_customers")]
    async fn customers(
        &self,
        _staff: AsOperator,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<Customer>>> {
        let list = List::new(self.0.app()?, "customers".to_owned());
        let page = list.store().customers(list.request(limit.0, cursor.0.as_deref())?).await?;
        Ok(Reply::new(list.page(page, |customer| Customer::from(&*customer))))
    }

    /// A customer
    ///
    /// By id.
    #[oai(path = "/:customer_id", method = "get", operation_id = "get_customer")]
    async fn customer(
        &self,
        _staff: AsOperator,
        /// Which customer.
        customer_id: Path<WireId<CustomerId>>,
    ) -> Answer<Reply<Customer>> {
        Ok(Reply::new(Customer::from(&*registered(self.0.commerce()?, customer_id.0.0).await?)))
    }

    /// A customer's orders, newest first
    ///
    /// Of one status, or of any.
    #[oai(path = "/:customer_id/orders", method = "get", operation_id = "list_customer_orders")]
    async fn orders(
        &self,
        _staff: AsOperator,
        /// Which customer.
        customer_id: Path<WireId<CustomerId>>,
        /// Only orders of this status.
        status: Query<Option<OrderStatus>>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<Order>>> {
        let (customer, status) = (customer_id.0.0, status.0.map(|status| status.0));
        registered(self.0.commerce()?, customer).await?;
        let name = format!("admin-orders {customer} {}", status.map_or("", |status| status.as_str()));
        let list = List::new(self.0.app()?, name);
        let page = list.store().orders(customer, status, list.request(limit.0, cursor.0.as_deref())?).await?;
        Ok(Reply::new(list.page(page, |order| Order::from(&*order))))
    }

    /// A customer's balances
    ///
    /// One wallet per currency that was ever used.
    #[oai(path = "/:customer_id/wallet", method = "get", operation_id = "get_customer_wallet")]
    async fn wallet(
        &self,
        _staff: AsOperator,
        /// Which customer.
        customer_id: Path<WireId<CustomerId>>,
    ) -> Answer<Reply<Wallets>> {
        let commerce = self.0.commerce()?;
        registered(commerce, customer_id.0.0).await?;
        Ok(Reply::new(wallets(commerce, customer_id.0.0).await?))
    }

    /// A customer's wallet entries, latest first
    ///
    /// Every movement of the balance in one currency.
    #[oai(
        path = "/:customer_id/wallet/:currency/entries",
        method = "get",
        operation_id = "list_customer_wallet_entries"
    )]
    async fn entries(
        &self,
        _staff: AsOperator,
        /// Which customer.
        customer_id: Path<WireId<CustomerId>>,
        /// Which wallet, by its currency.
        currency: Path<CurrencyCode>,
        /// How many items at most.
        limit: Query<Option<Limit>>,
        /// Where to go on: the last page's `next_cursor`.
        cursor: Query<Option<String>>,
    ) -> Answer<Reply<Page<WalletEntry>>> {
        registered(self.0.commerce()?, customer_id.0.0).await?;
        let wallet = WalletId { customer_id: customer_id.0.0, currency: currency.0.0 };
        Ok(Reply::new(wallet_entries(self.0.app()?, "operator", wallet, (limit.0, cursor.0)).await?))
    }

    /// Put money into a wallet
    ///
    /// Into the customer's wallet of the amount's currency.
    #[oai(path = "/:customer_id/wallet/deposits", method = "post", operation_id = "deposit")]
    async fn deposit(
        &self,
        staff: AsOperator,
        /// Which customer.
        customer_id: Path<WireId<CustomerId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<DepositRequest>,
    ) -> Answer<Created<WalletEntry>> {
        let (amount, memo) = (body.0.amount.parse()?, body.0.memo.map(|memo| memo.0));
        let command = Deposit { customer_id: customer_id.0.0, amount, memo };
        Ok(Reply::of(&self.0.commerce()?.deposit(operator(staff.0, key), command).await?))
    }

    /// Correct a wallet
    ///
    /// Up or down, never below zero.
    #[oai(path = "/:customer_id/wallet/adjustments", method = "post", operation_id = "adjust_wallet")]
    async fn adjust(
        &self,
        staff: AsOperator,
        /// Which customer.
        customer_id: Path<WireId<CustomerId>>,
        /// A fresh name for this attempt, kept for its retries.
        #[oai(name = "Idempotency-Key")]
        key: Key,
        body: Body<WalletAdjustment>,
    ) -> Answer<Created<WalletEntry>> {
        let (amount, memo) = (body.0.amount.parse()?, body.0.memo.0);
        let command = AdjustWallet { customer_id: customer_id.0.0, amount, memo };
        Ok(Reply::of(&self.0.commerce()?.adjust_wallet(operator(staff.0, key), command).await?))
    }
}
