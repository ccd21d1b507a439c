//! A shop with sound books in a database of its own, and the program that is to prove them.

use std::process::{Command, Output};
use std::sync::Arc;

use commerce_core::conformance::{World, basket, operator};
use commerce_core::{
    AddCodes, Clock, CouponCode, CouponId, CouponRef, CustomerId, GatewayStatus, IssueCoupon, IssuedCouponId,
    ManualClock, Order, Principal, ProductId, Shop, TopUpId, VariantId,
};
use commerce_store_postgres::{Config, PostgresStore};
use commerce_store_postgres_testkit as testkit;

use crate::database::database;

/// One customer's paid, pending and cancelled orders, with a coupon on the first two; one paid by card, and a top-up.
pub(crate) struct Books {
    pub(crate) url: String,
    pub(crate) customer: CustomerId,
    pub(crate) product: ProductId,
    pub(crate) variant: VariantId,
    pub(crate) coupon: CouponId,
    pub(crate) held: IssuedCouponId,
    pub(crate) paid: Arc<Order>,
    pub(crate) pending: Arc<Order>,
    pub(crate) cancelled: Arc<Order>,
    pub(crate) by_card: Arc<Order>,
    pub(crate) top_up: TopUpId,
}

impl Books {
    pub(crate) async fn open() -> Self {
        let url = database().await.url;
        let clock = Arc::new(ManualClock::new("2026-10-30T16:00:00Z".parse().expect("an instant")));
        let config =
            Config::new(&url, Shop::default()).expect("its URL").with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
        let store = Arc::new(PostgresStore::open(config).await.expect("the store"));
        let world = World::over(store, clock, Arc::new(()));
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
        let cancelled = world.place(customer, basket(&[(variant, 1)])).await;
        world.cancel(&cancelled).await;
        let by_card = world.place(customer, basket(&[(variant, 1)])).await;
        let charge = world.start_card(&by_card).await;
        world.settle(&charge, GatewayStatus::Captured).await;
        let top_up = world.top_up(customer, 5_000).await;
        world.settle(&*world.charge(top_up.charge_id).await, GatewayStatus::Captured).await;
        let product = listing.product.id;
        let top_up = top_up.id;
        Self { url, customer, product, variant, coupon, held, paid, pending, cancelled, by_card, top_up }
    }

    /// Runs `sql` as nobody should: foreign keys, and the rules that keep ledgers as they are, do not stop it.
    pub(crate) async fn meddle(&self, sql: &str) {
        let sql = format!("set session_replication_role = replica; {sql}");
        testkit::admin(self.url.clone(), sql).await.expect("a superuser's statement");
    }

    /// The program finds exactly these, kind and record, and says so with exit code 1.
    pub(crate) async fn are_found_wrong(&self, expected: &[String]) {
        let (code, out, err) = reconcile(&["--database-url", &self.url]).await;
        let (summary, drifts) = out.split_once('\n').expect("a first line");
        let found: Vec<&str> = drifts.lines().collect();
        assert_eq!(found.len(), expected.len(), "{out}{err}");
        for (line, start) in found.iter().zip(expected) {
            let detail = line.strip_prefix(start.as_str()).and_then(|rest| rest.strip_prefix(": "));
            assert!(detail.is_some_and(|detail| !detail.is_empty()), "{line:?} is not {start:?} with its numbers");
        }
        assert!(summary.ends_with(&format!("{} drifts", expected.len())), "{summary}");
        assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    }
}

/// What the program says to `reconcile` with these arguments: exit code, output, errors.
pub(crate) async fn reconcile(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_commerce-server"));
    command.arg("reconcile").args(arguments).env_clear();
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let Output { status, stdout, stderr } = ended.expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}
