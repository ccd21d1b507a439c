//! Carts: edits made at the same time all count, and an order takes exactly what was there.

use std::sync::Arc;

use super::world::sound;
use super::{Snapshot, World, basket, cart_basket, krw, operator, split};
use crate::cart::{Cart, CartLine};
use crate::catalog::ProductStatus;
use crate::command::{
    AddCartItem, ClearCart, MergeCart, PlaceOrder, Quantity, RemoveCartItem, UpdateCartItem, UpdateProduct,
    UpdateVariant,
};
use crate::ids::{CustomerId, VariantId};
use crate::order::{MAX_LINES, Order};
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::rejection::Rejection;

/// What is in a cart: variants and units.
fn contents(cart: &Cart) -> Vec<(VariantId, u32)> {
    cart.items.iter().map(|item| (item.variant_id, item.quantity.get())).collect()
}

async fn variants(world: &World, count: usize) -> Vec<VariantId> {
    let mut variants = Vec::new();
    // As many as a product may have at a time.
    for stocks in vec![1_000; count].chunks(MAX_LINES) {
        variants.extend(world.product(1_000, stocks).await.variants.iter().map(|listed| listed.variant.id));
    }
    variants
}

pub(super) async fn edits_of_a_cart_are_never_lost(world: World) {
    const EACH: usize = 8;
    let customer = world.customer().await;
    let variants = variants(&world, 3 * EACH + 1).await;
    let (shared, gone) = (variants[0], &variants[1..=EACH]);
    for variant in gone {
        world.add_to_cart(customer, *variant, 5).await;
    }
    let edit = |world: World, n: usize| {
        let (place, variants) = (n / 4, variants.clone());
        async move {
            match n % 4 {
                0 => world.add_to_cart(customer, shared, 3).await,
                1 => world.add_to_cart(customer, variants[1 + EACH + place], 1).await,
                2 => {
                    let line = |at: usize, units| basket(&[(variants[at], units)]).lines.given()[0];
                    let lines = vec![line(0, 2), line(1 + 2 * EACH + place, 4)];
                    let merge = MergeCart { customer_id: customer, lines };
                    Arc::clone(&world.run(&Principal::Customer(customer), merge).await.cart)
                }
                _ => world.remove_from_cart(customer, variants[1 + place]).await,
            }
        }
    };
    world.race(4 * EACH, edit).await;
    let cart = world.cart(customer).await;
    let mut found = contents(&cart);
    found.sort_unstable();
    let mut expected = vec![(shared, 5 * 8)];
    expected.extend(variants[1 + EACH..1 + 2 * EACH].iter().map(|variant| (*variant, 1)));
    expected.extend(variants[1 + 2 * EACH..].iter().map(|variant| (*variant, 4)));
    expected.sort_unstable();
    assert_eq!(found, expected, "what is in the cart after 8 of +3 and +2 of one, +1 and +4 of others, and removals");
    assert_eq!(cart.version, 5 * EACH as u64, "the cart's version after as many edits");
}

pub(super) async fn an_item_is_removed_once(world: World) {
    const TASKS: usize = 16;
    let customer = world.customer().await;
    let variant = world.variant(1_000, 1).await;
    world.add_to_cart(customer, variant, 2).await;
    let remove = |world: World, _| async move {
        let remove = RemoveCartItem { customer_id: customer, variant_id: variant, expected_version: None };
        world.try_run(&Principal::Customer(customer), remove).await
    };
    let (won, lost) = split(world.race(TASKS, remove).await);
    assert_eq!((won.len(), world.cart(customer).await.version), (1, 2), "removals, and the cart's version");
    assert_eq!(lost, vec![Rejection::CartItemNotFound { variant }; TASKS - 1], "what the losers heard");
}

pub(super) async fn a_cart_stops_at_its_bounds(world: World) {
    const ROOM: usize = 5;
    const TASKS: usize = 16;
    let customer = world.customer().await;
    let variants = variants(&world, MAX_LINES - ROOM + TASKS).await;
    let lines = variants[TASKS..].iter().map(|variant| (*variant, 1)).collect::<Vec<_>>();
    let merge = MergeCart { customer_id: customer, lines: basket(&lines).lines.given().to_vec() };
    let merged = world.run(&Principal::Customer(customer), merge).await;
    assert_eq!((merged.cart.items.len(), merged.refused.len()), (MAX_LINES - ROOM, 0), "lines taken and left out");
    let add = |world: World, n: usize| {
        let add = AddCartItem { customer_id: customer, variant_id: variants[n], quantity: Quantity::ONE };
        async move { world.try_run(&Principal::Customer(customer), add).await }
    };
    let (won, lost) = split(world.race(TASKS, add).await);
    let there = world.cart(customer).await.items.len();
    assert_eq!((won.len(), there), (ROOM, MAX_LINES), "lines answered, and lines there");
    let full = Rejection::TooManyLines { lines: MAX_LINES + 1, max: MAX_LINES };
    assert_eq!(lost, vec![full; TASKS - ROOM], "what the losers heard");
}

pub(super) async fn a_version_of_a_cart_is_followed_once(world: World) {
    const TASKS: usize = 16;
    let customer = world.customer().await;
    let variant = world.variant(1_000, 100).await;
    let version = world.add_to_cart(customer, variant, 100).await.version;
    let edit = |world: World, n: usize| async move {
        let (customer_id, expected_version) = (customer, Some(version));
        let me = Principal::Customer(customer);
        if n == 0 {
            return world.try_run(&me, ClearCart { customer_id, expected_version }).await;
        }
        let quantity = Quantity::new(i64::try_from(n).expect("a small number")).expect("a quantity");
        let update = UpdateCartItem { customer_id, variant_id: variant, quantity, expected_version };
        world.try_run(&me, update).await
    };
    let (won, lost) = split(world.race(TASKS, edit).await);
    assert_eq!(won, vec![world.cart(customer).await], "edits of version {version}, and the cart afterwards");
    let stale = Rejection::VersionMismatch { expected: version, actual: version + 1 };
    assert_eq!(lost, vec![stale; TASKS - 1], "what the losers heard");
}

pub(super) async fn a_cart_is_ordered_once(world: World) {
    const TASKS: usize = 16;
    let customer = world.customer_with(100_000).await;
    let (one, other) = (world.variant(1_000, 100).await, world.variant(500, 100).await);
    world.add_to_cart(customer, one, 2).await;
    world.add_to_cart(customer, other, 1).await;
    let order = |world: World, _| async move { world.try_buy(customer, cart_basket(None)).await };
    let (won, lost) = split(world.race(TASKS, order).await);
    let left = (world.on_hand(one).await, world.on_hand(other).await, world.balance(customer).await);
    assert_eq!((won.len(), left), (1, (98, 99, 97_500)), "orders, units left of 100 and 100, won left of 100,000");
    assert_eq!(lost, vec![Rejection::NoLines; TASKS - 1], "what the losers heard");
    assert_eq!(contents(&*world.cart(customer).await), vec![], "what is left in the cart");
}

/// Units of an order, over all lines.
fn units(order: &Order) -> u32 {
    order.lines.iter().map(|line| line.quantity).sum()
}

pub(super) async fn what_is_added_during_an_order_is_ordered_or_stays(world: World) {
    const EDITS: usize = 24;
    let customer = world.customer_with(100_000).await;
    let variants = variants(&world, 4).await;
    world.add_to_cart(customer, variants[0], 1).await;
    let step = |world: World, n: usize| {
        let variant = variants[n % 4];
        async move {
            if n.is_multiple_of(4) {
                return world.try_buy(customer, cart_basket(None)).await.map_or(0, |order| units(&order));
            }
            world.add_to_cart(customer, variant, 1).await;
            0
        }
    };
    let ordered: u32 = world.race(EDITS, step).await.into_iter().sum();
    let stays: u32 = contents(&*world.cart(customer).await).iter().map(|(_, units)| units).sum();
    assert_eq!(ordered + stays, 1 + 18, "units ordered ({ordered}) and still in the cart ({stays}), of those added");
    let mut taken = 0;
    for variant in variants {
        taken += 1_000 - world.on_hand(variant).await;
    }
    assert_eq!((taken, world.balance(customer).await), (u64::from(ordered), 100_000 - 1_000 * i64::from(ordered)));
}

pub(super) async fn an_order_takes_the_cart_in_its_commit(world: World) {
    let customer = world.customer_with(5_000).await;
    let me = Principal::Customer(customer);
    let (one, other) = (world.variant(1_000, 10).await, world.variant(2_000, 10).await);
    world.add_to_cart(customer, one, 2).await;
    let version = world.add_to_cart(customer, other, 3).await.version;
    let today = [world.now().date_in(world.store().shop().time_zone)];
    let before = Snapshot::of(world.store(), &today).await;
    let refused = world.try_buy(customer, cart_basket(Some(version - 1))).await;
    let stale = Rejection::VersionMismatch { expected: version - 1, actual: version };
    assert_eq!(refused, Err(stale), "an order of an older cart");
    let poor = Rejection::InsufficientBalance { balance: krw(5_000), required: krw(8_000) };
    assert_eq!(world.try_buy(customer, cart_basket(None)).await, Err(poor), "an order that costs too much");
    let after = Snapshot::of(world.store(), &today).await;
    assert_eq!(before.difference(&after), None, "what refused orders of the cart changed");

    world.deposit(customer, 3_000).await;
    let order =
        PlaceOrder { customer_id: customer, basket: cart_basket(Some(version)), payment: Some(PaymentMethod::Wallet) };
    let request = world.envelope(&me, order);
    let answer = world.send(request.clone()).await;
    let crate::decide::Outcome::Order(order) = &answer.outcome else { panic!("an order") };
    let lines: Vec<_> = order.lines.iter().map(|line| (line.variant_id, line.quantity)).collect();
    assert_eq!(lines, vec![(one, 2), (other, 3)], "what was ordered");
    let cart = world.cart(customer).await;
    assert_eq!((contents(&cart), cart.version), (vec![], version + 1), "the cart afterwards");
    world.add_to_cart(customer, one, 4).await;
    let replay = world.send(world.again(&request)).await;
    assert!(replay.replayed && replay.outcome == answer.outcome, "the replay, against the first answer: {replay:?}");
    assert_eq!(contents(&*world.cart(customer).await), vec![(one, 4)], "the cart after a replay");
    // What is ordered by name leaves the cart alone.
    world.place(customer, basket(&[(one, 1)])).await;
    assert_eq!(contents(&*world.cart(customer).await), vec![(one, 4)], "the cart after an order of other lines");
}

/// What a line of a cart shows: units, saved price, present price, whether that changed, subtotal, refusal.
fn shown(line: &CartLine) -> (u32, i64, Option<i64>, bool, Option<i64>, Option<Rejection>) {
    let (unit_price, subtotal) = (line.unit_price.map(|p| p.minor()), line.subtotal.map(|s| s.minor()));
    let changed = line.price_changed();
    let saved = line.item.saved_price.minor();
    (line.item.quantity.get(), saved, unit_price, changed, subtotal, line.refusal.clone())
}

pub(super) async fn a_cart_shows_what_has_changed(world: World) {
    let (staff, customer) = (operator(), world.customer().await);
    let stranger = world.customer().await;
    let mut there = Vec::new();
    for (won, units) in [(1_000, 5), (2_000, 5), (3_000, 5), (4_000, 5), (5_000, 5)] {
        let listing = world.product(won, &[5]).await;
        there.push((listing.product.id, listing.variants[0].variant.id));
        world.add_to_cart(customer, listing.variants[0].variant.id, units).await;
    }
    world.wait(std::time::Duration::from_secs(1));
    let update = |product_id, base_price, status| UpdateProduct {
        product_id,
        expected_version: None,
        name: None,
        base_price,
        status,
    };
    world.run(&staff, update(there[0].0, Some(krw(1_500)), None)).await;
    world.run(&staff, update(there[1].0, None, Some(ProductStatus::Discontinued))).await;
    let (variant_id, active) = (there[2].1, Some(false));
    world
        .run(
            &staff,
            UpdateVariant { variant_id, expected_version: None, additional_price: None, active, price_rules: None },
        )
        .await;
    world.place(stranger, basket(&[(there[3].1, 2)])).await;

    let view = world.cart_view(customer).await;
    let stored = sound(world.store().cart(customer).await);
    assert_eq!(stored.as_ref(), Some(&view.cart), "the cart as stored");
    let status = ProductStatus::Discontinued;
    let sku = view.lines[3].sku.clone();
    let expected = vec![
        (5, 1_000, Some(1_500), true, Some(7_500), None),
        (5, 2_000, Some(2_000), false, None, Some(Rejection::ProductNotOnSale { product: there[1].0, status })),
        (5, 3_000, Some(3_000), false, None, Some(Rejection::VariantInactive { variant: there[2].1 })),
        (
            5,
            4_000,
            Some(4_000),
            false,
            None,
            Some(Rejection::OutOfStock { variant: there[3].1, sku, requested: 5, available: 3 }),
        ),
        (5, 5_000, Some(5_000), false, Some(25_000), None),
    ];
    assert_eq!(view.lines.iter().map(shown).collect::<Vec<_>>(), expected, "the lines of the cart");
    assert_eq!(view.total, Some(krw(32_500)), "what can be bought");
    let ordered: Vec<_> = view.lines.iter().map(|line| line.item.variant_id).collect();
    assert_eq!(ordered, there.iter().map(|(_, variant)| *variant).collect::<Vec<_>>(), "the order of the lines");
}

pub(super) async fn carts_of_two_customers_never_meet(world: World) {
    let variant = world.variant(1_000, 10).await;
    let customers = world.customers(8, 1).await;
    let add = |world: World, n: usize| {
        let customer: CustomerId = customers[n % 8];
        async move { world.add_to_cart(customer, variant, 1 + (n % 8) as i64).await }
    };
    world.race(24, add).await;
    for (n, customer) in (1..).zip(customers) {
        let cart = world.cart(customer).await;
        assert_eq!((contents(&cart), cart.customer_id), (vec![(variant, 3 * n)], customer), "the cart of customer {n}");
    }
}
