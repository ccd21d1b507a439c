//! Loaded records, for stores that load before they decide.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::cart::Cart;
use crate::catalog::{Product, Variant};
use crate::charge::Charge;
use crate::coupon::{Coupon, Issuance, IssuedCoupon, Redemption, SingleUseCode};
use crate::customer::Customer;
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, ProductId, TopUpId, VariantId};
use crate::inventory::Stock;
use crate::order::Order;
use crate::payment::Payment;
use crate::records::{Changes, Records};
use crate::refund::Refund;
use crate::text::{CouponCode, Name, Sku, Username};
use crate::top_up::TopUp;
use crate::wallet::{Wallet, WalletId};

/// Names records, sorted: a store that locks them in this order, table by table as listed, cannot deadlock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Customers by id.
    pub customers: BTreeSet<CustomerId>,
    /// Customers by username.
    pub usernames: BTreeSet<Username>,
    /// Products.
    pub products: BTreeSet<ProductId>,
    /// Variants, each with its stock.
    pub variants: BTreeSet<VariantId>,
    /// Variants by SKU.
    pub skus: BTreeSet<Sku>,
    /// Coupons, each with its counter.
    pub coupons: BTreeSet<CouponId>,
    /// Coupons by code, and the codes that are good for one copy.
    pub coupon_codes: BTreeSet<CouponCode>,
    /// How many copies a customer has had of a coupon.
    pub copies: BTreeSet<(CouponId, CustomerId)>,
    /// Customers' copies.
    pub issued_coupons: BTreeSet<IssuedCouponId>,
    /// Carts, each with its items.
    pub carts: BTreeSet<CustomerId>,
    /// Orders, each with its payment and redemptions.
    pub orders: BTreeSet<OrderId>,
    /// The refunds of orders.
    pub refunds: BTreeSet<OrderId>,
    /// Charges.
    pub charges: BTreeSet<ChargeId>,
    /// Charges by the gateway's transaction.
    pub transactions: BTreeSet<Name>,
    /// Top-ups.
    pub top_ups: BTreeSet<TopUpId>,
    /// Wallets.
    pub wallets: BTreeSet<WalletId>,
}

impl Keys {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.customers.extend(other.customers);
        self.usernames.extend(other.usernames);
        self.products.extend(other.products);
        self.variants.extend(other.variants);
        self.skus.extend(other.skus);
        self.coupons.extend(other.coupons);
        self.coupon_codes.extend(other.coupon_codes);
        self.copies.extend(other.copies);
        self.issued_coupons.extend(other.issued_coupons);
        self.carts.extend(other.carts);
        self.orders.extend(other.orders);
        self.refunds.extend(other.refunds);
        self.charges.extend(other.charges);
        self.transactions.extend(other.transactions);
        self.top_ups.extend(other.top_ups);
        self.wallets.extend(other.wallets);
    }

    /// What is named here and not in `loaded`.
    #[must_use]
    pub fn without(&self, loaded: &Self) -> Self {
        Self {
            customers: &self.customers - &loaded.customers,
            usernames: &self.usernames - &loaded.usernames,
            products: &self.products - &loaded.products,
            variants: &self.variants - &loaded.variants,
            skus: &self.skus - &loaded.skus,
            coupons: &self.coupons - &loaded.coupons,
            coupon_codes: &self.coupon_codes - &loaded.coupon_codes,
            copies: &self.copies - &loaded.copies,
            issued_coupons: &self.issued_coupons - &loaded.issued_coupons,
            carts: &self.carts - &loaded.carts,
            orders: &self.orders - &loaded.orders,
            refunds: &self.refunds - &loaded.refunds,
            charges: &self.charges - &loaded.charges,
            transactions: &self.transactions - &loaded.transactions,
            top_ups: &self.top_ups - &loaded.top_ups,
            wallets: &self.wallets - &loaded.wallets,
        }
    }
}

/// Records loaded from a store, kept current while commands are decided against them one after another.
///
/// A record that was looked for and is not there is simply absent; a store makes sure that everything
/// [`keys`](crate::keys) names has been looked for before it decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkingSet {
    customers: HashMap<CustomerId, Arc<Customer>>,
    usernames: HashMap<Username, CustomerId>,
    products: HashMap<ProductId, Arc<Product>>,
    variants: HashMap<VariantId, Arc<Variant>>,
    stocks: HashMap<VariantId, Stock>,
    skus: HashMap<Sku, VariantId>,
    wallets: HashMap<WalletId, Wallet>,
    coupons: HashMap<CouponId, Arc<Coupon>>,
    issuances: HashMap<CouponId, Issuance>,
    coupon_codes: HashMap<CouponCode, CouponId>,
    codes: HashMap<CouponCode, Arc<SingleUseCode>>,
    issued_coupons: HashMap<IssuedCouponId, IssuedCoupon>,
    copies: HashMap<(CouponId, CustomerId), u32>,
    carts: HashMap<CustomerId, Arc<Cart>>,
    orders: HashMap<OrderId, Arc<Order>>,
    payments: HashMap<OrderId, Arc<Payment>>,
    refunds: HashMap<OrderId, Vec<Arc<Refund>>>,
    redemptions: HashMap<(IssuedCouponId, OrderId), Redemption>,
    charges: HashMap<ChargeId, Arc<Charge>>,
    transactions: HashMap<Name, ChargeId>,
    top_ups: HashMap<TopUpId, Arc<TopUp>>,
}

impl WorkingSet {
    /// Takes the new values of a decision (the appended rows are the store's to keep). What is loaded from a
    /// store goes in the same way: it is a set of values too.
    pub fn apply(&mut self, changes: &Changes) {
        for customer in &changes.customers {
            self.usernames.insert(customer.username.clone(), customer.id);
            self.customers.insert(customer.id, Arc::clone(customer));
        }
        for product in &changes.products {
            self.products.insert(product.id, Arc::clone(product));
        }
        for variant in &changes.variants {
            self.skus.insert(variant.sku.clone(), variant.id);
            self.variants.insert(variant.id, Arc::clone(variant));
        }
        self.stocks.extend(changes.stocks.iter().map(|stock| (stock.variant_id, *stock)));
        self.wallets.extend(changes.wallets.iter().map(|wallet| (wallet.id, *wallet)));
        for coupon in &changes.coupons {
            self.coupon_codes.extend(coupon.code.clone().map(|code| (code, coupon.id)));
            self.coupons.insert(coupon.id, Arc::clone(coupon));
        }
        self.issuances.extend(changes.issuances.iter().map(|issuance| (issuance.coupon_id, *issuance)));
        let counts = changes.copies.iter().map(|copies| ((copies.coupon_id, copies.customer_id), copies.count));
        self.copies.extend(counts);
        self.codes.extend(changes.codes.iter().map(|code| (code.code.clone(), Arc::clone(code))));
        for copy in &changes.issued_coupons {
            self.issued_coupons.insert(copy.id, copy.clone());
        }
        self.carts.extend(changes.carts.iter().map(|cart| (cart.customer_id, Arc::clone(cart))));
        self.orders.extend(changes.orders.iter().map(|order| (order.id, Arc::clone(order))));
        self.payments.extend(changes.payments.iter().map(|payment| (payment.order_id, Arc::clone(payment))));
        for refund in &changes.refunds {
            let refunds = self.refunds.entry(refund.order_id).or_default();
            match refunds.binary_search_by_key(&refund.id, |known| known.id) {
                Ok(place) => refunds[place] = Arc::clone(refund),
                Err(place) => refunds.insert(place, Arc::clone(refund)),
            }
        }
        for redemption in &changes.redemptions {
            self.redemptions.insert((redemption.issued_coupon_id, redemption.order_id), *redemption);
        }
        for charge in &changes.charges {
            self.transactions.extend(charge.gateway_transaction_id.clone().map(|named| (named, charge.id)));
            self.charges.insert(charge.id, Arc::clone(charge));
        }
        self.top_ups.extend(changes.top_ups.iter().map(|top_up| (top_up.id, Arc::clone(top_up))));
    }
}

impl Records for WorkingSet {
    fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.customers.get(&id).map(Arc::as_ref)
    }
    fn customer_named(&self, username: &Username) -> Option<CustomerId> {
        self.usernames.get(username).copied()
    }
    fn product(&self, id: ProductId) -> Option<&Product> {
        self.products.get(&id).map(Arc::as_ref)
    }
    fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.get(&id).map(Arc::as_ref)
    }
    fn stock(&self, id: VariantId) -> Option<Stock> {
        self.stocks.get(&id).copied()
    }
    fn variant_with_sku(&self, sku: &Sku) -> Option<VariantId> {
        self.skus.get(sku).copied()
    }
    fn wallet(&self, id: WalletId) -> Option<Wallet> {
        self.wallets.get(&id).copied()
    }
    fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.coupons.get(&id).map(Arc::as_ref)
    }
    fn issuance(&self, id: CouponId) -> Option<Issuance> {
        self.issuances.get(&id).copied()
    }
    fn coupon_with_code(&self, code: &CouponCode) -> Option<CouponId> {
        self.coupon_codes.get(code).copied()
    }
    fn single_use_code(&self, code: &CouponCode) -> Option<&SingleUseCode> {
        self.codes.get(code).map(Arc::as_ref)
    }
    fn issued_coupon(&self, id: IssuedCouponId) -> Option<&IssuedCoupon> {
        self.issued_coupons.get(&id)
    }
    fn copies(&self, coupon: CouponId, customer: CustomerId) -> u32 {
        self.copies.get(&(coupon, customer)).copied().unwrap_or(0)
    }
    fn cart(&self, customer: CustomerId) -> Option<&Cart> {
        self.carts.get(&customer).map(Arc::as_ref)
    }
    fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id).map(Arc::as_ref)
    }
    fn payment(&self, order: OrderId) -> Option<&Payment> {
        self.payments.get(&order).map(Arc::as_ref)
    }
    fn refunds(&self, order: OrderId) -> &[Arc<Refund>] {
        self.refunds.get(&order).map_or(&[], Vec::as_slice)
    }
    fn redemption(&self, copy: IssuedCouponId, order: OrderId) -> Option<Redemption> {
        self.redemptions.get(&(copy, order)).copied()
    }
    fn charge(&self, id: ChargeId) -> Option<&Charge> {
        self.charges.get(&id).map(Arc::as_ref)
    }
    fn charge_with_transaction(&self, transaction: &Name) -> Option<ChargeId> {
        self.transactions.get(transaction).copied()
    }
    fn top_up(&self, id: TopUpId) -> Option<&TopUp> {
        self.top_ups.get(&id).map(Arc::as_ref)
    }
}
