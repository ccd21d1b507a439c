//! Operators: sales and reconciliation.

use commerce_core::reconcile;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use super::{Answer, Shared, Tag};
use crate::auth::AsOperator;
use crate::reply::Reply;
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
