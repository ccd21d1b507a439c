//! A command that panics leaves nothing behind: not a row, not a key, not a stuck lock.
//!
//! What a command reaches outside of the store's own code is the clock, read under the lock. Here it panics there,
//! for every command, every call of the outbox and of the leases, alone and among racing threads.

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use commerce_core::store::{Carts, Charges, Coupons, LeaseRequest, Leases, Orders, Outbox, Sales, TopUps, Wallets};
    use commerce_core::{
        AddCartItem, AddCodes, AddVariant, AdjustStock, AdjustWallet, Audit, Basket, CancelOrder, ChargeReport,
        ClaimRequest, ClearCart, Clock, Command, CouponRef, CouponScope, CreateCoupon, CreateProduct, Currency,
        CustomerId, DeadLetterFilter, DeliverOrder, Deposit, Discount, Envelope, ExpireIssuedCoupon, ExpireOrder,
        GatewayPayment, GatewayStatus, Holder, Id, IdBlock, ImportItem, ImportProducts, IssueCoupon, LineRequest,
        MergeCart, Money, NewVariant, NodeId, Operation, Outcome, Owner, PageRequest, PayOrder, PaymentMethod,
        PlaceOrder, PopularQuery, Principal, ProductQuery, ProductStatus, Quantity, RefundOrder, RefundReport,
        RegisterCustomer, RemoveCartItem, RequestTopUp, RevokeCoupon, SettleCharge, SettleRefund, ShipOrder, Shop,
        Stacking, StartCardPayment, Store, Timestamp, UpdateCartItem, UpdateCoupon, UpdateProduct, UpdateVariant,
        VariantId, Window, reconcile,
    };
    use commerce_store_memory::MemoryStore;

    /// A clock that stands still, and panics at every `every`th reading; never while that is 0.
    #[derive(Debug, Default)]
    struct Tripwire {
        every: AtomicU64,
        readings: AtomicU64,
        /// Milliseconds that it is slow by.
        slow: AtomicU64,
    }

    impl Tripwire {
        fn arm(&self, every: u64) {
            self.readings.store(0, Ordering::SeqCst);
            self.every.store(every, Ordering::SeqCst);
        }
    }

    impl Clock for Tripwire {
        fn now(&self) -> Timestamp {
            let (every, reading) =
                (self.every.load(Ordering::SeqCst), self.readings.fetch_add(1, Ordering::SeqCst) + 1);
            assert!(every == 0 || !reading.is_multiple_of(every), "the clock broke");
            let slow = i64::try_from(self.slow.load(Ordering::SeqCst)).unwrap_or(0);
            Timestamp::from_millis(1_800_000_000_000 - slow)
        }
    }

    fn wait<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    /// Runs the call with a clock that breaks, and insists that it did.
    fn breaks<F: Future>(clock: &Tripwire, call: impl FnOnce() -> F) {
        clock.arm(1);
        let outcome = catch_unwind(AssertUnwindSafe(|| wait(call())));
        clock.arm(0);
        assert!(outcome.is_err(), "the clock was never read");
    }

    fn won(minor: i64) -> Money {
        Money::new(minor, Currency::KRW).expect("within the bound")
    }

    fn id<I: Id>(raw: i64) -> I {
        I::from_raw(raw.try_into().expect("not zero"))
    }

    fn request(n: u64, command: impl Into<Command>) -> Envelope {
        let key = format!("key-{n}").parse().expect("a key");
        let ids = IdBlock::new(n * 100, 20, NodeId::default());
        Envelope { principal: Principal::System, key, command: command.into(), ids }
    }

    fn nth_id<I: Id>(n: u64, nth: usize) -> I {
        let mut block = IdBlock::new(n * 100, 20, NodeId::default());
        for _ in 0..nth {
            block.take::<I>();
        }
        block.take().expect("an id")
    }

    fn new_variant(sku: &str) -> NewVariant {
        NewVariant { sku: sku.parse().expect("a SKU"), option_name: None, additional_price: won(0), stock: 100 }
    }

    fn new_product(sku: &str) -> CreateProduct {
        CreateProduct {
            name: "goods".parse().expect("a name"),
            description: None,
            base_price: won(100),
            status: ProductStatus::OnSale,
            variants: vec![new_variant(sku)],
        }
    }

    fn new_coupon() -> CreateCoupon {
        CreateCoupon {
            code: None,
            name: "a coupon".parse().expect("a name"),
            discount: Discount::Amount(won(10)),
            scope: CouponScope::Order,
            stacking: Stacking::Exclusive,
            priority: 0,
            by_code: false,
            min_subtotal: None,
            total_quantity: Some(5),
            per_customer_limit: 4,
            window: Window { from: Timestamp::from_millis(0), until: None },
            active: true,
        }
    }

    fn register(customer: i64) -> RegisterCustomer {
        let username = format!("user-{customer}").parse().expect("a username");
        RegisterCustomer { customer_id: Some(id(customer)), username, name: "somebody".parse().expect("a name") }
    }

    fn variant() -> VariantId {
        nth_id(1, 1)
    }

    fn place(coupons: Vec<commerce_core::IssuedCouponId>, pays: bool) -> PlaceOrder {
        let lines = vec![LineRequest { variant_id: variant(), quantity: Quantity::ONE }];
        let payment = pays.then_some(PaymentMethod::Wallet);
        PlaceOrder { customer_id: id(1), basket: Basket { lines: lines.into(), coupons }, payment }
    }

    /// A shop with goods, a customer with money and copies, three pending orders, a top-up, a paid order, one on its
    /// way, one whose time to be paid is over, one whose money is on its way back, and a copy whose time is over.
    fn opened() -> (Arc<MemoryStore>, Arc<Tripwire>) {
        let clock = Arc::new(Tripwire::default());
        let store = MemoryStore::with_clock(Shop::default(), Arc::clone(&clock) as Arc<dyn Clock>);
        let coupon = CouponRef::Id(nth_id(2, 0));
        let commands: Vec<Command> = vec![
            new_product("SKU-1").into(),
            new_coupon().into(),
            register(1).into(),
            Deposit { customer_id: id(1), amount: won(1_000), memo: None }.into(),
            IssueCoupon { customer_id: id(1), coupon: coupon.clone() }.into(),
            IssueCoupon { customer_id: id(1), coupon }.into(),
            place(vec![nth_id(5, 0)], false).into(),
            place(vec![], false).into(),
            place(vec![], false).into(),
            RequestTopUp { customer_id: id(1), amount: won(5) }.into(),
            place(vec![], true).into(),
            place(vec![], true).into(),
            ShipOrder { order_id: nth_id(12, 0) }.into(),
            AddCartItem { customer_id: id(1), variant_id: variant(), quantity: Quantity::ONE }.into(),
        ];
        for (n, command) in (1..).zip(commands) {
            wait(store.execute(request(n, command))).expect("the opening is sound");
        }
        for (n, command) in (16..).zip(paid_by_card()) {
            wait(store.execute(request(n, command))).expect("the opening is sound");
        }
        clock.slow.store(3_600_000, Ordering::SeqCst);
        for (n, command) in [(15, place(vec![], false).into())].into_iter().chain((20..).zip(copies())) {
            wait(store.execute(request(n, command))).expect("the opening is sound");
        }
        clock.slow.store(0, Ordering::SeqCst);
        (Arc::new(store), clock)
    }

    /// A copy whose time is over, and one more that is not used.
    fn copies() -> [Command; 3] {
        let window = Window { from: Timestamp::from_millis(0), until: Some(Timestamp::from_millis(1_799_999_999_999)) };
        let issue = |coupon| IssueCoupon { customer_id: id(1), coupon: CouponRef::Id(nth_id(coupon, 0)) };
        [CreateCoupon { window, ..new_coupon() }.into(), issue(20).into(), issue(2).into()]
    }

    /// An order paid by card, whose money is on its way back.
    fn paid_by_card() -> [Command; 4] {
        let (order_id, charge_id) = (nth_id(16, 0), nth_id(17, 0));
        let transaction_id = "tx".parse().expect("a name");
        let found =
            GatewayPayment { transaction_id, customer_id: id(1), amount: won(100), status: GatewayStatus::Captured };
        [
            place(vec![], false).into(),
            StartCardPayment { order_id }.into(),
            SettleCharge { charge_id, report: ChargeReport::Found(found) }.into(),
            RefundOrder { order_id, lines: None, restock: true, destination: None, reason: None }.into(),
        ]
    }

    /// One command of each kind that the opened shop takes.
    fn commands() -> Vec<Command> {
        let (product_id, coupon_id) = (nth_id(1, 0), nth_id(2, 0));
        let (version, active) = (None, Some(false));
        vec![
            register(2).into(),
            new_product("SKU-2").into(),
            UpdateProduct { product_id, expected_version: version, name: None, base_price: Some(won(7)), status: None }
                .into(),
            AddVariant { product_id, variant: new_variant("SKU-3") }.into(),
            ImportProducts { items: vec![ImportItem::Product(new_product("SKU-4"))] }.into(),
            UpdateVariant {
                variant_id: variant(),
                expected_version: version,
                additional_price: None,
                active,
                price_rules: None,
            }
            .into(),
            AdjustStock { variant_id: variant(), delta: -3, note: None }.into(),
            Deposit { customer_id: id(1), amount: won(5), memo: None }.into(),
            AdjustWallet { customer_id: id(1), amount: won(-5), memo: "why".parse().expect("a note") }.into(),
            new_coupon().into(),
            UpdateCoupon { coupon_id, expected_version: version, active }.into(),
            AddCodes { coupon_id, codes: vec!["ONCE".parse().expect("a code")] }.into(),
            IssueCoupon { customer_id: id(1), coupon: CouponRef::Id(coupon_id) }.into(),
            RevokeCoupon { issued_coupon_id: nth_id(22, 0), reason: None }.into(),
            ExpireIssuedCoupon { issued_coupon_id: nth_id(21, 0) }.into(),
            AddCartItem { customer_id: id(1), variant_id: variant(), quantity: Quantity::ONE }.into(),
            UpdateCartItem {
                customer_id: id(1),
                variant_id: variant(),
                quantity: Quantity::new(3).expect("a quantity"),
                expected_version: Some(1),
            }
            .into(),
            RemoveCartItem { customer_id: id(1), variant_id: variant(), expected_version: None }.into(),
            ClearCart { customer_id: id(1), expected_version: None }.into(),
            MergeCart {
                customer_id: id(1),
                lines: vec![LineRequest { variant_id: variant(), quantity: Quantity::ONE }],
            }
            .into(),
            place(vec![nth_id(6, 0)], true).into(),
            PayOrder { order_id: nth_id(7, 0), method: PaymentMethod::Wallet }.into(),
            CancelOrder { order_id: nth_id(8, 0), reason: None }.into(),
            ExpireOrder { order_id: nth_id(15, 0) }.into(),
            ShipOrder { order_id: nth_id(11, 0) }.into(),
            DeliverOrder { order_id: nth_id(12, 0) }.into(),
            RefundOrder { order_id: nth_id(11, 0), lines: None, restock: true, destination: None, reason: None }.into(),
            SettleRefund { order_id: nth_id(16, 0), refund_id: nth_id(19, 0), report: RefundReport::Returned }.into(),
            StartCardPayment { order_id: nth_id(9, 0) }.into(),
            RequestTopUp { customer_id: id(1), amount: won(5) }.into(),
            SettleCharge { charge_id: nth_id(10, 1), report: ChargeReport::Refused { reason: None } }.into(),
        ]
    }

    /// Everything that can be read, as text.
    fn everything(store: &MemoryStore) -> String {
        let mut text = String::new();
        wait(async {
            let (customer, krw) = (id::<CustomerId>(1), Currency::KRW);
            writeln!(text, "{:?}", store.stock_facts(PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.wallet_facts(PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.coupon_facts(PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.order_facts(PageRequest::first(99)).await)?;
            writeln!(
                text,
                "{:?}",
                commerce_core::store::Catalog::products(store, &ProductQuery::default(), PageRequest::first(99)).await
            )?;
            writeln!(text, "{:?}", commerce_core::store::Catalog::product(store, nth_id(1, 0)).await)?;
            writeln!(text, "{:?}", commerce_core::store::Customers::customers(store, PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.coupons(PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.issued_coupons(customer, PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.cart(customer).await)?;
            writeln!(text, "{:?}", store.orders(customer, None, PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.wallets(customer).await)?;
            let ever = Timestamp::from_micros(i64::MAX);
            writeln!(text, "{:?}", store.open_charges(ever, PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.pending_refunds(ever, PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.top_ups(customer, PageRequest::first(99)).await)?;
            let wallet = commerce_core::WalletId { customer_id: customer, currency: krw };
            writeln!(text, "{:?}", store.wallet_entries(wallet, PageRequest::first(99)).await)?;
            writeln!(text, "{:?}", store.popular(PopularQuery::default()).await)?;
            writeln!(
                text,
                "{:?}",
                (store.backlog().await, store.dead_letters(&DeadLetterFilter::default(), PageRequest::first(99)).await)
            )?;
            writeln!(text, "{:?}", store.sinks().await)
        })
        .expect("text");
        text
    }

    fn claim(holder: &Holder) -> ClaimRequest {
        ClaimRequest { holder: holder.clone(), limit: 1, hold: Duration::from_secs(60) }
    }

    #[test]
    fn every_command_that_panics_leaves_all_as_it_was_and_can_be_asked_again() {
        let kinds: Vec<Operation> = commands().iter().map(Command::operation).collect();
        assert_eq!(kinds, Operation::ALL, "one of each");
        for (n, command) in (50..).zip(commands()) {
            let (store, clock) = opened();
            let (envelope, before) = (request(n, command), everything(&store));
            breaks(&clock, || store.execute(envelope.clone()));
            assert_eq!(everything(&store), before, "{envelope:?}");
            let other = wait(store.execute(request(90, register(9)))).expect("the next command runs");
            assert!(!other.replayed);

            let first = wait(store.execute(envelope.clone())).expect("it runs now");
            let after = everything(&store);
            assert!(!first.replayed && after != before, "{envelope:?}");
            // A replay needs no clock: nothing is decided.
            clock.arm(1);
            let again = wait(store.execute(envelope)).expect("the stored outcome");
            clock.arm(0);
            assert!(again.replayed && again.outcome == first.outcome);
            assert_eq!(everything(&store), after, "it took effect once");
            assert_eq!(wait(reconcile(&*store)).expect("a report").drifts, []);
        }
    }

    #[test]
    fn the_outbox_and_the_leases_stand_a_panic_too() {
        let (store, clock) = opened();
        let owner: Owner = "relay".parse().expect("an owner");
        let holder = Holder { sink: "books".parse().expect("a name"), owner: owner.clone() };
        breaks(&clock, || store.register_sink(&holder.sink));
        assert!(wait(store.register_sink(&holder.sink)).expect("an answer"), "the broken request registered nothing");
        assert!(wait(store.distribute(99)).expect("an answer") > 2);
        breaks(&clock, || store.claim(claim(&holder)));
        let claimed = wait(store.claim(claim(&holder))).expect("a claim");
        assert_eq!((claimed.len(), claimed[0].attempts), (1, 0), "the broken claim took nothing");
        let (messages, before) = ([claimed[0].message.id], everything(&store));
        breaks(&clock, || store.acknowledge(&holder, &messages));
        breaks(&clock, || store.hand_back(&holder, &messages));
        breaks(&clock, || store.retry(&holder, messages[0], "late", Duration::ZERO));
        breaks(&clock, || store.bury(&holder, messages[0], "gone"));
        assert_eq!(everything(&store), before);
        assert_eq!(wait(store.acknowledge(&holder, &messages)), Ok(1), "the claim still holds");

        let next = wait(store.claim(claim(&holder))).expect("a claim");
        assert!(wait(store.bury(&holder, next[0].message.id, "gone")).expect("an answer"));
        let (any, before) = (DeadLetterFilter::default(), everything(&store));
        breaks(&clock, || store.replay(&any, 1));
        assert_eq!(everything(&store), before);
        assert_eq!(wait(store.replay(&any, 1)), Ok(1), "the dead letter is still there");

        let name = || "job".parse().expect("a name");
        let lease = || LeaseRequest { name: name(), owner: owner.clone(), duration: Duration::from_secs(60) };
        breaks(&clock, || store.acquire(lease()));
        let held = wait(store.acquire(lease())).expect("an answer").expect("a free lease");
        assert_eq!(held.token.0, 1, "the broken request took no token");
        breaks(&clock, || store.renew(&held, Duration::from_secs(600)));
        breaks(&clock, || store.release(&held));
        assert!(wait(store.is_current(&held.name, held.token)).expect("an answer"));
        assert!(wait(store.release(&held)).expect("an answer"), "it is still held");
    }

    #[test]
    fn racing_threads_that_panic_and_ask_again_each_take_effect_once() {
        const THREADS: u64 = 6;
        const EACH: u64 = 40;
        let (store, clock) = opened();
        let before = everything(&store);
        clock.arm(3);
        let until_it_runs = |envelope: &Envelope| {
            let mut broken = 0_u64;
            loop {
                match catch_unwind(AssertUnwindSafe(|| wait(store.execute(envelope.clone())))) {
                    Ok(answer) => return (answer.expect("it is sound").outcome, broken),
                    Err(_) => broken += 1,
                }
            }
        };
        let broken: u64 = std::thread::scope(|scope| {
            let work = |thread: u64| {
                move || {
                    let deposit = Deposit { customer_id: id(1), amount: won(1), memo: None };
                    let mut all = 0;
                    for n in (1_000 + thread * EACH..).take(EACH as usize) {
                        let (outcome, broken) = until_it_runs(&request(n, deposit.clone()));
                        assert!(matches!(outcome, Outcome::WalletEntry(_)));
                        all += broken;
                    }
                    all
                }
            };
            let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("the work is done")).sum()
        });
        clock.arm(0);
        assert!(broken >= THREADS * EACH / 3, "only {broken} panics");
        assert!(everything(&store) != before);
        let wallets = wait(store.wallet_facts(PageRequest::first(9))).expect("a read");
        let balance = 800 + i64::try_from(THREADS * EACH).expect("small");
        assert_eq!((wallets[0].wallet.balance.minor(), wallets[0].entries), (balance, 3 + THREADS * EACH));
        assert_eq!(wait(reconcile(&*store)).expect("a report").drifts, []);
    }
}
