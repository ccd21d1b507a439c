//! The memory store under every interleaving of its lock: no lost update, no oversell, no deadlock, no torn read.
//!
//! ```text
//! RUSTFLAGS="--cfg commerce_loom" cargo test -p commerce-store-memory --test loom --release --target-dir target/loom
//! ```
//!
//! The flag swaps the store's lock for loom's, which runs each pair below in every order that its threads can meet
//! in. Ids and time are prepared outside, so that the lock is all the threads share. At the end stands a store that
//! decides under a read lock and writes under another: loom has to find its oversell.
#![cfg(commerce_loom)]

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context as TaskContext, Poll, Waker};

    use commerce_core::decide::decide;
    use commerce_core::{
        AdjustStock, Basket, CancelOrder, Clock, Command, Context, CouponRef, CouponScope, CreateCoupon, CreateProduct,
        Currency, CustomerId, Deposit, Discount, Envelope, Error, Id, IdBlock, IssueCoupon, Keys, LineRequest,
        ManualClock, Money, NewVariant, NodeId, OrderId, OrderStatus, Outcome, PageRequest, PayOrder, PaymentMethod,
        PlaceOrder, Principal, ProductStatus, Quantity, Receipt, RegisterCustomer, Rejection, Shop, Stacking, Store,
        Timestamp, VariantId, WalletId, Window, WorkingSet, reconcile,
    };
    use commerce_store_memory::MemoryStore;

    type Answer = Result<Receipt, Error>;

    /// The memory store never waits: its futures are ready at once.
    fn ready<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("the memory store never waits"),
        }
    }

    fn won(minor: i64) -> Money {
        Money::new(minor, Currency::KRW).expect("within the bound")
    }

    fn id<I: Id>(raw: i64) -> I {
        I::from_raw(raw.try_into().expect("not zero"))
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    /// The `n`th request of its test: its key, and its ids, are its own.
    fn request(n: u64, command: impl Into<Command>) -> Envelope {
        let key = format!("key-{n}").parse().expect("a key");
        let ids = IdBlock::new(n * 10, 9, NodeId::default());
        Envelope { principal: Principal::System, key, command: command.into(), ids }
    }

    fn place(n: u64, customer: i64, pays: bool) -> Envelope {
        let lines = vec![LineRequest { variant_id: variant(), quantity: Quantity::ONE }];
        let (basket, payment) =
            (Basket { lines: lines.into(), coupons: vec![] }, pays.then_some(PaymentMethod::Wallet));
        request(n, PlaceOrder { customer_id: id(customer), basket, payment })
    }

    fn deposit(n: u64, customer: i64, amount: i64) -> Envelope {
        request(n, Deposit { customer_id: id(customer), amount: won(amount), memo: None })
    }

    fn cancel(n: u64, order: OrderId) -> Envelope {
        request(n, CancelOrder { order_id: order, reason: None })
    }

    fn pay(n: u64, order: OrderId) -> Envelope {
        request(n, PayOrder { order_id: order, method: PaymentMethod::Wallet })
    }

    /// The first and second id of request `n`.
    fn id_of<I: Id>(n: u64, nth: usize) -> I {
        let mut block = request(n, AdjustStock { variant_id: id(1), delta: 1, note: None }).ids;
        for _ in 0..nth {
            block.take::<I>();
        }
        block.take().expect("an id")
    }

    fn variant() -> VariantId {
        id_of(1, 1)
    }

    /// Customers 1 and 2 with 100 each, one variant at 100 with `stock` units, one coupon with one copy.
    fn opening(stock: u64) -> Vec<Envelope> {
        let goods =
            NewVariant { sku: "SKU".parse().expect("a SKU"), option_name: None, additional_price: won(0), stock };
        let product = CreateProduct {
            name: "goods".parse().expect("a name"),
            description: None,
            base_price: won(100),
            status: ProductStatus::OnSale,
            variants: vec![goods],
        };
        let coupon = CreateCoupon {
            code: None,
            name: "one copy".parse().expect("a name"),
            discount: Discount::Amount(won(10)),
            scope: CouponScope::Order,
            stacking: Stacking::Exclusive,
            priority: 0,
            by_code: false,
            min_subtotal: None,
            total_quantity: Some(1),
            per_customer_limit: 1,
            window: Window { from: Timestamp::from_millis(0), until: None },
            active: true,
        };
        let register = |n: i64| RegisterCustomer {
            customer_id: Some(id(n)),
            username: format!("user-{n}").parse().expect("a username"),
            name: "somebody".parse().expect("a name"),
        };
        let people = [request(3, register(1)), request(4, register(2)), deposit(5, 1, 100), deposit(6, 2, 100)];
        [vec![request(1, product), request(2, coupon)], people.to_vec()].concat()
    }

    fn issue(n: u64, customer: i64) -> Envelope {
        request(n, IssueCoupon { customer_id: id(customer), coupon: CouponRef::Id(id_of(2, 0)) })
    }

    fn code(answer: &Answer) -> &'static str {
        match answer {
            Ok(_) => "ok",
            Err(error) => error.rejection().map_or("store", Rejection::code),
        }
    }

    fn open(stock: u64, more: &[Envelope]) -> Arc<MemoryStore> {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now()));
        let store = Arc::new(MemoryStore::with_clock(Shop::default(), clock));
        for envelope in opening(stock).iter().chain(more) {
            ready(store.execute(envelope.clone())).expect("the opening is sound");
        }
        store
    }

    fn stock(store: &MemoryStore) -> u64 {
        ready(store.load(&Keys { variants: [variant()].into(), ..Keys::default() }))
            .map(|loaded| commerce_core::Records::stock(&loaded, variant()).map_or(0, |stock| stock.on_hand))
            .expect("a read")
    }

    fn balance(store: &MemoryStore, customer: i64) -> i64 {
        let wallets = ready(commerce_core::store::Wallets::wallets(store, id::<CustomerId>(customer))).expect("a read");
        wallets.first().map_or(0, |wallet| wallet.balance.minor())
    }

    /// Runs all requests at once, in every interleaving; `judge` sees the store and the codes of the answers.
    fn race(
        units: u64,
        before: Vec<Envelope>,
        racing: Vec<Envelope>,
        judge: impl Fn(&MemoryStore, &[&str], &[Answer]) + Send + Sync + 'static,
    ) {
        loom::model(move || {
            let store = open(units, &before);
            let run = |envelope: &Envelope| {
                let (store, envelope) = (Arc::clone(&store), envelope.clone());
                loom::thread::spawn(move || ready(store.execute(envelope)))
            };
            let threads: Vec<_> = racing.iter().map(run).collect();
            let answers: Vec<Answer> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
            let codes: Vec<&str> = answers.iter().map(code).collect();
            judge(&store, &codes, &answers);
            assert_eq!(ready(reconcile(&*store)).expect("a report").drifts, []);
        });
    }

    #[test]
    fn of_two_orders_for_the_last_unit_one_gets_it() {
        race(1, vec![], vec![place(10, 1, true), place(11, 2, true)], |store, codes, _| {
            assert!(matches!(codes, ["ok", "out_of_stock"] | ["out_of_stock", "ok"]), "{codes:?}");
            assert_eq!((stock(store), balance(store, 1) + balance(store, 2)), (0, 100));
        });
    }

    #[test]
    fn of_three_orders_for_two_units_two_get_them() {
        race(2, vec![], vec![place(10, 1, false), place(11, 2, false), place(12, 1, false)], |store, codes, _| {
            let got = codes.iter().filter(|code| **code == "ok").count();
            assert_eq!((got, stock(store)), (2, 0), "{codes:?}");
        });
    }

    #[test]
    fn a_cancelled_unit_is_sold_once() {
        let held: OrderId = id_of(10, 0);
        race(1, vec![place(10, 1, false)], vec![cancel(11, held), place(12, 2, true)], |store, codes, _| {
            let left = match codes {
                ["ok", "ok"] => 0,
                ["ok", "out_of_stock"] => 1,
                _ => panic!("{codes:?}"),
            };
            assert_eq!(stock(store), left);
        });
    }

    #[test]
    fn an_order_is_paid_or_cancelled_never_both() {
        let held: OrderId = id_of(10, 0);
        race(1, vec![place(10, 1, false)], vec![cancel(11, held), pay(12, held)], |store, codes, _| {
            let expected = match codes {
                ["ok", "invalid_transition"] => (1, 100),
                ["invalid_transition", "ok"] => (0, 0),
                _ => panic!("{codes:?}"),
            };
            assert_eq!((stock(store), balance(store, 1)), expected);
        });
    }

    #[test]
    fn two_cancels_give_back_once() {
        let held: OrderId = id_of(10, 0);
        race(1, vec![place(10, 1, false)], vec![cancel(11, held), cancel(12, held)], |store, codes, _| {
            assert!(matches!(codes, ["ok", "invalid_transition"] | ["invalid_transition", "ok"]), "{codes:?}");
            assert_eq!(stock(store), 1);
        });
    }

    #[test]
    fn the_last_coupon_is_issued_once() {
        race(1, vec![], vec![issue(10, 1), issue(11, 2)], |_, codes, _| {
            assert!(matches!(codes, ["ok", "coupon_sold_out"] | ["coupon_sold_out", "ok"]), "{codes:?}");
        });
    }

    #[test]
    fn a_deposit_and_a_payment_both_count() {
        let held: OrderId = id_of(10, 0);
        race(1, vec![place(10, 1, false)], vec![deposit(11, 1, 50), pay(12, held)], |store, codes, _| {
            assert_eq!((codes, balance(store, 1)), (&["ok", "ok"][..], 50));
        });
    }

    #[test]
    fn a_payment_that_needs_the_deposit_comes_after_it_or_not_at_all() {
        let before = vec![place(10, 1, true), place(11, 1, false)];
        let held: OrderId = id_of(11, 0);
        race(2, before, vec![deposit(12, 1, 100), pay(13, held)], |store, codes, _| {
            let left = match codes {
                ["ok", "ok"] => 0,
                ["ok", "insufficient_balance"] => 100,
                _ => panic!("{codes:?}"),
            };
            assert_eq!(balance(store, 1), left);
        });
    }

    #[test]
    fn two_deposits_lose_nothing() {
        race(1, vec![], vec![deposit(10, 1, 5), deposit(11, 1, 7)], |store, codes, _| {
            assert_eq!((codes, balance(store, 1)), (&["ok", "ok"][..], 112));
        });
    }

    #[test]
    fn the_same_key_twice_runs_once_and_both_hear_the_same() {
        let again = Envelope { ids: IdBlock::new(990, 9, NodeId::default()), ..place(10, 1, true) };
        race(2, vec![], vec![place(10, 1, true), again], |store, codes, answers| {
            assert_eq!((codes, stock(store), balance(store, 1)), (&["ok", "ok"][..], 1, 0));
            let [Ok(one), Ok(other)] = answers else { panic!("{answers:?}") };
            assert_eq!(one.outcome, other.outcome);
            assert!(one.replayed != other.replayed);
        });
    }

    #[test]
    fn a_reader_sees_a_whole_commit_or_none_of_it() {
        loom::model(|| {
            let store = open(1, &[]);
            let writer = Arc::clone(&store);
            let writer = loom::thread::spawn(move || ready(writer.execute(place(10, 1, true))).map(drop));
            let (order, wallet) = (id_of(10, 0), WalletId { customer_id: id(1), currency: Currency::KRW });
            let keys = Keys {
                orders: [order].into(),
                variants: [variant()].into(),
                wallets: [wallet].into(),
                ..Keys::default()
            };
            let seen = ready(store.load(&keys)).expect("a read");
            let facts = ready(commerce_core::Audit::order_facts(&*store, PageRequest::first(9))).expect("a read");
            {
                use commerce_core::Records;
                let (there, paid) = (seen.order(order).is_some(), seen.payment(order).is_some());
                let left = (seen.stock(variant()).map(|s| s.on_hand), seen.wallet(wallet).map(|w| w.balance.minor()));
                assert_eq!(
                    (paid, left),
                    if there { (true, (Some(0), Some(0))) } else { (false, (Some(1), Some(100))) }
                );
                assert!(!there || facts.len() == 1, "what was seen stays");
            }
            for facts in facts {
                assert_eq!((facts.order.status, facts.events.len()), (OrderStatus::Paid, 1));
                assert_eq!((facts.undelivered, facts.payment.is_some()), (vec![1], true));
            }
            writer.join().expect("no panic").expect("it fits");
        });
    }

    /// A store of one lock, as the memory store is, but that may let go of it between deciding and writing.
    struct Sketch {
        records: loom::sync::RwLock<WorkingSet>,
        lets_go: bool,
    }

    impl Sketch {
        fn execute(&self, envelope: &Envelope) -> Result<Outcome, Rejection> {
            let shop = Shop::default();
            let context = Context { now: now(), ids: envelope.ids, shop: &shop };
            let decided = |records: &WorkingSet| decide(records, &envelope.principal, &envelope.command, &context);
            if self.lets_go {
                let decision = decided(&self.records.read().expect("a lock"))?;
                self.records.write().expect("a lock").apply(&decision.changes);
                return Ok(decision.outcome);
            }
            let mut records = self.records.write().expect("a lock");
            let decision = decided(&records)?;
            records.apply(&decision.changes);
            Ok(decision.outcome)
        }
    }

    fn two_buyers_of_one_unit_on_a_sketch(lets_go: bool) {
        loom::model(move || {
            let store = Arc::new(Sketch { records: loom::sync::RwLock::new(WorkingSet::default()), lets_go });
            opening(1).iter().for_each(|envelope| drop(store.execute(envelope).expect("the opening is sound")));
            let buyers = [place(10, 1, true), place(11, 2, true)].map(|envelope| {
                let store = Arc::clone(&store);
                loom::thread::spawn(move || store.execute(&envelope).is_ok())
            });
            let sold = buyers.map(|buyer| buyer.join().expect("no panic"));
            assert!(sold[0] != sold[1], "one unit was sold {} times", sold.iter().filter(|sold| **sold).count());
        });
    }

    #[test]
    fn a_lock_held_from_deciding_to_writing_sells_one_unit_once() {
        two_buyers_of_one_unit_on_a_sketch(false);
    }

    #[test]
    #[should_panic(expected = "one unit was sold 2 times")]
    fn a_lock_let_go_in_between_sells_it_twice_and_loom_sees_it() {
        two_buyers_of_one_unit_on_a_sketch(true);
    }
}
