//! The broken store's reads: the memory store's, but for the fault.

use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{
    Audit, Carts, Catalog, Charges, Coupons, Customers, Orders, Sales, Stocks, TopUps, Views, Wallets,
};
use commerce_core::{
    Cart, Changes, Charge, ChargeId, CopyPlace, Coupon, CouponCode, CouponId, Currency, Customer, CustomerId,
    DailySales, Date, IssuedCoupon, IssuedCouponId, Listing, MAX_MINOR, Order, OrderEvent, OrderId, OrderStatus, Page,
    PageRequest, Payment, PopularQuery, Popularity, Product, ProductId, ProductPlace, ProductQuery, ProductViews,
    Refund, RefundId, Revenue, RolledUp, SingleUseCode, StockEntry, StoreError, Timestamp, TopUp, TopUpId, VariantId,
    Wallet, WalletEntry, WalletId,
};

use crate::fault::Fault;
use crate::store::{Broken, locked, pause};

type Answer<T> = Result<T, StoreError>;

impl Broken {
    /// What to ask the store inside for, when `page` was asked for.
    pub(crate) fn asks<K>(&self, page: PageRequest<K>) -> PageRequest<K> {
        if self.is(Fault::CountsOffsets) { PageRequest::first(u32::MAX) } else { page }
    }

    /// What becomes of what the store inside [was asked for](Self::asks); `raw` tells cursors apart.
    pub(crate) fn answers<T, K: Clone>(
        &self,
        page: PageRequest<K>,
        mut found: Page<T, K>,
        raw: impl Fn(K) -> i64,
        key: impl Fn(&T) -> K,
    ) -> Page<T, K> {
        if self.is(Fault::CountsOffsets) {
            let skipped =
                page.after.clone().and_then(|after| locked(&self.offsets).get(&raw(after)).copied()).unwrap_or(0);
            found = Page::cut(found.items.into_iter().skip(skipped), page.size(), &key);
            if let Some(next) = found.next.clone() {
                locked(&self.offsets).insert(raw(next), skipped + found.items.len());
            }
        }
        if self.is(Fault::PromisesMore) {
            found.next = found.items.last().map(key);
        }
        found
    }
}

impl Broken {
    fn clamped(&self, revenue: Revenue) -> Revenue {
        let most = if self.is(Fault::ClampsSales) { i128::from(MAX_MINOR) } else { i128::MAX };
        Revenue::new(revenue.minor().min(most), revenue.currency())
    }
}

fn sequence(sequence: u64) -> i64 {
    i64::try_from(sequence).expect("a short ledger")
}

#[async_trait]
impl Catalog for Broken {
    async fn product(&self, id: ProductId) -> Answer<Option<Listing>> {
        self.inner.product(id).await
    }
    async fn products(
        &self,
        query: &ProductQuery,
        page: PageRequest<ProductPlace>,
    ) -> Answer<Page<Arc<Product>, ProductPlace>> {
        let looser = ProductQuery { available: None, ..query.clone() };
        let query = if self.is(Fault::IgnoresAvailability) { &looser } else { query };
        let found = self.inner.products(query, self.asks(page.clone())).await?;
        Ok(self.answers(page, found, |place| place.id.get(), |p| ProductPlace::of(p)))
    }
}

#[async_trait]
impl Views for Broken {
    async fn add_views(&self, views: &[ProductViews]) -> Answer<()> {
        if self.is(Fault::CountsOneView) {
            let once = views.iter().map(|views| ProductViews { count: 1, ..*views });
            return self.inner.add_views(&once.collect::<Vec<_>>()).await;
        }
        self.inner.add_views(views).await
    }
    async fn most_viewed(&self, top: u32) -> Answer<Vec<(u64, Arc<Product>)>> {
        let mut best = self.inner.most_viewed(top).await?;
        if self.is(Fault::IgnoresViews) {
            best.sort_by_key(|(_, product)| product.id);
        }
        Ok(best)
    }
}

#[async_trait]
impl Stocks for Broken {
    async fn stock_entries(&self, variant: VariantId, page: PageRequest<u64>) -> Answer<Page<StockEntry, u64>> {
        let found = self.inner.stock_entries(variant, self.asks(page)).await?;
        Ok(self.answers(page, found, sequence, |e: &StockEntry| e.sequence))
    }
}

#[async_trait]
impl Customers for Broken {
    async fn customer(&self, id: CustomerId) -> Answer<Option<Arc<Customer>>> {
        self.inner.customer(id).await
    }
    async fn customers(&self, page: PageRequest<CustomerId>) -> Answer<Page<Arc<Customer>, CustomerId>> {
        let found = self.inner.customers(self.asks(page)).await?;
        Ok(self.answers(page, found, CustomerId::get, |c| c.id))
    }
}

#[async_trait]
impl Wallets for Broken {
    async fn wallets(&self, customer: CustomerId) -> Answer<Vec<Wallet>> {
        self.inner.wallets(customer).await
    }
    async fn wallet_entries(&self, wallet: WalletId, page: PageRequest<u64>) -> Answer<Page<WalletEntry, u64>> {
        let found = self.inner.wallet_entries(wallet, self.asks(page)).await?;
        Ok(self.answers(page, found, sequence, |e: &WalletEntry| e.sequence))
    }
}

#[async_trait]
impl Coupons for Broken {
    async fn coupon(&self, id: CouponId) -> Answer<Option<(Arc<Coupon>, u32)>> {
        self.inner.coupon(id).await
    }
    async fn coupons(&self, page: PageRequest<CouponId>) -> Answer<Page<(Arc<Coupon>, u32), CouponId>> {
        let found = self.inner.coupons(self.asks(page)).await?;
        Ok(self.answers(page, found, CouponId::get, |(c, _)| c.id))
    }
    async fn issued_coupons(
        &self,
        customer: CustomerId,
        page: PageRequest<IssuedCouponId>,
    ) -> Answer<Page<(IssuedCoupon, Arc<Coupon>), IssuedCouponId>> {
        let found = self.inner.issued_coupons(customer, self.asks(page)).await?;
        Ok(self.answers(page, found, IssuedCouponId::get, |(copy, _)| copy.id))
    }
    async fn copies_of(&self, coupon: CouponId, page: PageRequest<CopyPlace>) -> Answer<Page<IssuedCoupon, CopyPlace>> {
        let found = self.inner.copies_of(coupon, self.asks(page)).await?;
        Ok(self.answers(page, found, |(_, copy)| copy.get(), |copy: &IssuedCoupon| (copy.customer_id, copy.id)))
    }
    async fn codes_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CouponCode>,
    ) -> Answer<Page<Arc<SingleUseCode>, CouponCode>> {
        let raw = |code: CouponCode| code.as_str().bytes().fold(0, |raw, byte| raw * 31 % 1_000_003 + i64::from(byte));
        let found = self.inner.codes_of(coupon, self.asks(page.clone())).await?;
        Ok(self.answers(page, found, raw, |code: &Arc<SingleUseCode>| code.code.clone()))
    }
    async fn ended_coupons(
        &self,
        from: Timestamp,
        page: PageRequest<(Timestamp, CouponId)>,
    ) -> Answer<Page<(Timestamp, CouponId), (Timestamp, CouponId)>> {
        if self.is(Fault::SweepsFromTheStart) {
            return self.inner.ended_coupons(Timestamp::from_micros(0), page).await;
        }
        self.inner.ended_coupons(from, page).await
    }
}

#[async_trait]
impl Carts for Broken {
    async fn cart(&self, customer_id: CustomerId) -> Answer<Option<Arc<Cart>>> {
        if self.is(Fault::MixesCartsUp) {
            let last = locked(&self.last_cart).clone();
            return Ok(last.map(|cart| Arc::new(Cart { customer_id, ..Cart::clone(&cart) })));
        }
        self.inner.cart(customer_id).await
    }
}

#[async_trait]
impl Orders for Broken {
    async fn order(&self, id: OrderId) -> Answer<Option<Arc<Order>>> {
        let Some(order) = self.inner.order(id).await? else { return Ok(None) };
        if self.is(Fault::RenamesOrders) {
            let mut lines = order.lines.to_vec();
            for line in &mut lines {
                let now = self.inner.product(line.product_id).await?;
                line.product_name = now.map_or(line.product_name.clone(), |listing| listing.product.name.clone());
            }
            return Ok(Some(Arc::new(Order { lines: lines.into(), ..(*order).clone() })));
        }
        Ok(Some(order))
    }
    async fn orders(
        &self,
        customer: CustomerId,
        status: Option<OrderStatus>,
        page: PageRequest<OrderId>,
    ) -> Answer<Page<Arc<Order>, OrderId>> {
        let found = self.inner.orders(customer, status, self.asks(page)).await?;
        Ok(self.answers(page, found, OrderId::get, |order| order.id))
    }
    async fn due_orders(&self, limit: u32) -> Answer<Vec<OrderId>> {
        if self.is(Fault::ForgetsTheTerm) {
            let pending = self.inner.order_facts(PageRequest::first(u32::MAX)).await?;
            let pending = pending.iter().filter(|facts| facts.order.status == OrderStatus::Pending);
            return Ok(pending.take(limit as usize).map(|facts| facts.order.id).collect());
        }
        self.inner.due_orders(limit).await
    }
    async fn payment(&self, order: OrderId) -> Answer<Option<Arc<Payment>>> {
        self.inner.payment(order).await
    }
    async fn refunds(&self, order: OrderId) -> Answer<Vec<Arc<Refund>>> {
        self.inner.refunds(order).await
    }
    async fn pending_refunds(
        &self,
        before: Timestamp,
        page: PageRequest<RefundId>,
    ) -> Answer<Page<Arc<Refund>, RefundId>> {
        self.inner.pending_refunds(before, page).await
    }
    async fn history(&self, order: OrderId) -> Answer<Vec<Arc<OrderEvent>>> {
        self.inner.history(order).await
    }
}

#[async_trait]
impl Charges for Broken {
    async fn charge(&self, id: ChargeId) -> Answer<Option<Arc<Charge>>> {
        self.inner.charge(id).await
    }
    async fn charges_of(&self, order: OrderId) -> Answer<Vec<Arc<Charge>>> {
        self.inner.charges_of(order).await
    }
    async fn open_charges(
        &self,
        before: Timestamp,
        page: PageRequest<ChargeId>,
    ) -> Answer<Page<Arc<Charge>, ChargeId>> {
        self.inner.open_charges(before, page).await
    }
}

#[async_trait]
impl TopUps for Broken {
    async fn top_up(&self, id: TopUpId) -> Answer<Option<Arc<TopUp>>> {
        self.inner.top_up(id).await
    }
    async fn top_ups(&self, customer: CustomerId, page: PageRequest<TopUpId>) -> Answer<Page<Arc<TopUp>, TopUpId>> {
        let found = self.inner.top_ups(customer, self.asks(page)).await?;
        Ok(self.answers(page, found, TopUpId::get, |top_up| top_up.id))
    }
}

#[async_trait]
impl Sales for Broken {
    async fn popular(&self, query: PopularQuery) -> Answer<Vec<(Popularity, Arc<Product>)>> {
        let days = query.days + u32::from(self.is(Fault::OneDayTooMany));
        let mut best = self.inner.popular(PopularQuery { days, ..query }).await?;
        if self.is(Fault::IgnoresRevenue) {
            best.sort_by_key(|(standing, _)| (-standing.quantity, standing.product_id));
        }
        best.iter_mut().for_each(|(standing, _)| standing.revenue = self.clamped(standing.revenue));
        Ok(best)
    }
    async fn daily_sales(&self, date: Date, currency: Option<Currency>) -> Answer<Vec<DailySales>> {
        let mut sales = self.inner.daily_sales(date, currency).await?;
        sales.iter_mut().for_each(|sold| sold.revenue = self.clamped(sold.revenue));
        Ok(sales)
    }

    async fn roll_up(&self, date: Date) -> Answer<RolledUp> {
        if !self.is(Fault::RollsUpLate) {
            return self.inner.roll_up(date).await;
        }
        let before = self.inner.daily_sales(date, None).await?;
        pause().await;
        let rolled_up = self.inner.roll_up(date).await?;
        let after = self.inner.daily_sales(date, None).await?;
        let lost = |sold: DailySales| {
            let was = before.iter().find(|was| was.product_id == sold.product_id);
            let (quantity, minor) = was.map_or((0, 0), |was| (was.quantity, was.revenue.minor()));
            let revenue = Revenue::new(minor - sold.revenue.minor(), sold.revenue.currency());
            DailySales { quantity: quantity - sold.quantity, revenue, ..sold }
        };
        let sales = after.into_iter().map(lost).collect();
        self.inner.write_undecided(Changes { sales, ..Changes::default() })?;
        Ok(rolled_up)
    }
}
