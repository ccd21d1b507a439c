//! A day's sales, told anew: what is booked as orders are paid is what the orders say.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world::sound;
use super::{World, basket, krw, operator};
use crate::command::{RefundOrder, SettleRefund};
use crate::coupon::Discount;
use crate::gateway::GatewayStatus;
use crate::ids::VariantId;
use crate::refund::{RefundDestination, RefundReport};
use crate::sales::{DailySales, RolledUp};
use crate::time::{Date, Timestamp};

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

async fn roll_up(world: &World, date: &str) -> RolledUp {
    sound(world.store().roll_up(day(date)).await)
}

async fn booked(world: &World, date: &str) -> Vec<DailySales> {
    sound(world.store().daily_sales(day(date), None).await)
}

/// One sale after another from the last instant of 31 October to the first of 3 November, refunds of each kind among
/// them. 1 November has 25 hours, and the hour from one to two twice.
async fn sell_across_the_days(world: &World) {
    let customer = world.customer_with(1_000_000).await;
    let (one, other) = (world.product(1_000, &[100, 100]).await, world.variant(333, 100).await);
    let variants = [one.variants[0].variant.id, one.variants[1].variant.id, other];
    let coupon = world.coupon(|coupon| coupon.discount = Discount::Amount(krw(100))).await;
    let copy = world.issue(coupon, customer).await;

    world.set_clock("2026-11-01T03:59:59.999999Z");
    let mut discounted = basket(&[(variants[0], 1), (variants[1], 2), (variants[2], 3)]);
    discounted.coupons.push(copy);
    let first = world.buy(customer, discounted).await;
    let pending = world.place(customer, basket(&[(variants[0], 4)])).await;
    world.set_clock("2026-11-01T04:00:00Z");
    world.pay(&pending).await;
    let by_card = world.place(customer, basket(&[(variants[2], 7)])).await;
    let charge = world.start_card(&by_card).await;
    for twice in ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"] {
        world.set_clock(twice);
        world.buy(customer, basket(&[(variants[0], 1), (variants[2], 1)])).await;
    }
    world.settle(&charge, GatewayStatus::Captured).await;
    world.set_clock("2026-11-02T04:59:59.999999Z");
    world.refund(first.id, Some(&[(2, 1), (3, 2)])).await;
    let (order_id, destination) = (by_card.id, Some(RefundDestination::Gateway));
    let back = RefundOrder { order_id, lines: None, restock: true, reason: None, destination };
    let back = world.run(&operator(), back).await;
    world.set_clock("2026-11-02T05:00:00Z");
    world.refund(first.id, None).await;
    let settled = SettleRefund { order_id, refund_id: back.id, report: RefundReport::Returned };
    world.set_clock("2026-11-03T05:00:00Z");
    world.run(&operator(), settled).await;
}

pub(super) async fn a_roll_up_finds_what_is_booked(world: World) {
    sell_across_the_days(&world).await;
    let days = [
        ("2026-10-30", 0, 0),
        // Three lines.
        ("2026-10-31", 3, 2),
        // One paid late, two orders of two lines, a card's line, and two lines that came back.
        ("2026-11-01", 8, 2),
        ("2026-11-02", 3, 2),
        // What the gateway gave back.
        ("2026-11-03", 1, 1),
        ("2026-11-04", 0, 0),
    ];
    for (date, lines, products) in days {
        let before = booked(&world, date).await;
        for time in ["once", "twice"] {
            let expected = RolledUp { date: day(date), lines, products, corrected: 0, corrections: vec![] };
            assert_eq!(roll_up(&world, date).await, expected, "the roll-up of {date}, {time}");
            assert_eq!(booked(&world, date).await, before, "what is booked on {date}, rolled up {time}");
        }
    }
    assert_eq!(booked(&world, "2026-11-01").await.len(), 2, "products sold on 1 November");
}

/// 14 March 2027 has 23 hours: the one from two to three is left out.
pub(super) async fn a_roll_up_knows_a_short_day(world: World) {
    let customer = world.customer_with(1_000_000).await;
    let variant = world.variant(1_000, 1_000).await;
    let mut units = 0;
    for sold_at in [
        "2027-03-14T04:59:59.999999Z",
        "2027-03-14T05:00:00Z",
        "2027-03-14T06:59:59.999999Z",
        "2027-03-14T07:00:00Z",
        "2027-03-15T03:59:59.999999Z",
        "2027-03-15T04:00:00Z",
        "2027-03-15T04:59:59.999999Z",
    ] {
        units = 2 * units + 1;
        world.set_clock(sold_at);
        world.buy(customer, basket(&[(variant, units)])).await;
    }
    for (date, lines, units) in [("2027-03-13", 1, 1), ("2027-03-14", 4, 3 + 7 + 15 + 31), ("2027-03-15", 2, 63 + 127)]
    {
        let expected = RolledUp { date: day(date), lines, products: 1, corrected: 0, corrections: vec![] };
        assert_eq!(roll_up(&world, date).await, expected, "the roll-up of {date}");
        let told: Vec<_> = booked(&world, date).await.iter().map(|sold| sold.quantity).collect();
        assert_eq!(told, vec![units], "units sold on {date}");
    }
}

pub(super) async fn a_roll_up_takes_nothing_of_what_goes_on(world: World) {
    const TASKS: usize = 48;
    let listing = world.product(1_000, &[1_000, 1_000]).await;
    let customers = world.customers(TASKS, 3_000).await;
    let variants: Vec<VariantId> = listing.variants.iter().map(|listed| listed.variant.id).collect();
    let task = |world: World, n: usize| {
        let (customer, wanted) = (customers[n], basket(&[(variants[0], 2), (variants[1], 1)]));
        async move {
            if n.is_multiple_of(4) {
                return roll_up(&world, "2026-10-30").await.corrected;
            }
            let order = world.buy(customer, wanted).await;
            if n % 4 == 1 {
                world.refund(order.id, Some(&[(1, 1)])).await;
            }
            0
        }
    };
    let corrected = world.race(TASKS, task).await;
    let told: Vec<_> =
        booked(&world, "2026-10-30").await.iter().map(|sold| (sold.quantity, sold.revenue.minor())).collect();
    assert_eq!(told, vec![(36 * 3 - 12, 36 * 3_000 - 12 * 1_000)], "units and won of 36 orders of 3, 12 units back");
    assert_eq!(corrected, vec![0; TASKS], "what roll-ups put right, and nothing was wrong");
}

/// Midnight comes while they are at it: half a second goes by with each order, whatever the others are doing.
pub(super) async fn a_roll_up_of_a_day_that_ends_meanwhile(world: World) {
    const TASKS: usize = 48;
    const DAYS: [&str; 2] = ["2026-10-31", "2026-11-01"];
    let midnight: Timestamp = "2026-11-01T04:00:00Z".parse().expect("an instant");
    let listing = world.product(1_000, &[1_000, 1_000]).await;
    let customers = world.customers(TASKS, 9_000).await;
    let variants: Vec<VariantId> = listing.variants.iter().map(|listed| listed.variant.id).collect();
    // 36 tasks order three times each.
    world.set_clock("2026-11-01T03:59:36Z");
    let task = |world: World, n: usize| {
        let (customer, wanted) = (customers[n], basket(&[(variants[0], 2), (variants[1], 1)]));
        async move {
            let (mut moved, mut corrected) = (Vec::new(), 0);
            for _ in 0..3 {
                if n.is_multiple_of(4) {
                    corrected += roll_up(&world, DAYS[n / 4 % 2]).await.corrected;
                    continue;
                }
                let order = world.buy(customer, wanted.clone()).await;
                moved.push((order.updated_at, 3));
                world.wait(Duration::from_millis(500));
                if n % 4 == 1 {
                    moved.push((world.refund(order.id, Some(&[(1, 1)])).await.updated_at, -1));
                }
            }
            (moved, corrected)
        }
    };
    let (moved, corrected): (Vec<_>, Vec<u64>) = world.race(TASKS, task).await.into_iter().unzip();
    let mut units: BTreeMap<&str, i64> = BTreeMap::new();
    for (at, count) in moved.into_iter().flatten() {
        *units.entry(DAYS[usize::from(at >= midnight)]).or_default() += count;
    }
    assert_eq!(units.len(), 2, "days that something was sold on: {units:?}");
    for (date, units) in units {
        let told: Vec<_> =
            booked(&world, date).await.iter().map(|sold| (sold.quantity, sold.revenue.minor())).collect();
        assert_eq!(told, vec![(units, 1_000 * i128::from(units))], "units and won of {date}");
        let anew = roll_up(&world, date).await;
        assert_eq!((anew.products, anew.corrected), (1, 0), "{date}, told anew once all is over: {anew:?}");
    }
    assert_eq!(corrected, vec![0; TASKS], "what roll-ups put right, and nothing was wrong");
}
