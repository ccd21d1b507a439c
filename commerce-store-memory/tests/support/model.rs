//! The shop in plain maps: what each command must come to. Nothing here asks the core for a rule; amounts are
//! numbers of minor units, and their sums are taken here.

use std::collections::{BTreeMap, BTreeSet};

use commerce_core::{
    AddVariant, Command, CouponRef, CouponScope, CreateCoupon, CreateProduct, Discount, Envelope, ImportItem,
    ImportProducts, Imported, Money, NewVariant, Operation, OrderStatus, Outcome, Principal, ProductStatus, Timestamp,
};

use crate::support::TTL_SECONDS;
use crate::support::coverage::Coverage;
use crate::support::model_cards::Cards;
use crate::support::model_carts::Cart;
use crate::support::model_orders::Order;
use crate::support::model_prices::Prices;

/// The bound of every amount.
const MAX: i64 = 1_000_000_000_000_000;
const MAX_STOCK: i64 = 1_000_000_000;
const MAX_COUNT: u32 = 1_000_000;

pub(crate) type Verdict = Result<(), &'static str>;
/// A customer and a currency code.
pub(crate) type WalletKey = (i64, String);

#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) base: i64,
    pub(crate) currency: String,
    pub(crate) on_sale: bool,
    pub(crate) version: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) product: i64,
    pub(crate) sku: String,
    pub(crate) additional: i64,
    pub(crate) active: bool,
    pub(crate) version: u64,
    pub(crate) ledger: Vec<i64>,
    pub(crate) prices: Prices,
}

#[derive(Debug, Clone)]
pub(crate) struct Coupon {
    pub(crate) terms: CreateCoupon,
    pub(crate) active: bool,
    pub(crate) version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyState {
    Available,
    Held(i64),
    Used(i64),
    Expired,
    Revoked,
}

#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub(crate) coupon: i64,
    pub(crate) customer: i64,
    pub(crate) state: CopyState,
    pub(crate) expires: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) customers: BTreeMap<i64, String>,
    pub(crate) products: BTreeMap<i64, Product>,
    pub(crate) variants: BTreeMap<i64, Variant>,
    pub(crate) wallets: BTreeMap<WalletKey, Vec<i64>>,
    pub(crate) coupons: BTreeMap<i64, Coupon>,
    pub(crate) copies: BTreeMap<i64, Copy>,
    /// Codes that are good for one copy: their coupon, and whether they are used.
    pub(crate) codes: BTreeMap<String, (i64, bool)>,
    pub(crate) carts: BTreeMap<i64, Cart>,
    pub(crate) orders: BTreeMap<i64, Order>,
    pub(crate) cards: Cards,
    /// Day since 1970 in the shop's zone and product: units and revenue.
    pub(crate) sales: BTreeMap<(i64, i64), (i64, i64)>,
    keys: BTreeMap<(String, String, Operation), (Command, Outcome)>,
    accepted: Vec<(Envelope, Outcome)>,
}

pub(crate) fn wallet_key(customer: i64, money: Money) -> WalletKey {
    (customer, money.currency().code().to_owned())
}

pub(crate) fn refuse_if(refused: bool, code: &'static str) -> Verdict {
    if refused { Err(code) } else { Ok(()) }
}

fn scope(envelope: &Envelope) -> (String, String, Operation) {
    (envelope.key.to_string(), envelope.principal.to_string(), envelope.operation())
}

impl Model {
    /// What was answered under the envelope's key before.
    pub(crate) fn stored(&self, envelope: &Envelope) -> Option<&Outcome> {
        self.keys.get(&scope(envelope)).map(|(_, outcome)| outcome)
    }

    /// Everything that was accepted, with its outcome, in order.
    pub(crate) fn accepted(&self) -> Vec<(Envelope, Outcome)> {
        self.accepted.clone()
    }

    pub(crate) fn on_hand(&self, variant: i64) -> i64 {
        self.variants[&variant].ledger.iter().sum()
    }

    pub(crate) fn balance(&self, wallet: &WalletKey) -> i64 {
        self.wallets.get(wallet).map_or(0, |entries| entries.iter().sum())
    }

    pub(crate) fn copies_of(&self, coupon: i64) -> impl Iterator<Item = &Copy> {
        self.copies.values().filter(move |copy| copy.coupon == coupon)
    }

    /// Whether the envelope will be accepted, or the code of what refuses it.
    pub(crate) fn verdict(&self, envelope: &Envelope, now: Timestamp) -> Verdict {
        if let Some((command, _)) = self.keys.get(&scope(envelope)) {
            return refuse_if(*command != envelope.command, "idempotency_key_reused");
        }
        let takes_ids = match &envelope.command {
            Command::CreateProduct(c) => c.variants.len() + 1,
            Command::ImportProducts(c) => {
                let products = c.items.iter().filter(|item| matches!(item, ImportItem::Product(_))).count();
                c.items.iter().map(|item| item.variants().len()).sum::<usize>() + products
            }
            Command::PlaceOrder(_) | Command::StartCardPayment(_) => 3,
            Command::PayOrder(_) | Command::RequestTopUp(_) | Command::RefundOrder(_) => 2,
            Command::RegisterCustomer(_) | Command::AddVariant(_) | Command::CreateCoupon(_) => 1,
            Command::IssueCoupon(_) | Command::CancelOrder(_) | Command::SettleCharge(_) => 1,
            Command::SettleRefund(_) => 1,
            Command::ExpireOrder(_) | Command::ShipOrder(_) | Command::DeliverOrder(_) => 1,
            _ => 0,
        };
        refuse_if((envelope.ids.len() as usize) < takes_ids, "too_few_ids")?;
        self.permitted(envelope)?;
        let now = now.as_micros();
        match &envelope.command {
            Command::RegisterCustomer(c) => {
                let known = c.customer_id.is_some_and(|id| self.customers.contains_key(&id.get()));
                refuse_if(known, "already_registered")?;
                refuse_if(self.customers.values().any(|name| name == c.username.as_str()), "username_taken")
            }
            Command::CreateProduct(c) => self.new_product(c),
            Command::ImportProducts(c) => {
                let variants: Vec<_> = c.items.iter().flat_map(|item| item.variants()).collect();
                refuse_if(variants.is_empty(), "no_lines")?;
                let mut skus = BTreeSet::new();
                let all_new = variants.iter().all(|variant| skus.insert(&variant.sku));
                let sound = c.items.iter().all(|item| match item {
                    ImportItem::Product(product) => self.new_product(product).is_ok(),
                    ImportItem::Variant(added) => self.more_of(added).is_ok(),
                });
                refuse_if(!all_new || !sound, "import_refused")
            }
            Command::UpdateProduct(c) => {
                refuse_if(c.name.is_none() && c.base_price.is_none() && c.status.is_none(), "nothing_to_change")?;
                let product = self.products.get(&c.product_id.get()).ok_or("product_not_found")?;
                refuse_if(c.expected_version.is_some_and(|version| version != product.version), "version_mismatch")?;
                let Some(price) = c.base_price else { return Ok(()) };
                refuse_if(price.minor() < 0, "negative_price")?;
                refuse_if(price.currency().code() != product.currency, "currency_mismatch")
            }
            Command::AddVariant(c) => self.more_of(c),
            Command::UpdateVariant(c) => {
                let nothing = c.additional_price.is_none() && c.active.is_none() && c.price_rules.is_none();
                refuse_if(nothing, "nothing_to_change")?;
                let variant = self.variants.get(&c.variant_id.get()).ok_or("variant_not_found")?;
                refuse_if(c.expected_version.is_some_and(|version| version != variant.version), "version_mismatch")?;
                let product = &self.products[&variant.product];
                let additional = c.additional_price.map_or(variant.additional, Money::minor);
                let currency = c.additional_price.map(|price| price.currency().code().to_owned());
                refuse_if(additional < 0, "negative_price")?;
                refuse_if(currency.is_some_and(|currency| currency != product.currency), "currency_mismatch")?;
                refuse_if(product.base + additional > MAX, "amount_out_of_range")?;
                c.price_rules.as_ref().map_or(Ok(()), |rules| Prices::check(rules, &product.currency))
            }
            Command::AdjustStock(c) => {
                refuse_if(c.delta == 0, "nothing_to_change")?;
                let id = c.variant_id.get();
                refuse_if(!self.variants.contains_key(&id), "variant_not_found")?;
                refuse_if(!(0..=MAX_STOCK).contains(&(self.on_hand(id) + c.delta)), "stock_out_of_range")
            }
            Command::Deposit(c) => {
                refuse_if(c.amount.minor() <= 0, "amount_not_positive")?;
                self.booking(c.customer_id.get(), c.amount)
            }
            Command::AdjustWallet(c) => {
                refuse_if(c.amount.minor() == 0, "nothing_to_change")?;
                self.booking(c.customer_id.get(), c.amount)
            }
            Command::CreateCoupon(c) => self.new_coupon(c),
            Command::UpdateCoupon(c) => {
                refuse_if(c.active.is_none(), "nothing_to_change")?;
                let coupon = self.coupons.get(&c.coupon_id.get()).ok_or("coupon_not_found")?;
                refuse_if(c.expected_version.is_some_and(|version| version != coupon.version), "version_mismatch")
            }
            Command::IssueCoupon(c) => self.issue(c.customer_id.get(), &c.coupon, now),
            Command::AddCodes(c) => self.add_codes(c),
            Command::RevokeCoupon(c) => self.revoke(c.issued_coupon_id.get(), now),
            Command::ExpireIssuedCoupon(c) => self.expire_copy(c.issued_coupon_id.get(), now),
            Command::AddCartItem(c) => self.add_item(c, now).map(drop),
            Command::UpdateCartItem(c) => self.has_item(c.customer_id.get(), c.variant_id.get(), c.expected_version),
            Command::RemoveCartItem(c) => self.has_item(c.customer_id.get(), c.variant_id.get(), c.expected_version),
            Command::ClearCart(c) => self.cart_at(c.customer_id.get(), c.expected_version).map(drop),
            Command::MergeCart(c) => {
                refuse_if(c.lines.is_empty(), "no_lines")?;
                refuse_if(c.lines.len() > 100, "too_many_lines")?;
                self.cart_at(c.customer_id.get(), None).map(drop)
            }
            Command::PlaceOrder(c) => self.place(c, now).map(drop),
            Command::PayOrder(c) => self.pay(&envelope.principal, c, now),
            Command::CancelOrder(c) => self.cancel(&envelope.principal, c.order_id.get()),
            Command::ExpireOrder(c) => self.expire(c.order_id.get(), now),
            Command::ShipOrder(c) => self.step(c.order_id.get(), OrderStatus::Paid),
            Command::DeliverOrder(c) => self.step(c.order_id.get(), OrderStatus::Shipped),
            Command::RefundOrder(c) => self.refund(c).map(drop),
            Command::SettleRefund(c) => self.word(c).map(drop),
            Command::StartCardPayment(c) => self.start(&envelope.principal, c, now),
            Command::RequestTopUp(c) => self.request(c),
            Command::SettleCharge(c) => self.report(c),
        }
    }

    fn permitted(&self, envelope: &Envelope) -> Verdict {
        let Principal::Customer(me) = &envelope.principal else { return Ok(()) };
        let about = match &envelope.command {
            Command::RegisterCustomer(c) => c.customer_id,
            Command::IssueCoupon(c) => Some(c.customer_id),
            Command::AddCartItem(c) => Some(c.customer_id),
            Command::UpdateCartItem(c) => Some(c.customer_id),
            Command::RemoveCartItem(c) => Some(c.customer_id),
            Command::ClearCart(c) => Some(c.customer_id),
            Command::MergeCart(c) => Some(c.customer_id),
            Command::PlaceOrder(c) => Some(c.customer_id),
            Command::PayOrder(_) | Command::CancelOrder(_) | Command::StartCardPayment(_) => return Ok(()),
            Command::RequestTopUp(c) => Some(c.customer_id),
            _ => None,
        };
        refuse_if(about != Some(*me), "forbidden")
    }

    fn new_product(&self, c: &CreateProduct) -> Verdict {
        refuse_if(c.base_price.minor() < 0, "negative_price")?;
        refuse_if(c.variants.is_empty(), "no_lines")?;
        for (n, variant) in c.variants.iter().enumerate() {
            refuse_if(c.variants[..n].iter().any(|earlier| earlier.sku == variant.sku), "sku_taken")?;
            self.new_variant(variant, c.base_price.minor(), c.base_price.currency().code())?;
        }
        Ok(())
    }

    fn more_of(&self, c: &AddVariant) -> Verdict {
        let product = self.products.get(&c.product_id.get()).ok_or("product_not_found")?;
        self.new_variant(&c.variant, product.base, &product.currency)
    }

    fn new_variant(&self, new: &NewVariant, base: i64, currency: &str) -> Verdict {
        refuse_if(self.variants.values().any(|variant| variant.sku == new.sku.as_str()), "sku_taken")?;
        refuse_if(new.additional_price.minor() < 0, "negative_price")?;
        refuse_if(new.additional_price.currency().code() != currency, "currency_mismatch")?;
        refuse_if(base + new.additional_price.minor() > MAX, "amount_out_of_range")?;
        refuse_if(new.stock > MAX_STOCK.unsigned_abs(), "stock_out_of_range")
    }

    fn booking(&self, customer: i64, amount: Money) -> Verdict {
        refuse_if(!self.customers.contains_key(&customer), "customer_not_found")?;
        let after = self.balance(&wallet_key(customer, amount)) + amount.minor();
        refuse_if(after < 0, "insufficient_balance")?;
        refuse_if(after > MAX, "amount_out_of_range")
    }

    fn new_coupon(&self, c: &CreateCoupon) -> Verdict {
        if let CouponScope::Products(products) = &c.scope {
            refuse_if(products.is_empty(), "quantity_out_of_range")?;
        }
        let off = match c.discount {
            Discount::Amount(amount) => Some(amount),
            Discount::Percent { cap, .. } => cap,
        };
        let not_positive = |amount: Option<Money>| amount.is_some_and(|amount| amount.minor() <= 0);
        refuse_if(not_positive(off) || not_positive(c.min_subtotal), "amount_not_positive")?;
        let mixed = off.zip(c.min_subtotal).is_some_and(|(off, least)| off.currency() != least.currency());
        refuse_if(mixed, "currency_mismatch")?;
        let uncountable = |count: u32| count == 0 || count > MAX_COUNT;
        let counts = c.total_quantity.is_some_and(uncountable) || uncountable(c.per_customer_limit);
        refuse_if(counts, "quantity_out_of_range")?;
        refuse_if(c.window.until.is_some_and(|until| until.as_micros() <= c.window.from.as_micros()), "empty_window")?;
        let there = |product: commerce_core::ProductId| self.products.contains_key(&product.get());
        refuse_if(!c.scope.products().all(there), "product_not_found")?;
        refuse_if(c.code.as_ref().is_some_and(|code| self.has_code(code)), "coupon_code_taken")
    }

    /// The coupon behind a reference.
    fn coupon(&self, by: &CouponRef) -> Result<i64, &'static str> {
        match by {
            CouponRef::Id(id) => {
                let coupon = self.coupons.get(&id.get()).ok_or("coupon_not_found")?;
                refuse_if(coupon.terms.by_code, "coupon_needs_code").map(|()| id.get())
            }
            CouponRef::Code(code) => {
                let single_use = self.codes.get(code.as_str());
                refuse_if(single_use.is_some_and(|(_, used)| *used), "coupon_code_used")?;
                let found = self.coupons.iter().find(|(_, coupon)| coupon.terms.code.as_ref() == Some(code));
                found.map(|(id, _)| *id).or(single_use.map(|(coupon, _)| *coupon)).ok_or("coupon_code_not_found")
            }
        }
    }

    fn issue(&self, customer: i64, by: &CouponRef, now: i64) -> Verdict {
        refuse_if(!self.customers.contains_key(&customer), "customer_not_found")?;
        let id = self.coupon(by)?;
        let (coupon, out) = (&self.coupons[&id], self.copies_of(id).count());
        let mine = self.copies_of(id).filter(|copy| copy.customer == customer).count();
        let window = &coupon.terms.window;
        refuse_if(mine >= coupon.terms.per_customer_limit as usize, "coupon_already_claimed")?;
        refuse_if(!coupon.active, "coupon_inactive")?;
        refuse_if(now < window.from.as_micros(), "coupon_not_started")?;
        refuse_if(window.until.is_some_and(|until| now >= until.as_micros()), "coupon_ended")?;
        refuse_if(coupon.terms.total_quantity.is_some_and(|total| out >= total as usize), "coupon_sold_out")
    }

    /// Takes an accepted command in, with the ids that its outcome brought, and holds the outcome to it.
    pub(crate) fn accept(&mut self, envelope: &Envelope, outcome: &Outcome, now: Timestamp, seen: &mut Coverage) {
        match (&envelope.command, outcome) {
            (Command::RegisterCustomer(c), Outcome::Customer(customer)) => {
                assert!(c.customer_id.is_none_or(|id| id == customer.id));
                assert_eq!(self.customers.insert(customer.id.get(), c.username.to_string()), None);
            }
            (Command::CreateProduct(c), Outcome::Listing(listing)) => {
                let variants: Vec<_> = listing.variants.iter().map(|listed| listed.variant.id.get()).collect();
                self.add_product(listing.product.id.get(), &variants, c);
            }
            (Command::ImportProducts(c), Outcome::Imported(imported)) => self.imported(c, imported, seen),
            (Command::UpdateProduct(c), Outcome::Product(after)) => {
                let product = self.products.get_mut(&c.product_id.get()).expect("a product");
                product.base = c.base_price.map_or(product.base, Money::minor);
                product.on_sale = c.status.map_or(product.on_sale, |status| status == ProductStatus::OnSale);
                product.version += 1;
                assert_eq!((after.version, after.base_price.minor()), (product.version, product.base));
            }
            (Command::AddVariant(c), Outcome::Variant(listed)) => {
                self.add_variant(listed.variant.id.get(), c.product_id.get(), &c.variant);
            }
            (Command::UpdateVariant(c), Outcome::Variant(after)) => {
                let variant = self.variants.get_mut(&c.variant_id.get()).expect("a variant");
                variant.additional = c.additional_price.map_or(variant.additional, Money::minor);
                variant.active = c.active.unwrap_or(variant.active);
                if let Some(rules) = &c.price_rules {
                    variant.prices = Prices::of(rules);
                    assert_eq!(after.variant.price_rules.as_deref(), Some(rules).filter(|rules| !rules.is_empty()));
                }
                variant.version += 1;
                assert_eq!((after.variant.version, after.variant.active), (variant.version, variant.active));
            }
            (Command::AdjustStock(c), Outcome::StockEntry(entry)) => {
                self.variants.get_mut(&c.variant_id.get()).expect("a variant").ledger.push(c.delta);
                assert_eq!(i64::try_from(entry.on_hand_after), Ok(self.on_hand(c.variant_id.get())));
            }
            (Command::Deposit(_) | Command::AdjustWallet(_), Outcome::WalletEntry(entry)) => {
                let (customer, amount) = match &envelope.command {
                    Command::Deposit(c) => (c.customer_id, c.amount),
                    Command::AdjustWallet(c) => (c.customer_id, c.amount),
                    _ => unreachable!("matched above"),
                };
                let key = wallet_key(customer.get(), amount);
                self.wallets.entry(key.clone()).or_default().push(amount.minor());
                assert_eq!(entry.balance_after.minor(), self.balance(&key));
            }
            (Command::CreateCoupon(c), Outcome::Coupon(coupon)) => {
                let fresh = Coupon { terms: c.clone(), active: c.active, version: 1 };
                assert!(self.coupons.insert(coupon.id.get(), fresh).is_none());
            }
            (Command::UpdateCoupon(c), Outcome::Coupon(after)) => {
                let coupon = self.coupons.get_mut(&c.coupon_id.get()).expect("a coupon");
                coupon.active = c.active.unwrap_or(coupon.active);
                coupon.version += 1;
                assert_eq!((after.version, after.active), (coupon.version, coupon.active));
            }
            (Command::AddCodes(c), Outcome::CodeBatch(batch)) => {
                assert_eq!((batch.coupon_id, batch.quantity as usize), (c.coupon_id, c.codes.len()));
                self.codes.extend(c.codes.iter().map(|code| (code.to_string(), (c.coupon_id.get(), false))));
            }
            (Command::IssueCoupon(c), Outcome::IssuedCoupon(copy)) => {
                let coupon = self.coupon(&c.coupon).expect("a coupon");
                self.used_code(&c.coupon, seen);
                let expires = self.coupons[&coupon].terms.window.until.map(Timestamp::as_micros);
                let fresh = Copy { coupon, customer: c.customer_id.get(), state: CopyState::Available, expires };
                assert!(self.copies.insert(copy.id.get(), fresh).is_none());
            }
            (Command::RevokeCoupon(c), Outcome::IssuedCoupon(copy)) => {
                self.ended(c.issued_coupon_id.get(), CopyState::Revoked, seen);
                let told = copy.revocation.as_ref().map(|told| (told.actor.clone(), told.reason.clone()));
                assert_eq!(told, Some((envelope.principal.clone(), c.reason.clone())));
            }
            (Command::ExpireIssuedCoupon(c), Outcome::IssuedCoupon(_)) => {
                self.ended(c.issued_coupon_id.get(), CopyState::Expired, seen);
            }
            (_, Outcome::Cart(cart)) => self.edited(&envelope.command, cart, now.as_micros(), seen),
            (Command::MergeCart(c), Outcome::MergedCart(merged)) => self.merged(c, merged, now.as_micros(), seen),
            (Command::PlaceOrder(c), Outcome::Order(order)) => self.placed(c, order, now.as_micros(), seen),
            (Command::PayOrder(c), Outcome::Order(order)) => {
                self.paid(c.order_id.get(), now.as_micros(), seen);
                assert_eq!(order.id, c.order_id);
            }
            (Command::CancelOrder(c), Outcome::Order(order)) => {
                if self.orders[&c.order_id.get()].status() == OrderStatus::Processing {
                    self.asked_off(c.order_id.get(), order, seen);
                } else {
                    self.cancelled(c.order_id.get(), now.as_micros(), seen);
                }
                assert_eq!(order.id, c.order_id);
            }
            (Command::ExpireOrder(c), Outcome::Order(order)) => {
                self.cancelled(c.order_id.get(), now.as_micros(), seen);
                assert_eq!(order.id, c.order_id);
            }
            (Command::RefundOrder(c), Outcome::Refund(refund)) => self.refunded(c, refund, now.as_micros(), seen),
            (Command::SettleRefund(c), Outcome::Refund(refund)) => self.heard(c, refund, now.as_micros(), seen),
            (Command::ShipOrder(c), Outcome::Order(order)) => {
                self.moved_on(c.order_id.get(), OrderStatus::Shipped);
                assert_eq!(order.id, c.order_id);
            }
            (Command::DeliverOrder(c), Outcome::Order(order)) => {
                self.moved_on(c.order_id.get(), OrderStatus::Delivered);
                assert_eq!(order.id, c.order_id);
            }
            (Command::StartCardPayment(c), Outcome::Charge(charge)) => self.started(c, charge, seen),
            (Command::RequestTopUp(c), Outcome::TopUp(top_up)) => {
                let expires = now.as_micros() + i64::try_from(TTL_SECONDS).expect("small") * 1_000_000;
                self.requested(c, top_up, expires);
            }
            (Command::SettleCharge(c), outcome) => self.reported(c, outcome, now.as_micros(), seen),
            _ => panic!("{outcome:?} is no answer to {envelope:?}"),
        }
        self.keys.insert(scope(envelope), (envelope.command.clone(), outcome.clone()));
        self.accepted.push((envelope.clone(), outcome.clone()));
    }

    fn add_product(&mut self, id: i64, variants: &[i64], c: &CreateProduct) {
        let (base, currency) = (c.base_price.minor(), c.base_price.currency().code().to_owned());
        let on_sale = c.status == ProductStatus::OnSale;
        let product = Product { base, currency, on_sale, version: 1 };
        assert!(self.products.insert(id, product).is_none());
        assert_eq!(variants.len(), c.variants.len());
        for (variant, new) in variants.iter().zip(&c.variants) {
            self.add_variant(*variant, id, new);
        }
    }

    fn imported(&mut self, c: &ImportProducts, imported: &Imported, seen: &mut Coverage) {
        assert_eq!(imported.items.len(), c.items.len());
        for (item, made) in c.items.iter().zip(&imported.items) {
            let variants: Vec<_> = made.variant_ids.iter().map(|id| id.get()).collect();
            match item {
                ImportItem::Product(product) => self.add_product(made.product_id.get(), &variants, product),
                ImportItem::Variant(added) => {
                    assert_eq!((made.product_id, variants.len()), (added.product_id, 1));
                    self.add_variant(variants[0], added.product_id.get(), &added.variant);
                }
            }
        }
        let is_variant = |item: &ImportItem| matches!(item, ImportItem::Variant(_));
        if c.items.iter().any(is_variant) && !c.items.iter().all(is_variant) {
            seen.note("a product and a variant imported");
        }
    }

    fn add_variant(&mut self, id: i64, product: i64, new: &NewVariant) {
        let stock = i64::try_from(new.stock).expect("within its bound");
        let variant = Variant {
            product,
            sku: new.sku.to_string(),
            additional: new.additional_price.minor(),
            active: true,
            version: 1,
            ledger: if stock == 0 { Vec::new() } else { vec![stock] },
            prices: Prices::default(),
        };
        assert!(self.variants.insert(id, variant).is_none());
    }
}
