//! Price rules: in force from their instant, for all units of a variant, and named by what was bought.

use super::world::sound;
use super::{World, basket, krw, operator};
use crate::catalog::Variant;
use crate::command::{Quantity, UpdateVariant};
use crate::ids::{CustomerId, VariantId};
use crate::inventory::MAX_QUANTITY;
use crate::money::{Currency, Money, MoneyError};
use crate::order::OrderLine;
use crate::price_rules::{PriceRule, PriceRules, PriceTier, ScheduledPrice};
use crate::pricing::Rule;
use crate::rejection::Rejection;
use crate::time::{Timestamp, Window};

/// Tiers of so many units at so many won.
pub(super) fn tiers(of: &[(i64, i64)]) -> Vec<PriceTier> {
    let tier =
        |&(from, won)| PriceTier { from_quantity: Quantity::new(from).expect("a quantity"), unit_price: krw(won) };
    of.iter().map(tier).collect()
}

fn scheduled(from: Timestamp, until: Option<Timestamp>, won: i64) -> ScheduledPrice {
    ScheduledPrice { window: Window { from, until }, unit_price: krw(won) }
}

async fn set(world: &World, variant_id: VariantId, rules: PriceRules) -> Variant {
    let update = UpdateVariant {
        variant_id,
        expected_version: None,
        additional_price: None,
        active: None,
        price_rules: Some(rules),
    };
    (*world.run(&operator(), update).await.variant).clone()
}

async fn quoted(world: &World, customer: CustomerId, lines: &[(VariantId, i64)]) -> Vec<(i64, Option<PriceRule>)> {
    let quote = world.commerce().quote(customer, &basket(lines)).await.expect("a quote");
    let told = |line: &OrderLine| (line.unit_price.minor(), line.priced_by);
    quote.lines.iter().map(told).collect()
}

pub(super) async fn a_scheduled_price_begins_and_ends_on_the_instant(world: World) {
    let (customer, variant) = (world.customer_with(100_000).await, world.variant(1_000, 100).await);
    let before = world.buy(customer, basket(&[(variant, 1)])).await;
    let start = world.now().as_micros() + 10;
    let at = |micros| Timestamp::from_micros(start + micros);
    let schedule = vec![scheduled(at(0), Some(at(5)), 700), scheduled(at(5), Some(at(9)), 1_500)];
    let rules = PriceRules { tiers: Vec::new(), scheduled: schedule };
    set(&world, variant, rules.clone()).await;
    let listing = sound(world.store().product(before.lines[0].product_id).await).expect("the product");
    assert_eq!(listing.variants[0].variant.price_rules.as_deref(), Some(&rules), "the rules, read back");
    for (micros, won, rule) in [
        (-1, 1_000, None),
        (0, 700, Some(at(0))),
        (4, 700, Some(at(0))),
        (5, 1_500, Some(at(5))),
        (8, 1_500, Some(at(5))),
        (9, 1_000, None),
    ] {
        world.set_clock(&at(micros).to_string());
        let rule = rule.map(|from| PriceRule::Scheduled { from });
        assert_eq!(
            quoted(&world, customer, &[(variant, 1)]).await,
            [(won, rule)],
            "quoted {micros} µs after the start"
        );
        let order = world.buy(customer, basket(&[(variant, 1)])).await;
        let read = world.order(order.id).await;
        assert_eq!((order.total.minor(), read.lines[0].priced_by), (won, rule), "bought {micros} µs after the start");
    }
    assert_eq!(world.order(before.id).await, before, "an order of before");
    assert_eq!(set(&world, variant, PriceRules::default()).await.price_rules, None, "rules that were taken away");
    world.set_clock(&at(5).to_string());
    assert_eq!(quoted(&world, customer, &[(variant, 1)]).await, [(1_000, None)], "without rules");
}

pub(super) async fn a_tier_counts_all_units_of_a_variant(world: World) {
    let customer = world.customer_with(1_000_000).await;
    let (variant, other) = (world.variant(1_000, 1_000).await, world.variant(1_000, 1_000).await);
    let now = world.now();
    let rules = PriceRules { tiers: tiers(&[(5, 900), (10, 800), (20, 850)]), scheduled: Vec::new() };
    set(&world, variant, rules.clone()).await;
    let tier = |from_quantity| Some(PriceRule::Tier { from_quantity });
    for (units, won, rule) in [
        (1, 1_000, None),
        (4, 1_000, None),
        (5, 900, tier(5)),
        (9, 900, tier(5)),
        (10, 800, tier(10)),
        (20, 850, tier(20)),
    ] {
        assert_eq!(quoted(&world, customer, &[(variant, units)]).await, [(won, rule)], "{units} units");
    }
    let lines = [(variant, 2), (other, 9), (variant, 3)];
    let expected = [(900, tier(5)), (1_000, None), (900, tier(5))];
    assert_eq!(quoted(&world, customer, &lines).await, expected, "units on two lines");
    let quote = world.commerce().quote(customer, &basket(&lines)).await.expect("a quote");
    let rules_told: Vec<Rule> = quote.trace.iter().map(|step| step.rule).take(3).collect();
    let told = [
        Rule::PriceTier { variant_id: variant },
        Rule::UnitPrice { variant_id: other },
        Rule::PriceTier { variant_id: variant },
    ];
    assert_eq!(rules_told, told, "what the quote says of the prices");

    // The lower of the two wins.
    let cheap = PriceRules { scheduled: vec![scheduled(now, None, 850)], ..rules };
    set(&world, variant, cheap).await;
    let sale = Some(PriceRule::Scheduled { from: now });
    for (units, won, rule) in [(1, 850, sale), (5, 850, sale), (10, 800, tier(10)), (20, 850, sale)] {
        assert_eq!(quoted(&world, customer, &[(variant, units)]).await, [(won, rule)], "{units} units in the sale");
    }
    world.add_to_cart(customer, variant, 10).await;
    let view = world.cart_view(customer).await;
    let line = &view.lines[0];
    let shown = (line.unit_price.map(|price| price.minor()), line.subtotal.map(|sum| sum.minor()));
    assert_eq!(shown, (Some(800), Some(8_000)), "a unit and ten in the cart");
    assert!(!line.price_changed(), "a price that is as it was when it was saved");
    let order = world.buy(customer, super::cart_basket(None)).await;
    assert_eq!((order.total.minor(), order.lines[0].priced_by), (8_000, tier(10)), "ten out of the cart");
    assert_eq!(world.order(order.id).await, order, "the order, read back");
}

/// Rules that are refused, each with its refusal.
pub(super) fn refused(variant_id: VariantId, now: Timestamp) -> Vec<(UpdateVariant, Rejection)> {
    let after = |micros| Timestamp::from_micros(now.as_micros() + micros);
    let quantities = |of: &[(i64, i64)], refusal| (PriceRules { tiers: tiers(of), scheduled: Vec::new() }, refusal);
    let windows = |of: &[(i64, Option<i64>)], refusal| {
        let price = |&(from, until): &(i64, Option<i64>)| scheduled(after(from), until.map(after), 1);
        (PriceRules { tiers: Vec::new(), scheduled: of.iter().map(price).collect() }, refusal)
    };
    let many: Vec<(i64, i64)> = (2..=52).map(|from| (from, 1)).collect();
    let foreign = PriceTier { unit_price: Money::zero(Currency::USD), ..tiers(&[(2, 1)])[0] };
    let mismatch = MoneyError::CurrencyMismatch { expected: Currency::KRW, found: Currency::USD };
    let rules = [
        quantities(&many, Rejection::TooManyPriceRules { rules: 51, max: PriceRules::MAX }),
        quantities(&[(2, 1), (2, 1)], Rejection::PriceTiersUnordered { quantity: 2, before: 2 }),
        quantities(&[(1, 1)], Rejection::QuantityOutOfRange { quantity: 1, min: 2, max: i64::from(MAX_QUANTITY) }),
        quantities(&[(2, -1)], Rejection::NegativePrice { price: krw(-1) }),
        (PriceRules { tiers: vec![foreign], scheduled: Vec::new() }, mismatch.into()),
        windows(&[(0, Some(0))], Rejection::EmptyWindow { from: now, until: now }),
        windows(&[(0, Some(2)), (1, None)], Rejection::ScheduledPricesOverlap { from: after(1) }),
        windows(&[(0, None), (1, None)], Rejection::ScheduledPricesOverlap { from: after(1) }),
    ];
    let update = |rules| UpdateVariant {
        variant_id,
        expected_version: None,
        additional_price: None,
        active: None,
        price_rules: Some(rules),
    };
    rules.into_iter().map(|(rules, refusal)| (update(rules), refusal)).collect()
}
