//! A shop whose books are sound, and what is found when somebody meddles with them.

use std::sync::Arc;

use commerce_core::conformance::{World, basket, operator};
use commerce_core::store::{Orders, TopUps, Wallets};
use commerce_core::{
    AddCodes, Changes, Charge, Clock, CouponCode, CouponId, CouponRef, Currency, CustomerId, Drift, GatewayStatus,
    IssueCoupon, IssuedCouponId, ManualClock, Money, Order, OrderId, Principal, ProductId, Records, Shop, Stock,
    StockEntry, StockReason, Store, TopUp, VariantId, Wallet, WalletEntry, WalletEntryKind, WalletId, reconcile,
};
use commerce_store_memory::MemoryStore;

/// One customer's paid, pending and cancelled orders, with a coupon on the first two; one paid by card, and a top-up.
pub(crate) struct Books {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) customer: CustomerId,
    pub(crate) product: ProductId,
    pub(crate) variant: VariantId,
    pub(crate) coupon: CouponId,
    pub(crate) held: IssuedCouponId,
    pub(crate) paid: Arc<Order>,
    pub(crate) pending: Arc<Order>,
    /// Paid by card, with that charge.
    pub(crate) by_card: Arc<Order>,
    pub(crate) charge: Arc<Charge>,
    /// Its money came.
    pub(crate) top_up: Arc<TopUp>,
    pub(crate) wallet: Wallet,
    pub(crate) stock: Stock,
}

impl Books {
    pub(crate) async fn open() -> Self {
        let clock = Arc::new(ManualClock::new("2026-10-30T16:00:00Z".parse().expect("an instant")));
        let store = Arc::new(MemoryStore::with_clock(Shop::default(), Arc::clone(&clock) as Arc<dyn Clock>));
        let world = World::over(Arc::clone(&store) as _, clock, Arc::new(()));
        let listing = world.product(2_000, &[10, 10]).await;
        let variant = listing.variants[0].variant.id;
        let customer = world.customer_with(50_000).await;
        let coupon = world.coupon(|coupon| coupon.per_customer_limit = 2).await;
        let codes: Vec<CouponCode> = ["ONCE-1", "ONCE-2"].map(|code| code.parse().expect("a code")).into();
        world.run(&operator(), AddCodes { coupon_id: coupon, codes }).await;
        let with_copy = async |units| {
            let code = format!("ONCE-{units}").parse().expect("a code");
            let claim = IssueCoupon { customer_id: customer, coupon: CouponRef::Code(code) };
            let copy = world.run(&Principal::Customer(customer), claim).await.id;
            let mut wanted = basket(&[(variant, units), (listing.variants[1].variant.id, 1), (variant, 1)]);
            wanted.coupons.push(copy);
            (copy, wanted)
        };
        let (_, wanted) = with_copy(2).await;
        let paid = world.buy(customer, wanted).await;
        let (held, wanted) = with_copy(1).await;
        let pending = world.place(customer, wanted).await;
        let called_off = world.place(customer, basket(&[(variant, 1)])).await;
        world.cancel(&called_off).await;
        let by_card = world.place(customer, basket(&[(variant, 1)])).await;
        let charge = world.start_card(&by_card).await;
        world.settle(&charge, GatewayStatus::Captured).await;
        let asked = world.top_up(customer, 5_000).await;
        world.settle(&*world.charge(asked.charge_id).await, GatewayStatus::Captured).await;
        let (charge, by_card) = (world.charge(charge.id).await, world.order(by_card.id).await);
        let top_up = store.top_up(asked.id).await.expect("a read").expect("the top-up");
        let wallet = store.wallets(customer).await.expect("a read")[0];
        let keys = commerce_core::Keys { variants: [variant].into(), ..Default::default() };
        let stock = store.load(&keys).await.expect("a read").stock(variant).expect("a stock");
        let product = listing.product.id;
        let books = Self {
            store,
            customer,
            product,
            variant,
            coupon,
            held,
            paid,
            pending,
            by_card,
            charge,
            top_up,
            wallet,
            stock,
        };
        assert_eq!(books.drifts().await, [], "before anybody meddles");
        books
    }

    pub(crate) async fn drifts(&self) -> Vec<Drift> {
        reconcile(&*self.store).await.expect("a report").drifts
    }

    /// What is found after a write that nobody decided on: these kinds, of these records.
    pub(crate) async fn finds(&self, changes: Changes, expected: &[(&str, String)]) {
        self.store.write_undecided(changes).expect("a write");
        let drifts = self.drifts().await;
        let found: Vec<_> = drifts.iter().map(|drift| (drift.kind(), drift.subject())).collect();
        assert_eq!(found, expected, "{drifts:?}");
        assert!(drifts.iter().all(|drift| drift.to_string().contains(&drift.detail())), "told with its numbers");
    }

    pub(crate) async fn payment(&self) -> commerce_core::Payment {
        let payment = self.store.payment(self.paid.id).await.expect("a read");
        payment.expect("a payment").as_ref().clone()
    }

    /// The only event of the pending order.
    pub(crate) async fn event(&self) -> commerce_core::OrderEvent {
        self.store.history(self.pending.id).await.expect("a read")[0].as_ref().clone()
    }

    /// The stock after one more row, which follows properly, and the row.
    pub(crate) fn stock_row(&self, delta: i64, reason: StockReason, order_id: Option<OrderId>) -> (Stock, StockEntry) {
        let on_hand_after = self.stock.on_hand.checked_add_signed(delta).expect("units left");
        let stock = Stock { on_hand: on_hand_after, version: self.stock.version + 1, ..self.stock };
        let (variant_id, sequence, actor) = (self.variant, stock.version, Principal::System);
        let created_at = self.paid.placed_at;
        let note = None;
        (stock, StockEntry { variant_id, sequence, delta, on_hand_after, reason, order_id, actor, note, created_at })
    }

    /// The wallet after one more entry, which follows properly, and the entry.
    pub(crate) fn wallet_row(&self, won: i64, kind: WalletEntryKind, order: Option<OrderId>) -> (Wallet, WalletEntry) {
        let amount = Money::new(won, Currency::KRW).expect("an amount");
        let balance_after = self.wallet.balance.plus(amount).expect("an amount");
        let wallet = Wallet { balance: balance_after, version: self.wallet.version + 1, ..self.wallet };
        let entry = WalletEntry {
            wallet_id: WalletId { customer_id: self.customer, currency: Currency::KRW },
            sequence: wallet.version,
            kind,
            amount,
            balance_after,
            order_id: order,
            top_up_id: None,
            actor: Principal::System,
            memo: None,
            created_at: self.paid.placed_at,
        };
        (wallet, entry)
    }
}
