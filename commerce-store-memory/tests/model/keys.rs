//! `keys` names everything that `decide` looks at: a store that loads before it decides comes to the same answers.
//! And it names nothing else, as far as the command is carried out.
//!
//! For random command sequences, each command is decided twice over: on a working set loaded strictly by
//! `keys` until it names nothing new, and on records that note every look-up.

use std::cell::RefCell;
use std::sync::Arc;

use commerce_core::decide::{Decision, basket_keys, cart_view_keys, decide, keys, quote, view_cart};
use commerce_core::{
    Basket, Cart, Charge, ChargeId, Clock, Command, Context, Coupon, CouponCode, CouponId, Customer, CustomerId,
    Envelope, ImportItem, Issuance, IssuedCoupon, IssuedCouponId, Keys, ManualClock, Name, Operation, Order, OrderId,
    Payment, Product, ProductId, Quote, Records, Redemption, Refund, Rejection, SingleUseCode, Sku, Stock, Store,
    Timestamp, TopUp, TopUpId, Username, Variant, VariantId, Wallet, WalletId, WorkingSet,
};
use commerce_store_memory::MemoryStore;
use proptest::prelude::*;

use crate::support::coverage::Coverage;
use crate::support::script::{opening, steps};
use crate::support::{Run, beginning, config, shop, wait};

/// Records that note what was looked for.
struct Noted<'a> {
    records: &'a WorkingSet,
    looked_at: RefCell<Keys>,
}

impl<'a> Noted<'a> {
    fn new(records: &'a WorkingSet) -> Self {
        Self { records, looked_at: RefCell::default() }
    }

    fn note(&self, note: impl FnOnce(&mut Keys)) -> &'a WorkingSet {
        note(&mut self.looked_at.borrow_mut());
        self.records
    }
}

impl Records for Noted<'_> {
    fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.note(|keys| keys.customers.extend([id])).customer(id)
    }
    fn customer_named(&self, username: &Username) -> Option<CustomerId> {
        self.note(|keys| keys.usernames.extend([username.clone()])).customer_named(username)
    }
    fn product(&self, id: ProductId) -> Option<&Product> {
        self.note(|keys| keys.products.extend([id])).product(id)
    }
    fn variant(&self, id: VariantId) -> Option<&Variant> {
        self.note(|keys| keys.variants.extend([id])).variant(id)
    }
    fn stock(&self, id: VariantId) -> Option<Stock> {
        self.note(|keys| keys.variants.extend([id])).stock(id)
    }
    fn variant_with_sku(&self, sku: &Sku) -> Option<VariantId> {
        self.note(|keys| keys.skus.extend([sku.clone()])).variant_with_sku(sku)
    }
    fn wallet(&self, id: WalletId) -> Option<Wallet> {
        self.note(|keys| keys.wallets.extend([id])).wallet(id)
    }
    fn coupon(&self, id: CouponId) -> Option<&Coupon> {
        self.note(|keys| keys.coupons.extend([id])).coupon(id)
    }
    fn issuance(&self, id: CouponId) -> Option<Issuance> {
        self.note(|keys| keys.coupons.extend([id])).issuance(id)
    }
    fn coupon_with_code(&self, code: &CouponCode) -> Option<CouponId> {
        self.note(|keys| keys.coupon_codes.extend([code.clone()])).coupon_with_code(code)
    }
    fn single_use_code(&self, code: &CouponCode) -> Option<&SingleUseCode> {
        self.note(|keys| keys.coupon_codes.extend([code.clone()])).single_use_code(code)
    }
    fn issued_coupon(&self, id: IssuedCouponId) -> Option<&IssuedCoupon> {
        self.note(|keys| keys.issued_coupons.extend([id])).issued_coupon(id)
    }
    fn copies(&self, coupon: CouponId, customer: CustomerId) -> u32 {
        self.note(|keys| keys.copies.extend([(coupon, customer)])).copies(coupon, customer)
    }
    fn cart(&self, customer: CustomerId) -> Option<&Cart> {
        self.note(|keys| keys.carts.extend([customer])).cart(customer)
    }
    fn order(&self, id: OrderId) -> Option<&Order> {
        self.note(|keys| keys.orders.extend([id])).order(id)
    }
    fn payment(&self, order: OrderId) -> Option<&Payment> {
        self.note(|keys| keys.orders.extend([order])).payment(order)
    }
    fn refunds(&self, order: OrderId) -> &[Arc<Refund>] {
        self.note(|keys| keys.refunds.extend([order])).refunds(order)
    }
    fn redemption(&self, copy: IssuedCouponId, order: OrderId) -> Option<Redemption> {
        self.note(|keys| keys.orders.extend([order])).redemption(copy, order)
    }
    fn charge(&self, id: ChargeId) -> Option<&Charge> {
        self.note(|keys| keys.charges.extend([id])).charge(id)
    }
    fn charge_with_transaction(&self, transaction: &Name) -> Option<ChargeId> {
        self.note(|keys| keys.transactions.extend([transaction.clone()])).charge_with_transaction(transaction)
    }
    fn top_up(&self, id: TopUpId) -> Option<&TopUp> {
        self.note(|keys| keys.top_ups.extend([id])).top_up(id)
    }
}

/// Loads what `named` names until it names nothing new; three rounds must do.
async fn loaded(store: &dyn Store, named: impl Fn(&WorkingSet) -> Keys) -> (WorkingSet, Keys) {
    let (mut asked, mut records) = (Keys::default(), WorkingSet::default());
    for _ in 0..=3 {
        let wanted = named(&records);
        if wanted.without(&asked).is_empty() {
            return (records, asked);
        }
        asked.extend(wanted);
        records = store.load(&asked).await.expect("a read");
    }
    panic!("more than three rounds: {asked:?}");
}

fn holds(
    envelope: &Envelope,
    context: &Context<'_>,
    all: &WorkingSet,
    some: &WorkingSet,
    named: &Keys,
) -> Result<Decision, Rejection> {
    let expected = decide(all, &envelope.principal, &envelope.command, context);
    let noted = Noted::new(some);
    let found = decide(&noted, &envelope.principal, &envelope.command, context);
    assert_eq!(found, expected, "{envelope:?}");
    let looked_at = noted.looked_at.into_inner();
    // A report names what it would move on if it were news, and a wish to call an order off what that gives back:
    // whether it comes to that shows only once all of it is loaded.
    let reports =
        matches!(envelope.operation(), Operation::SettleCharge | Operation::SettleRefund | Operation::CancelOrder);
    if found.is_ok() && !reports {
        let needless = named.without(&looked_at);
        assert!(needless.is_empty(), "named without being looked at: {needless:?} for {envelope:?}");
    }
    let unnamed = looked_at.without(named);
    // Numbers not taken yet: looked for, so as not to be given twice, and known to nobody before.
    assert!(
        unnamed.without(&fresh(envelope)).is_empty(),
        "looked at without being named: {unnamed:?} for {envelope:?}"
    );
    expected
}

/// The ids that the envelope brings for the records that its command makes.
fn fresh(envelope: &Envelope) -> Keys {
    let (mut ids, mut keys) = (envelope.ids, Keys::default());
    match &envelope.command {
        Command::RegisterCustomer(c) if c.customer_id.is_none() => keys.customers.extend(ids.take::<CustomerId>()),
        Command::CreateProduct(c) => {
            keys.products.extend(ids.take::<ProductId>());
            keys.variants.extend(c.variants.iter().filter_map(|_| ids.take::<VariantId>()));
        }
        Command::AddVariant(_) => keys.variants.extend(ids.take::<VariantId>()),
        Command::ImportProducts(c) => {
            for item in &c.items {
                keys.products.extend(matches!(item, ImportItem::Product(_)).then(|| ids.take::<ProductId>()).flatten());
                keys.variants.extend(item.variants().iter().filter_map(|_| ids.take::<VariantId>()));
            }
        }
        Command::CreateCoupon(_) => keys.coupons.extend(ids.take::<CouponId>()),
        Command::IssueCoupon(_) => keys.issued_coupons.extend(ids.take::<IssuedCouponId>()),
        Command::PlaceOrder(_) => keys.orders.extend(ids.take::<OrderId>()),
        Command::StartCardPayment(_) => keys.charges.extend(ids.take::<ChargeId>()),
        Command::RequestTopUp(_) => {
            keys.top_ups.extend(ids.take::<TopUpId>());
            keys.charges.extend(ids.take::<ChargeId>());
        }
        _ => {}
    }
    keys
}

fn quotes_alike(
    context: &Context<'_>,
    basket: &Basket,
    customer: CustomerId,
    all: &WorkingSet,
    some: &WorkingSet,
    named: &Keys,
) {
    let noted = Noted::new(some);
    let found: Result<Quote, Rejection> = quote(&noted, customer, basket, context);
    assert_eq!(found, quote(all, customer, basket, context));
    let looked_at = noted.looked_at.into_inner();
    let needless = named.without(&looked_at);
    assert!(found.is_err() || needless.is_empty(), "named without being looked at: {needless:?}");
    let unnamed = looked_at.without(named);
    assert!(unnamed.is_empty(), "looked at without being named: {unnamed:?}");
}

/// Whose cart a command edits.
fn customer_of(command: &Command) -> Option<CustomerId> {
    match command {
        Command::AddCartItem(c) => Some(c.customer_id),
        Command::MergeCart(c) => Some(c.customer_id),
        _ => None,
    }
}

fn carts_alike(now: Timestamp, customer: CustomerId, all: &WorkingSet, some: &WorkingSet, named: &Keys) {
    let noted = Noted::new(some);
    let found = view_cart(&noted, customer, now);
    assert_eq!(found, view_cart(all, customer, now));
    let looked_at = noted.looked_at.into_inner();
    assert!(found.is_err() || named.without(&looked_at).is_empty(), "named without being looked at: {named:?}");
    assert!(looked_at.without(named).is_empty(), "looked at without being named: {looked_at:?}");
}

proptest! {
    #![proptest_config(config(300, "tests/regressions/keys.txt"))]

    #[test]
    fn deciding_on_what_keys_names_is_deciding_on_everything(steps in steps(50)) {
        let clock = Arc::new(ManualClock::new(beginning()));
        let store = MemoryStore::with_clock(shop(), Arc::clone(&clock) as Arc<dyn Clock>);
        let (mut run, mut seen) = (Run::new(Arc::new(store), clock), Coverage::default());
        // Everything that was ever made, kept from the decisions themselves.
        let mut all = WorkingSet::default();
        wait(async {
            for step in opening().iter().chain(&steps) {
                let envelope = run.next(step);
                let context = Context { now: run.clock.now(), ids: envelope.ids, shop: &shop() };
                let (some, named) = loaded(&*run.store, |loaded| keys(&envelope.command, loaded)).await;
                let decision = holds(&envelope, &context, &all, &some, &named);
                if let Command::PlaceOrder(c) = &envelope.command {
                    let (basket, customer) = (&c.basket, c.customer_id);
                    let (some, named) = loaded(&*run.store, |loaded| basket_keys(customer, basket, loaded)).await;
                    quotes_alike(&context, basket, customer, &all, &some, &named);
                }
                if let Some(customer) = customer_of(&envelope.command) {
                    let (some, named) = loaded(&*run.store, |loaded| cart_view_keys(customer, loaded)).await;
                    carts_alike(context.now, customer, &all, &some, &named);
                }
                // What was stored under a key is answered without a decision.
                let runs = run.model.stored(&envelope).is_none();
                run.send(&envelope, &mut seen).await;
                if let (true, Ok(decision)) = (runs, decision) {
                    all.apply(&decision.changes);
                }
            }
        });
    }
}

/// The wrapper is no use if it misses look-ups: one of each kind is noted.
#[test]
fn every_look_up_is_noted() {
    let records = WorkingSet::default();
    let noted = Noted::new(&records);
    let text = "A1".parse::<Sku>().expect("a SKU");
    let found = (
        noted.customer(CustomerId::MIN).is_some(),
        noted.customer_named(&"a".parse().expect("a username")).is_some(),
        noted.product(ProductId::MIN).is_some(),
        noted.variant(VariantId::MIN).is_some() || noted.stock(VariantId::MIN).is_some(),
        noted.variant_with_sku(&text).is_some(),
        noted.coupon(CouponId::MIN).is_some() || noted.issuance(CouponId::MIN).is_some(),
        noted.coupon_with_code(&"A".parse().expect("a code")).is_some(),
        noted.copies(CouponId::MIN, CustomerId::MIN) > 0,
        noted.issued_coupon(IssuedCouponId::MIN).is_some(),
        noted.cart(CustomerId::MIN).is_some(),
        noted.order(OrderId::MIN).is_some() || noted.payment(OrderId::MIN).is_some(),
        (
            noted.redemption(IssuedCouponId::MIN, OrderId::MIN).is_some() || !noted.refunds(OrderId::MIN).is_empty(),
            noted.charge(ChargeId::MIN).is_some() || noted.top_up(TopUpId::MIN).is_some(),
            noted.charge_with_transaction(&"tx".parse().expect("a name")).is_some(),
        ),
    );
    assert_eq!(found, Default::default(), "nothing is there");
    let keys = noted.looked_at.into_inner();
    let ids = (keys.customers.len(), keys.products.len(), keys.variants.len(), keys.coupons.len(), keys.orders.len());
    assert_eq!((ids, keys.refunds.len()), ((1, 1, 1, 1, 1), 1));
    let rest = (keys.usernames.len(), keys.skus.len(), keys.coupon_codes.len(), keys.copies.len());
    assert_eq!((keys.charges.len(), keys.transactions.len(), keys.top_ups.len()), (1, 1, 1));
    assert_eq!((rest, keys.issued_coupons.len(), keys.carts.len()), ((1, 1, 1, 1), 1, 1));
}
