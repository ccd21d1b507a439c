//! The records, their indexes, and how changes get in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use commerce_core::{
    Cart, Changes, Charge, ChargeId, Copies, Coupon, CouponCode, CouponId, Customer, CustomerId, DailySales, Date,
    Issuance, IssuedCoupon, IssuedCouponId, JobName, LeaseName, Name, NameKey, Order, OrderEvent, OrderId, OrderStatus,
    Payment, Product, ProductId, Records, Redemption, Refund, RefundId, RefundStatus, SingleUseCode, Sku, Stock,
    StockEntry, Timestamp, TopUp, TopUpId, Username, Variant, VariantId, Wallet, WalletEntry, WalletId,
};
use foldhash::fast::RandomState;
use smallvec::SmallVec;

use crate::cards::CardTables;
use crate::jobs::JobRow;
use crate::keys::KeyTable;
use crate::lease::LeaseRow;
use crate::log::Log;
use crate::outbox::OutboxTable;
use crate::sales::SalesSum;
use crate::shelf::Shelf;
use crate::webhooks::WebhookKeys;

/// For keys that the shop makes itself. Texts that clients choose stay with the standard hasher, which
/// withstands chosen collisions.
pub(crate) type IdMap<K, V> = HashMap<K, V, RandomState>;

/// Everything the store holds. Whatever is counted elsewhere is kept beside what it counts.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) customers: IdMap<CustomerId, CustomerRow>,
    pub(crate) customer_ids: BTreeSet<CustomerId>,
    usernames: HashMap<Username, CustomerId>,
    pub(crate) products: IdMap<ProductId, ProductRow>,
    pub(crate) shelf: Shelf,
    pub(crate) variants: IdMap<VariantId, VariantRow>,
    pub(crate) variant_ids: BTreeSet<VariantId>,
    skus: HashMap<Sku, VariantId>,
    pub(crate) coupons: BTreeMap<CouponId, CouponRow>,
    coupon_codes: HashMap<CouponCode, CouponId>,
    /// Those that are good for one copy.
    pub(crate) codes: HashMap<CouponCode, Arc<SingleUseCode>>,
    pub(crate) issued_coupons: IdMap<IssuedCouponId, IssuedCoupon>,
    pub(crate) orders: BTreeMap<OrderId, OrderRow>,
    /// By order: few orders have any.
    pub(crate) refunds: IdMap<OrderId, Vec<Arc<Refund>>>,
    /// The refunds that the gateway has not answered, with their orders.
    pub(crate) pending_refunds: BTreeMap<RefundId, OrderId>,
    /// Pending orders by when their time is over.
    pub(crate) due: BTreeSet<(Timestamp, OrderId)>,
    pub(crate) cards: CardTables,
    pub(crate) sales: BTreeMap<Date, IdMap<ProductId, SalesSum>>,
    pub(crate) keys: KeyTable,
    pub(crate) webhook_keys: WebhookKeys,
    pub(crate) outbox: OutboxTable,
    pub(crate) leases: HashMap<LeaseName, LeaseRow>,
    pub(crate) jobs: BTreeMap<JobName, JobRow>,
}

/// A customer, with all that is theirs at hand: one look-up serves an order.
#[derive(Debug)]
pub(crate) struct CustomerRow {
    pub(crate) customer: Arc<Customer>,
    pub(crate) wallets: Vec<WalletRow>,
    pub(crate) orders: Vec<OrderId>,
    pub(crate) issued_coupons: Vec<IssuedCouponId>,
    pub(crate) copies: Vec<Copies>,
    pub(crate) cart: Option<Arc<Cart>>,
}

#[derive(Debug)]
pub(crate) struct WalletRow {
    pub(crate) wallet: Wallet,
    pub(crate) entries: Log<WalletEntry>,
}

#[derive(Debug)]
pub(crate) struct ProductRow {
    pub(crate) product: Arc<Product>,
    pub(crate) name: NameKey,
    pub(crate) variants: Vec<VariantId>,
    pub(crate) views: u64,
}

#[derive(Debug)]
pub(crate) struct VariantRow {
    pub(crate) variant: Arc<Variant>,
    pub(crate) stock: Stock,
    pub(crate) entries: Log<StockEntry>,
}

#[derive(Debug)]
pub(crate) struct CouponRow {
    pub(crate) coupon: Arc<Coupon>,
    pub(crate) issuance: Issuance,
    /// The copies that are out, by id.
    pub(crate) copies: Vec<IssuedCouponId>,
    /// The codes that are good for one copy.
    pub(crate) codes: BTreeSet<CouponCode>,
}

#[derive(Debug)]
pub(crate) struct OrderRow {
    pub(crate) order: Arc<Order>,
    pub(crate) payment: Option<Arc<Payment>>,
    pub(crate) events: SmallVec<[Arc<OrderEvent>; 2]>,
    pub(crate) redemptions: Vec<Redemption>,
    /// Where its rows are in the stock ledger.
    pub(crate) stock_rows: SmallVec<[(VariantId, u64); 2]>,
    /// Where its entries are in the wallet ledger.
    pub(crate) wallet_rows: SmallVec<[(WalletId, u64); 1]>,
}

impl Tables {
    /// Writes a decision and the record of its key. It cannot fail, and does not panic: the decision was made on
    /// these very tables, under the lock that is still held.
    pub(crate) fn apply(&mut self, mut changes: Changes) {
        self.apply_customers(std::mem::take(&mut changes.customers));
        for order in std::mem::take(&mut changes.orders) {
            self.apply_order(order, &changes);
        }
        self.apply_catalog(changes.products, changes.variants);
        self.apply_coupons(changes.coupons, changes.issuances);
        self.apply_codes(changes.codes);
        self.apply_copies(changes.copies, changes.issued_coupons);
        for refund in changes.refunds {
            match refund.status {
                RefundStatus::Pending => drop(self.pending_refunds.insert(refund.id, refund.order_id)),
                RefundStatus::Succeeded | RefundStatus::Failed => drop(self.pending_refunds.remove(&refund.id)),
            }
            let refunds = self.refunds.entry(refund.order_id).or_default();
            match refunds.binary_search_by_key(&refund.id, |known| known.id) {
                Ok(place) => refunds[place] = refund,
                Err(place) => refunds.insert(place, refund),
            }
        }
        self.apply_stock(changes.stocks, changes.stock_entries);
        self.cards.apply(changes.charges, changes.top_ups);
        self.apply_wallets(changes.wallets, changes.wallet_entries);
        self.apply_carts(changes.carts);
        for sold in &changes.sales {
            self.add_sales(sold);
        }
        for message in changes.messages {
            self.outbox.enqueue(message);
        }
    }

    fn apply_customers(&mut self, customers: Vec<Arc<Customer>>) {
        for customer in customers {
            self.usernames.insert(customer.username.clone(), customer.id);
            self.customer_ids.insert(customer.id);
            let fresh = |customer| CustomerRow {
                customer,
                wallets: Vec::new(),
                orders: Vec::new(),
                issued_coupons: Vec::new(),
                cart: None,
                copies: Vec::new(),
            };
            match self.customers.get_mut(&customer.id) {
                Some(row) => row.customer = customer,
                None => drop(self.customers.insert(customer.id, fresh(customer))),
            }
        }
    }

    fn apply_catalog(&mut self, products: Vec<Arc<Product>>, variants: Vec<Arc<Variant>>) {
        for product in products {
            let name = NameKey::of(product.name.as_str());
            match self.products.get_mut(&product.id) {
                Some(row) => {
                    self.shelf.remove(&row.product, &row.name);
                    self.shelf.insert(&product, &name);
                    (row.product, row.name) = (product, name);
                }
                None => {
                    self.shelf.insert(&product, &name);
                    self.products.insert(product.id, ProductRow { product, name, variants: Vec::new(), views: 0 });
                }
            }
        }
        for variant in variants {
            if let Some(row) = self.variants.get_mut(&variant.id) {
                row.variant = variant;
                continue;
            }
            self.skus.insert(variant.sku.clone(), variant.id);
            self.variant_ids.insert(variant.id);
            if let Some(row) = self.products.get_mut(&variant.product_id) {
                row.variants.push(variant.id);
            }
            let stock = Stock::empty(variant.id);
            self.variants.insert(variant.id, VariantRow { variant, stock, entries: Log::default() });
        }
    }

    fn apply_stock(&mut self, stocks: Vec<Stock>, entries: Vec<StockEntry>) {
        for stock in stocks {
            if let Some(row) = self.variants.get_mut(&stock.variant_id) {
                row.stock = stock;
            }
        }
        for entry in entries {
            if let Some(row) = self.variants.get_mut(&entry.variant_id) {
                row.entries.push(entry);
            }
        }
    }

    fn apply_wallets(&mut self, wallets: Vec<Wallet>, entries: Vec<WalletEntry>) {
        for wallet in wallets {
            let Some(customer) = self.customers.get_mut(&wallet.id.customer_id) else { continue };
            match customer.wallets.iter_mut().find(|row| row.wallet.id == wallet.id) {
                Some(row) => row.wallet = wallet,
                None => customer.wallets.push(WalletRow { wallet, entries: Log::default() }),
            }
        }
        for entry in entries {
            if let Some(top_up) = entry.top_up_id {
                self.cards.credited(top_up, entry.wallet_id, entry.sequence);
            }
            let wallets = self.customers.get_mut(&entry.wallet_id.customer_id).map(|row| &mut row.wallets);
            if let Some(row) = wallets.and_then(|rows| rows.iter_mut().find(|row| row.wallet.id == entry.wallet_id)) {
                row.entries.push(entry);
            }
        }
    }

    fn apply_coupons(&mut self, coupons: Vec<Arc<Coupon>>, issuances: Vec<Issuance>) {
        for coupon in coupons {
            self.coupon_codes.extend(coupon.code.clone().map(|code| (code, coupon.id)));
            let issuance = Issuance { coupon_id: coupon.id, issued: 0 };
            match self.coupons.get_mut(&coupon.id) {
                Some(row) => row.coupon = coupon,
                None => drop(
                    self.coupons
                        .insert(coupon.id, CouponRow { coupon, issuance, copies: Vec::new(), codes: BTreeSet::new() }),
                ),
            }
        }
        for issuance in issuances {
            if let Some(row) = self.coupons.get_mut(&issuance.coupon_id) {
                row.issuance = issuance;
            }
        }
    }

    fn apply_codes(&mut self, codes: Vec<Arc<SingleUseCode>>) {
        for code in codes {
            if let Some(row) = self.coupons.get_mut(&code.coupon_id) {
                row.codes.insert(code.code.clone());
            }
            self.codes.insert(code.code.clone(), code);
        }
    }

    fn apply_copies(&mut self, counts: Vec<Copies>, issued_coupons: Vec<IssuedCoupon>) {
        for count in counts {
            let Some(customer) = self.customers.get_mut(&count.customer_id) else { continue };
            match customer.copies.iter_mut().find(|copies| copies.coupon_id == count.coupon_id) {
                Some(copies) => *copies = count,
                None => customer.copies.push(count),
            }
        }
        for copy in issued_coupons {
            let (id, coupon_id, customer_id) = (copy.id, copy.coupon_id, copy.customer_id);
            if self.issued_coupons.insert(id, copy).is_some() {
                continue;
            }
            if let Some(row) = self.coupons.get_mut(&coupon_id) {
                insert_ascending(&mut row.copies, id);
            }
            if let Some(customer) = self.customers.get_mut(&customer_id) {
                insert_ascending(&mut customer.issued_coupons, id);
            }
        }
    }

    /// Writes an order, and what of the changes hangs on it.
    fn apply_order(&mut self, order: Arc<Order>, changes: &Changes) {
        let id = order.id;
        let row = self.order_row(order);
        let payment = changes.payments.iter().find(|payment| payment.order_id == id);
        row.payment = payment.cloned().or(row.payment.take());
        row.events.extend(changes.order_events.iter().filter(|event| event.order_id() == id).cloned());
        for redemption in changes.redemptions.iter().filter(|redemption| redemption.order_id == id) {
            let same = |known: &&mut Redemption| known.issued_coupon_id == redemption.issued_coupon_id;
            match row.redemptions.iter_mut().find(same) {
                Some(known) => *known = *redemption,
                None => row.redemptions.push(*redemption),
            }
        }
        let entries = changes.stock_entries.iter().filter(|entry| entry.order_id == Some(id));
        row.stock_rows.extend(entries.map(|entry| (entry.variant_id, entry.sequence)));
        let entries = changes.wallet_entries.iter().filter(|entry| entry.order_id == Some(id));
        row.wallet_rows.extend(entries.map(|entry| (entry.wallet_id, entry.sequence)));
    }

    fn apply_carts(&mut self, carts: Vec<Arc<Cart>>) {
        for cart in carts {
            if let Some(customer) = self.customers.get_mut(&cart.customer_id) {
                customer.cart = Some(cart);
            }
        }
    }

    /// The row of an order, with its new value.
    fn order_row(&mut self, order: Arc<Order>) -> &mut OrderRow {
        use std::collections::btree_map::Entry;
        match self.orders.entry(order.id) {
            Entry::Occupied(row) => {
                let row = row.into_mut();
                if let Some(was_due) = due(&row.order) {
                    self.due.remove(&(was_due, order.id));
                }
                self.due.extend(due(&order).map(|at| (at, order.id)));
                row.order = order;
                row
            }
            Entry::Vacant(free) => {
                if let Some(customer) = self.customers.get_mut(&order.customer_id) {
                    insert_ascending(&mut customer.orders, order.id);
                }
                self.due.extend(due(&order).map(|at| (at, order.id)));
                free.insert(OrderRow {
                    order,
                    payment: None,
                    events: SmallVec::new(),
                    redemptions: Vec::new(),
                    stock_rows: SmallVec::new(),
                    wallet_rows: SmallVec::new(),
                })
            }
        }
    }

    fn add_sales(&mut self, sold: &DailySales) {
        let nothing = SalesSum::nothing(sold.revenue.currency());
        let sum = self.sales.entry(sold.date).or_default().entry(sold.product_id).or_insert(nothing);
        sum.add(sold.quantity, sold.revenue);
    }

    /// Books a day's sales of a product, whatever was booked.
    pub(crate) fn set_sales(&mut self, sold: &DailySales) {
        let DailySales { product_id, date, quantity, revenue } = *sold;
        self.sales.entry(date).or_default().insert(product_id, SalesSum { quantity, revenue });
    }

    fn wallet_row(&self, id: WalletId) -> Option<&WalletRow> {
        self.customers.get(&id.customer_id)?.wallets.iter().find(|row| row.wallet.id == id)
    }

    /// The rows of a wallet's ledger.
    pub(crate) fn wallet_log(&self, id: WalletId) -> Option<&Log<WalletEntry>> {
        self.wallet_row(id).map(|row| &row.entries)
    }
}

/// When the time of an order that waits for its payment is over.
fn due(order: &Order) -> Option<Timestamp> {
    order.expires_at.filter(|_| order.status == OrderStatus::Pending)
}

/// Keeps a list of ids ascending. Ids mostly arrive so; those of another node may be a little late.
pub(crate) fn insert_ascending<T: Ord + Copy>(ids: &mut Vec<T>, id: T) {
    let place = ids.iter().rposition(|known| *known < id).map_or(0, |last| last + 1);
    ids.insert(place, id);
}

impl Records for Tables {
    fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.customers.get(&id).map(|row| &*row.customer)
    }
    fn customer_named(&self, username: &Username) -> Option<CustomerId> {
        self.usernames.get(username).copied()
    }
    fn product(&self, id: ProductId) -> Option<&Product> {
        self.products.get(&id).map(|row| &*row.product)
    }
    fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.variants.get(&id).map(|row| &*row.variant)
    }
    fn stock(&self, id: VariantId) -> Option<Stock> {
        self.variants.get(&id).map(|row| row.stock)
    }
    fn variant_with_sku(&self, sku: &Sku) -> Option<VariantId> {
        self.skus.get(sku).copied()
    }
    fn wallet(&self, id: WalletId) -> Option<Wallet> {
        self.wallet_row(id).map(|row| row.wallet)
    }
    fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.coupons.get(&id).map(|row| &*row.coupon)
    }
    fn issuance(&self, id: CouponId) -> Option<Issuance> {
        self.coupons.get(&id).map(|row| row.issuance)
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
        let row = self.customers.get(&customer);
        row.and_then(|row| row.copies.iter().find(|copies| copies.coupon_id == coupon)).map_or(0, |copies| copies.count)
    }
    fn cart(&self, customer: CustomerId) -> Option<&Cart> {
        self.customers.get(&customer)?.cart.as_deref()
    }
    fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id).map(|row| &*row.order)
    }
    fn payment(&self, order: OrderId) -> Option<&Payment> {
        self.orders.get(&order)?.payment.as_deref()
    }
    fn refunds(&self, order: OrderId) -> &[Arc<Refund>] {
        self.refunds.get(&order).map_or(&[], Vec::as_slice)
    }
    fn redemption(&self, copy: IssuedCouponId, order: OrderId) -> Option<Redemption> {
        self.orders.get(&order)?.redemptions.iter().find(|known| known.issued_coupon_id == copy).copied()
    }
    fn charge(&self, id: ChargeId) -> Option<&Charge> {
        self.cards.charge(id).map(|charge| &**charge)
    }
    fn charge_with_transaction(&self, transaction: &Name) -> Option<ChargeId> {
        self.cards.charge_with_transaction(transaction)
    }
    fn top_up(&self, id: TopUpId) -> Option<&TopUp> {
        self.cards.top_up(id).map(|top_up| &**top_up)
    }
}
