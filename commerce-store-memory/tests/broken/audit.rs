//! The broken store's facts for audits: the memory store's, but for the fault.

use async_trait::async_trait;
use commerce_core::{
    Audit, CodeFacts, CouponCode, CouponFacts, CouponId, CustomerId, DailySales, Date, HolderFacts, LedgerRow,
    NamedOrder, OrderFacts, OrderId, PageRequest, ProductId, StockFacts, StoreError, TopUpFacts, TopUpId, VariantId,
    WalletFacts, WalletId,
};

use crate::fault::Fault;
use crate::store::Broken;

type Answer<T> = Result<T, StoreError>;

impl Broken {
    fn facts<T>(&self, is_first: bool, mut facts: Vec<T>) -> Vec<T> {
        if self.is(Fault::SkipsFacts) && !is_first && !facts.is_empty() {
            facts.remove(0);
        }
        facts
    }
}

#[async_trait]
impl Audit for Broken {
    async fn stock_facts(&self, page: PageRequest<VariantId>) -> Answer<Vec<StockFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.stock_facts(page).await?))
    }
    async fn stock_ledger(&self, page: PageRequest<(VariantId, u64)>) -> Answer<Vec<LedgerRow<VariantId>>> {
        Ok(self.facts(page.after.is_none(), self.inner.stock_ledger(page).await?))
    }
    async fn wallet_facts(&self, page: PageRequest<WalletId>) -> Answer<Vec<WalletFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.wallet_facts(page).await?))
    }
    async fn wallet_ledger(&self, page: PageRequest<(WalletId, u64)>) -> Answer<Vec<LedgerRow<WalletId>>> {
        Ok(self.facts(page.after.is_none(), self.inner.wallet_ledger(page).await?))
    }
    async fn coupon_facts(&self, page: PageRequest<CouponId>) -> Answer<Vec<CouponFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.coupon_facts(page).await?))
    }
    async fn holder_facts(&self, page: PageRequest<CustomerId>) -> Answer<Vec<HolderFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.holder_facts(page).await?))
    }
    async fn code_facts(&self, page: PageRequest<(CouponId, CouponCode)>) -> Answer<Vec<CodeFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.code_facts(page).await?))
    }
    async fn named_orders(&self, page: PageRequest<OrderId>) -> Answer<Vec<NamedOrder>> {
        Ok(self.facts(page.after.is_none(), self.inner.named_orders(page).await?))
    }
    async fn order_facts(&self, page: PageRequest<OrderId>) -> Answer<Vec<OrderFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.order_facts(page).await?))
    }
    async fn top_up_facts(&self, page: PageRequest<TopUpId>) -> Answer<Vec<TopUpFacts>> {
        Ok(self.facts(page.after.is_none(), self.inner.top_up_facts(page).await?))
    }
    async fn sales_facts(&self, page: PageRequest<(Date, ProductId)>) -> Answer<Vec<DailySales>> {
        Ok(self.facts(page.after.is_none(), self.inner.sales_facts(page).await?))
    }
}
