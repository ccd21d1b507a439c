//! Operators: sales and reconciliation.

use commerce_core::{Days, reconcile};
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use super::{Answer, Shared, Tag};
use crate::auth::AsOperator;
use crate::reply::Reply;
use crate::wire::job::{RollUps, RolledUp};
use crate::wire::operations::{DaySales, ProductSales, Reconciliation};
use crate::wire::scalar::{CurrencyCode, Day};

pub(super) struct AdminReportsApi(pub(super) Shared);

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::AdminReports")]
impl AdminReportsApi {
    /// A day's sales
    ///
    /// By product, in the shop's time zone.
    #[oai(path = "/daily-sales", method = "get", operation_id = "get_daily_sales")]
    async fn daily_sales(
        &self,
        _staff: AsOperator,
        /// Which day.
        date: Query<Day>,
        /// Only what was sold in this currency.
        currency: Query<Option<CurrencyCode>>,
    ) -> Answer<Reply<DaySales>> {
        let currency = currency.0.map(|currency| currency.0);
        let days = self.0.commerce()?.store().daily_sales(date.0.0, currency).await?;
        Ok(Reply::new(DaySales { date: date.0, items: days.iter().map(ProductSales::from).collect() }))
    }

    /// Roll up days of sales
    ///
    /// Tells what was sold on each of the days anew, from the orders paid and the refunds made on it, and puts right what is
    /// booked otherwise, a commit a day; other orders and refunds go on meanwhile. Can be repeated as it is.
    #[oai(path = "/daily-sales/roll-up", method = "post", operation_id = "roll_up_daily_sales")]
    async fn roll_up(
        &self,
        _staff: AsOperator,
        /// The first day.
        first: Query<Day>,
        /// The last day; the first one, if not said.
        last: Query<Option<Day>>,
    ) -> Answer<Reply<RollUps>> {
        let store = self.0.commerce()?.store();
        let today = store.now().await?.date_in(store.shop().time_zone);
        let mut items = Vec::new();
        for date in Days::new(first.0.0, last.0.unwrap_or(first.0).0, today)?.iter() {
            items.push(RolledUp::from(&store.roll_up(date).await?));
        }
        Ok(Reply::new(RollUps { items }))
    }

    /// Reconcile the books
    ///
    /// Reads everything: stocks and balances against their ledgers, row by row; coupons, copies and their uses;
    /// orders against their histories, payments, redemptions, messages and what they moved; sales against orders.
    #[oai(path = "/reconciliation", method = "get", operation_id = "get_reconciliation")]
    async fn reconciliation(&self, _staff: AsOperator) -> Answer<Reply<Reconciliation>> {
        let report = reconcile(&**self.0.commerce()?.store()).await?;
        Ok(Reply::new(report.into()))
    }
}
