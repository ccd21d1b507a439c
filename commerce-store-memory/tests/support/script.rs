//! What is attempted, as data that shrinks: records are named by position among those that exist by then.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// A record by position: `n` modulo how many there are; [`UNKNOWN`] is none of them.
pub(crate) type Ref = u8;

/// Names a record that does not exist.
pub(crate) const UNKNOWN: Ref = u8::MAX;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    /// The customer that the action is about, where it is about one.
    Owner,
    /// A customer by position.
    Customer(Ref),
    Operator(u8),
    System,
}

/// Under which key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    /// One never used.
    Fresh,
    /// The key of an earlier request of the same principal and operation, if there is one.
    SameKind,
    /// The key of an earlier request of whatever kind.
    Earlier(Ref),
}

/// Minor units of one of two currencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum {
    pub(crate) minor: i64,
    pub(crate) dollars: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct VariantSpec {
    pub(crate) sku: u8,
    pub(crate) additional: Sum,
    pub(crate) stock: u64,
}

/// Prices by quantity, and by seconds from now.
#[derive(Debug, Clone)]
pub(crate) struct RulesSpec {
    pub(crate) tiers: Vec<(u32, Sum)>,
    pub(crate) scheduled: Vec<(i64, Option<i64>, Sum)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum OffSpec {
    Amount(Sum),
    /// Hundredths of a percent, and the cap.
    Percent(u16, Option<Sum>),
}

#[derive(Debug, Clone)]
pub(crate) struct CouponSpec {
    pub(crate) code: Option<u8>,
    pub(crate) off: OffSpec,
    pub(crate) minimum: Option<Sum>,
    pub(crate) total: Option<u32>,
    pub(crate) per_customer: u32,
    /// Seconds from now.
    pub(crate) from: i64,
    pub(crate) lasts: Option<i64>,
    pub(crate) active: bool,
    /// The products that it is for; none for the whole order.
    pub(crate) products: Option<Vec<Ref>>,
    pub(crate) stackable: bool,
    pub(crate) priority: u8,
    pub(crate) by_code: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Register {
        customer: Option<Ref>,
        username: u8,
    },
    CreateProduct {
        base: Sum,
        status: u8,
        variants: Vec<VariantSpec>,
    },
    UpdateProduct {
        product: Ref,
        version: Option<u8>,
        base: Option<Sum>,
        status: Option<u8>,
    },
    AddVariant {
        product: Ref,
        variant: VariantSpec,
    },
    /// The last one may be of a product that there is.
    Import {
        products: Vec<(Sum, Vec<VariantSpec>)>,
        more: Option<(Ref, VariantSpec)>,
    },
    UpdateVariant {
        variant: Ref,
        version: Option<u8>,
        additional: Option<Sum>,
        active: Option<bool>,
        rules: Option<RulesSpec>,
    },
    AdjustStock {
        variant: Ref,
        delta: i64,
    },
    Deposit {
        customer: Ref,
        amount: Sum,
    },
    AdjustWallet {
        customer: Ref,
        amount: Sum,
    },
    CreateCoupon(CouponSpec),
    UpdateCoupon {
        coupon: Ref,
        version: Option<u8>,
        active: Option<bool>,
    },
    Issue {
        customer: Ref,
        coupon: Ref,
        by_code: bool,
    },
    /// Numbered codes; none, or one of them twice, now and then.
    AddCodes {
        coupon: Ref,
        codes: Vec<u8>,
    },
    IssueOnce {
        customer: Ref,
        code: u8,
    },
    Revoke {
        copy: Ref,
    },
    ExpireCopy {
        copy: Ref,
    },
    /// `copies`: by position among the customer's own if `own`, else among all.
    Place {
        customer: Ref,
        lines: Vec<(Ref, u32)>,
        copies: Vec<(Ref, bool)>,
        payment: Option<bool>,
    },
    AddItem {
        customer: Ref,
        line: (Ref, u32),
    },
    UpdateItem {
        customer: Ref,
        line: (Ref, u32),
        version: Option<u8>,
    },
    RemoveItem {
        customer: Ref,
        variant: Ref,
        version: Option<u8>,
    },
    Clear {
        customer: Ref,
        version: Option<u8>,
    },
    Merge {
        customer: Ref,
        lines: Vec<(Ref, u32)>,
    },
    /// What is in the cart, at that version.
    PlaceCart {
        customer: Ref,
        version: Option<u8>,
        copies: Vec<(Ref, bool)>,
        pay: bool,
    },
    Pay {
        order: Ref,
        card: bool,
    },
    Cancel {
        order: Ref,
    },
    Expire {
        order: Ref,
    },
    Ship {
        order: Ref,
    },
    Deliver {
        order: Ref,
    },
    /// `lines`: positions and units; none for all that is left.
    Refund {
        order: Ref,
        lines: Option<Vec<(u32, u32)>>,
        restock: bool,
        gateway: Option<bool>,
    },
    /// The gateway's word on a refund.
    RefundWord {
        refund: Ref,
        back: bool,
    },
    StartCard {
        order: Ref,
    },
    TopUp {
        customer: Ref,
        amount: Sum,
    },
    /// The gateway reports a charge: what it says, and in `odd` what is wrong with that; 5 is that somebody here wanted it.
    Report {
        charge: Ref,
        says: u8,
        odd: u8,
    },
    /// An earlier request word for word.
    Repeat(Ref),
}

impl Action {
    /// Whether only staff may do it.
    pub(crate) const fn is_staffs(&self) -> bool {
        !matches!(
            self,
            Self::Register { .. }
                | Self::Issue { .. }
                | Self::IssueOnce { .. }
                | Self::Place { .. }
                | Self::Pay { .. }
                | Self::Cancel { .. }
                | Self::StartCard { .. }
                | Self::TopUp { .. }
                | Self::AddItem { .. }
                | Self::UpdateItem { .. }
                | Self::RemoveItem { .. }
                | Self::Clear { .. }
                | Self::Merge { .. }
                | Self::PlaceCart { .. }
        )
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) who: Who,
    pub(crate) key: Key,
    pub(crate) action: Action,
    /// Seconds that pass before, or are set back.
    pub(crate) seconds: i64,
    /// With fewer ids than it takes.
    pub(crate) short_of_ids: bool,
}

impl Step {
    pub(crate) fn moved_micros(&self) -> i64 {
        self.seconds * 1_000_000
    }

    /// A plain request by the operator, at once.
    pub(crate) fn plain(action: Action) -> Self {
        Self { who: Who::Operator(0), key: Key::Fresh, action, seconds: 0, short_of_ids: false }
    }
}

/// What a wallet holds at most, in minor units.
const FULL: i64 = 1_000_000_000_000_000;

fn reference() -> impl Strategy<Value = Ref> + Clone {
    prop_oneof![30 => 0..12_u8, 1 => Just(UNKNOWN)]
}

fn sum(range: std::ops::RangeInclusive<i64>) -> impl Strategy<Value = Sum> + Clone {
    let minor = prop_oneof![30 => range, 1 => Just(0), 1 => -5..0_i64, 1 => Just(FULL)];
    (minor, prop::bool::weighted(0.15)).prop_map(|(minor, dollars)| Sum { minor, dollars })
}

fn variant() -> impl Strategy<Value = VariantSpec> + Clone {
    let stock = prop_oneof![20 => 0..12_u64, 1 => Just(1_000_000_001)];
    (0..12_u8, sum(0..=300), stock).prop_map(|(sku, additional, stock)| VariantSpec { sku, additional, stock })
}

/// Mostly in order, and over again within a sequence.
fn rules() -> BoxedStrategy<RulesSpec> {
    let price = || prop_oneof![12 => (1..=900_i64).prop_map(|minor| Sum { minor, dollars: false }), 1 => sum(1..=900)];
    let tiers = prop_oneof![
        20 => prop::collection::btree_map(2..6_u32, price(), 0..3).prop_map(|tiers| tiers.into_iter().collect()),
        2 => vec((1..4_u32, price()), 1..3),
        1 => price().prop_map(|price| vec![(2, price); 51]),
    ];
    let lasts = || prop_oneof![8 => (60..900_i64).prop_map(Some), 1 => Just(None), 1 => Just(Some(0))];
    let one = || (-300..600_i64, lasts(), price());
    let two = (one(), prop_oneof![8 => 0..300_i64, 1 => -90..0_i64], lasts(), price()).prop_map(
        |((from, first, price), gap, second, later)| {
            vec![(from, first, price), (from + first.unwrap_or(0) + gap, second, later)]
        },
    );
    let scheduled = prop_oneof![4 => Just(Vec::new()), 4 => one().prop_map(|price| vec![price]), 2 => two];
    (tiers, scheduled).prop_map(|(tiers, scheduled)| RulesSpec { tiers, scheduled }).boxed()
}

fn coupon() -> impl Strategy<Value = CouponSpec> + Clone {
    let off = prop_oneof![
        sum(1..=4_000).prop_map(OffSpec::Amount),
        (prop_oneof![4 => 1..=10_000_u16, 1 => Just(10_000)], of(sum(1..=500)))
            .prop_map(|(rate, cap)| OffSpec::Percent(rate, cap)),
    ];
    let limits = (of(prop_oneof![9 => 1..4_u32, 1 => Just(0)]), prop_oneof![9 => 1..3_u32, 1 => Just(1_000_001)]);
    let window =
        (prop_oneof![2 => -900..=0_i64, 1 => 0..900_i64], of(prop_oneof![9 => 60..1_500_i64, 1 => -60..=0_i64]));
    let products = prop_oneof![20 => Just(None), 20 => vec(0..4_u8, 1..3).prop_map(Some), 1 => vec(reference(), 0..2).prop_map(Some)];
    let stack = (products, prop::bool::weighted(0.8), 0..3_u8, prop::bool::weighted(0.1));
    (of(0..8_u8), off, of(sum(1..=3_000)), limits, window, prop::bool::weighted(0.9), stack).prop_map(
        |(
            code,
            off,
            minimum,
            (total, per_customer),
            (from, lasts),
            active,
            (products, stackable, priority, by_code),
        )| {
            CouponSpec {
                code,
                off,
                minimum,
                total,
                per_customer,
                from,
                lasts,
                active,
                products,
                stackable,
                priority,
                by_code,
            }
        },
    )
}

/// Few customers and few goods, so that carts fill.
fn cart() -> impl Strategy<Value = Action> {
    let customer = || prop_oneof![30 => 0..3_u8, 1 => Just(UNKNOWN)];
    let goods = || prop_oneof![30 => 0..6_u8, 1 => Just(UNKNOWN)];
    let line = || (goods(), prop_oneof![20 => 1..4_u32, 1 => Just(1_000_000_u32)]);
    let version = || prop_oneof![4 => Just(None), 1 => (0..9_u8).prop_map(Some)];
    let lines = prop_oneof![
        20 => vec(line(), 1..4),
        1 => Just(Vec::new()),
        1 => line().prop_map(|line| vec![line; 101]),
    ];
    let copies = vec((reference(), prop::bool::weighted(0.9)), 0..2);
    prop_oneof![
        4 => (customer(), line()).prop_map(|(customer, line)| Action::AddItem { customer, line }),
        2 => (customer(), line(), version())
            .prop_map(|(customer, line, version)| Action::UpdateItem { customer, line, version }),
        1 => (customer(), goods(), version())
            .prop_map(|(customer, variant, version)| Action::RemoveItem { customer, variant, version }),
        1 => (customer(), version()).prop_map(|(customer, version)| Action::Clear { customer, version }),
        2 => (customer(), lines).prop_map(|(customer, lines)| Action::Merge { customer, lines }),
        4 => (customer(), version(), copies, any::<bool>()).prop_map(|(customer, version, copies, pay)| {
            Action::PlaceCart { customer, version, copies, pay }
        }),
    ]
}

fn place() -> impl Strategy<Value = Action> {
    let line = (reference(), prop_oneof![20 => 1..4_u32, 1 => Just(1_000_000_u32)]);
    let lines = prop_oneof![
        40 => vec(line.clone(), 1..4),
        2 => Just(Vec::new()),
        1 => line.prop_map(|line| vec![line; 101]),
    ];
    let copy = (reference(), prop::bool::weighted(0.9));
    let copies = prop_oneof![
        10 => vec(copy.clone(), 0..2),
        8 => vec(copy.clone(), 1),
        8 => vec(copy.clone(), 2..4),
        1 => vec(copy, 11),
    ];
    let payment = prop_oneof![10 => Just(None), 10 => Just(Some(false)), 2 => Just(Some(true))];
    (reference(), lines, copies, payment).prop_map(|(customer, lines, copies, payment)| Action::Place {
        customer,
        lines,
        copies,
        payment,
    })
}

fn refund() -> impl Strategy<Value = Action> {
    let line = (prop_oneof![12 => 1..3_u32, 2 => 3..5_u32, 1 => Just(0)], prop_oneof![8 => 1..3_u32, 1 => Just(9)]);
    let lines = prop_oneof![
        10 => vec(line.clone(), 1..3).prop_map(Some),
        6 => Just(None),
        1 => Just(Some(Vec::new())),
        1 => line.prop_map(|line| Some(vec![line; 101])),
    ];
    let gateway = prop_oneof![10 => Just(None), 4 => Just(Some(false)), 1 => Just(Some(true))];
    (reference(), lines, any::<bool>(), gateway).prop_map(|(order, lines, restock, gateway)| Action::Refund {
        order,
        lines,
        restock,
        gateway,
    })
}

/// Boxed, like the rules: what is drawn is moved about, and a test's stack is small.
fn update_variant() -> BoxedStrategy<Action> {
    let terms = (of(sum(0..=300)), of(prop::bool::weighted(0.8)), of(rules()));
    (reference(), of(0..4_u8), terms)
        .prop_map(|(variant, version, (additional, active, rules))| Action::UpdateVariant {
            variant,
            version,
            additional,
            active,
            rules,
        })
        .boxed()
}

fn action() -> impl Strategy<Value = Action> {
    let version = || of(0..4_u8);
    let catalog = prop_oneof![
        1 => (sum(0..=2_000), 0..6_u8, vec(variant(), 0..3))
            .prop_map(|(base, status, variants)| Action::CreateProduct { base, status, variants }),
        1 => (reference(), version(), of(sum(0..=2_000)), of(0..6_u8))
            .prop_map(|(product, version, base, status)| Action::UpdateProduct { product, version, base, status }),
        1 => (reference(), variant()).prop_map(|(product, variant)| Action::AddVariant { product, variant }),
        1 => (vec((sum(0..=2_000), vec(variant(), 0..3)), 0..3), of((reference(), variant())))
            .prop_map(|(products, more)| Action::Import { products, more })
            .boxed(),
        2 => update_variant(),
        1 => (reference(), -6..=10_i64).prop_map(|(variant, delta)| Action::AdjustStock { variant, delta }),
    ];
    let money = prop_oneof![
        20 => (reference(), sum(1..=8_000)).prop_map(|(customer, amount)| Action::Deposit { customer, amount }),
        1 => (reference(), sum(FULL - 9_000..=FULL)).prop_map(|(customer, amount)| Action::Deposit { customer, amount }),
        20 => (reference(), sum(-3_000..=1_000)).prop_map(|(customer, amount)| Action::AdjustWallet { customer, amount }),
    ];
    let coupons = prop_oneof![
        2 => coupon().prop_map(Action::CreateCoupon),
        1 => (reference(), version(), of(prop::bool::weighted(0.7)))
            .prop_map(|(coupon, version, active)| Action::UpdateCoupon { coupon, version, active }),
        6 => (reference(), reference(), any::<bool>())
            .prop_map(|(customer, coupon, by_code)| Action::Issue { customer, coupon, by_code }),
        1 => (reference(), vec(0..20_u8, 0..4)).prop_map(|(coupon, codes)| Action::AddCodes { coupon, codes }),
        2 => (reference(), 0..20_u8).prop_map(|(customer, code)| Action::IssueOnce { customer, code }),
        1 => reference().prop_map(|copy| Action::Revoke { copy }),
        1 => reference().prop_map(|copy| Action::ExpireCopy { copy }),
    ];
    let orders = prop_oneof![
        6 => place(),
        3 => (reference(), prop::bool::weighted(0.05)).prop_map(|(order, card)| Action::Pay { order, card }),
        2 => reference().prop_map(|order| Action::Cancel { order }),
        1 => reference().prop_map(|order| Action::Expire { order }),
        2 => reference().prop_map(|order| Action::Ship { order }),
        1 => reference().prop_map(|order| Action::Deliver { order }),
        4 => refund(),
    ];
    let odd = prop_oneof![12 => Just(0), 1 => 1..6_u8];
    let cards = prop_oneof![
        3 => reference().prop_map(|order| Action::StartCard { order }),
        2 => (reference(), prop::bool::weighted(0.6)).prop_map(|(refund, back)| Action::RefundWord { refund, back }),
        1 => (reference(), sum(1..=4_000)).prop_map(|(customer, amount)| Action::TopUp { customer, amount }),
        5 => (reference(), 0..8_u8, odd).prop_map(|(charge, says, odd)| Action::Report { charge, says, odd }),
    ];
    let register = (of(reference()), 0..6_u8).prop_map(|(customer, username)| Action::Register { customer, username });
    prop_oneof![
        1 => register,
        4 => catalog,
        3 => money,
        5 => coupons,
        6 => cart(),
        10 => orders,
        6 => cards,
        2 => (0..=40_u8).prop_map(Action::Repeat),
    ]
}

/// How some sequences begin, for few random steps come that far: an order paid by card, with a part of it on its way
/// back; and a paid order of a customer whose wallet has no room for a refund.
fn beginnings() -> Vec<Vec<Step>> {
    let by = |who, action| Step { who, ..Step::plain(action) };
    let place = |payment| {
        let (lines, copies) = (vec![(0, 2), (1, 1)], Vec::new());
        by(Who::Owner, Action::Place { customer: 0, lines, copies, payment })
    };
    let card = vec![
        place(None),
        by(Who::Owner, Action::StartCard { order: 0 }),
        by(Who::System, Action::Report { charge: 0, says: 1, odd: 0 }),
        Step::plain(Action::Refund { order: 0, lines: Some(vec![(1, 1)]), restock: true, gateway: None }),
    ];
    let full = vec![
        place(Some(false)),
        Step::plain(Action::Deposit { customer: 0, amount: Sum { minor: FULL - 4_000, dollars: false } }),
    ];
    vec![card, full]
}

/// One random step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let who = prop_oneof![
        5 => Just(Who::Owner),
        1 => (0..4_u8).prop_map(Who::Customer),
        4 => (0..2_u8).prop_map(Who::Operator),
        1 => Just(Who::System),
    ];
    let key = prop_oneof![20 => Just(Key::Fresh), 1 => Just(Key::SameKind), 1 => (0..=40_u8).prop_map(Key::Earlier)];
    let seconds = prop_oneof![6 => Just(0), 3 => 0..300_i64, 1 => 300..3_000_i64, 1 => -300..0_i64];
    (who, key, action(), seconds, prop::bool::weighted(0.01))
        .prop_map(|(who, key, action, seconds, short_of_ids)| Step { who, key, action, seconds, short_of_ids })
}

/// A sequence of up to `length` steps, on top of [`opening`], and of a beginning every now and then.
pub(crate) fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let before = prop_oneof![7 => Just(Vec::new()), 3 => prop::sample::select(beginnings())];
    (before, vec(step(), 1..=length)).prop_map(|(before, steps)| before.into_iter().chain(steps).collect())
}

/// The shop opens: customers with money, goods in two currencies, coupons. Fixed, so that what shrinks is the story.
pub(crate) fn opening() -> Vec<Step> {
    let won = |minor| Sum { minor, dollars: false };
    let dollars = |minor| Sum { minor, dollars: true };
    let variant = |sku, additional, stock| VariantSpec { sku, additional, stock };
    let stack = |code, off, minimum, total, lasts, products, stackable| {
        let (per_customer, from, active, priority) = (1, 0, true, 0);
        Action::CreateCoupon(CouponSpec {
            code,
            off,
            minimum,
            total,
            per_customer,
            from,
            lasts,
            active,
            products,
            stackable,
            priority,
            by_code: false,
        })
    };
    let coupon = |code, off, minimum, total, lasts| stack(code, off, minimum, total, lasts, None, false);
    let goods = |base, variants| Action::CreateProduct { base, status: 0, variants };
    let mut actions: Vec<Action> = (0..3).map(|n| Action::Register { customer: Some(n), username: n }).collect();
    actions.extend((0..3).map(|customer| Action::Deposit { customer, amount: won(6_000) }));
    actions.push(Action::Deposit { customer: 0, amount: dollars(900) });
    actions.push(goods(won(700), vec![variant(0, won(0), 9), variant(1, won(55), 4)]));
    actions.push(goods(won(333), vec![variant(2, won(0), 20)]));
    actions.push(goods(dollars(199), vec![variant(3, dollars(0), 5)]));
    actions.push(coupon(Some(0), OffSpec::Amount(won(500)), None, Some(2), Some(1_200)));
    actions.push(coupon(None, OffSpec::Percent(1_234, Some(won(400))), Some(won(800)), None, None));
    actions.push(coupon(None, OffSpec::Percent(1, None), None, None, None));
    actions.push(stack(None, OffSpec::Percent(1_000, None), None, None, None, None, true));
    actions.push(stack(None, OffSpec::Amount(won(90)), None, None, None, Some(vec![0]), true));
    actions.into_iter().map(Step::plain).collect()
}
