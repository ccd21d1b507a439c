//! All of a store's state as one value, to see whether something changed.

use std::sync::Arc;

use super::world::sound;
use crate::cart::Cart;
use crate::catalog::Product;
use crate::charge::Charge;
use crate::coupon::{Coupon, IssuedCoupon, SingleUseCode};
use crate::customer::Customer;
use crate::decide::Listing;
use crate::ids::CustomerId;
use crate::ids::VariantId;
use crate::order::Order;
use crate::product_query::ProductQuery;
use crate::sales::DailySales;
use crate::store::{CouponFacts, HolderFacts, LedgerRow, OrderFacts, StockFacts, TopUpFacts, WalletFacts};
use crate::store::{PageRequest, Store};
use crate::time::{Date, Timestamp};
use crate::top_up::TopUp;
use crate::wallet::WalletId;

/// Everything that a store's reads show: up to a thousand of each kind, so for small shops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    customers: Vec<Arc<Customer>>,
    products: Vec<Arc<Product>>,
    listings: Vec<Option<Listing>>,
    coupons: Vec<(Arc<Coupon>, u32)>,
    copies: Vec<(IssuedCoupon, Arc<Coupon>)>,
    codes: Vec<Arc<SingleUseCode>>,
    carts: Vec<Option<Arc<Cart>>>,
    orders: Vec<Arc<Order>>,
    charges: Vec<Arc<Charge>>,
    top_ups: Vec<Arc<TopUp>>,
    stock_facts: Vec<StockFacts>,
    stock_ledger: Vec<LedgerRow<VariantId>>,
    wallet_facts: Vec<WalletFacts>,
    wallet_ledger: Vec<LedgerRow<WalletId>>,
    coupon_facts: Vec<CouponFacts>,
    holder_facts: Vec<HolderFacts>,
    order_facts: Vec<OrderFacts>,
    top_up_facts: Vec<TopUpFacts>,
    sales_facts: Vec<DailySales>,
    sales: Vec<DailySales>,
    backlog: u64,
}

impl Snapshot {
    /// Reads it all, and the sales of `days`.
    pub async fn of(store: &dyn Store, days: &[Date]) -> Self {
        let customers = sound(store.customers(all()).await).items;
        let products = sound(store.products(&ProductQuery::default(), all()).await).items;
        let mut listings = Vec::new();
        for product in &products {
            listings.push(sound(store.product(product.id).await));
        }
        let mut carts = Vec::new();
        let (mut copies, mut orders, mut top_ups) = (Vec::new(), Vec::<Arc<Order>>::new(), Vec::<Arc<TopUp>>::new());
        for id in customers.iter().map(|customer| customer.id).collect::<Vec<CustomerId>>() {
            copies.extend(sound(store.issued_coupons(id, all()).await).items);
            carts.push(sound(store.cart(id).await));
            orders.extend(sound(store.orders(id, None, all()).await).items);
            top_ups.extend(sound(store.top_ups(id, all()).await).items);
        }
        let coupons = sound(store.coupons(all()).await).items;
        let mut codes = Vec::new();
        for (coupon, _) in &coupons {
            codes.extend(sound(store.codes_of(coupon.id, all()).await).items);
        }
        let mut charges = sound(store.open_charges(Timestamp::from_micros(i64::MAX), all()).await).items;
        for order in &orders {
            charges.extend(sound(store.charges_of(order.id).await));
        }
        for top_up in &top_ups {
            charges.extend(sound(store.charge(top_up.charge_id).await));
        }
        let mut sales = Vec::new();
        for day in days {
            sales.extend(sound(store.daily_sales(*day, None).await));
        }
        Self {
            customers,
            products,
            listings,
            coupons,
            codes,
            copies,
            carts,
            orders,
            charges,
            top_ups,
            stock_facts: sound(store.stock_facts(all()).await),
            stock_ledger: sound(store.stock_ledger(all()).await),
            wallet_facts: sound(store.wallet_facts(all()).await),
            wallet_ledger: sound(store.wallet_ledger(all()).await),
            coupon_facts: sound(store.coupon_facts(all()).await),
            holder_facts: sound(store.holder_facts(all()).await),
            order_facts: sound(store.order_facts(all()).await),
            top_up_facts: sound(store.top_up_facts(all()).await),
            sales_facts: sound(store.sales_facts(all()).await),
            sales,
            backlog: sound(store.backlog().await),
        }
    }

    /// The first kind of record in which the two differ, in words; none if they are equal.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        [
            differ("customers", &self.customers, &other.customers),
            differ("products", &self.products, &other.products),
            differ("listings", &self.listings, &other.listings),
            differ("coupons", &self.coupons, &other.coupons),
            differ("copies", &self.copies, &other.copies),
            differ("codes", &self.codes, &other.codes),
            differ("carts", &self.carts, &other.carts),
            differ("orders", &self.orders, &other.orders),
            differ("charges", &self.charges, &other.charges),
            differ("top-ups", &self.top_ups, &other.top_ups),
            differ("stock", &self.stock_facts, &other.stock_facts),
            differ("the stock ledger", &self.stock_ledger, &other.stock_ledger),
            differ("wallets", &self.wallet_facts, &other.wallet_facts),
            differ("the wallet ledger", &self.wallet_ledger, &other.wallet_ledger),
            differ("coupon counters", &self.coupon_facts, &other.coupon_facts),
            differ("customers' copies", &self.holder_facts, &other.holder_facts),
            differ("what hangs on orders", &self.order_facts, &other.order_facts),
            differ("what hangs on top-ups", &self.top_up_facts, &other.top_up_facts),
            differ("all sales", &self.sales_facts, &other.sales_facts),
            differ("sales", &self.sales, &other.sales),
            (self.backlog != other.backlog)
                .then(|| format!("messages in the outbox: {} before, {} after", self.backlog, other.backlog)),
        ]
        .into_iter()
        .flatten()
        .next()
    }
}

/// A page of everything.
pub(super) const fn all<K>() -> PageRequest<K> {
    PageRequest::first(PageRequest::<K>::MAX_LIMIT)
}

fn differ<T: PartialEq + std::fmt::Debug>(what: &str, before: &[T], after: &[T]) -> Option<String> {
    if before == after {
        return None;
    }
    let odd =
        |these: &[T], those: &[T]| these.iter().find(|item| !those.contains(item)).map(|item| format!("{item:?}"));
    Some(format!(
        "{what}: {} before, {} after; changed from {} to {}",
        before.len(),
        after.len(),
        odd(before, after).unwrap_or_else(|| "nothing".to_owned()),
        odd(after, before).unwrap_or_else(|| "nothing".to_owned()),
    ))
}
