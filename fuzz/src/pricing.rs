//! Pricing: any basket with any coupons comes out as a plain reckoning in 128 bits says, share by share.

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use commerce_core::{
    AppliedCoupon, Coupon, CouponScope, CouponUse, Currency, CustomerId, Discount, DraftLine, Id, IssuedCoupon,
    IssuedCouponId, IssuedCouponStatus, MAX_COUPONS, MAX_MINOR, MAX_QUANTITY, Money, Name, Percent, PriceRules,
    PriceTier, Priced, Product, ProductStatus, Quantity, Rejection, ScheduledPrice, Sku, Stacking, Timestamp, Variant,
    Window, price,
};
use rust_decimal::Decimal;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const CURRENCIES: [Currency; 3] = [Currency::KRW, Currency::USD, Currency::KWD];

#[derive(Debug, Clone, Arbitrary)]
struct Input {
    /// How often the first line comes again: equal lines are where ties are.
    repeats: u8,
    lines: Vec<Line>,
    coupons: Vec<Use>,
}

#[derive(Debug, Clone, Arbitrary)]
struct Line {
    foreign: Rarely,
    base: Minor,
    additional: Minor,
    quantity: Count,
    sale: Option<Sale>,
    tiers: Vec<Tier>,
}

/// A scheduled price: from and until so many microseconds after the present.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Sale {
    from: i8,
    lasts: Option<u8>,
    price: Minor,
}

/// A price by quantity, so many units above the tier before it.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Tier {
    more: u8,
    price: Minor,
}

/// True once in thirty-two: what refuses a whole basket must not hide what happens to the others.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Rarely(u8);

/// Amounts from zero to the bound; small ones often, for ties and remainders show there.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Minor {
    Small(u8),
    Usual(u16),
    Large(u32),
    Any(u64),
}

/// Quantities from one to the bound.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Count {
    Few(u8),
    Many(u8),
    Any(u32),
}

#[derive(Debug, Clone, Arbitrary)]
struct Use {
    off: Off,
    minimum: Option<Minor>,
    state: State,
    /// A bit a line, the ninth with the first: those that it is for; none for all.
    scope: Option<u8>,
    exclusive: Rarely,
    priority: u8,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Off {
    Amount { foreign: Rarely, amount: Minor },
    Percent { millionths: u32, cap: Option<Minor> },
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum State {
    Good,
    GoodUntilLater,
    OverJustNow,
    Used,
}

/// Prices the basket that the input describes.
pub fn run(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let currency = CURRENCIES[usize::from(u8::arbitrary(&mut bytes).unwrap_or(0)) % CURRENCIES.len()];
    let Ok(mut input) = Input::arbitrary_take_rest(bytes) else { return };
    input.coupons.truncate(MAX_COUPONS);
    let first = input.lines.first().cloned();
    input.lines.extend(first.iter().cycle().take(usize::from(input.repeats % 4)).cloned());

    let records: Vec<_> = (1..).zip(&input.lines).map(|(id, line)| line.records(id, currency)).collect();
    let lines = i64::try_from(input.lines.len()).unwrap_or(i64::MAX);
    let coupons: Vec<_> = (1..).zip(&input.coupons).map(|(id, usage)| usage.records(id, lines, currency)).collect();
    let drafts: Vec<_> = records
        .iter()
        .map(|(product, variant, quantity)| DraftLine { product, variant, quantity: *quantity })
        .collect();
    let uses: Vec<_> = coupons.iter().map(|(copy, coupon)| CouponUse { copy, coupon }).collect();

    let priced = price(&drafts, &uses, NOW);
    match (&priced, reckon(&input)) {
        (Ok(priced), Some(reckoned)) => check(priced, &reckoned),
        (Err(_), None) => {}
        (priced, reckoned) => unreachable!("{priced:?} where a reckoning says {reckoned:?}"),
    }
    // A minor unit that a tie gives to one line or another is more or less for a coupon of one of them.
    if input.coupons.len() < 2 || input.coupons.iter().all(|usage| usage.scope.is_none()) {
        check_order_of_lines(&priced.ok(), &drafts, &uses);
    }
}

/// What the basket should cost; none if it cannot be priced at all.
#[derive(Debug)]
struct Reckoned {
    subtotals: Vec<i128>,
    /// What each line bears of the coupons.
    shares: Vec<i128>,
    /// What each coupon takes off, in turn, by its place in the input; none if it does not apply.
    off: Vec<(usize, Option<i128>)>,
}

fn reckon(input: &Input) -> Option<Reckoned> {
    let first = input.lines.first()?;
    if input.lines.iter().any(|line| line.foreign.yes() != first.foreign.yes()) {
        return None;
    }
    let bound = i128::from(MAX_MINOR);
    let within = |amount: i128| (amount <= bound).then_some(amount);
    let subtotal = |line: &Line| {
        within(line.base.minor() + line.additional.minor())?;
        within(line.unit() * i128::from(line.quantity.units()))
    };
    let subtotals: Vec<i128> = input.lines.iter().map(subtotal).collect::<Option<_>>()?;
    within(subtotals.iter().sum())?;
    let mut reckoned = Reckoned { shares: vec![0; subtotals.len()], off: Vec::new(), subtotals };
    let mut turns: Vec<(usize, &Use)> = input.coupons.iter().enumerate().collect();
    turns.sort_by_key(|(place, usage)| (usage.scope.is_none(), u8::MAX - usage.priority, *place));
    let mut before: Vec<&Use> = Vec::new();
    for (place, usage) in turns {
        let off = reckoned.take_off(usage, &before, first.foreign.yes());
        before.extend(off.map(|_| usage));
        reckoned.off.push((place, off));
    }
    Some(reckoned)
}

impl Reckoned {
    /// What a coupon takes off what those before it have left of its lines, and who bears it.
    fn take_off(&mut self, usage: &Use, before: &[&Use], basket_is_foreign: bool) -> Option<i128> {
        let alone = before.is_empty() || !(usage.exclusive.yes() || before.iter().any(|other| other.exclusive.yes()));
        let covers = |line: usize| usage.scope.is_none_or(|scope| scope >> (line % 8) & 1 == 1);
        let in_scope = (0..self.subtotals.len()).any(covers);
        let left = |line: usize| if covers(line) { self.subtotals[line] - self.shares[line] } else { 0 };
        let weights: Vec<i128> = (0..self.subtotals.len()).map(left).collect();
        let off = usage.reckon(weights.iter().sum(), basket_is_foreign).filter(|off| alone && in_scope && *off > 0)?;
        let split = split(off, &weights);
        check_shares(&split, &weights, off);
        self.shares.iter_mut().zip(split).for_each(|(share, more)| *share += more);
        Some(off)
    }
}

/// Floors first, then a unit each to the largest remainders, earlier lines first.
fn split(whole: i128, weights: &[i128]) -> Vec<i128> {
    let sum: i128 = weights.iter().sum::<i128>().max(1);
    let mut shares: Vec<i128> = weights.iter().map(|weight| whole * weight / sum).collect();
    let mut rest: Vec<i128> = weights.iter().map(|weight| whole * weight % sum).collect();
    while shares.iter().sum::<i128>() < whole {
        let best = (0..rest.len()).fold(0, |best, at| if rest[at] > rest[best] { at } else { best });
        shares[best] += 1;
        rest[best] = -1;
    }
    shares
}

fn check(priced: &Priced, reckoned: &Reckoned) {
    let subtotal: i128 = reckoned.subtotals.iter().sum();
    let discount: i128 = reckoned.off.iter().filter_map(|(_, off)| *off).sum();
    assert!((0..=subtotal).contains(&discount));
    assert_eq!(minor(priced.subtotal), subtotal);
    assert_eq!(minor(priced.discount), discount);
    assert_eq!(minor(priced.total), subtotal - discount);
    let off = |(copy, got): &(IssuedCouponId, Result<AppliedCoupon, Rejection>)| {
        (usize::try_from(copy.get() - 1).expect("counted from 1"), got.as_ref().ok().map(|got| minor(got.discount)))
    };
    assert_eq!(priced.coupons.iter().map(off).collect::<Vec<_>>(), reckoned.off);
    let subtotals: Vec<_> = priced.lines.iter().map(|line| minor(line.subtotal)).collect();
    assert_eq!(subtotals, reckoned.subtotals);
    let shares: Vec<_> = priced.lines.iter().map(|line| minor(line.discount)).collect();
    assert_eq!(shares, reckoned.shares);
    assert!(shares.iter().zip(&subtotals).all(|(share, subtotal)| (0..=*subtotal).contains(share)));
}

/// Largest remainder: the shares sum to the whole, each is its exact share rounded one way or the other, and
/// whoever was rounded up had at least the remainder of everybody who was not, the earlier line in a tie.
fn check_shares(shares: &[i128], weights: &[i128], whole: i128) {
    assert_eq!(shares.iter().sum::<i128>(), whole);
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        return;
    }
    let mut rounded_up = Vec::new();
    let mut rounded_down = Vec::new();
    for (place, (share, weight)) in shares.iter().zip(weights).enumerate() {
        let (floor, remainder) = (whole * weight / sum, whole * weight % sum);
        assert!((0..=*weight).contains(share), "line {place} of {weight} got {share}");
        // Compared as (remainder, earlier first).
        let claim = (remainder, std::cmp::Reverse(place));
        match share - floor {
            0 => rounded_down.push(claim),
            1 => rounded_up.push(claim),
            _ => unreachable!("line {place} of {weight} got {share} where {floor} is due"),
        }
    }
    if let (Some(weakest), Some(strongest)) = (rounded_up.iter().min(), rounded_down.iter().max()) {
        assert!(weakest > strongest, "a share was rounded up out of turn: {shares:?} over {weights:?}");
    }
}

/// The sums do not depend on the order of the lines.
fn check_order_of_lines(priced: &Option<Priced>, drafts: &[DraftLine<'_>], uses: &[CouponUse<'_>]) {
    let backwards: Vec<_> = drafts.iter().rev().copied().collect();
    let sums = |priced: Priced| (priced.subtotal, priced.discount, priced.total);
    assert_eq!(price(&backwards, uses, NOW).ok().map(sums), priced.clone().map(sums));
}

fn minor(money: Money) -> i128 {
    i128::from(money.minor())
}

fn money(minor: i128, foreign: bool, currency: Currency) -> Money {
    let currency = if foreign { Currency::EUR } else { currency };
    Money::new(i64::try_from(minor).unwrap_or(MAX_MINOR), currency).expect("within the bound")
}

fn id<I: Id>(raw: i64) -> I {
    I::from_raw(raw.try_into().expect("counted from 1"))
}

impl Rarely {
    fn yes(self) -> bool {
        self.0 >= 248
    }
}

impl Minor {
    fn minor(self) -> i128 {
        i128::from(match self {
            Self::Small(minor) => i64::from(minor),
            Self::Usual(minor) => i64::from(minor),
            Self::Large(minor) => i64::from(minor),
            Self::Any(minor) => i64::try_from(minor % (MAX_MINOR as u64 + 1)).unwrap_or(MAX_MINOR),
        })
    }
}

impl Count {
    fn units(self) -> u32 {
        match self {
            Self::Few(units) => u32::from(units % 9) + 1,
            Self::Many(units) => u32::from(units) + 1,
            Self::Any(units) => units % MAX_QUANTITY + 1,
        }
    }
}

impl Line {
    /// What a unit of it costs; no other line has the variant.
    fn unit(&self) -> i128 {
        let in_force =
            |sale: &Sale| sale.from <= 0 && sale.lasts.is_none_or(|lasts| i16::from(sale.from) + i16::from(lasts) >= 0);
        let sale = self.sale.filter(in_force);
        let price = sale.map_or(self.base.minor() + self.additional.minor(), |sale| sale.price.minor());
        let reached = self.tiers().into_iter().rfind(|(from, _)| *from <= self.quantity.units());
        reached.map_or(price, |(_, tier)| tier.minor().min(price))
    }

    /// From how many units, and the price.
    fn tiers(&self) -> Vec<(u32, Minor)> {
        let tier = |from: &mut u32, tier: &Tier| {
            *from += u32::from(tier.more) + 1;
            Some((*from, tier.price))
        };
        self.tiers.iter().take(PriceRules::MAX).scan(1, tier).collect()
    }

    fn price_rules(&self, currency: Currency) -> Option<Arc<PriceRules>> {
        let price = |minor: Minor| money(minor.minor(), self.foreign.yes(), currency);
        let after = |micros: i16| Timestamp::from_micros(NOW.as_micros() + i64::from(micros));
        let tier = |(from, minor)| PriceTier {
            from_quantity: Quantity::new(i64::from(from)).expect("a quantity"),
            unit_price: price(minor),
        };
        let scheduled = |sale: &Sale| {
            let from = i16::from(sale.from);
            let until = sale.lasts.map(|lasts| after(from + i16::from(lasts) + 1));
            ScheduledPrice { window: Window { from: after(from), until }, unit_price: price(sale.price) }
        };
        let rules = PriceRules {
            tiers: self.tiers().into_iter().map(tier).collect(),
            scheduled: self.sale.iter().map(scheduled).collect(),
        };
        (!rules.is_empty()).then(|| Arc::new(rules))
    }

    fn records(&self, raw: i64, currency: Currency) -> (Product, Variant, u32) {
        let product = Product {
            id: id(raw),
            name: Name::new("p").expect("a name"),
            description: None,
            base_price: money(self.base.minor(), self.foreign.yes(), currency),
            status: ProductStatus::OnSale,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        };
        let variant = Variant {
            id: id(raw),
            product_id: product.id,
            sku: Sku::new("S").expect("a SKU"),
            option_name: None,
            additional_price: money(self.additional.minor(), self.foreign.yes(), currency),
            active: true,
            price_rules: self.price_rules(currency),
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        };
        (product, variant, self.quantity.units())
    }
}

impl Use {
    fn records(&self, raw: i64, lines: i64, currency: Currency) -> (IssuedCoupon, Coupon) {
        let (status, expires_at) = match self.state {
            State::Good => (IssuedCouponStatus::Available, None),
            State::GoodUntilLater => (IssuedCouponStatus::Available, Some(Timestamp::from_micros(NOW.as_micros() + 1))),
            State::OverJustNow => (IssuedCouponStatus::Available, Some(NOW)),
            State::Used => (IssuedCouponStatus::Used, None),
        };
        let discount = match self.off {
            Off::Amount { foreign, amount } => Discount::Amount(money(amount.minor(), foreign.yes(), currency)),
            Off::Percent { millionths, cap } => Discount::Percent {
                rate: Percent::new(Decimal::new(i64::from(rate(millionths)), 4)).expect("a percentage"),
                cap: cap.map(|cap| money(cap.minor(), false, currency)),
            },
        };
        let coupon = Coupon {
            id: id(raw),
            code: None,
            name: Name::new("c").expect("a name"),
            discount,
            scope: self.scope.map_or(CouponScope::Order, |mask| {
                CouponScope::Products((1..=lines).filter(|line| mask >> ((line - 1) % 8) & 1 == 1).map(id).collect())
            }),
            stacking: if self.exclusive.yes() { Stacking::Exclusive } else { Stacking::Stackable },
            priority: u16::from(self.priority),
            by_code: false,
            min_subtotal: self.minimum.map(|minimum| money(minimum.minor(), false, currency)),
            total_quantity: None,
            per_customer_limit: 1,
            window: Window { from: NOW, until: expires_at },
            active: true,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        };
        let copy = IssuedCoupon {
            id: id(raw),
            coupon_id: coupon.id,
            customer_id: id::<CustomerId>(1),
            status,
            order_id: None,
            issued_at: NOW,
            expires_at,
            used_at: None,
            revocation: None,
        };
        (copy, coupon)
    }

    /// What the coupon takes off what is left of its lines, the other coupons aside; none if it does not apply.
    fn reckon(&self, whole: i128, basket_is_foreign: bool) -> Option<i128> {
        if matches!(self.state, State::OverJustNow | State::Used) {
            return None;
        }
        // A minimum and a cap are in the coupon's own currency, never the foreign one.
        if let Some(minimum) = self.minimum
            && (basket_is_foreign || whole < minimum.minor())
        {
            return None;
        }
        let off = match self.off {
            Off::Amount { foreign, amount } if foreign.yes() == basket_is_foreign => amount.minor(),
            Off::Percent { millionths, cap: None } => share(whole, millionths),
            Off::Percent { millionths, cap: Some(cap) } if !basket_is_foreign => {
                share(whole, millionths).min(cap.minor())
            }
            Off::Amount { .. } | Off::Percent { .. } => return None,
        };
        Some(off.min(whole))
    }
}

/// A rate in millionths, 1 to all of them; and what it takes of a whole, rounded down.
fn rate(millionths: u32) -> u32 {
    millionths % 1_000_000 + 1
}

fn share(whole: i128, millionths: u32) -> i128 {
    whole * i128::from(rate(millionths)) / 1_000_000
}
