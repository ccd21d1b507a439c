//! Stock under races: nothing is sold twice, nothing gets lost.

use super::{World, basket, operator, split};
use crate::command::AdjustStock;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::Note;

use super::world::sound;

pub(super) async fn the_last_units_are_sold_once(world: World) {
    const BUYERS: usize = 48;
    const UNITS: usize = 10;
    let variant = world.variant(1_000, UNITS as u64).await;
    let customers = world.customers(BUYERS, 1_000).await;
    let buy = |world: World, n: usize| {
        let customer = customers[n];
        async move { world.try_buy(customer, basket(&[(variant, 1)])).await }
    };
    let (won, lost) = split(world.race(BUYERS, buy).await);
    assert_eq!((won.len(), world.on_hand(variant).await), (UNITS, 0), "orders and units left, of {UNITS} units");
    for rejection in lost {
        assert!(
            matches!(rejection, Rejection::OutOfStock { requested: 1, available: 0, .. }),
            "a loser heard {rejection:?}"
        );
    }
}

pub(super) async fn lines_of_one_variant_are_one_demand(world: World) {
    const BUYERS: usize = 32;
    let variant = world.variant(1_000, 7).await;
    let customers = world.customers(BUYERS, 2_000).await;
    let buy = |world: World, n: usize| {
        let customer = customers[n];
        async move { world.try_buy(customer, basket(&[(variant, 1), (variant, 1)])).await }
    };
    let (won, lost) = split(world.race(BUYERS, buy).await);
    assert_eq!((won.len(), world.on_hand(variant).await), (3, 1), "orders of 1 + 1 units and units left, of 7 units");
    for rejection in lost {
        let heard = matches!(rejection, Rejection::OutOfStock { requested: 2, available: 0 | 1, .. });
        assert!(heard, "a loser heard {rejection:?}");
    }
}

pub(super) async fn a_basket_is_all_or_nothing(world: World) {
    const BUYERS: usize = 32;
    let (plenty, scarce) = (world.variant(100, 1_000).await, world.variant(100, 5).await);
    let customers = world.customers(BUYERS, 1_000).await;
    let buy = |world: World, n: usize| {
        let customer = customers[n];
        async move { world.try_buy(customer, basket(&[(plenty, 2), (scarce, 1)])).await }
    };
    let (won, _) = split(world.race(BUYERS, buy).await);
    let left = (world.on_hand(plenty).await, world.on_hand(scarce).await);
    assert_eq!((won.len(), left), (5, (990, 0)), "orders, and units left of the plentiful and the scarce");
}

pub(super) async fn opposite_line_orders_never_deadlock(world: World) {
    const BUYERS: usize = 48;
    let mut variants = Vec::new();
    for _ in 0..5 {
        variants.push(world.variant(100, 1_000).await);
    }
    let customers = world.customers(BUYERS, 10_000).await;
    let buy = |world: World, n: usize| {
        let mut lines: Vec<_> = variants.iter().map(|variant| (*variant, 1)).collect();
        lines.rotate_left(n % 5);
        if n % 2 == 1 {
            lines.reverse();
        }
        let customer = customers[n];
        async move { world.try_buy(customer, basket(&lines)).await }
    };
    let (won, lost) = split(world.race(BUYERS, buy).await);
    assert_eq!((won.len(), lost), (BUYERS, vec![]), "orders, and who was refused");
    for variant in variants {
        assert_eq!(world.on_hand(variant).await, 1_000 - BUYERS as u64, "units left");
    }
}

pub(super) async fn a_cancel_frees_units_for_one_new_order(world: World) {
    const BUYERS: usize = 15;
    for round in 0..6 {
        let variant = world.variant(1_000, 1).await;
        let customers = world.customers(BUYERS, 1_000).await;
        let held = world.place(customers[0], basket(&[(variant, 1)])).await;
        let attempt = |world: World, n: usize| {
            let (customer, held) = (customers[n % BUYERS], held.clone());
            async move {
                if n == BUYERS {
                    return world.try_cancel(&held).await;
                }
                // Before, during and after the cancellation.
                let mut heard = world.try_buy(customer, basket(&[(variant, 1)])).await;
                for _ in 0..3 {
                    if heard.is_err() {
                        heard = world.try_buy(customer, basket(&[(variant, 1)])).await;
                    }
                }
                heard
            }
        };
        let (won, _) = split(world.race(BUYERS + 1, attempt).await);
        // The cancellation always goes through; at most one order after it.
        let sold = won.len() as u64 - 1;
        assert!(sold <= 1, "round {round}: {sold} orders got the one unit");
        assert_eq!(world.on_hand(variant).await, 1 - sold, "round {round}: units left after {sold} sales");
    }
}

pub(super) async fn adjustments_are_never_lost(world: World) {
    const TASKS: usize = 48;
    let variant = world.variant(1_000, 1_000).await;
    let customers = world.customers(TASKS, 1_000).await;
    let adjust = |world: World, n: usize| {
        let customer = customers[n];
        async move {
            if n.is_multiple_of(3) {
                return world.try_buy(customer, basket(&[(variant, 1)])).await.map(drop);
            }
            let delta = if n % 3 == 1 { 5 } else { -2 };
            let note = Some(Note::new("counted").expect("a note"));
            world.try_run(&operator(), AdjustStock { variant_id: variant, delta, note }).await.map(drop)
        }
    };
    let (done, lost) = split(world.race(TASKS, adjust).await);
    assert_eq!((done.len(), lost), (TASKS, vec![]), "movements, and what was refused");
    assert_eq!(world.on_hand(variant).await, 1_000 + 16 * (5 - 2 - 1), "units after 16 of +5, −2 and −1 each");

    let ledger = sound(world.store().stock_entries(variant, PageRequest::first(100)).await).items;
    let mut on_hand = 0;
    for (sequence, entry) in (1..).zip(ledger.iter().rev()) {
        on_hand += entry.delta;
        assert_eq!(
            (entry.sequence, i64::try_from(entry.on_hand_after)),
            (sequence, Ok(on_hand)),
            "the ledger's sequence and running sum"
        );
    }
    assert_eq!(ledger.len(), TASKS + 1, "rows in the ledger");
}
