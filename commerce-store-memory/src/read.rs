//! The reads, under the shared lock.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use commerce_core::store::{Carts, Catalog, Coupons, Customers, Orders, Sales, Stocks, Views, Wallets};
use commerce_core::{
    Cart, CopyPlace, Coupon, CouponCode, CouponId, Currency, Customer, CustomerId, DailySales, Date, IssuedCoupon,
    IssuedCouponId, ListedVariant, Listing, Order, OrderEvent, OrderId, OrderStatus, Page, PageRequest, Payment,
    PopularQuery, Popularity, Product, ProductId, ProductPlace, ProductQuery, ProductViews, Refund, RefundId, RolledUp,
    SingleUseCode, StockEntry, StoreError, Timestamp, VariantId, Wallet, WalletEntry, WalletId, rank,
    sales_of as lines_of,
};

use crate::MemoryStore;
use crate::page::{empty, ids_newest_first, ledger_page, newest_first};
use crate::sales::SalesSum;
use crate::tables::{ProductRow, Tables};

#[async_trait]
impl Catalog for MemoryStore {
    async fn product(&self, id: ProductId) -> Result<Option<Listing>, StoreError> {
        let tables = self.read()?;
        Ok(tables.products.get(&id).map(|row| listing(&tables, row)))
    }

    async fn products(
        &self,
        query: &ProductQuery,
        page: PageRequest<ProductPlace>,
    ) -> Result<Page<Arc<Product>, ProductPlace>, StoreError> {
        let tables = self.read()?;
        let in_stock = |row: &ProductRow| {
            let variants = row.variants.iter().filter_map(|id| tables.variants.get(id));
            variants.into_iter().any(|row| row.variant.active && row.stock.on_hand > 0)
        };
        let rows = tables.shelf.after(query.sort, page.after.as_ref()).filter_map(|id| tables.products.get(&id));
        let found = rows.filter(|row| query.admits(&row.product, &row.name, || in_stock(row)));
        let products = found.map(|row| Arc::clone(&row.product));
        Ok(Page::cut(products, page.size(), |product| ProductPlace::of(product)))
    }
}

fn listing(tables: &Tables, row: &ProductRow) -> Listing {
    let variants = row.variants.iter().filter_map(|id| tables.variants.get(id));
    let listed =
        |row: &crate::tables::VariantRow| ListedVariant { variant: Arc::clone(&row.variant), stock: row.stock };
    Listing { product: Arc::clone(&row.product), variants: variants.map(listed).collect(), views: row.views }
}

#[async_trait]
impl Views for MemoryStore {
    async fn add_views(&self, views: &[ProductViews]) -> Result<(), StoreError> {
        let mut tables = self.write()?;
        for ProductViews { product_id, count } in views {
            if let Some(row) = tables.products.get_mut(product_id) {
                row.views = row.views.saturating_add(*count);
            }
        }
        Ok(())
    }

    async fn most_viewed(&self, top: u32) -> Result<Vec<(u64, Arc<Product>)>, StoreError> {
        let tables = self.read()?;
        let mut viewed: Vec<&ProductRow> = tables.products.values().filter(|row| row.views > 0).collect();
        viewed.sort_unstable_by_key(|row| (Reverse(row.views), row.product.id));
        let best = viewed.into_iter().take(top.min(PopularQuery::MAX_TOP) as usize);
        Ok(best.map(|row| (row.views, Arc::clone(&row.product))).collect())
    }
}

#[async_trait]
impl Stocks for MemoryStore {
    async fn stock_entries(
        &self,
        variant: VariantId,
        page: PageRequest<u64>,
    ) -> Result<Page<StockEntry, u64>, StoreError> {
        let tables = self.read()?;
        let log = tables.variants.get(&variant).map(|row| &row.entries);
        Ok(log.map_or(empty(), |log| ledger_page(log, page, |entry| entry.sequence)))
    }
}

#[async_trait]
impl Customers for MemoryStore {
    async fn customer(&self, id: CustomerId) -> Result<Option<Arc<Customer>>, StoreError> {
        Ok(self.read()?.customers.get(&id).map(|row| Arc::clone(&row.customer)))
    }

    async fn customers(&self, page: PageRequest<CustomerId>) -> Result<Page<Arc<Customer>, CustomerId>, StoreError> {
        let tables = self.read()?;
        let end = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let ids = tables.customer_ids.range((Bound::Unbounded, end)).rev();
        let customers = ids.filter_map(|id| tables.customers.get(id)).map(|row| Arc::clone(&row.customer));
        Ok(Page::cut(customers, page.size(), |customer| customer.id))
    }
}

#[async_trait]
impl Wallets for MemoryStore {
    async fn wallets(&self, customer: CustomerId) -> Result<Vec<Wallet>, StoreError> {
        let tables = self.read()?;
        let rows = tables.customers.get(&customer).map_or(&[][..], |row| &row.wallets);
        let mut wallets: Vec<Wallet> = rows.iter().map(|row| row.wallet).collect();
        wallets.sort_by_key(|wallet| wallet.id);
        Ok(wallets)
    }

    async fn wallet_entries(
        &self,
        wallet: WalletId,
        page: PageRequest<u64>,
    ) -> Result<Page<WalletEntry, u64>, StoreError> {
        let tables = self.read()?;
        Ok(tables.wallet_log(wallet).map_or(empty(), |log| ledger_page(log, page, |entry| entry.sequence)))
    }
}

#[async_trait]
impl Coupons for MemoryStore {
    async fn coupon(&self, id: CouponId) -> Result<Option<(Arc<Coupon>, u32)>, StoreError> {
        Ok(self.read()?.coupons.get(&id).map(|row| (Arc::clone(&row.coupon), row.issuance.issued)))
    }

    async fn coupons(&self, page: PageRequest<CouponId>) -> Result<Page<(Arc<Coupon>, u32), CouponId>, StoreError> {
        let tables = self.read()?;
        let rows = newest_first(&tables.coupons, page.after).map(|(_, row)| row);
        let coupons = rows.map(|row| (Arc::clone(&row.coupon), row.issuance.issued));
        Ok(Page::cut(coupons, page.size(), |(coupon, _)| coupon.id))
    }

    async fn issued_coupons(
        &self,
        customer: CustomerId,
        page: PageRequest<IssuedCouponId>,
    ) -> Result<Page<(IssuedCoupon, Arc<Coupon>), IssuedCouponId>, StoreError> {
        let tables = self.read()?;
        let Some(row) = tables.customers.get(&customer) else { return Ok(empty()) };
        let with_campaign = |id| {
            let copy = tables.issued_coupons.get(&id)?;
            Some((copy.clone(), Arc::clone(&tables.coupons.get(&copy.coupon_id)?.coupon)))
        };
        let copies = ids_newest_first(&row.issued_coupons, page.after).filter_map(with_campaign);
        Ok(Page::cut(copies, page.size(), |(copy, _)| copy.id))
    }

    async fn copies_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CopyPlace>,
    ) -> Result<Page<IssuedCoupon, CopyPlace>, StoreError> {
        let tables = self.read()?;
        let Some(row) = tables.coupons.get(&coupon) else { return Ok(empty()) };
        let ids = ids_newest_first(&row.copies, page.after.map(|(_, copy)| copy));
        let copies = ids.filter_map(|id| tables.issued_coupons.get(&id)).cloned();
        Ok(Page::cut(copies, page.size(), |copy| (copy.customer_id, copy.id)))
    }

    async fn codes_of(
        &self,
        coupon: CouponId,
        page: PageRequest<CouponCode>,
    ) -> Result<Page<Arc<SingleUseCode>, CouponCode>, StoreError> {
        let (tables, size) = (self.read()?, page.size());
        let Some(row) = tables.coupons.get(&coupon) else { return Ok(empty()) };
        let start = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let codes = row.codes.range((start, Bound::Unbounded)).filter_map(|code| tables.codes.get(code)).cloned();
        Ok(Page::cut(codes, size, |code| code.code.clone()))
    }

    async fn ended_coupons(
        &self,
        from: Timestamp,
        page: PageRequest<(Timestamp, CouponId)>,
    ) -> Result<Page<(Timestamp, CouponId), (Timestamp, CouponId)>, StoreError> {
        let (tables, now) = (self.read()?, self.clock_now());
        let ends = tables.coupons.values().filter_map(|row| Some((row.coupon.window.until?, row.coupon.id)));
        let follows = |place: &(Timestamp, CouponId)| page.after.is_none_or(|after| *place > after);
        let mut ended: Vec<_> = ends.filter(|place| (from..=now).contains(&place.0) && follows(place)).collect();
        ended.sort_unstable();
        Ok(Page::cut(ended, page.size(), |place| *place))
    }
}

#[async_trait]
impl Carts for MemoryStore {
    async fn cart(&self, customer: CustomerId) -> Result<Option<Arc<Cart>>, StoreError> {
        Ok(self.read()?.customers.get(&customer).and_then(|row| row.cart.clone()))
    }
}

#[async_trait]
impl Orders for MemoryStore {
    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        Ok(self.read()?.orders.get(&id).map(|row| Arc::clone(&row.order)))
    }

    async fn orders(
        &self,
        customer: CustomerId,
        status: Option<OrderStatus>,
        page: PageRequest<OrderId>,
    ) -> Result<Page<Arc<Order>, OrderId>, StoreError> {
        let tables = self.read()?;
        let Some(row) = tables.customers.get(&customer) else { return Ok(empty()) };
        let orders = ids_newest_first(&row.orders, page.after).filter_map(|id| tables.orders.get(&id));
        let wanted = |order: &&Arc<Order>| status.is_none_or(|status| order.status == status);
        Ok(Page::cut(orders.map(|row| &row.order).filter(wanted).cloned(), page.size(), |order| order.id))
    }

    async fn due_orders(&self, limit: u32) -> Result<Vec<OrderId>, StoreError> {
        let tables = self.read()?;
        let now = self.clock_now();
        let due = tables.due.iter().take_while(|(at, _)| *at <= now).map(|(_, order)| *order);
        Ok(due.take(PageRequest::<OrderId>::first(limit).size()).collect())
    }

    async fn payment(&self, order: OrderId) -> Result<Option<Arc<Payment>>, StoreError> {
        Ok(self.read()?.orders.get(&order).and_then(|row| row.payment.clone()))
    }

    async fn refunds(&self, order: OrderId) -> Result<Vec<Arc<Refund>>, StoreError> {
        Ok(self.read()?.refunds.get(&order).cloned().unwrap_or_default())
    }

    async fn pending_refunds(
        &self,
        before: Timestamp,
        page: PageRequest<RefundId>,
    ) -> Result<Page<Arc<Refund>, RefundId>, StoreError> {
        let tables = self.read()?;
        let from = page.after.map_or(Bound::Unbounded, Bound::Excluded);
        let pending = tables.pending_refunds.range((from, Bound::Unbounded)).filter_map(|(id, order)| {
            let refunds = tables.refunds.get(order)?;
            refunds.get(refunds.binary_search_by_key(id, |refund| refund.id).ok()?)
        });
        let left_alone = pending.filter(|refund| refund.updated_at < before).cloned();
        Ok(Page::cut(left_alone, page.size(), |refund| refund.id))
    }

    async fn history(&self, order: OrderId) -> Result<Vec<Arc<OrderEvent>>, StoreError> {
        Ok(self.read()?.orders.get(&order).map(|row| row.events.to_vec()).unwrap_or_default())
    }
}

#[async_trait]
impl Sales for MemoryStore {
    async fn popular(&self, query: PopularQuery) -> Result<Vec<(Popularity, Arc<Product>)>, StoreError> {
        let today = self.clock_now().date_in(self.shop.time_zone);
        let tables = self.read()?;
        let mut totals: BTreeMap<ProductId, SalesSum> = BTreeMap::new();
        for (product, day) in tables.sales.range(query.first_day(today)..=today).flat_map(|(_, products)| products) {
            let nothing = SalesSum::nothing(day.revenue.currency());
            totals.entry(*product).or_insert(nothing).add(day.quantity, day.revenue);
        }
        let told = totals.iter().map(|(product, sum)| sum.told(*product)).collect();
        let named = |popularity: Popularity| {
            Some((popularity, Arc::clone(&tables.products.get(&popularity.product_id)?.product)))
        };
        Ok(rank(told, query.top).into_iter().filter_map(named).collect())
    }

    async fn daily_sales(&self, date: Date, currency: Option<Currency>) -> Result<Vec<DailySales>, StoreError> {
        let tables = self.read()?;
        let mut sales: Vec<DailySales> = tables.sales.get(&date).map(|day| sales_of(date, day)).unwrap_or_default();
        sales.retain(|sold| currency.is_none_or(|currency| sold.revenue.currency() == currency));
        Ok(sales)
    }

    /// Reads every order, and everybody else waits for it.
    async fn roll_up(&self, date: Date) -> Result<RolledUp, StoreError> {
        let zone = self.shop.time_zone;
        let mut tables = self.write()?;
        let figures = |(product, sum): (&ProductId, &SalesSum)| (*product, (sum.quantity, sum.revenue));
        let booked = tables.sales.get(&date).map(|day| day.iter().map(figures).collect()).unwrap_or_default();
        let events = tables.orders.values().flat_map(|row| &row.events);
        let of_the_day = events.filter(|event| event.at.date_in(zone) == date);
        let (rolled_up, put_right) =
            RolledUp::compare(date, &booked, of_the_day.flat_map(|event| lines_of(event, zone)));
        tables.commit(|tables| put_right.iter().for_each(|sold| tables.set_sales(sold)));
        Ok(rolled_up)
    }
}

/// A day's sales by product id.
pub(crate) fn sales_of<'a>(
    date: Date,
    day: impl IntoIterator<Item = (&'a ProductId, &'a SalesSum)>,
) -> Vec<DailySales> {
    let told = |(product_id, sum): (&ProductId, &SalesSum)| {
        let (product_id, SalesSum { quantity, revenue }) = (*product_id, *sum);
        DailySales { product_id, date, quantity, revenue }
    };
    let mut sales: Vec<DailySales> = day.into_iter().map(told).collect();
    sales.sort_by_key(|sold| sold.product_id);
    sales
}
