//! The net result of a batch: the last value of each touched record, and every row to append.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::{
    Cart, CartItem, Changes, Charge, ChargeId, Copies, Coupon, CouponCode, CouponId, Customer, CustomerId, Date,
    Issuance, IssuedCoupon, IssuedCouponId, KeyRecord, KeyScope, Order, OrderEvent, OrderId, OutboxMessage, Payment,
    Product, ProductId, Records, Redemption, Refund, RefundId, Revenue, SingleUseCode, Stock, StockEntry, TopUp,
    TopUpId, Variant, VariantId, Wallet, WalletEntry, WalletId, WorkingSet,
};

/// Values of records, apart those that the database does not have yet. A new one is inserted, never merged into
/// a row that came in between: its unique constraint then tells that the decision was made on old records.
#[derive(Debug)]
pub(crate) struct Values<K, V> {
    pub(crate) new: BTreeMap<K, V>,
    pub(crate) changed: BTreeMap<K, V>,
}

impl<K, V> Default for Values<K, V> {
    fn default() -> Self {
        Self { new: BTreeMap::new(), changed: BTreeMap::new() }
    }
}

impl<K: Ord, V> Values<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.new.get(key).or_else(|| self.changed.get(key))
    }

    /// Takes a value; `exists` tells whether the record was there before this value.
    fn put(&mut self, key: K, value: V, exists: bool) {
        if exists && !self.new.contains_key(&key) {
            self.changed.insert(key, value);
        } else {
            self.new.insert(key, value);
        }
    }
}

/// What a product sold on a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sold {
    pub(crate) quantity: i64,
    pub(crate) revenue: Revenue,
}

/// Everything that a batch writes.
#[derive(Debug, Default)]
pub(crate) struct Net {
    pub(crate) customers: Vec<Arc<Customer>>,
    pub(crate) products: Values<ProductId, Arc<Product>>,
    pub(crate) variants: Values<VariantId, Arc<Variant>>,
    pub(crate) stocks: Values<VariantId, Stock>,
    pub(crate) wallets: Values<WalletId, Wallet>,
    pub(crate) coupons: Values<CouponId, Arc<Coupon>>,
    pub(crate) issuances: Values<CouponId, Issuance>,
    pub(crate) codes: Values<CouponCode, Arc<SingleUseCode>>,
    pub(crate) issued_coupons: Values<IssuedCouponId, IssuedCoupon>,
    /// The how-many-eth copy of its customer each new copy is.
    pub(crate) ordinals: BTreeMap<IssuedCouponId, u32>,
    pub(crate) carts: Values<CustomerId, Arc<Cart>>,
    /// The items that are new or another; none for those that are gone.
    pub(crate) cart_items: BTreeMap<(CustomerId, VariantId), Option<CartItem>>,
    pub(crate) orders: Values<OrderId, Arc<Order>>,
    pub(crate) payments: Values<OrderId, Arc<Payment>>,
    pub(crate) refunds: Values<RefundId, Arc<Refund>>,
    pub(crate) charges: Values<ChargeId, Arc<Charge>>,
    pub(crate) top_ups: Values<TopUpId, Arc<TopUp>>,
    pub(crate) redemptions: Values<(IssuedCouponId, OrderId), Redemption>,
    pub(crate) stock_entries: Vec<StockEntry>,
    pub(crate) wallet_entries: Vec<WalletEntry>,
    pub(crate) order_events: Vec<Arc<OrderEvent>>,
    pub(crate) messages: Vec<OutboxMessage>,
    pub(crate) sales: BTreeMap<(Date, ProductId), Sold>,
    pub(crate) keys: BTreeMap<KeyScope, KeyRecord>,
}

impl Net {
    /// Adds one command's changes; `before` holds the records as they were before it.
    pub(crate) fn add(&mut self, changes: Changes, before: &WorkingSet) {
        self.add_catalog(&changes, before);
        self.add_coupons(&changes, before);
        changes.carts.into_iter().for_each(|cart| self.add_cart(cart, before));
        for stock in changes.stocks {
            self.stocks.put(stock.variant_id, stock, before.stock(stock.variant_id).is_some());
        }
        for wallet in changes.wallets {
            self.wallets.put(wallet.id, wallet, before.wallet(wallet.id).is_some());
        }
        for order in changes.orders {
            let exists = before.order(order.id).is_some();
            self.orders.put(order.id, order, exists);
        }
        for payment in changes.payments {
            let exists = before.payment(payment.order_id).is_some();
            self.payments.put(payment.order_id, payment, exists);
        }
        for refund in changes.refunds {
            let exists = before.refunds(refund.order_id).iter().any(|known| known.id == refund.id);
            self.refunds.put(refund.id, refund, exists);
        }
        for charge in changes.charges {
            let exists = before.charge(charge.id).is_some();
            self.charges.put(charge.id, charge, exists);
        }
        for top_up in changes.top_ups {
            let exists = before.top_up(top_up.id).is_some();
            self.top_ups.put(top_up.id, top_up, exists);
        }
        self.stock_entries.extend(changes.stock_entries);
        self.wallet_entries.extend(changes.wallet_entries);
        self.order_events.extend(changes.order_events);
        self.messages.extend(changes.messages);
        for sold in changes.sales {
            let nothing = Sold { quantity: 0, revenue: Revenue::zero(sold.revenue.currency()) };
            let sum = self.sales.entry((sold.date, sold.product_id)).or_insert(nothing);
            sum.quantity = sum.quantity.saturating_add(sold.quantity);
            sum.revenue = sum.revenue.plus(sold.revenue);
        }
    }

    /// Whether the records of a sale that it changes are all there: stocks, wallets and the counters of coupons.
    pub(crate) fn only_sells(&self) -> bool {
        self.stocks.new.is_empty() && self.wallets.new.is_empty() && self.issuances.new.is_empty()
    }

    /// Whether nothing of stocks and wallets changes: the batch claims coupons, if anything.
    pub(crate) fn only_claims(&self) -> bool {
        let is_still = self.stocks.changed.is_empty() && self.wallets.changed.is_empty();
        is_still && self.stock_entries.is_empty() && self.wallet_entries.is_empty() && self.sales.is_empty()
    }

    /// The values that stocks, wallets and the counters of coupons have after the batch, with these coupons themselves;
    /// `before` holds the records as they were before it.
    pub(crate) fn values(&self, before: &WorkingSet) -> Changes {
        fn all<K, V: Clone>(values: &Values<K, V>) -> Vec<V> {
            values.new.values().chain(values.changed.values()).cloned().collect()
        }
        let copies = |copy: &IssuedCoupon| {
            let count = *self.ordinals.get(&copy.id)?;
            Some(Copies { coupon_id: copy.coupon_id, customer_id: copy.customer_id, count })
        };
        let mut copies: Vec<Copies> = self.issued_coupons.new.values().filter_map(copies).collect();
        // The last copy that a customer gets says how many that makes.
        copies.sort_unstable_by_key(|copies| copies.count);
        let (stocks, wallets, issuances) = (all(&self.stocks), all(&self.wallets), all(&self.issuances));
        let coupon = |issuance: &Issuance| {
            let written = self.coupons.get(&issuance.coupon_id).cloned();
            written.or_else(|| before.coupon(issuance.coupon_id).cloned().map(Arc::new))
        };
        let coupons = issuances.iter().filter_map(coupon).collect();
        Changes { stocks, wallets, issuances, copies, coupons, ..Changes::default() }
    }

    fn add_catalog(&mut self, changes: &Changes, before: &WorkingSet) {
        self.customers.extend(changes.customers.iter().cloned());
        for product in &changes.products {
            self.products.put(product.id, Arc::clone(product), before.product(product.id).is_some());
        }
        for variant in &changes.variants {
            self.variants.put(variant.id, Arc::clone(variant), before.variant(variant.id).is_some());
        }
    }

    fn add_cart(&mut self, cart: Arc<Cart>, before: &WorkingSet) {
        let (customer, known) = (cart.customer_id, before.cart(cart.customer_id));
        let gone = known.into_iter().flat_map(|known| &known.items).filter(|item| cart.item(item.variant_id).is_none());
        self.cart_items.extend(gone.map(|item| ((customer, item.variant_id), None)));
        let same = |item: &&CartItem| known.and_then(|known| known.item(item.variant_id)) == Some(*item);
        let other = cart.items.iter().filter(|item| !same(item));
        self.cart_items.extend(other.map(|item| ((customer, item.variant_id), Some(*item))));
        self.carts.put(customer, cart, known.is_some());
    }

    fn add_coupons(&mut self, changes: &Changes, before: &WorkingSet) {
        for coupon in &changes.coupons {
            self.coupons.put(coupon.id, Arc::clone(coupon), before.coupon(coupon.id).is_some());
        }
        for issuance in &changes.issuances {
            self.issuances.put(issuance.coupon_id, *issuance, before.issuance(issuance.coupon_id).is_some());
        }
        for code in &changes.codes {
            let exists = before.single_use_code(&code.code).is_some();
            self.codes.put(code.code.clone(), Arc::clone(code), exists);
        }
        for copy in &changes.issued_coupons {
            let exists = before.issued_coupon(copy.id).is_some();
            if !exists {
                let of = |c: &&Copies| (c.coupon_id, c.customer_id) == (copy.coupon_id, copy.customer_id);
                let count = changes.copies.iter().find(of).map_or(1, |copies| copies.count);
                self.ordinals.insert(copy.id, count);
            }
            self.issued_coupons.put(copy.id, copy.clone(), exists);
        }
        for redemption in &changes.redemptions {
            let key = (redemption.issued_coupon_id, redemption.order_id);
            self.redemptions.put(key, *redemption, before.redemption(key.0, key.1).is_some());
        }
    }
}
